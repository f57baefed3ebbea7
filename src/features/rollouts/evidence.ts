/**
 * Evidence that grows and shrinks bin by bin and may be looked at after each: e-processes. Nothing here knows of plans
 * or verdicts. A process starts at 1; while its hypothesis holds its mean stays at most 1, so it ever reaches 1/α with
 * probability at most α (Ville's inequality), however often one looks.
 * Source: Ramdas, Grünwald, Vovk, Shafer, "Game-theoretic statistics and safe anytime-valid inference"
 * (arXiv 2210.01948).
 */
import { boostOf } from "./overshoot.ts";
import type { Counts } from "./statistics.ts";

/** What the evidence bets on: rate ratios canary to stable, and the part of the stake on each; the parts sum to 1. */
export interface Bets {
  readonly ratios: readonly number[];
  readonly parts: readonly number[];
}

/** Higher is worse. The last ones are few and see a version that fails outright in its first bin. */
export const harmBets: Bets = {
  ratios: [1.25, 1.5, 2, 3, 5, 10, 30],
  parts: [0.16, 0.16, 0.16, 0.16, 0.16, 0.12, 0.08],
};

/** Lower is worse: a part of the events is lost. */
export const lossBets: Bets = {
  ratios: [0.9, 0.8, 0.65, 0.5, 0.3, 0.1, 0.01],
  parts: [0.14, 0.16, 0.18, 0.18, 0.14, 0.1, 0.1],
};

/**
 * Part of the stake that goes back to the first bets after each bin with events: what was lost while nothing was wrong
 * is staked again, so that a version that breaks late or drifts is found almost as soon as one bad from the start.
 */
const sharedPart = 0.01;

/** Part of the boost that is taken: the rest stays for what no test knows of, such as retries that come in bursts. */
const boostPart = 0.5;

/** So much past the limit, as a logarithm, is at the limit whatever is rounded. */
const reached = 1e-9;

/** Evidence so far: the logarithm of E, and how the stake lies on the bets now. Changed in place by `bet`. */
export interface Evidence {
  logE: number;
  /** What `bet` has added for not wasting evidence beyond its limit, as a logarithm; 0 without a limit. */
  logBoost: number;
  readonly parts: Float64Array;
  /** Worked in by `bet`. */
  readonly scratch: Float64Array;
}

export const startEvidence = ({ parts }: Bets): Evidence => ({
  logE: 0,
  logBoost: 0,
  parts: Float64Array.from(parts),
  scratch: new Float64Array(parts.length),
});

/** E itself, at most the largest double. */
export const eOf = ({ logE }: Evidence): number => Math.min(Math.exp(logE), Number.MAX_VALUE);

/** E as it is compared with its limit: never less than E, and an e-process as far as the limit. */
export const boostedEOf = ({ logE, logBoost }: Evidence): number =>
  Math.min(Math.exp(logE + logBoost), Number.MAX_VALUE);

/**
 * Takes one bin into the evidence that the canary's rate is more than `allowed` times stable's (less, for loss bets).
 *
 * Given that m = xc + xb events happened in all, the canary's part of them is binomial with
 * π(θ) = θ·nc / (θ·nc + nb). With θ0 = `allowed` the bet on ratio g multiplies its stake by
 *   (π(g·θ0) / π(θ0))^xc · ((1 − π(g·θ0)) / (1 − π(θ0)))^xb = g^xc · ((θ0·nc + nb) / (g·θ0·nc + nb))^m,
 * whose mean is at most 1 while the true ratio is on the harmless side of θ0. Conditioning per bin cancels weight
 * changes and incidents that both sides share (Lindon and Malek, arXiv 2011.03567). Afterwards a part of the whole
 * stake is laid out as at first ("fixed share": Herbster and Warmuth, "Tracking the best expert", 1998); as that is
 * decided before the next bin is seen, the mean stays at most 1 (see also e-detectors, arXiv 2203.03532).
 *
 * With a `limit` past which more evidence changes nothing, each bin is worth as much more as it would else waste beyond
 * the limit: the mean of E, counted up to the limit, stays at most 1 (`overshoot.ts`).
 */
export function bet(
  evidence: Evidence,
  bets: Bets,
  canary: Counts,
  stable: Counts,
  allowed = 1,
  limit = Number.POSITIVE_INFINITY,
): void {
  const events = canary.bad + stable.bad;
  // With traffic on one side only, and without events, nothing could have come out otherwise.
  if (canary.total <= 0 || stable.total <= 0 || events <= 0) return;
  const { parts, scratch } = evidence;
  const { ratios } = bets;
  const exposure = allowed * canary.total;
  const all = exposure + stable.total;
  const boost = Number.isFinite(limit)
    ? 1 +
      boostPart *
        (boostOf(
          { ratios, parts, exposure, stableTotal: stable.total, events },
          limit / boostedEOf(evidence),
        ) -
          1)
    : 1;
  let top = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < parts.length; k += 1) {
    const ratio = ratios[k] as number;
    const log = canary.bad * Math.log(ratio) - events * Math.log((ratio * exposure + stable.total) / all);
    scratch[k] = log;
    if (log > top) top = log;
  }
  let sum = 0;
  for (let k = 0; k < parts.length; k += 1) {
    const stake = (parts[k] as number) * Math.exp((scratch[k] as number) - top);
    parts[k] = stake;
    sum += stake;
  }
  const won = top + Math.log(sum);
  const before = evidence.logE + evidence.logBoost + won;
  evidence.logE += won;
  // Up to the limit and not beyond: what reaches it by itself needs no boost.
  const most = Math.max(before, Math.log(limit) + reached);
  evidence.logBoost = Math.min(before + Math.log(boost), most) - evidence.logE;
  const stays = (1 - sharedPart) / sum;
  for (let k = 0; k < parts.length; k += 1)
    parts[k] = stays * (parts[k] as number) + sharedPart * (bets.parts[k] as number);
}

/** How a bet on a worse share is laid: the part kept back at first, and the part laid out anew after each bin. */
export interface ShareBet {
  readonly keptPart: number;
  readonly sharedPart: number;
}

export const ceilingBet: ShareBet = { keptPart: 0.2, sharedPart: 0.05 };

export const startShareEvidence = ({ keptPart }: ShareBet): Evidence =>
  startEvidence({ ratios: [0, 1], parts: [keptPart, 1 - keptPart] });

/**
 * Takes one bin into the evidence that the bad share is `p1` rather than at most `p0`: Wald's likelihood ratio
 * (p1/p0)^x · ((1−p1)/(1−p0))^(n−x) on a part of the stake, the rest kept back and staked again bin by bin, so that a
 * long clean past buys no time for a version that breaks late. Source: Wald, "Sequential Tests of Statistical
 * Hypotheses" (1945).
 */
export function betOnShare(
  evidence: Evidence,
  { keptPart, sharedPart: newPart }: ShareBet,
  { bad, total }: Counts,
  p0: number,
  p1: number,
): void {
  if (total <= 0 || p0 >= p1) return;
  const { parts } = evidence;
  const log = bad * Math.log(p1 / p0) + (total - bad) * Math.log((1 - p1) / (1 - p0));
  const top = Math.max(0, log);
  const kept = (parts[0] as number) * Math.exp(-top);
  const staked = (parts[1] as number) * Math.exp(log - top);
  const sum = kept + staked;
  evidence.logE += top + Math.log(sum);
  parts[0] = ((1 - newPart) * kept) / sum + newPart * keptPart;
  parts[1] = ((1 - newPart) * staked) / sum + newPart * (1 - keptPart);
}
