import type { Bins } from "./source.ts";

export type Level = "raw" | "1m" | "1h";

/** A stretch of time answered from one table, [from, to). */
export interface Segment {
  level: Level;
  from: Date;
  to: Date;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;

/**
 * Which table answers which stretch of a range: whole hours from the hourly roll-up, whole minutes around them from
 * the minutes, the ends from raw samples. The stretches do not overlap, so nothing counts twice at a seam, and none
 * reaches over a bin's border. Where raw samples are gone an end is widened to its minute.
 *
 * @param rawSince raw samples are complete from here on
 */
export function segmentsOf(bins: Bins, rawSince: Date): Segment[] {
  const binMs = bins.binSec * 1000;
  const fitsAll = (unitMs: number): boolean =>
    bins.count === 1 || (bins.from.getTime() % unitMs === 0 && binMs % unitMs === 0);
  const wantFromMs = bins.from.getTime();
  const wantToMs = wantFromMs + bins.count * binMs;
  const rawSinceMs = ceil(rawSince.getTime(), minuteMs);
  const fromMs = wantFromMs < rawSinceMs ? floor(wantFromMs, minuteMs) : wantFromMs;
  const toMs = wantToMs < rawSinceMs ? ceil(wantToMs, minuteMs) : wantToMs;

  const found: Segment[] = [];
  const add = (level: Level, startMs: number, endMs: number): void => {
    if (endMs > startMs) found.push({ level, from: new Date(startMs), to: new Date(endMs) });
  };
  const split = (levels: readonly (readonly [Level, number])[], startMs: number, endMs: number): void => {
    const [coarsest, ...finer] = levels;
    if (!coarsest || endMs <= startMs) return;
    const [level, unitMs] = coarsest;
    const innerFrom = ceil(startMs, unitMs);
    const innerTo = floor(endMs, unitMs);
    if (innerTo <= innerFrom) {
      split(finer, startMs, endMs);
      return;
    }
    split(finer, startMs, innerFrom);
    add(level, innerFrom, innerTo);
    split(finer, innerTo, endMs);
  };
  const levels: (readonly [Level, number])[] = [];
  if (fitsAll(hourMs)) levels.push(["1h", hourMs]);
  if (fitsAll(minuteMs)) levels.push(["1m", minuteMs]);
  levels.push(["raw", 1]);
  split(levels, fromMs, toMs);
  return found;
}

const floor = (ms: number, unitMs: number): number => Math.floor(ms / unitMs) * unitMs;
const ceil = (ms: number, unitMs: number): number => Math.ceil(ms / unitMs) * unitMs;
