import { betaCdf } from "./statistics.ts";

/** A bin before its outcome is known: what is staked on which ratio, and what decides how its events may fall. */
export interface OpenBin {
  readonly ratios: readonly number[];
  /** Sum to 1. */
  readonly parts: Float64Array;
  /** Canary's and stable's exposure; events fall on the canary with the first's share of both while it is as good. */
  readonly exposure: number;
  readonly stableTotal: number;
  readonly events: number;
}

/** More rounds change the factor by less than a thousandth. */
const roundsMax = 4;

/**
 * What a bin's evidence may be multiplied by, 1 or more, so that nothing is wasted on reaching more than is asked for.
 *
 * Evidence stops mattering once it reaches its limit, so what counts of a factor L is min(b·L, room) with room = limit/E.
 * Its mean stays at most 1 for the b that solves b·(1 − A) + room·P = 1, where P is the chance that as good a canary
 * reaches room in this bin, and A the same under the bets (Σ parts·P_ratio). Both are tails of a binomial, and b depends
 * on nothing that the bin's split will show. Source: Fischer and Ramdas, "Improving Wald's (approximate) sequential
 * probability ratio test by avoiding overshoot" (arXiv 2410.16076).
 */
export function boostOf(bin: OpenBin, room: number): number {
  const { ratios, parts, exposure, stableTotal, events } = bin;
  if (!(room > 1)) return 1;
  const count = Math.round(events);
  const isHigh = (ratios[0] ?? 1) > 1;
  const all = exposure + stableTotal;
  const tail = (from: number, share: number): number => {
    if (isHigh) return from <= 0 ? 1 : betaCdf(share, from, count - from + 1);
    return from >= count ? 1 : 1 - betaCdf(share, from + 1, count - from);
  };
  let boost = 1;
  for (let round = 0; round < roundsMax; round += 1) {
    const from = reachedFrom(bin, count, isHigh, room / boost);
    if (from === undefined) return boost;
    let bets = 0;
    for (let k = 0; k < parts.length; k += 1) {
      const weighed = (ratios[k] as number) * exposure;
      bets += (parts[k] as number) * tail(from, weighed / (weighed + stableTotal));
    }
    const next = (1 - room * tail(from, exposure / all)) / (1 - bets);
    // A tail that is all there is leaves nothing to multiply; the last factor was fine.
    if (!(next > boost) || !Number.isFinite(next)) return boost;
    boost = next;
  }
  return boost;
}

/** The canary's events, of `count`, from which on (down to which, for losses) the bets have won `factor`; none: undefined. */
function reachedFrom(
  { ratios, parts, exposure, stableTotal }: OpenBin,
  count: number,
  isHigh: boolean,
  factor: number,
): number | undefined {
  const all = exposure + stableTotal;
  const won = (events: number): number => {
    let sum = 0;
    for (let k = 0; k < parts.length; k += 1) {
      const ratio = ratios[k] as number;
      sum +=
        (parts[k] as number) *
        Math.exp(events * Math.log(ratio) - count * Math.log((ratio * exposure + stableTotal) / all));
    }
    return sum;
  };
  // The most telling outcome first: mostly even that is out of reach, and then nothing more is worked out.
  if (won(isHigh ? count : 0) < factor) return undefined;
  let [low, high] = [0, count];
  while (low < high) {
    const middle = isHigh ? Math.floor((low + high) / 2) : Math.ceil((low + high) / 2);
    if (won(middle) >= factor === isHigh) high = isHigh ? middle : middle - 1;
    else low = isHigh ? middle + 1 : middle;
  }
  return low;
}
