/** What a clock on the wall shows, and when it shows it. Pure: the answer does not depend on today's offset. */
import { Info } from "luxon";

const minuteMs = 60_000;
const dayMs = 86_400_000;

/**
 * A wall clock's reading is written as the milliseconds that UTC would have at that reading. A reading that a clock
 * change leaves out is the moment of the change; of one that comes twice the first counts. So later readings are never
 * earlier moments, and every reading has one.
 */
export interface WallClock {
  readingAt(at: Date): number;
  momentOf(readingMs: number): Date;
}

export function wallClock(zone: string): WallClock {
  const known = Info.normalizeZone(zone);
  const offsetMs = (atMs: number): number => known.offset(atMs) * minuteMs;
  return {
    readingAt: (at) => at.getTime() + offsetMs(at.getTime()),
    momentOf(readingMs) {
      // A day away on both sides: clocks do not change twice within that.
      const before = offsetMs(readingMs - dayMs);
      const after = offsetMs(readingMs + dayMs);
      const candidates = [readingMs - before, readingMs - after].sort((one, other) => one - other);
      const shown = candidates.find((atMs) => atMs + offsetMs(atMs) === readingMs);
      return new Date(shown ?? changeBetween(readingMs - after, readingMs - before));
    },
  };

  /** The first moment with the later offset; there is one change between the two. */
  function changeBetween(fromMs: number, untilMs: number): number {
    const later = offsetMs(untilMs);
    let [low, high] = [fromMs, untilMs];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetMs(middle) === later) high = middle;
      else low = middle;
    }
    return high;
  }
}

/** `2026-01-05T09:00` as a reading; undefined when there is no such day. */
export function readingOf(localTime: string): number | undefined {
  const readingMs = Date.parse(`${localTime}:00.000Z`);
  if (Number.isNaN(readingMs)) return undefined;
  // Date takes 31 June as 1 July.
  return new Date(readingMs).toISOString().slice(0, 16) === localTime ? readingMs : undefined;
}
