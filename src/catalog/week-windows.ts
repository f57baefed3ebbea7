/** Windows of a week by a clock on the wall, such as Monday to Friday, 09:00 to 17:00. Pure. */
import { type WeekWindow, weekdays } from "./schedules.ts";
import { type WallClock, wallClock } from "./wall-clock.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Windows that follow each other without a gap are one; a week of them is always. */
const joinedMax = 30;

/** [from, to). */
export interface OpenWindow {
  from: Date;
  to: Date;
}

export interface Hours {
  readonly zone: string;
  readonly windows: readonly WeekWindow[];
}

/** The windows that begin on the days `days` away from the one that holds `at`. */
export function windowsAround(
  windows: readonly WeekWindow[],
  clock: WallClock,
  at: Date,
  days: readonly number[],
): readonly OpenWindow[] {
  const midnightMs = Math.floor(clock.readingAt(at) / dayMs) * dayMs;
  return days.flatMap((day) => {
    const dayMidnightMs = midnightMs + day * dayMs;
    const weekday = weekdays[(new Date(dayMidnightMs).getUTCDay() + 6) % 7];
    return windows.flatMap(({ days: named, from, to }) => {
      if (weekday === undefined || !named.includes(weekday)) return [];
      const fromMs = dayMidnightMs + timeOfDayMs(from);
      const toMs = dayMidnightMs + timeOfDayMs(to);
      return [{ from: clock.momentOf(fromMs), to: clock.momentOf(toMs > fromMs ? toMs : toMs + dayMs) }];
    });
  });
}

/** Until when the hours that hold `at` last, those that follow without a gap included; undefined outside of them. */
export function openUntil({ zone, windows }: Hours, at: Date): Date | undefined {
  const clock = wallClock(zone);
  let until: Date | undefined;
  for (let joined = 0; joined < joinedMax; joined += 1) {
    const inside: Date = until ?? at;
    const ends = windowsAround(windows, clock, inside, [-1, 0])
      .filter(({ from, to }) => from <= inside && inside < to)
      .map(({ to }) => to.getTime());
    if (ends.length === 0) return until;
    until = new Date(Math.max(...ends));
  }
  return until;
}

/** When the hours begin next after `at`. */
export function opensNext({ zone, windows }: Hours, at: Date): Date | undefined {
  const begins = windowsAround(windows, wallClock(zone), at, [0, 1, 2, 3, 4, 5, 6, 7])
    .map(({ from }) => from.getTime())
    .filter((fromMs) => fromMs > at.getTime());
  return begins.length === 0 ? undefined : new Date(Math.min(...begins));
}

/** `mon–fri 09:00–17:00, sat 10:00–12:00 (Europe/Berlin)` */
export function hoursText({ zone, windows }: Hours): string {
  const parts = windows.map(({ days, from, to }) => `${daysText(days)} ${from}–${to}`);
  return `${parts.join(", ")} (${zone})`;
}

function daysText(days: WeekWindow["days"]): string {
  const places = [...new Set(days)].map((day) => weekdays.indexOf(day)).sort((one, other) => one - other);
  const [first = 0] = places;
  const last = places.at(-1) ?? first;
  const isRow = places.length > 2 && last - first === places.length - 1;
  return isRow
    ? `${weekdays[first]}–${weekdays[last]}`
    : places.map((place) => weekdays[place] ?? "").join(" ");
}

function timeOfDayMs(text: string): number {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  return hours * hourMs + minutes * 60_000;
}
