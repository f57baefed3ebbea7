/** Numbers and people as cards and answers write them. */
import { DateTime } from "luxon";
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog, Signal } from "../../catalog/schema.ts";
import { percent, seconds, short } from "./judge/words.ts";
import type { Who } from "./model.ts";

export { percent, short, weightText } from "./judge/words.ts";

/** A value as its signal is read: ratios in percent, the rest with their unit. */
export function valueText(value: number, { kind, unit }: Pick<Signal, "kind" | "unit">): string {
  if (kind === "ratio") return percent(value);
  return unit === "" ? short(value) : `${short(value)} ${unit}`;
}

/** `errors 9.1 → 0.3 %`: the unit once. */
export function changeText(before: number, after: number, signal: Pick<Signal, "kind" | "unit">): string {
  const [a, b] = [valueText(before, signal), valueText(after, signal)];
  const unit = signal.kind === "ratio" ? " %" : signal.unit === "" ? "" : ` ${signal.unit}`;
  return `${unit !== "" && a.endsWith(unit) ? a.slice(0, -unit.length) : a} → ${b}`;
}

/** `@lena`, for plain text; cards mention people by their Slack id. */
export function nameOf(catalog: Catalog, { team, person }: Who): string {
  if (team === "-") return "Quarterdeck";
  return `@${lookup.personBySlack(catalog, team, person)?.id ?? person}`;
}

/** `03:15:40` in the zone of who reads it. */
export function clockText(catalog: Catalog, reader: Who, at: Date): string {
  const person = lookup.personBySlack(catalog, reader.team, reader.person);
  const zone = person ? lookup.zoneOf(catalog, person.id) : catalog.organisation.timezone;
  return DateTime.fromJSDate(at, { zone }).toFormat("HH:mm:ss");
}

export const spanText = (ms: number): string => seconds(Math.max(0, ms) / 1_000);
