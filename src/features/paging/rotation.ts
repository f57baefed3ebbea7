/** Who is on call, and who is asked next. Pure. */
import { person as personOf, team as teamOf } from "../../catalog/lookup.ts";
import { scheduledOf, onCall as shiftAt, turnsFrom } from "../../catalog/on-call.ts";
import type { Catalog, Person } from "../../catalog/schema.ts";
import type { Override } from "./override-store.ts";

export interface Duty {
  person: Person;
  until: Date;
  /** The override behind it; undefined when the schedule says so. */
  override?: Override | undefined;
  /** The layer behind it, if the schedule has layers. */
  layer?: string | null | undefined;
}

/** Whoever has the duty at a moment; undefined for a team without schedule or override, and in a schedule's gap. */
export function dutyAt(
  catalog: Catalog,
  teamName: string,
  overrides: readonly Override[],
  at: Date,
): Duty | undefined {
  const known = overrides.filter(({ person }) => personOf(catalog, person) !== undefined);
  const index = known.findIndex(({ from, until }) => from <= at && at < until);
  const override = known[index];
  const substitute = override && personOf(catalog, override.person);
  // Cut short by an override that begins meanwhile; of two overrides by the one made later, which stands before.
  const cutShort = (until: Date, by: readonly Override[]) =>
    by.reduce((end, { from }) => (from > at && from < end ? from : end), until);
  if (override && substitute)
    return { person: substitute, until: cutShort(override.until, known.slice(0, index)), override };
  const team = teamOf(catalog, teamName);
  const shift = team && shiftAt(catalog, team, at);
  return shift && { person: shift.person, until: cutShort(shift.until, known), layer: shift.layer };
}

/**
 * First the one to wake, then their layer's rotation in turn, then the leads, then whoever else the schedule names;
 * each once. In a gap the leads come first.
 */
export function wakeOrder(
  catalog: Catalog,
  teamName: string,
  overrides: readonly Override[],
  at: Date,
): readonly Person[] {
  const team = teamOf(catalog, teamName) ?? teamOf(catalog, catalog.organisation.defaultOwner);
  if (!team) return [];
  const duty = dutyAt(catalog, team.name, overrides, at);
  const ids = [...turnsFrom(team, at), ...team.leads, ...scheduledOf(team)];
  const people = [duty?.person, ...ids.map((id) => personOf(catalog, id))].filter((one) => one !== undefined);
  return [...new Map(people.map((one) => [one.id, one])).values()];
}

/** Who is on call now, first the one to wake; the leads of a team that has nobody on call. */
export function onCallAt(
  catalog: Catalog,
  teamName: string,
  overrides: readonly Override[],
  at: Date,
): readonly Person[] {
  const duty = dutyAt(catalog, teamName, overrides, at);
  return duty ? [duty.person] : wakeOrder(catalog, teamName, overrides, at);
}
