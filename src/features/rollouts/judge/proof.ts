import type { ComparedCounts, Counts } from "../statistics.ts";
import { normalUpper, rateRatioUpper, shareUpper } from "../statistics.ts";

export interface ProofLimits {
  readonly minSamples: number;
  /** 1 − confidence. */
  readonly alpha: number;
  readonly harmRatioMax: number;
  readonly shareUpperMax: number | null;
  /** Fewer events are worse: what is bounded is stable's rate over the canary's. */
  readonly isLowerWorse: boolean;
}

/** Events the other side's rate must lead one to expect before their ratio is worth a bound. */
const expectedMin = 3;

interface Looks {
  /** Evidence at which the next look is due; null: the first is. */
  dueAt: number | null;
  alpha: number;
  hasPassed: boolean;
}

/**
 * Whether a step's bins show that the canary is good enough, taken in one by one: its rate ratio to stable is bounded,
 * or its own bad share is. A bound at confidence 1 − α is honest for one look, so looks are rationed: the first once
 * there is enough for a good version to pass, the next when the evidence has doubled, each at half the α before (2α in
 * all). Reading the same bins again is no new look. What is known at the end must pass as well, so a good first look
 * does not outlive its time.
 */
export interface Proof {
  readonly ratio: Looks;
  readonly share: Looks;
}

export const startProof = ({ alpha }: ProofLimits): Proof => ({
  ratio: { dueAt: null, alpha, hasPassed: false },
  share: { dueAt: null, alpha, hasPassed: false },
});

/** @param counts of the step so far, with a stable side to compare with. */
export function lookAgain(proof: Proof, counts: ComparedCounts, limits: ProofLimits): void {
  const { harmRatioMax, shareUpperMax, minSamples } = limits;
  if (counts.canary.total < minSamples) return;
  const { ratio, share } = proof;
  if (!ratio.hasPassed) {
    const expected = expectedEvents(counts);
    if (ratio.dueAt === null ? isReady(expected, counts.stable.bad, limits) : expected >= ratio.dueAt) {
      ratio.hasPassed = ratioUpper(counts, ratio.alpha, limits.isLowerWorse) <= harmRatioMax;
      ratio.dueAt = expected * 2;
      ratio.alpha /= 2;
    }
  }
  if (shareUpperMax === null || share.hasPassed) return;
  const { canary } = counts;
  // The first: a version without one bad event would pass.
  const isFirst = canary.total >= Math.log(limits.alpha) / Math.log1p(-shareUpperMax);
  if (share.dueAt === null ? isFirst : canary.total >= share.dueAt) {
    share.hasPassed = shareUpper(canary, share.alpha) <= shareUpperMax;
    share.dueAt = canary.total * 2;
    share.alpha /= 2;
  }
}

/** Whether a look has passed and what is known now passes too. */
export function isProven(
  { ratio, share }: Proof,
  now: { readonly ratioUpper: number; readonly shareUpper: number },
  { harmRatioMax, shareUpperMax }: ProofLimits,
): boolean {
  if (ratio.hasPassed && now.ratioUpper <= harmRatioMax) return true;
  return share.hasPassed && shareUpperMax !== null && now.shareUpper <= shareUpperMax;
}

/** Upper bound of how many times worse than stable the canary may be. */
export const ratioUpper = (counts: ComparedCounts, alpha: number, isLowerWorse: boolean): number =>
  isLowerWorse
    ? rateRatioUpper({ canary: counts.stable, stable: counts.canary }, alpha)
    : rateRatioUpper(counts, alpha);

/**
 * Whether a version exactly as good as stable would about pass: its logarithm of the ratio has the variance
 * 1/m + 1/xb (m events expected on the canary). It only rations looks; what passes is decided by the exact bound.
 */
const isReady = (expected: number, stableBad: number, { alpha, harmRatioMax }: ProofLimits): boolean =>
  expected >= expectedMin &&
  normalUpper(alpha) * Math.sqrt(1 / expected + 1 / stableBad) <= Math.log(harmRatioMax);

/** Stands in for stable in a step that leaves it no traffic (100 %). */
export const withStable = (counts: ComparedCounts, fallback: Counts): ComparedCounts =>
  counts.stable.total > 0 ? counts : { canary: counts.canary, stable: fallback };

const expectedEvents = ({ canary, stable }: ComparedCounts): number =>
  stable.total > 0 ? (canary.total * stable.bad) / stable.total : 0;
