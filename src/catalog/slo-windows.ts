/** The time an SLO is about: the last days, or the running day, week, month, quarter or year of a place. Pure. */
import { DateTime } from "luxon";
import { z } from "zod";
import { durationField, type Milliseconds, zoneField } from "./fields.ts";

export const calendarUnits = ["day", "week", "month", "quarter", "year"] as const;
export type CalendarUnit = (typeof calendarUnits)[number];

export type SloWindow =
  | { rolling: Milliseconds }
  | {
      calendar: CalendarUnit;
      zone: string;
      /** A day on which a period began, local to the zone: `2026-01-01` or `2026-01-01T06:00`. */
      start: string;
    };

/** A Monday, and the first day of a month, a quarter and a year. */
const naturalStart = "2024-01-01";

const startField = z
  .string()
  .regex(
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?$/,
    "must be a local day such as 2026-01-01, or a time such as 2026-01-01T06:00",
  )
  .refine((text) => DateTime.fromISO(text).isValid, { error: "is no day of the calendar" });

export const windowField = z
  .strictObject({
    rolling: durationField.optional(),
    calendar: z.enum(calendarUnits).optional(),
    zone: zoneField.optional(),
    start: startField.optional(),
  })
  .transform((window, context): SloWindow => {
    const { rolling, calendar, zone, start } = window;
    const no = (path: string[], message: string) => {
      context.addIssue({ code: "custom", path, message });
      return z.NEVER;
    };
    if (rolling !== undefined) {
      if (calendar !== undefined) return no(["calendar"], "stands beside rolling; keep one of them");
      if (zone !== undefined)
        return no(["zone"], "is for a calendar window; a rolling one ends now everywhere");
      if (start !== undefined) return no(["start"], "is for a calendar window; a rolling one ends now");
      return { rolling };
    }
    if (calendar === undefined)
      return no([], "has no length; write { rolling: 28d } or { calendar: month, zone: Europe/Berlin }");
    if (zone === undefined)
      return no(
        ["zone"],
        "is missing: a calendar window begins by somebody's clock; write Europe/Berlin, say",
      );
    return { calendar, zone, start: start ?? naturalStart };
  });

const dayMs = 86_400_000;
/** What rows are sized by; the real periods vary with months and clock changes. */
const nominalMs: Record<CalendarUnit, Milliseconds> = {
  day: dayMs,
  week: 7 * dayMs,
  month: 30 * dayMs,
  quarter: 91 * dayMs,
  year: 365 * dayMs,
};

/** The window's length, a calendar one's by rule of thumb: {@link periodAt} knows the real one. */
export function nominalWindowMs(window: SloWindow): Milliseconds {
  return "rolling" in window ? window.rolling : nominalMs[window.calendar];
}

/** The longest a period can be: what a metrics system must have kept. A day with a clock change has 25 hours. */
export function longestWindowMs(window: SloWindow): Milliseconds {
  if ("rolling" in window) return window.rolling;
  const days: Record<CalendarUnit, number> = { day: 1, week: 7, month: 31, quarter: 92, year: 366 };
  return days[window.calendar] * dayMs + 3_600_000;
}

/** `28d`, `month in Europe/Berlin`: how people read a window. */
export function windowText(window: SloWindow, formatDuration: (ms: Milliseconds) => string): string {
  return "rolling" in window
    ? formatDuration(window.rolling)
    : `the ${window.calendar} in ${window.zone.replaceAll("_", " ")}`;
}

export interface Period {
  from: Date;
  /** For a rolling window the moment itself; for a calendar one the end to come. */
  to: Date;
}

/**
 * The period a moment lies in, [from, to). Calendar periods are counted from `start` by the zone's own clock, so that
 * months have their days and days with a clock change their 23 or 25 hours; one that begins on a 31st begins on the
 * last day of a shorter month.
 */
export function periodAt(window: SloWindow, at: Date): Period {
  if ("rolling" in window) return { from: new Date(at.getTime() - window.rolling), to: at };
  const { calendar, zone, start } = window;
  const anchor = DateTime.fromISO(start, { zone });
  const moment = DateTime.fromJSDate(at, { zone });
  if (!anchor.isValid || !moment.isValid)
    throw new Error(`The calendar window from ${start} in ${zone} is no time; load the catalog again`);
  const nth = (count: number) => anchor.plus({ [calendar]: count });
  let count = roughCount(calendar, anchor, moment);
  while (nth(count) > moment) count -= 1;
  while (nth(count + 1) <= moment) count += 1;
  return { from: nth(count).toJSDate(), to: nth(count + 1).toJSDate() };
}

/** Periods between, give or take one: by the calendar's own figures, which is many times faster than a difference. */
function roughCount(unit: CalendarUnit, from: DateTime, to: DateTime): number {
  const months = (to.year - from.year) * 12 + to.month - from.month;
  switch (unit) {
    case "day":
    case "week":
      return Math.floor((to.toMillis() - from.toMillis()) / nominalMs[unit]);
    case "month":
      return months;
    case "quarter":
      return Math.floor(months / 3);
    case "year":
      return to.year - from.year;
  }
}
