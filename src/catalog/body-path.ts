/**
 * Paths into a sender's body, for mappings. A path is names and places, one after another: `check.name`, `tags[0]`,
 * `labels['app.kubernetes.io/name']`. It starts at one alert; a leading `$` starts at the whole body. Nothing else is
 * known: no wildcards, filters or expressions, so a path can only ever read one value. Pure.
 */
import { z } from "zod";

export interface BodyPath {
  /** From the whole body rather than from one alert of it. */
  fromBody: boolean;
  steps: readonly (string | number)[];
}

const pathCharsMax = 300;
const stepsMax = 20;
const stepPattern = /(?:^|\.)([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,6})\]|\[(?:'([^'\]]+)'|"([^"\]]+)")\]/y;

/** Undefined when the text is no path. `$` alone is the whole body. */
export function parseBodyPath(text: string): BodyPath | undefined {
  if (text.length > pathCharsMax) return undefined;
  const fromBody = text.startsWith("$");
  const rest = fromBody ? text.slice(1).replace(/^\./, "") : text;
  const pattern = new RegExp(stepPattern);
  const steps: (string | number)[] = [];
  let at = 0;
  while (at < rest.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(rest);
    if (match === null || steps.length >= stepsMax) return undefined;
    const [whole, name, place, quoted, doubleQuoted] = match;
    steps.push(place === undefined ? ((name ?? quoted ?? doubleQuoted) as string) : Number(place));
    at += whole.length;
  }
  return fromBody || steps.length > 0 ? { fromBody, steps } : undefined;
}

/** What stands there; undefined when nothing does. Only what the body itself holds counts. */
export function valueAt(path: BodyPath, body: unknown, alert: unknown): unknown {
  let value = path.fromBody ? body : alert;
  for (const step of path.steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** A path as it is written, checked; it stays a text, so that the catalog is plain data. */
export const bodyPathField = z.string().refine((text) => parseBodyPath(text) !== undefined, {
  error: "is not a path; write one such as check.name, tags[0], labels['a.b'] or $.sender",
});
