/** Who is on call, by the catalog's rotations. */
import { DateTime } from "luxon";
import { person } from "./lookup.ts";
import type { Catalog, Person, Team } from "./schema.ts";

export interface Shift {
  person: Person;
  since: Date;
  until: Date;
}

/**
 * Who of the team is on call at `now`, and for how long; undefined when the team has no rotation. Hand-overs
 * keep their clock time in the rotation's zone, so a week with a clock change is an hour longer or shorter. The
 * rotation also runs backwards from its start.
 */
export function onCall(catalog: Catalog, team: Team, now: Date): Shift | undefined {
  if (team.onCall === undefined) return undefined;
  const { rotation, rotate, start, zone } = team.onCall;
  const unit = rotate === "daily" ? "days" : "weeks";
  const first = DateTime.fromISO(start, { zone });
  const at = DateTime.fromJSDate(now, { zone });
  const beginning = (turn: number) => first.plus({ [unit]: turn });
  // Luxon counts whole calendar days and weeks from the start, so days of 23 and 25 hours count as one.
  const turn = Math.floor(at.diff(first, unit).as(unit));
  const personId = rotation[((turn % rotation.length) + rotation.length) % rotation.length] ?? "";
  const found = person(catalog, personId);
  return found === undefined
    ? undefined
    : { person: found, since: beginning(turn).toJSDate(), until: beginning(turn + 1).toJSDate() };
}
