import type { CountBin, GaugeBin } from "./types.ts";

export interface Sorted<B> {
  readonly kept: readonly B[];
  readonly dropped: number;
}

/**
 * Keeps the bins that can be true, in time order, each stretch of time once. Dropped are: a number that is not
 * finite or is negative, more bad than total, an empty or backward stretch, one not over yet, one that overlaps
 * what came before (a repeat, or a clock gone back).
 */
export function keepCounts(bins: readonly CountBin[], nowMs: number): Sorted<CountBin> {
  return keep(bins, nowMs, ({ canary, stable }) => isCounts(canary) && isCounts(stable));
}

export function keepGauges(bins: readonly GaugeBin[], nowMs: number): Sorted<GaugeBin> {
  return keep(
    bins,
    nowMs,
    ({ canary, stable }) => Number.isFinite(canary) && (stable === null || Number.isFinite(stable)),
  );
}

function isCounts({ bad, total }: { readonly bad: number; readonly total: number }): boolean {
  return Number.isFinite(bad) && Number.isFinite(total) && bad >= 0 && total >= bad;
}

function keep<B extends { readonly startMs: number; readonly endMs: number }>(
  bins: readonly B[],
  nowMs: number,
  isTrue: (bin: B) => boolean,
): Sorted<B> {
  const kept: B[] = [];
  let reachedMs = Number.NEGATIVE_INFINITY;
  for (const bin of bins) {
    const isClosed = Number.isFinite(bin.startMs) && bin.startMs < bin.endMs && bin.endMs <= nowMs;
    if (!isClosed || bin.startMs < reachedMs || !isTrue(bin)) continue;
    kept.push(bin);
    reachedMs = bin.endMs;
  }
  return { kept, dropped: bins.length - kept.length };
}
