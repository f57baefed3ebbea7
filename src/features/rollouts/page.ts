import type { Route } from "../../platform/feature.ts";
import { escapeHtml } from "../../platform/http/console.ts";
import { page } from "../../platform/http/page.ts";
import { sendPage } from "../../platform/http/server.ts";
import type { Rollout } from "./model.ts";
import { expectedText } from "./plan-text.ts";
import { standing } from "./press.ts";
import type { Room } from "./room.ts";
import { samplesOf } from "./samples.ts";
import { findRollout } from "./store.ts";
import { nameOf, short, weightText } from "./words.ts";

/** Bins shown; the newest count. */
const rowsMax = 300;

const stepsLine = ({ plan }: Rollout): string =>
  `${plan.steps.map(({ weightPercent, waitForPerson }) => `${weightText(weightPercent)}${waitForPerson ? " (waits for a person)" : ""}`).join(" → ")} %`;

/** A rollout with everything it was judged by. */
export function rolloutPage(room: Room): Route {
  const { platform } = room;
  return {
    method: "GET",
    path: "/console/rollouts/:id",
    about: "A rollout: its plan, every reading, its way back.",
    role: "anyone",
    thing: "R",
    async handle({ res, params, frame }) {
      const rollout = await findRollout(platform.database.db, params.id ?? "");
      if (!rollout)
        return sendPage(res, 404, page("No such rollout", "<p>There is no rollout of this id.</p>", frame));
      const samples = (await samplesOf(platform.database.db, rollout.id)).slice(-rowsMax);
      const facts: [string, string][] = [
        ["Service", `${rollout.service} (${rollout.environment})`],
        ["Versions", `${rollout.from} → ${rollout.to}`],
        ["Stands", `${rollout.id} ${standing(rollout)}`],
        [
          "Started",
          `${rollout.startedAt.toISOString()} by ${nameOf(platform.catalogs.current(), rollout.startedBy)}`,
        ],
        ["Plan", `${rollout.plan.strategy === "blueGreen" ? "blue-green" : "canary"}, ${stepsLine(rollout)}`],
        ["Expected", expectedText(rollout.plan).replace("Expected: ", "")],
        ["Deadline", rollout.deadlineAt.toISOString()],
        ["Ended", rollout.endedAt?.toISOString() ?? "–"],
        ["Catalog", rollout.plan.catalogDigest.slice(0, 12)],
        [
          "Last verdict",
          rollout.verdict
            ? `${rollout.verdict.do}: ${rollout.verdict.reasons.map(({ sentence }) => sentence).join("; ")}`
            : "–",
        ],
        [
          "Parity",
          rollout.parity
            ? rollout.parity.equal
              ? "as recorded before"
              : rollout.parity.differences.join("; ")
            : "–",
        ],
        ["Recovery", rollout.recovery?.result?.text ?? "–"],
      ];
      const rows = samples.map((sample) => {
        const [canary, stable] =
          sample.kind === "counts"
            ? [
                `${short(sample.canary.bad)} of ${short(sample.canary.total)}`,
                `${short(sample.stable.bad)} of ${short(sample.stable.total)}`,
              ]
            : [short(sample.canary), sample.stable === null ? "–" : short(sample.stable)];
        return `<tr><td>${sample.to.toISOString()}</td><td>${escapeHtml(sample.signal)}</td><td>${canary}</td><td>${stable}</td></tr>`;
      });
      const body = [
        `<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join("")}</dl>`,
        `<h2>By hand</h2><pre>${escapeHtml(room.byHand(rollout).join("\n"))}</pre>`,
        `<h2>Readings</h2><table><tr><th>Until</th><th>Signal</th><th>${escapeHtml(rollout.to)}</th><th>${escapeHtml(rollout.from)}</th></tr>${rows.join("")}</table>`,
      ].join("");
      sendPage(res, 200, page(`${rollout.service} · ${rollout.id}`, body, frame));
    },
  };
}
