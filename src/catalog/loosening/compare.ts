/** What the comparisons of two catalogs share. Pure. */
import { formatDuration } from "../../platform/commands/time.ts";

/** An entry of a catalog, whatever its section: a catalog put in force by another release may have other fields. */
export type Fields = Readonly<Record<string, unknown>>;

export const fieldsOf = (entry: unknown): Fields =>
  entry !== null && typeof entry === "object" ? (entry as Fields) : {};

export const namesOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined || value === null ? [] : [String(value)];

export const added = (before: unknown, after: unknown): readonly string[] => {
  const had = new Set(namesOf(before));
  return [...new Set(namesOf(after))].filter((name) => !had.has(name));
};

/** Equal as plain data, whatever the order of their fields; one that is left out is one that is undefined. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].every((key) => isSame(fieldsOf(one)[key], fieldsOf(other)[key]));
}

export const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

/** `30m → 2h`, where a longer time gives more; undefined where it does not grow. */
export function longer(before: unknown, after: unknown): string | undefined {
  const [was, is] = [numberOf(before), numberOf(after)];
  return is > was ? `${timeOf(was)} → ${timeOf(is)}` : undefined;
}

/** No limit is more than any. */
const numberOf = (value: unknown): number => (typeof value === "number" ? value : Number.POSITIVE_INFINITY);
const timeOf = (ms: number): string => (Number.isFinite(ms) ? formatDuration(ms) : "no limit");

/** A value in a sentence. */
export function shortly(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
