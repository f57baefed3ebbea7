/** When a freeze of the calendar stands, by the clock on its wall. Pure. */
import type { CalendarFreeze } from "./freezes.ts";
import { weekdays } from "./schedules.ts";
import { readingOf, wallClock } from "./wall-clock.ts";

/** [from, until). */
export interface Span {
  from: Date;
  until: Date;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
/** Monday, 1970-01-05, as a clock's reading. */
const mondayMs = 4 * dayMs;

/**
 * Every span of the freeze that overlaps [after, before), oldest first. Times keep their place on the wall across
 * clock changes: one that a change leaves out is the moment of the change, of one that comes twice the first counts.
 * A span that a change swallows whole is none.
 */
export function spansBetween(freeze: CalendarFreeze, after: Date, before: Date): Span[] {
  const { readingAt, momentOf } = wallClock(freeze.zone);
  return readingsBetween(freeze, readingAt(after), readingAt(before))
    .map(({ from, until }) => ({ from: momentOf(from), until: momentOf(until) }))
    .filter(({ from, until }) => from < until && from < before && until > after);
}

/** The span a moment lies in. */
export const spanAt = (freeze: CalendarFreeze, at: Date): Span | undefined =>
  spansBetween(freeze, at, new Date(at.getTime() + 1))[0];

/** The first span that begins after the moment and within `withinMs` of it. */
export const nextSpan = (freeze: CalendarFreeze, at: Date, withinMs: number): Span | undefined =>
  spansBetween(freeze, at, new Date(at.getTime() + withinMs)).find(({ from }) => from > at);

interface Readings {
  from: number;
  until: number;
}

/** Spans around a stretch, as readings of the wall's clock; one too many on each side. */
function readingsBetween(freeze: CalendarFreeze, fromMs: number, toMs: number): Readings[] {
  if (freeze.weekly !== undefined) return weekly(freeze.weekly, fromMs, toMs);
  if (freeze.yearly !== undefined) return yearly(freeze.yearly, fromMs, toMs);
  const [from, until] = [readingOf(freeze.from ?? ""), readingOf(freeze.until ?? "")];
  return from === undefined || until === undefined ? [] : [{ from, until }];
}

function weekly(times: { from: string; until: string }, fromMs: number, toMs: number): Readings[] {
  const [from, until] = [inWeekMs(times.from), inWeekMs(times.until)];
  const lastsMs = (until - from + weekMs) % weekMs;
  const first = Math.floor((fromMs - mondayMs) / weekMs) - 1;
  const last = Math.floor((toMs - mondayMs) / weekMs) + 1;
  return range(first, last).map((week) => {
    const begins = mondayMs + week * weekMs + from;
    return { from: begins, until: begins + lastsMs };
  });
}

function yearly(times: { from: string; until: string }, fromMs: number, toMs: number): Readings[] {
  const isOverNewYear = times.until <= times.from;
  return range(yearOf(fromMs) - 1, yearOf(toMs) + 1).map((year) => ({
    from: inYearMs(times.from, year),
    until: inYearMs(times.until, isOverNewYear ? year + 1 : year),
  }));
}

/** `fri 16:00` as milliseconds from Monday 00:00. */
function inWeekMs(text: string): number {
  const [day = "", time = ""] = text.split(" ");
  const names: readonly string[] = weekdays;
  return names.indexOf(day) * dayMs + clockMs(time);
}

/** `12-20 16:00` of a year as a reading. */
function inYearMs(text: string, year: number): number {
  const [day = "", time = ""] = text.split(" ");
  const [month = 1, date = 1] = day.split("-").map(Number);
  return Date.UTC(year, month - 1, date) + clockMs(time);
}

function clockMs(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return (hours * 60 + minutes) * minuteMs;
}

const yearOf = (readingMs: number): number => new Date(readingMs).getUTCFullYear();

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
