/** A rollback before, while and after it happens. Pure. */

import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { auditUrl } from "../../platform/audit/link.ts";
import {
  card,
  codeBlock,
  dateToken,
  escapeText,
  type Mark,
  mention,
  section,
} from "../../platform/messages/blocks.ts";
import type { Wanted } from "../../platform/messages/say.ts";
import {
  differencesBlock,
  parityText,
  recoveryText,
  spanText,
  stuckWords,
  type Who,
} from "../rollouts/index.ts";
import type { Rollback } from "./model.ts";

export const cardKey = (id: string): string => `rollback:${id}`;
export const byHandKey = (id: string): string => `rollback:${id}:by-hand`;

export const whoText = ({ team, person }: Who): string => (team === "-" ? "Quarterdeck" : mention(person));

export function headlineOf(rollback: Rollback): { mark: Mark; text: string } {
  const { id, service, from, to, state, failing, recovery, parity } = rollback;
  const name = `${escapeText(service)} · rollback ${id} ${escapeText(from)} → ${escapeText(to)}`;
  if (state.is === "moving")
    return failing
      ? { mark: "🔴", text: `${name} · ${stuckWords(failing)}` }
      : { mark: "🔵", text: `${name} · going back` };
  if (parity && !parity.equal)
    return { mark: "🟠", text: `${name} · done, and differs from what was recorded` };
  const result = recovery?.result;
  if (!result) return { mark: "🔵", text: `${name} · done, watching whether it helps` };
  switch (result.is) {
    case "recovered":
      return { mark: "🟢", text: `${name} · done, it helped` };
    case "came-back":
      return { mark: "🟠", text: `${name} · done, it helped and came back` };
    case "no-better":
      return { mark: "🟠", text: `${name} · done, it did not help` };
  }
}

export interface CardContext {
  catalog: Catalog;
  slackTeam: string;
  publicUrl: string;
  byHand: readonly string[];
}

export function rollbackCard(
  rollback: Rollback,
  { catalog, slackTeam, publicUrl, byHand }: CardContext,
): Wanted {
  const { mark, text } = headlineOf(rollback);
  const { failing, service, by, startedAt, reason, parity } = rollback;
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
    auditUrl: auditUrl(publicUrl, rollback.id),
    body: failing
      ? [
          section(
            `Tried ${failing.attempts} times since ${dateToken(new Date(failing.sinceMs))}; I keep trying.${failing.isPaged ? " On call was paged." : ""} By hand:\n${codeBlock(byHand)}`,
          ),
        ]
      : differencesBlock(parity),
    last: lastLine(rollback),
  });
}

function lastLine({ state, startedAt, to, parity, recovery }: Rollback): string | undefined {
  if (state.is === "moving") return undefined;
  const took = spanText(state.at.getTime() - startedAt.getTime());
  const helped = escapeText(recoveryText(recovery), 600);
  return `On ${escapeText(to)} in ${took}, ${parityText(parity)}. ${helped}`;
}

export function byHandText({ service, environment, to }: Rollback, byHand: readonly string[]): string {
  return [
    `*By hand*, should this not come through: all traffic of ${escapeText(service)} to ${escapeText(to)}.`,
    codeBlock([`quarterdeck ops "rollback ${service}@${environment} ${to} --yes"`]),
    "With Quarterdeck down, at the traffic itself:",
    codeBlock(byHand),
  ].join("\n");
}

export function rollbackLine(rollback: Rollback): string {
  const { mark, text } = headlineOf(rollback);
  return `${mark} ${text} · ${dateToken(rollback.startedAt, "date_time")} by ${whoText(rollback.by)}`;
}
