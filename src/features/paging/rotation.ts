/** Who is on call, and who is asked next. Pure. */
import { person as personOf, team as teamOf } from "../../catalog/lookup.ts";
import { onCall as rotationAt } from "../../catalog/on-call.ts";
import type { Catalog, Person } from "../../catalog/schema.ts";
import type { Override } from "./store.ts";

export interface Duty {
  person: Person;
  until: Date;
  /** The override behind it; undefined when the rotation says so. */
  override?: Override | undefined;
}

/** Whoever has the duty at a moment; undefined for a team without rotation or override. */
export function dutyAt(
  catalog: Catalog,
  teamName: string,
  overrides: readonly Override[],
  at: Date,
): Duty | undefined {
  const override = overrides.find(
    ({ person, from, until }) => from <= at && at < until && personOf(catalog, person) !== undefined,
  );
  const substitute = override && personOf(catalog, override.person);
  if (override && substitute) return { person: substitute, until: override.until, override };
  const team = teamOf(catalog, teamName);
  const shift = team && rotationAt(catalog, team, at);
  return shift && { person: shift.person, until: shift.until };
}

/** First the one to wake, then the rotation in turn, then the leads; each once. */
export function wakeOrder(
  catalog: Catalog,
  teamName: string,
  overrides: readonly Override[],
  at: Date,
): readonly Person[] {
  const team = teamOf(catalog, teamName) ?? teamOf(catalog, catalog.organisation.defaultOwner);
  if (!team) return [];
  const duty = dutyAt(catalog, team.name, overrides, at);
  const rotation = team.onCall?.rotation ?? [];
  const byRotation = rotationAt(catalog, team, at)?.person.id;
  const turn = Math.max(0, rotation.indexOf(byRotation ?? ""));
  const ids = [...rotation.slice(turn), ...rotation.slice(0, turn), ...team.leads];
  const people = [duty?.person, ...ids.map((id) => personOf(catalog, id))].filter((one) => one !== undefined);
  return [...new Map(people.map((one) => [one.id, one])).values()];
}

/** Who is on call now, first the one to wake; the leads of a team that has no rotation. */
export function onCallAt(
  catalog: Catalog,
  teamName: string,
  overrides: readonly Override[],
  at: Date,
): readonly Person[] {
  const duty = dutyAt(catalog, teamName, overrides, at);
  return duty ? [duty.person] : wakeOrder(catalog, teamName, overrides, at);
}
