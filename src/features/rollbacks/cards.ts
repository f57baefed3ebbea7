/** A rollback before, while and after it happens. Pure. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Reply } from "../../platform/feature.ts";
import {
  actions,
  card,
  context,
  dateToken,
  escapeText,
  type Mark,
  mention,
  section,
} from "../../platform/messages/blocks.ts";
import type { Wanted } from "../../platform/messages/say.ts";
import { codeBlock, spanText, type Who } from "../rollouts/index.ts";
import { digestOf, type Preview, type Rollback } from "./model.ts";

export const cardKey = (id: string): string => `rollback:${id}`;
export const byHandKey = (id: string): string => `rollback:${id}:by-hand`;

export const whoText = ({ team, person }: Who): string => (team === "-" ? "Quarterdeck" : mention(person));

const differencesShown = 6;
const secondsExpected = 5;

/** `shop production: v42 → v41 (ran 3 d, good). Differs: …. About 5 s.` */
export function previewText(preview: Preview): string {
  const { service, environment, from, to, current, target, ranMs, differences, tookMs } = preview;
  const ran = ranMs === undefined ? "" : `ran ${spanText(ranMs)}, `;
  const verdict =
    target === undefined ? "not recorded" : target.outcome === "unknown" ? "not judged" : target.outcome;
  const differs = differences.slice(0, differencesShown).flatMap(differenceText);
  const more =
    differences.length > differencesShown ? ` and ${differences.length - differencesShown} more` : "";
  const by = current
    ? ` ${escapeText(from)} came ${dateToken(current.at, "date_time")} by ${mention(current.by)}.`
    : "";
  const about =
    tookMs === undefined
      ? `About ${secondsExpected} s`
      : `About ${Math.max(1, Math.round(tookMs / 1_000))} s, as the last times`;
  return `${escapeText(service)} ${escapeText(environment)}: ${escapeText(from)} → ${escapeText(to)} (${ran}${verdict}).${by} Differs: ${differs.join("; ") || "nothing"}${more}. ${about}.`;
}

/** `lead`: what the person must know first. */
export function previewReply(preview: Preview, reason: string | undefined, lead?: string): Reply {
  const { service, environment, from, to } = preview;
  const text = [lead, previewText(preview)].filter((part) => part !== undefined).join("\n");
  const words = reason === undefined ? "" : ` ${reason.replaceAll(/\s+/g, " ").slice(0, 500)}`;
  return {
    text,
    blocks: [
      section(text),
      ...actions([
        {
          label: `Roll back to ${to}`,
          line: `rollback ${service}@${environment} ${to} --seen ${digestOf(preview)} --yes${words}`,
          style: "danger",
          confirm: `Moves all traffic of ${service} from ${from} to ${to}.`,
        },
      ]),
      context("Nothing was done yet. The button is bound to what stands here."),
    ],
  };
}

export function headlineOf(rollback: Rollback): { mark: Mark; text: string } {
  const { id, service, from, to, state, failing, recovery, parity } = rollback;
  const name = `${escapeText(service)} · rollback ${id} ${escapeText(from)} → ${escapeText(to)}`;
  if (state.is === "moving")
    return failing
      ? { mark: "🔴", text: `${name} · cannot move traffic: ${escapeText(failing.error, 200)}` }
      : { mark: "🔵", text: `${name} · going back` };
  if (parity && !parity.equal)
    return { mark: "🟠", text: `${name} · done, and differs from what was recorded` };
  const result = recovery?.result;
  if (!result) return { mark: "🔵", text: `${name} · done, watching whether it helps` };
  return result.is === "recovered"
    ? { mark: "🟢", text: `${name} · done, it helped` }
    : { mark: "🟠", text: `${name} · done, it did not help` };
}

export interface CardContext {
  catalog: Catalog;
  slackTeam: string;
  byHand: readonly string[];
}

export function rollbackCard(rollback: Rollback, { catalog, slackTeam, byHand }: CardContext): Wanted {
  const { mark, text } = headlineOf(rollback);
  const { failing, service, by, startedAt, reason } = rollback;
  const dri = lookup.person(catalog, lookup.service(catalog, service)?.dri ?? "");
  const owner = dri && lookup.slackIdOf(dri, slackTeam);
  return card({
    mark,
    headline: text,
    context: [
      [
        owner ? `Owner ${mention(owner)}` : "",
        `by ${whoText(by)} ${dateToken(startedAt)}`,
        rollback.id,
        reason ? escapeText(reason, 200) : "",
      ]
        .filter((part) => part !== "")
        .join(" · "),
    ],
    body: failing
      ? [
          section(
            `Tried ${failing.attempts} times since ${dateToken(new Date(failing.sinceMs))}; I keep trying.${failing.isPaged ? " On call was paged." : ""} By hand:\n${codeBlock(byHand)}`,
          ),
        ]
      : [],
    last: lastLine(rollback),
  });
}

function lastLine({ state, startedAt, to, parity, recovery }: Rollback): string | undefined {
  if (state.is === "moving") return undefined;
  const same = parity?.equal
    ? "exactly as recorded"
    : `differs from what was recorded: ${escapeText(parity?.differences.join("; ") ?? "not compared", 400)}`;
  const helped = recovery?.result ? escapeText(recovery.result.text, 400) : "Watching whether it helps.";
  return `On ${escapeText(to)} in ${spanText(state.at.getTime() - startedAt.getTime())}, ${same}. ${helped}`;
}

export function byHandText({ service, to }: Rollback, byHand: readonly string[]): string {
  return [
    `*By hand*, should this not come through: all traffic of ${escapeText(service)} to ${escapeText(to)}.`,
    codeBlock([`quarterdeck ops "rollback ${service} ${to} --yes"`]),
    "With Quarterdeck down, at the traffic itself:",
    codeBlock(byHand),
  ].join("\n");
}

export function rollbackLine(rollback: Rollback): string {
  const { mark, text } = headlineOf(rollback);
  return `${mark} ${text} · ${dateToken(rollback.startedAt, "date_time")} by ${whoText(rollback.by)}`;
}

/** `traffic to v42 100 → 0 %`; where a version's processes listen is of no interest to whoever goes back. */
function differenceText({ field, recorded, actual }: Preview["differences"][number]): string[] {
  if (/^versions\..+\.address$/.test(field)) return [];
  const version = /^versions\.(.+)\.weightPercent$/.exec(field)?.[1];
  return version === undefined
    ? [`${escapeText(field, 80)} ${escapeText(String(actual), 80)} → ${escapeText(String(recorded), 80)}`]
    : [`traffic to ${escapeText(version, 80)} ${actual ?? 0} → ${recorded ?? 0} %`];
}
