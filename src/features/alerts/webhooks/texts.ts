/** Texts as senders give them, made fit to be kept. Pure. */
import { z } from "zod";

/** Characters kept of one text, and labels kept of one alert. */
export const textCharsMax = 8_000;
const labelsMax = 200;

/** A text Postgres can keep: no NUL, no half of a pair. */
export const clean = (text: string): string =>
  text.slice(0, textCharsMax).toWellFormed().replaceAll("\u0000", "\ufffd");

/** A text, number or truth as text; undefined for what is none of them, or blank. */
export function textOf(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") return undefined;
  const text = clean(String(value)).trim();
  return text === "" ? undefined : text;
}

/** The first that says something. */
export const firstText = (...values: readonly unknown[]): string | undefined => {
  for (const value of values) {
    const text = textOf(value);
    if (text !== undefined) return text;
  }
  return undefined;
};

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform((value) => clean(String(value)));

/** Names and texts; numbers and truths become texts, null is left out. */
export const texts = z
  .record(z.string(), scalar.nullable(), { error: "must be an object of texts" })
  .transform((record) => Object.entries(record).filter((pair): pair is [string, string] => pair[1] !== null))
  .transform((pairs) =>
    Object.fromEntries(pairs.slice(0, labelsMax).map(([name, text]) => [clean(name), text])),
  );
