/** Freezes as answers and cards write them. Plain text: escaped where it leaves. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { formatMoment } from "../../platform/commands/time.ts";
import type { Freeze, Who } from "./model.ts";

/** `all services`, `team storefront`, `shop, payments in production`. */
export function scopeText({ scope, environments }: Pick<Freeze, "scope" | "environments">): string {
  const whom =
    scope === "all"
      ? "all services"
      : [...scope.teams.map((name) => `team ${name}`), ...scope.services].join(", ");
  return environments === null ? whom : `${whom} in ${environments.join(", ")}`;
}

/** `@lena`, as a person of the catalog is called. */
export function nameOf(catalog: Catalog, { team, person }: Who): string {
  if (team === "-") return "Quarterdeck";
  return `@${lookup.personBySlack(catalog, team, person)?.id ?? person}`;
}

export const byText = (catalog: Catalog, { by }: Pick<Freeze, "by">): string =>
  by.is === "person" ? nameOf(catalog, by.who) : `the calendar (${by.name})`;

/** A moment by the clock of who reads it. */
export function momentFor(catalog: Catalog, reader: Who, at: Date): string {
  const person = lookup.personBySlack(catalog, reader.team, reader.person);
  return formatMoment(at, person ? lookup.zoneOf(catalog, person.id) : catalog.organisation.timezone);
}
