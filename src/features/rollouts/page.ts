/** The console's pages of rollouts: those in flight, and one with its card, its plan and every reading. */
import type { Route } from "../../platform/feature.ts";
import { cardAndThread, linesHtml } from "../../platform/http/cards.ts";
import { escapeHtml, type Frame, live, page } from "../../platform/http/page.ts";
import { redirect, sendPage } from "../../platform/http/server.ts";
import { momentHtml } from "../../platform/messages/mrkdwn-html.ts";
import { cardKey } from "./cards.ts";
import { rolloutLine } from "./headline.ts";
import { isOver, type Rollout } from "./model.ts";
import { expectedText } from "./plan-text.ts";
import { standing } from "./press.ts";
import { queuedLine } from "./queue-card.ts";
import { listQueued } from "./queue-store.ts";
import type { Room } from "./room.ts";
import { newestSamplesOf } from "./samples.ts";
import { findRollout, listRollouts } from "./store.ts";
import { nameOf, short, weightText } from "./words.ts";

export const rolloutsPath = "/rollouts";
/** Bins shown; the newest count. */
const rowsMax = 300;
const listedMax = 50;

export function rolloutPages(room: Room): Route[] {
  const { platform } = room;
  const { database } = platform;
  const noSuch = (frame: Frame): string =>
    page(
      "No such rollout",
      `<p>There is no rollout of this id. <a href="${rolloutsPath}">Rollouts</a></p>`,
      frame,
    );

  return [
    {
      method: "GET",
      path: rolloutsPath,
      about: "Rollouts in flight, queued and lately over; `?service=` those of one.",
      role: "anyone",
      nav: { label: "Rollouts", order: 40 },
      async handle({ res, url, frame }) {
        const service = url.searchParams.get("service") ?? undefined;
        const [going, queued, recent] = await Promise.all([
          listRollouts(database.db, { service, isInFlight: true, limit: listedMax }),
          listQueued(database.db, { service }),
          listRollouts(database.db, { service, limit: listedMax }),
        ]);
        const lines = [
          ...going.map((rollout) => ({ rank: 0, text: rolloutLine(rollout) })),
          ...queued.map((one) => ({ rank: 1, text: queuedLine(one) })),
        ];
        const over = recent.filter(isOver).map((rollout) => ({ rank: 2, text: rolloutLine(rollout) }));
        const body = live(
          "rollouts",
          "rollout:*",
          `<h2>Going on</h2>${lines.length === 0 ? "<p>None.</p>" : linesHtml(lines, frame)}<h2>Over</h2>${over.length === 0 ? "<p>None yet.</p>" : linesHtml(over, frame)}`,
        );
        const start = `<div class="actions"><a class="button" href="/form?line=modal+rollout+start&amp;next=${encodeURIComponent(frame.forms.next)}">Start a rollout…</a></div>`;
        sendPage(
          res,
          200,
          page(service === undefined ? "Rollouts" : `Rollouts of ${service}`, start + body, frame),
        );
      },
    },
    {
      method: "GET",
      path: `${rolloutsPath}/:id`,
      about: "A rollout: its card with its verbs, its plan, every reading, its way back, what was said.",
      role: "anyone",
      thing: "R",
      async handle({ res, params, frame }) {
        const rollout = await findRollout(database.db, params.id ?? "");
        if (!rollout) return sendPage(res, 404, noSuch(frame));
        const key = cardKey(rollout.id);
        const [{ card, thread }, samples] = await Promise.all([
          cardAndThread(database.db, key, frame, "It has no card."),
          newestSamplesOf(database.db, rollout.id, rowsMax),
        ]);
        const rows = samples.map((sample) => {
          const [canary, stable] =
            sample.kind === "counts"
              ? [
                  `${short(sample.canary.bad)} of ${short(sample.canary.total)}`,
                  `${short(sample.stable.bad)} of ${short(sample.stable.total)}`,
                ]
              : [short(sample.canary), sample.stable === null ? "–" : short(sample.stable)];
          return `<tr><td>${momentHtml(sample.to, frame)}</td><td>${escapeHtml(sample.signal)}</td><td>${canary}</td><td>${stable}</td></tr>`;
        });
        const facts = factsOf(room, rollout, frame);
        const byHand = room.byHand(rollout);
        const body = [
          live(
            "rollout",
            key,
            `${card}<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("")}</dl>${thread}`,
          ),
          byHand.length === 0 ? "" : `<h2>By hand</h2><pre>${escapeHtml(byHand.join("\n"))}</pre>`,
          `<h2>Readings</h2>`,
          rows.length === 0
            ? "<p>None yet.</p>"
            : `<div class="table" role="region" aria-label="Readings" tabindex="0"><table><thead><tr><th>Until</th><th>Signal</th><th>${escapeHtml(rollout.to)}</th><th>${escapeHtml(rollout.from)}</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`,
        ].join("");
        sendPage(res, 200, page(`${rollout.service} · ${rollout.id}`, body, frame));
      },
    },
    {
      method: "GET",
      path: "/console/rollouts/:id",
      about: "Where cards of an earlier release lead.",
      role: "anyone",
      async handle({ res, params }) {
        redirect(res, `${rolloutsPath}/${encodeURIComponent(params.id ?? "")}`);
      },
    },
  ];
}

const stepsLine = ({ plan }: Rollout): string =>
  `${plan.steps.map(({ weightPercent, waitForPerson }) => `${weightText(weightPercent)}${waitForPerson ? " (waits for a person)" : ""}`).join(" → ")} %`;

/** Names and values; values are HTML. */
function factsOf({ platform }: Room, rollout: Rollout, frame: Frame): [string, string][] {
  const { verdict, parity, recovery, endedAt, service } = rollout;
  return [
    [
      "Service",
      `<a href="/services/${encodeURIComponent(service)}">${escapeHtml(service)}</a> (${escapeHtml(rollout.environment)})`,
    ],
    ["Versions", escapeHtml(`${rollout.from} → ${rollout.to}`)],
    ["Stands", escapeHtml(`${rollout.id} ${standing(rollout)}`)],
    [
      "Started",
      `${momentHtml(rollout.startedAt, frame)} by ${escapeHtml(nameOf(platform.catalogs.current(), rollout.startedBy))}`,
    ],
    [
      "Plan",
      escapeHtml(`${rollout.plan.strategy === "blueGreen" ? "blue-green" : "canary"}, ${stepsLine(rollout)}`),
    ],
    ["Expected", escapeHtml(expectedText(rollout.plan).replace("Expected: ", ""))],
    ["Deadline", momentHtml(rollout.deadlineAt, frame)],
    ["Ended", endedAt ? momentHtml(endedAt, frame) : "–"],
    ["Catalog", escapeHtml(rollout.plan.catalogDigest.slice(0, 12))],
    [
      "Last verdict",
      verdict
        ? escapeHtml(`${verdict.do}: ${verdict.reasons.map(({ sentence }) => sentence).join("; ")}`)
        : "–",
    ],
    [
      "Parity",
      parity ? escapeHtml(parity.equal ? "as recorded before" : parity.differences.join("; ")) : "–",
    ],
    ["Recovery", escapeHtml(recovery?.result?.text ?? "–")],
    ["Audit", `<a href="/audit?subject=${rollout.id}">entries of ${rollout.id}</a>`],
  ];
}
