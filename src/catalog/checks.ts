/** What the checks between entries share: where to complain, and which names lead somewhere. */
import { closest, distance } from "fastest-levenshtein";
import type { Catalog } from "./schema.ts";
import type { FieldPath } from "./yaml-file.ts";

export type Say = (entry: object, path: FieldPath, message: string) => void;
/** Says so when nothing of that name is declared. */
export type Refer = (entry: object, path: FieldPath, name: string | undefined) => void;

export interface Checks {
  catalog: Catalog;
  say: Say;
  person: Refer;
  personOrTeam: Refer;
  team: Refer;
  channel: Refer;
  service: Refer;
  metrics: Refer;
  traffic: Refer;
  accessor: Refer;
  pager: Refer;
  hookSource: Refer;
  ticketing: Refer;
}

export function unknownName(what: string, name: string, names: readonly string[]): string {
  if (names.length === 0) return `names ${what} "${name}", but none is declared; declare it`;
  const nearest = closest(name, [...names]);
  const isNear = distance(name, nearest) <= Math.max(2, Math.floor(name.length / 3));
  return `names ${what} "${name}", which is not declared; ${isNear ? `did you mean ${nearest}?` : "declare it"}`;
}

export function checkMeasured(
  checks: Checks,
  entry: object,
  at: FieldPath,
  provider: string | undefined,
  own: string | undefined,
) {
  checks.metrics(entry, [...at, "provider"], own);
  if (provider === undefined) {
    checks.say(entry, at, "has no metrics instance; name one as provider here or as metrics of the service");
  }
}

/** Names of a list that stand in it twice. */
export function checkTwice(
  say: Say,
  entry: object,
  path: FieldPath,
  items: readonly { name: string }[],
): void {
  items.forEach(({ name }, index) => {
    if (items.findIndex((item) => item.name === name) < index) {
      say(entry, [...path, index, "name"], `"${name}" stands twice in this list; rename or remove one`);
    }
  });
}
