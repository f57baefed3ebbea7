/** Times as senders write them. Pure. */
import { z } from "zod";
import { clean } from "./texts.ts";

const rfc3339 = /^(\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$/;

/** A time of RFC 3339, any number of digits after the second; undefined when the text is none. */
export function timeOf(text: string): Date | undefined {
  const parts = rfc3339.exec(text);
  if (parts === null) return undefined;
  const [, second, fraction, zone = "Z"] = parts;
  const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const at = new Date(`${(second as string).replace(/[t ]/, "T")}${(fraction ?? ".0").slice(0, 4)}${offset}`);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** Before this a time is a zero value of the sender's language, not a moment. */
const firstYear = 1970;

/** Absent, empty and the year 1 (Go's zero time) all say "not known". */
export const time = z
  .string({ error: "must be a time such as 2026-03-02T10:00:00Z" })
  .nullish()
  .transform((text, context): Date | undefined => {
    if (text === undefined || text === null || text === "") return undefined;
    const at = timeOf(text);
    if (at === undefined) {
      context.addIssue({ code: "custom", message: `"${clean(text).slice(0, 60)}" is not a time` });
      return z.NEVER;
    }
    return at.getUTCFullYear() < firstYear ? undefined : at;
  });

/** Milliseconds of the last moment a time of ours may hold: the year 9999. */
const latestMs = Date.UTC(9999, 11, 31);

/** Seconds, milliseconds or nanoseconds since 1970 by its size; zero and null say "not known". */
export const epoch = z
  .union([z.number(), z.string()], { error: "must be a time in seconds or milliseconds since 1970" })
  .nullish()
  .transform((given, context): Date | undefined => {
    if (given === undefined || given === null || given === "" || given === 0) return undefined;
    const count = Number(given);
    const ms = count > 1e17 ? count / 1e6 : count > 1e14 ? count / 1e3 : count > 1e11 ? count : count * 1e3;
    if (!(ms > 0 && ms <= latestMs)) {
      context.addIssue({ code: "custom", message: `"${clean(String(given)).slice(0, 60)}" is not a time` });
      return z.NEVER;
    }
    return new Date(Math.floor(ms));
  });
