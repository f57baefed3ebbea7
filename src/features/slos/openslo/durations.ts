/**
 * OpenSLO's spans: an integer and one of m h d w M Q Y, case-sensitive. Pure.
 * Source: github.com/OpenSLO/OpenSLO, "duration-shorthand".
 */
import { z } from "zod";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Months and longer have no fixed length; as a rolling span they count as these. */
const unitMs = {
  m: minuteMs,
  h: hourMs,
  d: dayMs,
  w: 7 * dayMs,
  M: 30 * dayMs,
  Q: 91 * dayMs,
  Y: 365 * dayMs,
} as const;
type Unit = keyof typeof unitMs;

export interface OpenSloDuration {
  readonly count: number;
  readonly unit: Unit;
  readonly ms: number;
}

export const openSloDurationField = z
  .string({ error: "must be a time such as 5m, 1h, 30d or 1M" })
  .transform((text, context): OpenSloDuration => {
    const [, digits, unit] = /^([1-9][0-9]{0,5})([mhdwMQY])$/.exec(text) ?? [];
    if (digits === undefined || unit === undefined) {
      context.addIssue({
        code: "custom",
        message: `"${text}" is not a time of OpenSLO; write a whole number and one of m, h, d, w, M, Q, Y`,
      });
      return z.NEVER;
    }
    const count = Number(digits);
    return { count, unit: unit as Unit, ms: count * unitMs[unit as Unit] };
  });

/** As {@link openSloDurationField}, or no time at all: the specification's default is `0m`. */
export const openSloWaitField = z.union([
  z.literal("0m").transform((): OpenSloDuration => ({ count: 0, unit: "m", ms: 0 })),
  openSloDurationField,
]);

/** Whether a span has the same length everywhere; a month has not. */
export const isFixed = ({ unit }: OpenSloDuration): boolean =>
  unit === "m" || unit === "h" || unit === "d" || unit === "w";

/** The span in the largest unit that says it exactly; what is no whole minute is rounded up to one. */
export function openSloDuration(ms: number): string {
  for (const [unit, each] of [
    ["d", dayMs],
    ["h", hourMs],
  ] as const)
    if (ms % each === 0) return `${ms / each}${unit}`;
  return `${Math.ceil(ms / minuteMs)}m`;
}
