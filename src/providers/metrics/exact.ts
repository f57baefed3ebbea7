import { counterIncrements } from "./increase.ts";
import type { BinRow, Bins, Tally } from "./source.ts";

/** A process that began this long before the range, and was not scraped yet, counts whole too. */
const youngMs = 300_000;

/** A counter as it was scraped. */
export interface RawSeries {
  /** The scraped process; several series share one. */
  target: string;
  group: string | null;
  le: string | null;
  points: readonly { atMs: number; value: number }[];
}

/**
 * Counts made of the samples themselves, without extrapolation. A series that appears while its process was being
 * scraped already, or with a process younger than the range, counts from its first sample on: a canary's first errors
 * are not lost.
 *
 * @param series one list per selector; scrape times are shared by all of them
 * @param startedMs by target: when the process began, epoch milliseconds, where it is known
 */
export function exactTallies(
  series: readonly (readonly RawSeries[])[],
  startedMs: ReadonlyMap<string, number>,
  bins: Bins,
): Tally[] {
  const fromMs = bins.from.getTime();
  const toMs = fromMs + bins.count * bins.binSec * 1000;
  const scrapes = scrapeTimes(series.flat());
  return series.map((list) => {
    const sums = new Map<string, BinRow>();
    const newest = new Map<string | null, number>();
    let oldestMs: number | null = null;
    for (const one of list) {
      const points = one.points.filter((point) => point.atMs < toMs);
      const { increments } = counterIncrements(points, bornMsOf(one, scrapes, startedMs, fromMs));
      for (const { atMs, value } of increments) {
        if (atMs < fromMs) continue;
        const bin = Math.floor((atMs - fromMs) / (bins.binSec * 1000));
        const key = JSON.stringify([bin, one.group, one.le]);
        const before = sums.get(key)?.value ?? 0;
        sums.set(key, { bin, group: one.group, le: one.le, value: before + value });
      }
      for (const { atMs } of points) {
        if (atMs < fromMs) continue;
        newest.set(one.group, Math.max(newest.get(one.group) ?? 0, atMs));
        oldestMs = Math.min(oldestMs ?? atMs, atMs);
      }
    }
    return {
      rows: [...sums.values()],
      newestSampleAt: new Map([...newest].map(([group, atMs]) => [group, new Date(atMs)])),
      oldestSampleAt: oldestMs === null ? null : new Date(oldestMs),
      partial: null,
    };
  });
}

/** When a series began, if that is known; undefined leaves its first sample as the baseline. */
function bornMsOf(
  series: RawSeries,
  scrapes: ReadonlyMap<string, readonly number[]>,
  startedMs: ReadonlyMap<string, number>,
  fromMs: number,
): number | undefined {
  const firstMs = series.points[0]?.atMs;
  if (firstMs === undefined) return undefined;
  const before = scrapes.get(series.target)?.findLast((atMs) => atMs < firstMs);
  if (before !== undefined) return before;
  const started = startedMs.get(series.target);
  return started !== undefined && started >= fromMs - youngMs && started < firstMs ? started : undefined;
}

function scrapeTimes(all: readonly RawSeries[]): Map<string, number[]> {
  const times = new Map<string, Set<number>>();
  for (const { target, points } of all) {
    const known = times.get(target) ?? new Set();
    for (const { atMs } of points) known.add(atMs);
    times.set(target, known);
  }
  return new Map([...times].map(([target, known]) => [target, [...known].sort((a, b) => a - b)]));
}

/** Targets whose first sample comes later than the data could begin: for these the process' age decides. */
export function lateTargets(series: readonly RawSeries[], beginMs: number): string[] {
  const firsts = scrapeTimes(series);
  return [...firsts].filter(([, times]) => (times[0] ?? 0) > beginMs + youngMs / 5).map(([target]) => target);
}
