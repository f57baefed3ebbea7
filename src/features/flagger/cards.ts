/** A Flagger canary as people see it. Pure. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import {
  type Card,
  card,
  dateToken,
  escapeText,
  type Mark,
  mention,
  type Verb,
} from "../../platform/messages/blocks.ts";
import type { Wanted } from "../../platform/messages/say.ts";
import { spanText, type Who } from "../rollouts/index.ts";
import { type Ending, type Gate, gates, heldBy, type Opened, type Run, waitingGate } from "./model.ts";

export interface CardContext {
  catalog: Catalog;
  slackTeam: string;
  now: Date;
}

export const cardKey = (id: string): string => `flagger:${id}`;

const whoText = ({ team, person }: Who): string => (team === "-" ? "Quarterdeck" : mention(person));

/** Without a word for so long, Flagger is said to be silent. */
const silentMs = 30 * 60_000;

const marks: Record<Ending, Mark> = { promoted: "🟢", failed: "⚫", superseded: "⚫", lost: "⚫" };
const endings: Record<Ending, string> = {
  promoted: "promoted",
  failed: "taken back",
  superseded: "replaced by a newer revision",
  lost: "not heard of any more",
};

export function headlineOf(run: Run, now: Date): { mark: Mark; text: string } {
  const { service, id, version, ending, rollback, weightPercent, heardAt, phase } = run;
  const name = `${escapeText(service)} · Flagger canary ${id} → ${escapeText(version, 60)}`;
  if (ending) return { mark: marks[ending], text: `${name} · ${endings[ending]}` };
  if (rollback)
    return {
      mark: "🔴",
      text: `${name} · going back: by ${whoText(rollback.by)}${rollback.reason ? `: ${escapeText(rollback.reason, 200)}` : ""}`,
    };
  const at = weightPercent === undefined ? name : `${name} · ${weightPercent} %`;
  const gate = waitingGate(run, now);
  if (gate) {
    const opened = run.opened[gate];
    const isOpen = opened !== undefined && opened.untilMs > now.getTime();
    const held = isOpen ? heldBy(run.standing, opened.isLead, gate, now) : undefined;
    if (isOpen && held === undefined)
      return { mark: "🔵", text: `${at} · ${gate} is open; goes on at Flagger's next check` };
    return {
      mark: "🟠",
      text: `${at} · waits at ${gate}${held === undefined ? "" : `, held: ${escapeText(held, 200)}`}`,
    };
  }
  if (now.getTime() - heardAt.getTime() >= silentMs)
    return { mark: "🟠", text: `${at} · nothing heard of Flagger since ${dateToken(heardAt)}` };
  return { mark: "🔵", text: `${at} · ${escapeText(phase.toLowerCase(), 60)}` };
}

export function runCard(run: Run, { catalog, slackTeam, now }: CardContext): Wanted {
  const { mark, text } = headlineOf(run, now);
  const dri = lookup.person(catalog, lookup.service(catalog, run.service)?.dri ?? "");
  const owner = dri && lookup.slackIdOf(dri, slackTeam);
  return card({
    mark,
    headline: text,
    context: [
      [
        owner ? `Owner ${mention(owner)}` : "",
        escapeText(run.environment),
        escapeText(`${run.namespace}/${run.name}`, 120),
        `since ${dateToken(run.startedAt)}`,
        run.id,
      ]
        .filter((part) => part !== "")
        .join(" · "),
    ],
    facts: factsOf(run, now),
    ...verbsOf(run, now),
    last: lastLine(run, now),
  });
}

function factsOf(run: Run, now: Date): [string, string][] {
  if (run.endedAt) return [];
  const { standing, opened } = run;
  const words = standing ? escapeText(standing.words, 300) : "not read yet";
  const facts: [string, string][] = [
    ["Error budget", standing?.users === "hurting" ? `${words}\nUsers are hurting now` : words],
  ];
  if (standing?.freeze !== undefined) facts.push(["Freeze", escapeText(standing.freeze, 300)]);
  for (const gate of gates) {
    const one = opened[gate];
    if (one && one.untilMs > now.getTime()) facts.push([gate, openText(one)]);
  }
  return facts;
}

const openText = ({ by, untilMs, reason }: Opened): string =>
  `open until ${dateToken(new Date(untilMs))} by ${whoText(by)}${reason ? `: ${escapeText(reason, 200)}` : ""}`;

function verbsOf(run: Run, now: Date): Pick<Card, "verbs" | "more"> {
  if (run.endedAt || run.rollback) return {};
  const { id, service, version } = run;
  const gate = waitingGate(run, now);
  const isOpen = (one: Gate): boolean => (run.opened[one]?.untilMs ?? 0) > now.getTime();
  const open: Verb[] =
    gate && !isOpen(gate)
      ? [
          {
            label: "Open the gate",
            line: `flagger open ${id} --gate ${gate} --seen ${run.seq}`,
            style: "primary",
          },
        ]
      : [];
  const close: Verb[] = gates.some(isOpen) ? [{ label: "Close the gate", line: `flagger close ${id}` }] : [];
  const isBack = gate !== "confirm-rollout" && !/^(promoting|finalising)$/i.test(run.phase);
  const back: Verb[] = isBack
    ? [
        {
          label: "Roll back",
          line: `flagger rollback ${id}`,
          style: "danger",
          confirm: `Flagger takes all traffic of ${service} from ${version} back at its next check.`,
        },
      ]
    : [];
  return { verbs: [...open, ...close, ...back].slice(0, 2), more: [...open, ...close, ...back].slice(2) };
}

function lastLine(run: Run, now: Date): string | undefined {
  const { ending, endedAt, startedAt, rollback, asked } = run;
  if (rollback && !endedAt) {
    if (asked.rollback?.hasPassed) return `Flagger was told ${dateToken(new Date(asked.rollback.sinceMs))}.`;
    return asked.rollback
      ? "Flagger asks at every check and is told then."
      : "No webhook of type rollback was heard of this canary: without one Flagger does not ask. Set the image back.";
  }
  if (!endedAt || !ending) return undefined;
  const took = spanText((endedAt ?? now).getTime() - startedAt.getTime());
  const by = rollback ? `, by ${whoText(rollback.by)}` : "";
  return `${endings[ending]} after ${took}${by}.`;
}

/** One line for lists and summaries. */
export function runLine(run: Run, now: Date): string {
  const { mark, text } = headlineOf(run, now);
  return `${mark} ${text} · ${escapeText(`${run.namespace}/${run.name}`, 120)} · ${dateToken(run.startedAt, "date_time")}`;
}
