/** The plain forms of the judge's evidence, written down a second time: what it must agree with where it adds nothing. */
import type { ComparedCounts, Counts } from "../../../src/features/rollouts/statistics.ts";

/** Rate ratios (canary to stable) the mixture bets on. A closed list: each one costs the others some power. */
export const harmRatios: readonly number[] = [1.25, 1.5, 2, 3, 5, 10];

/**
 * Conditional e-value that the canary fails more often than stable.
 *
 * Given how many bad events a bin had in all, the canary's part is binomial with
 * π(θ) = θ·nc / (θ·nc + nb). The product over bins of the likelihood ratio θ to 1, averaged over `ratios`,
 * is a supermartingale while θ ≤ 1, so "halt once it reaches 1/α" is wrong with probability at most α however
 * often one looks (Ville's inequality). Conditioning per bin cancels weight changes and shared incidents.
 * Source: Lindon and Malek, "Anytime-valid inference for multinomial count data" (arXiv 2011.03567).
 *
 * @returns 1 when the bins say nothing; Infinity only beyond the range of a double.
 */
export function eValue(bins: readonly ComparedCounts[], ratios: readonly number[] = harmRatios): number {
  const logs = ratios.map(() => 0);
  for (const { canary, stable } of bins) {
    // With traffic on one side only the split of bad events is certain and carries no evidence.
    if (canary.total <= 0 || stable.total <= 0) continue;
    const total = canary.total + stable.total;
    ratios.forEach((ratio, k) => {
      const tilted = ratio * canary.total + stable.total;
      const canaryFactor = Math.log((ratio * total) / tilted);
      const stableFactor = Math.log(total / tilted);
      logs[k] = (logs[k] ?? 0) + canary.bad * canaryFactor + stable.bad * stableFactor;
    });
  }
  const top = Math.max(...logs);
  const sum = logs.reduce((acc, value) => acc + Math.exp(value - top), 0);
  return Math.exp(top + Math.log(sum / ratios.length));
}

export interface WaldTest {
  /** Log likelihood ratio of `p1` to `p0`. */
  readonly logRatio: number;
  /** A: at or above it the share is as bad as `p1`. */
  readonly upper: number;
  /** B: at or below it the share is as good as `p0`. */
  readonly lower: number;
}

/**
 * Wald's sequential probability ratio test of a share `p0` against a worse share `p1`.
 * Source: Wald, "Sequential Tests of Statistical Hypotheses" (1945).
 */
export function waldTest(
  counts: Counts,
  test: { readonly p0: number; readonly p1: number; readonly alpha: number; readonly beta: number },
): WaldTest {
  const { p0, p1, alpha, beta } = test;
  const good = counts.total - counts.bad;
  return {
    logRatio: counts.bad * Math.log(p1 / p0) + good * Math.log((1 - p1) / (1 - p0)),
    upper: Math.log((1 - beta) / alpha),
    lower: Math.log(beta / (1 - alpha)),
  };
}
