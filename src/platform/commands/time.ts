/**
 * The only words that are read as a time: `90s 15m 2h 1d 1h30m`, `until fri 09:00`. Anything else is refused,
 * since a misread time gives rights or mutes pages for the wrong span.
 */
import { DateTime } from "luxon";
import { allow, type Decision, refuse } from "../refusal.ts";
import type { TimeSpan } from "./spec.ts";

/** Milliseconds; the alias says the unit where the field's name cannot. */
export type Milliseconds = number;

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Longest span that can be written, in milliseconds: 366 days. Policies set their own, lower bounds. */
export const durationMaxMs = 366 * dayMs;

const durationPattern =
  /^(?=[0-9])(?:([1-9][0-9]{0,8})d)?(?:([1-9][0-9]{0,8})h)?(?:([1-9][0-9]{0,8})m)?(?:([1-9][0-9]{0,8})s)?$/;

/** Reads `90s 15m 2h 1d 1h30m` (units falling, each once). Undefined for anything else or past 366 days. */
export function parseDuration(text: string): Milliseconds | undefined {
  const match = durationPattern.exec(text);
  if (match === null) return undefined;
  const [, days = "0", hours = "0", minutes = "0", seconds = "0"] = match;
  const totalMs =
    Number(days) * dayMs + Number(hours) * hourMs + Number(minutes) * minuteMs + Number(seconds) * secondMs;
  return totalMs > 0 && totalMs <= durationMaxMs ? totalMs : undefined;
}

/**
 * `5400000` is `1h30m`; whole seconds, rounded down; zero and less is `0s`. What {@link parseDuration} read
 * from the answer is the same span.
 */
export function formatDuration(durationMs: Milliseconds): string {
  let leftMs = Math.max(0, Math.floor(durationMs / secondMs) * secondMs);
  if (!Number.isFinite(leftMs) || leftMs === 0) return "0s";
  const parts: string[] = [];
  for (const [unit, unitMs] of [
    ["d", dayMs],
    ["h", hourMs],
    ["m", minuteMs],
    ["s", secondMs],
  ] as const) {
    const count = Math.floor(leftMs / unitMs);
    if (count > 0) parts.push(`${count}${unit}`);
    leftMs -= count * unitMs;
  }
  return parts.join("");
}

const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const dayPattern =
  /^(?:(mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)|(today|tomorrow)|([0-9]{4}-[0-9]{2}-[0-9]{2}))$/i;
const clockPattern = /^([01][0-9]|2[0-3]):([0-5][0-9])$/;
const timeExamples = "Write 90s, 15m, 2h, 1d, 1h30m or until fri 09:00.";

const isDayWord = (text: string | undefined) => text !== undefined && dayPattern.test(text);
const isClockWord = (text: string | undefined) => text !== undefined && clockPattern.test(text);

/** A time found at the front of some words, and how many of them it took. */
export interface FoundTime<T> {
  value: T;
  wordCount: number;
}

/** Reads a `<time>` at the front of the words. Refuses when there is none, with what would be one. */
export function readTimeSpan(
  words: readonly string[],
  now: Date,
  zone: string,
): Decision<FoundTime<TimeSpan>> {
  const [first = ""] = words;
  if (first.toLowerCase() === "until") {
    const moment = readMoment(words.slice(1), now, zone);
    if (!moment.ok) return moment;
    const until = moment.value.value;
    const durationMs = until.getTime() - now.getTime();
    return allow({ value: { durationMs, until, hasFixedEnd: true }, wordCount: moment.value.wordCount + 1 });
  }
  const durationMs = parseDuration(first);
  if (durationMs === undefined) return notATime(first);
  const until = new Date(now.getTime() + durationMs);
  return allow({ value: { durationMs, until, hasFixedEnd: false }, wordCount: 1 });
}

/** Reads a moment to come: a duration from now, `09:00`, `fri 09:00`, `tomorrow 09:00`, `2030-01-31 09:00`. */
export function readInstant(words: readonly string[], now: Date, zone: string): Decision<FoundTime<Date>> {
  const durationMs = parseDuration(words[0] ?? "");
  if (durationMs !== undefined) return allow({ value: new Date(now.getTime() + durationMs), wordCount: 1 });
  return readMoment(words, now, zone);
}

/** A day and a clock time, or a clock time alone (its next occurrence), in the typist's zone. */
function readMoment(words: readonly string[], now: Date, zone: string): Decision<FoundTime<Date>> {
  const [first, second] = words;
  const today = DateTime.fromJSDate(now, { zone });
  if (!today.isValid) {
    return refuse({
      rule: "unknown-zone",
      message: `"${zone}" is not a time zone.`,
      hint: "Fix the timezone in the catalog.",
    });
  }
  if (isClockWord(first)) {
    const sameDay = atClock(today, first ?? "");
    if (sameDay.ok && sameDay.value > now) return allow({ value: sameDay.value, wordCount: 1 });
    return counted(atClock(today.plus({ days: 1 }), first ?? ""), now, 1);
  }
  if (!isDayWord(first) || !isClockWord(second)) return notATime(words.slice(0, 2).join(" "));
  const day = dayOf(first ?? "", today);
  if (day === undefined) return notATime(`${first} ${second}`);
  const moment = atClock(day, second ?? "");
  // The weekday of today whose time has passed is the one in a week.
  const isPassedWeekday =
    moment.ok && moment.value <= now && weekdays.includes((first ?? "").slice(0, 3).toLowerCase());
  return counted(isPassedWeekday ? atClock(day.plus({ days: 7 }), second ?? "") : moment, now, 2);
}

function counted(moment: Decision<Date>, now: Date, wordCount: number): Decision<FoundTime<Date>> {
  if (!moment.ok) return moment;
  if (moment.value <= now) {
    return refuse({
      rule: "time-passed",
      message: `${moment.value.toISOString()} has passed.`,
      hint: timeExamples,
    });
  }
  if (moment.value.getTime() - now.getTime() > durationMaxMs) {
    return refuse({ rule: "time-too-far", message: "That is more than 366 days away.", hint: timeExamples });
  }
  return allow({ value: moment.value, wordCount });
}

function dayOf(word: string, today: DateTime<true>): DateTime<true> | undefined {
  const lower = word.toLowerCase();
  if (lower === "today") return today;
  if (lower === "tomorrow") return today.plus({ days: 1 });
  const weekday = weekdays.indexOf(lower.slice(0, 3));
  if (weekday >= 0) return today.plus({ days: (weekday + 1 - today.weekday + 7) % 7 });
  const day = DateTime.fromISO(word, { zone: today.zone });
  return day.isValid ? day : undefined;
}

/**
 * The clock time on that day. In the hour that clocks skip it is refused (luxon would silently move it); in the
 * hour that comes twice it is the first, so that nothing lasts longer than meant.
 */
function atClock(day: DateTime<true>, clock: string): Decision<Date> {
  const [hour = 0, minute = 0] = clock.split(":").map(Number);
  const moment = day.set({ hour, minute, second: 0, millisecond: 0 });
  if (moment.hour !== hour || moment.minute !== minute) {
    return refuse({
      rule: "time-skipped",
      message: `${clock} does not exist on ${day.toISODate()} in ${day.zoneName}: clocks go forward over it.`,
      hint: `Write until ${day.toISODate()} ${moment.toFormat("HH:mm")}.`,
    });
  }
  const earliestMs = Math.min(...moment.getPossibleOffsets().map((possible) => possible.toMillis()));
  return allow(new Date(earliestMs));
}

/** `Fri 27 Nov 2026 09:00 Europe/Berlin (UTC+1)`: the absolute end that is echoed. */
export function formatMoment(moment: Date, zone: string): string {
  const local = DateTime.fromJSDate(moment, { zone }).setLocale("en");
  const shown = local.isValid ? local : DateTime.fromJSDate(moment, { zone: "utc" }).setLocale("en");
  return shown.toFormat(
    shown.second === 0 ? "ccc d LLL yyyy HH:mm z '(UTC'Z')'" : "ccc d LLL yyyy HH:mm:ss z '(UTC'Z')'",
  );
}

function notATime(text: string) {
  return refuse({
    rule: "not-a-time",
    message: text === "" ? "A time is missing." : `"${text}" is not read as a time.`,
    hint: timeExamples,
  });
}
