import type { ComparedCounts, Counts } from "../statistics.ts";
import { rateRatioUpper, shareUpper } from "../statistics.ts";
import type { CountBin } from "./types.ts";

export interface ProofLimits {
  readonly minSamples: number;
  /** 1 − confidence. */
  readonly alpha: number;
  readonly harmRatioMax: number;
  readonly shareUpperMax: number | null;
  /** Stands in for stable in a step that leaves it no traffic (100 %). */
  readonly fallbackStable: Counts;
}

/** Bad events stable's rate must lead one to expect on the canary before their ratio is worth a bound. */
const expectedBadMin = 3;

/**
 * Whether a step's bins show that the canary is good enough: its rate ratio to stable is bounded, or its own bad
 * share is. A bound at confidence 1 − α is honest for one look, so looks are rationed: the first once there is
 * enough for a good version to pass, the next when the evidence has doubled, each at half the α before (2α in all).
 * Reading the same bins again is no new look. What is known now must pass as well, so a good first look does not
 * outlive its time.
 */
export function isProven(bins: readonly CountBin[], limits: ProofLimits): boolean {
  const { alpha, harmRatioMax, shareUpperMax } = limits;
  const byRatio: Bound = {
    size: expectedBad,
    passes: (counts, a) => rateRatioUpper(counts, a) <= harmRatioMax,
    // A version exactly as good as stable would pass.
    isReady: (counts) => {
      const asStable = { ...counts, canary: { bad: expectedBad(counts), total: counts.canary.total } };
      return expectedBad(counts) >= expectedBadMin && rateRatioUpper(asStable, alpha) <= harmRatioMax;
    },
  };
  if (passesLook(bins, limits, byRatio)) return true;
  if (shareUpperMax === null) return false;
  return passesLook(bins, limits, {
    size: ({ canary }) => canary.total,
    passes: ({ canary }, a) => shareUpper(canary, a) <= shareUpperMax,
    // A version without one bad event would pass.
    isReady: ({ canary }) => shareUpper({ bad: 0, total: canary.total }, alpha) <= shareUpperMax,
  });
}

interface Bound {
  readonly size: (counts: ComparedCounts) => number;
  readonly passes: (counts: ComparedCounts, alpha: number) => boolean;
  readonly isReady: (counts: ComparedCounts) => boolean;
}

function passesLook(bins: readonly CountBin[], limits: ProofLimits, bound: Bound): boolean {
  let own: ComparedCounts = { canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 0 } };
  let lookAt: number | null = null;
  let lookAlpha = limits.alpha;
  let hasPassed = false;
  for (const bin of bins) {
    own = { canary: add(own.canary, bin.canary), stable: add(own.stable, bin.stable) };
    if (hasPassed || own.canary.total < limits.minSamples) continue;
    const counts = withStable(own, limits.fallbackStable);
    if (lookAt === null ? !bound.isReady(counts) : bound.size(counts) < lookAt) continue;
    hasPassed = bound.passes(counts, lookAlpha);
    lookAt = bound.size(counts) * 2;
    lookAlpha /= 2;
  }
  return hasPassed && bound.passes(withStable(own, limits.fallbackStable), limits.alpha);
}

export function withStable(counts: ComparedCounts, fallback: Counts): ComparedCounts {
  return counts.stable.total > 0 ? counts : { canary: counts.canary, stable: fallback };
}

function expectedBad({ canary, stable }: ComparedCounts): number {
  return stable.total > 0 ? (canary.total * stable.bad) / stable.total : 0;
}

function add(a: Counts, b: Counts): Counts {
  return { bad: a.bad + b.bad, total: a.total + b.total };
}
