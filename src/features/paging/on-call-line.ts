/** What `/ops oncall` says of a team. Pure. */
import { person as personOf, team as teamOf } from "../../catalog/lookup.ts";
import { spansOf } from "../../catalog/on-call.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { dateToken, escapeText } from "../../platform/messages/blocks.ts";
import { nameOf } from "./cards.ts";
import type { Override } from "./override-store.ts";
import { type Duty, dutyAt, wakeOrder } from "./rotation.ts";

/** How far ahead the end of a gap is looked for. */
const aheadMs = 28 * 86_400_000;

/** Who now, until when, whom a page wakes after them, what is set by hand, who is next. */
export function onCallLine(
  catalog: Catalog,
  teamName: string,
  overrides: readonly Override[],
  now: Date,
  slackTeam: string,
): string {
  const duty = dutyAt(catalog, teamName, overrides, now);
  const after = wakeOrder(catalog, teamName, overrides, now)
    .filter(({ id }) => id !== duty?.person.id)
    .map(({ name }) => escapeText(name))
    .join(", ");
  const coming = overrides
    .filter(({ from }) => from > now)
    .map(
      ({ person, from, until }) =>
        `then ${escapeText(personOf(catalog, person)?.name ?? person)} ${dateToken(from, "date_time")} to ${dateToken(until, "date_time")}`,
    );
  return [
    `*${escapeText(teamName)}*: ${nowWords(catalog, teamName, duty, now, slackTeam)}`,
    ...coming,
    ...(after ? [`after them ${after}`] : []),
    ...nextWords(catalog, teamName, overrides, duty),
  ].join(" · ");
}

function nowWords(
  catalog: Catalog,
  teamName: string,
  duty: Duty | undefined,
  now: Date,
  slackTeam: string,
): string {
  if (duty) {
    const how = duty.override
      ? ` (set by ${nameOf(duty.override.madeBy, { catalog, slackTeam })})`
      : duty.layer
        ? ` (${escapeText(duty.layer)})`
        : "";
    return `${escapeText(duty.person.name)} until ${dateToken(duty.until, "date_time")}${how}`;
  }
  const team = teamOf(catalog, teamName);
  if (team?.onCall === undefined) return "no schedule; its leads are woken";
  const until = new Date(now.getTime() + aheadMs);
  const next = spansOf(catalog, team, now, until).find(({ person }) => person !== undefined);
  const end = next?.person
    ? ` until ${dateToken(next.from, "date_time")}, then ${escapeText(next.person.name)}`
    : " for weeks";
  return `nobody by its schedule${end}; its leads are woken`;
}

function nextWords(
  catalog: Catalog,
  teamName: string,
  overrides: readonly Override[],
  duty: Duty | undefined,
): readonly string[] {
  if (duty === undefined) return [];
  const next = dutyAt(catalog, teamName, overrides, duty.until);
  if (next === undefined) return ["next nobody by its schedule"];
  return next.person.id === duty.person.id ? [] : [`next ${escapeText(next.person.name)}`];
}
