import type { CountBin, GaugeBin } from "./types.ts";

interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** Whether a bin's time is over and lies behind what came before it; else it is a repeat, or a clock gone back. */
export const follows = ({ startMs, endMs }: Span, reachedMs: number, nowMs: number): boolean =>
  Number.isFinite(startMs) && startMs < endMs && endMs <= nowMs && startMs >= reachedMs;

/** Whether counts can be true: finite, not negative, and no more bad than all where the bad ones are part of all. */
export function areCounts({ canary, stable }: CountBin, isPart: boolean): boolean {
  return isCounts(canary, isPart) && isCounts(stable, isPart);
}

function isCounts({ bad, total }: CountBin["canary"], isPart: boolean): boolean {
  if (!Number.isFinite(bad) || !Number.isFinite(total) || bad < 0 || total < 0) return false;
  return isPart ? total >= bad : bad === 0 || total > 0;
}

const isLevel = ({ canary, stable }: GaugeBin): boolean =>
  Number.isFinite(canary) && (stable === null || Number.isFinite(stable));

/** Keeps the readings that can be true, in time order, each stretch of time once. */
export function keepGauges(
  bins: readonly GaugeBin[],
  nowMs: number,
): { readonly kept: readonly GaugeBin[]; readonly dropped: number } {
  const kept: GaugeBin[] = [];
  let reachedMs = Number.NEGATIVE_INFINITY;
  for (const bin of bins) {
    if (!follows(bin, reachedMs, nowMs) || !isLevel(bin)) continue;
    kept.push(bin);
    reachedMs = bin.endMs;
  }
  return { kept, dropped: bins.length - kept.length };
}
