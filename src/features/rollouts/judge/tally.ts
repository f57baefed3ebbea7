import {
  bet,
  betOnShare,
  ceilingBet,
  type Evidence,
  harmBets,
  lossBets,
  startEvidence,
  startShareEvidence,
} from "../evidence.ts";
import { type ComparedCounts, type Counts, shareUpper } from "../statistics.ts";
import { areCounts, follows } from "./bins.ts";
import { planDefaults } from "./defaults.ts";
import { lookAgain, type Proof, type ProofLimits, startProof, withStable } from "./proof.ts";
import type { CountBin, HarmAllowed } from "./types.ts";

/** What decides how bins are counted; another one counts from the beginning. */
export interface TallyRules {
  readonly isKpi: boolean;
  readonly isLowerWorse: boolean;
  readonly harmAllowed: HarmAllowed | undefined;
  readonly ceiling: number | null;
  /** E at which the comparison with stable reverts by itself; null: it decides nothing. */
  readonly limit: number | null;
  readonly stepStartMs: number;
  readonly limits: ProofLimits;
}

interface Sums {
  canary: { bad: number; total: number };
  stable: { bad: number; total: number };
}

/** Everything a verdict needs of the bins of one signal, so that the next look only takes in what is new. */
export interface Tally {
  readonly all: Sums;
  /** Since the step began. */
  readonly step: Sums;
  stepBins: number;
  dropped: number;
  /** Bad events of the canary beyond what stable's share of the same bin would have made of its traffic; may be below 0. */
  excess: number;
  lastEndMs: number | null;
  readonly relative: Evidence;
  readonly ceiling: Evidence;
  readonly proof: Proof;
}

/**
 * What judgements of the same rollout may keep from one to the next. The verdict is the same without it; with it a
 * look costs what is new and not all there is. Bins once given must not be changed.
 */
export interface JudgeMemory {
  readonly tallies: Map<string, Kept>;
}

interface Kept {
  readonly key: string;
  readonly tally: Tally;
  readonly first: CountBin | undefined;
  readonly last: CountBin | undefined;
  readonly taken: number;
  /** A bin was left out because it was not over yet: it may be counted next time. */
  readonly hasOpen: boolean;
}

export const createJudgeMemory = (): JudgeMemory => ({ tallies: new Map() });

export function tallyOf(
  name: string,
  bins: readonly CountBin[],
  rules: TallyRules,
  nowMs: number,
  memory: JudgeMemory | undefined,
): Tally {
  const key = memory === undefined ? "" : JSON.stringify(rules);
  const kept = memory?.tallies.get(name);
  const isSame =
    kept !== undefined &&
    kept.key === key &&
    !kept.hasOpen &&
    kept.taken <= bins.length &&
    kept.first === bins[0] &&
    kept.last === bins[kept.taken - 1];
  const tally = isSame ? kept.tally : startTally(rules);
  let hasOpen = false;
  for (let at = isSame ? kept.taken : 0; at < bins.length; at += 1) {
    const bin = bins[at] as CountBin;
    if (!(bin.endMs <= nowMs)) hasOpen = true;
    take(tally, bin, rules, nowMs);
  }
  memory?.tallies.set(name, {
    key,
    tally,
    first: bins[0],
    last: bins.at(-1),
    taken: bins.length,
    hasOpen,
  });
  return tally;
}

const nothing = (): Sums => ({ canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 0 } });

const startTally = ({ isLowerWorse, limits }: TallyRules): Tally => ({
  all: nothing(),
  step: nothing(),
  stepBins: 0,
  dropped: 0,
  excess: 0,
  lastEndMs: null,
  relative: startEvidence(isLowerWorse ? lossBets : harmBets),
  ceiling: startShareEvidence(ceilingBet),
  proof: startProof(limits),
});

/** A bin that cannot be true is counted as dropped, and nothing of it is used. */
function take(tally: Tally, bin: CountBin, rules: TallyRules, nowMs: number): void {
  const reachedMs = tally.lastEndMs ?? Number.NEGATIVE_INFINITY;
  if (!follows(bin, reachedMs, nowMs) || !areCounts(bin, !rules.isKpi)) {
    tally.dropped += 1;
    return;
  }
  const { canary, stable } = bin;
  tally.lastEndMs = bin.endMs;
  add(tally.all, bin);
  tally.excess += canary.bad - canary.total * shareOf(stable.total > 0 ? stable : tally.all.stable);
  const bets = rules.isLowerWorse ? lossBets : harmBets;
  bet(tally.relative, bets, canary, stable, allowedRatio(rules, tally.all.stable), rules.limit ?? undefined);
  if (rules.ceiling !== null)
    betOnShare(tally.ceiling, ceilingBet, canary, fineShare(rules.ceiling, bin, tally.all), rules.ceiling);
  if (bin.startMs < rules.stepStartMs) return;
  tally.stepBins += 1;
  add(tally.step, bin);
  lookAgain(tally.proof, withStable(tally.step, tally.all.stable), rules.limits);
}

const shareOf = ({ bad, total }: Counts): number => (total > 0 ? bad / total : 0);

function add(sums: Sums, { canary, stable }: ComparedCounts): void {
  sums.canary.bad += canary.bad;
  sums.canary.total += canary.total;
  sums.stable.bad += stable.bad;
  sums.stable.total += stable.total;
}

/** The rate ratio that is still allowed; an absolute allowance by what stable's rate is so far. */
function allowedRatio({ harmAllowed, isLowerWorse }: TallyRules, { bad, total }: Sums["stable"]): number {
  const { relative = 0, absolute = 0 } = harmAllowed ?? {};
  const share = absolute > 0 ? (absolute * (total + 1)) / (bad + 0.5) : 0;
  const part = Math.max(relative, share);
  return isLowerWorse ? Math.max(0.05, 1 - part) : 1 + part;
}

/** Level of the bounds on stable's share: by more than they say it is above them once in twenty times. */
const boundAlpha = 0.05;

/**
 * The bad share that is fine for the ceiling's test: a fifth of the ceiling, or the most that stable's may be, now or so
 * far, by what was seen of it. Its share itself is no bound: it is as often too low as too high, and what it is too low
 * by would count against the canary, bin after bin. Where that is near the ceiling the bin says nothing about the
 * canary: an incident both sides share is not its fault.
 */
function fineShare(ceiling: number, { stable }: CountBin, all: Sums): number {
  const soFar = all.stable.total > 0 ? shareUpper(all.stable, boundAlpha) : 0;
  const now = stable.bad > 0 ? shareUpper(stable, boundAlpha) : 0;
  const fine = Math.max(ceiling / planDefaults.ceilingMargin, soFar, now);
  return fine >= ceiling * planDefaults.ceilingNear ? ceiling : fine;
}
