/** What stands after a way back against what was recorded before: the traffic field by field, and what is beside it. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Parity, ParityDifference } from "../../providers/traffic/contract.ts";
import type { Deploys } from "../deploys/index.ts";
import type { Place } from "./holders.ts";
import type { ParityNote } from "./model.ts";
import { differenceText, type SurroundingDifference, type Told, toldForMs } from "./surroundings.ts";

/** What was told of a service in one environment, newest first. */
export async function toldOf(
  deploys: Pick<Deploys, "recentChanges">,
  { service, environment }: Place,
  now: Date,
): Promise<readonly Told[]> {
  const since = new Date(now.getTime() - toldForMs);
  const told = await deploys.recentChanges([service], since);
  return told.filter((one) => one.environment === environment);
}

/** Parity, or each difference with what to do about it. Plain text: escaped where it is shown. */
export function noteOf(
  { differences }: Pick<Parity, "differences">,
  beside: readonly SurroundingDifference[],
  nameOf: (by: string) => string,
): ParityNote {
  const all = [
    ...differences.map(trafficDifferenceText),
    ...beside.map((one) => differenceText(one, nameOf)),
  ];
  return { equal: all.length === 0, differences: all };
}

function trafficDifferenceText({ field, recorded, actual }: ParityDifference): string {
  const [, version, part] = /^versions\.(.+)\.(weightPercent|address)$/.exec(field) ?? [];
  const cure = "something else changes it, the commands by hand are in the thread";
  if (version !== undefined && part === "weightPercent")
    return `${version} has ${actual ?? 0} %, recorded ${recorded ?? 0} %; ${cure}`;
  if (version !== undefined) return `${version} is at ${actual}, recorded ${recorded}; ${cure}`;
  return `${field.replace(/^fields\./, "")} is ${actual ?? "not there"}, recorded ${recorded ?? "none"}; set it back by hand`;
}

/** `@dev` for a person of the catalog, else what they are called where it came from. */
export function byNameOf(catalog: Catalog): (by: string) => string {
  return (by) => {
    for (const team of catalog.organisation.slackTeams) {
      const known = lookup.personBySlack(catalog, team, by);
      if (known) return `@${known.id}`;
    }
    return by;
  };
}
