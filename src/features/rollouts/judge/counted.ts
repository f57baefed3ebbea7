import { boostedEOf, eOf } from "../evidence.ts";
import type { ComparedCounts } from "../statistics.ts";
import { shareUpper } from "../statistics.ts";
import {
  ceilingOf,
  currentStep,
  harmRatioMaxOf,
  isLowerWorse,
  planDefaults,
  shareUpperMaxOf,
  type TestParts,
} from "./defaults.ts";
import { holdsOf, mentionsOf } from "./holds.ts";
import type { Opinion, Test } from "./opinion.ts";
import { isProven, type ProofLimits, ratioUpper, withStable } from "./proof.ts";
import { type Reading, versus, worse } from "./reading.ts";
import { type JudgeMemory, type Tally, tallyOf } from "./tally.ts";
import type { CountedReading, CountedSignal, Plan, Reason, Samples, SloState } from "./types.ts";
import { percent, short } from "./words.ts";

export interface CountedOpinion extends Opinion<CountedReading> {
  /** Bad events of the canary beyond stable's share, of those that spend the error budget. */
  readonly spent: number;
  /** The canary has had an event that is bad at all. */
  readonly isTouched: boolean;
}

export function judgeCounted(
  plan: Plan,
  signal: CountedSignal,
  samples: Samples,
  slo: SloState,
  parts: TestParts,
  memory: JudgeMemory | undefined,
): CountedOpinion {
  const nowMs = samples.now.getTime();
  const limits = limitsOf(plan, signal, slo);
  const tally = tallyOf(
    signal.name,
    samples.counts[signal.name] ?? [],
    {
      isKpi: signal.kind === "kpi",
      isLowerWorse: limits.isLowerWorse,
      harmAllowed: signal.harmAllowed,
      ceiling: signal.role === "critical" ? ceilingOf(signal) : null,
      limit: parts.relative > 0 ? 1 / (parts.relative * (plan.alpha ?? planDefaults.alpha)) : null,
      stepStartMs: plan.stepStartedAt.getTime(),
      limits,
    },
    nowMs,
    memory,
  );
  const reading = readingOf(plan, signal, slo, tally, limits, parts.relative);
  const found: Reading = { plan, signal, slo, tally, reading, nowMs };
  const none = { reading, halts: [], holds: [], mentions: [], tests: [], spent: 0, isTouched: false };
  if (signal.role === "advisory") return { ...none, mentions: mentionsOf(found) };
  const isSpent = signal.isBudgetSpent ?? signal.kind === "ratio";
  return {
    ...none,
    holds: holdsOf(found),
    halts: noDataHalts(found),
    tests: testsOf(found, parts),
    spent: isSpent ? Math.max(0, tally.excess) : 0,
    isTouched: limits.isLowerWorse || tally.all.canary.bad > 0,
  };
}

function limitsOf(plan: Plan, signal: CountedSignal, slo: SloState): ProofLimits {
  const step = currentStep(plan);
  return {
    minSamples: step.minSamples ?? planDefaults.minSamples,
    alpha: 1 - (step.confidence ?? planDefaults.confidence),
    harmRatioMax: harmRatioMaxOf(plan),
    shareUpperMax: shareUpperMaxOf(step, signal, slo.budgetRatio),
    isLowerWorse: isLowerWorse(signal),
  };
}

function readingOf(
  plan: Plan,
  signal: CountedSignal,
  slo: SloState,
  { all, step, relative, proof, dropped, lastEndMs }: Tally,
  limits: ProofLimits,
  part: number,
): CountedReading {
  const { canary, stable } = step;
  const upper = ratioUpper(withStable(step, all.stable), limits.alpha, limits.isLowerWorse);
  const share = canary.total > 0 ? canary.bad / canary.total : null;
  const own = canary.total > 0 && signal.kind !== "kpi" ? shareUpper(canary, limits.alpha) : null;
  return {
    kind: signal.kind,
    name: signal.name,
    role: signal.role,
    canary: { ...canary, ratio: share },
    stable: { ...stable, ratio: stable.total > 0 ? stable.bad / stable.total : null },
    e: boostedEOf(relative),
    eLimit: part > 0 ? 1 / (part * (plan.alpha ?? planDefaults.alpha)) : null,
    rateRatioUpper: Number.isFinite(upper) ? upper : null,
    shareUpper: own,
    canaryBurn:
      share !== null && slo.budgetRatio !== null && signal.kind === "ratio" ? share / slo.budgetRatio : null,
    isProven: isProven(proof, { ratioUpper: upper, shareUpper: own ?? 1 }, limits),
    droppedBins: dropped,
    lastBinEndMs: lastEndMs,
  };
}

function testsOf(found: Reading, parts: TestParts): Test[] {
  const { signal, tally, reading } = found;
  const { all, step } = tally;
  const hasData = reading.lastBinEndMs !== null;
  const base = { signal: signal.name, hasData };
  const tests: Test[] = [
    {
      ...base,
      code: "relative-harm",
      e: reading.e,
      plainE: eOf(tally.relative),
      part: parts.relative,
      words: () => `${versus(found, worse(step, all))}, E ${short(reading.e)}`,
    },
  ];
  const ceiling = ceilingOf(signal);
  if (ceiling !== null && parts.ceiling > 0)
    tests.push({
      ...base,
      code: "ceiling",
      e: eOf(tally.ceiling),
      plainE: eOf(tally.ceiling),
      part: parts.ceiling,
      words: () =>
        `${versus(found, isAbove(step, ceiling) ? step : all)}, above the ceiling of ${percent(ceiling)}`,
    });
  return tests;
}

/** A signal whose silence goes back: once a step is old enough that it should have spoken. */
function noDataHalts({ plan, signal, reading, nowMs }: Reading): Reason[] {
  if (signal.noData !== "revert") return [];
  const sinceMs = Math.max(reading.lastBinEndMs ?? 0, plan.stepStartedAt.getTime());
  const silentSec = (nowMs - sinceMs) / 1000;
  if (silentSec <= (plan.staleAfterSec ?? planDefaults.staleAfterSec)) return [];
  return [
    {
      code: "no-data",
      signal: signal.name,
      sentence: `${signal.name}: no data, by its policy a reason to go back`,
    },
  ];
}

const isAbove = ({ canary }: ComparedCounts, ceiling: number): boolean =>
  canary.total > 0 && canary.bad / canary.total >= ceiling;
