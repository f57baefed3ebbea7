import type { CountedSignal, GaugeSignal, Plan, PlanStep, Signal } from "./types.ts";

/**
 * What a plan that says nothing is judged by. False-alarm rates, sample sizes and bounds follow the usual
 * sequential designs (Wald; Ville's inequality); burn limits follow the SRE Workbook, chapter 5.
 */
export const planDefaults = {
  alpha: 0.01,
  minSamples: 500,
  confidence: 0.95,
  harmRatioMax: 3,
  harmRatioMaxLastStep: 1.5,
  ceilingRatio: 0.05,
  /** A share this many times below the ceiling is fine. */
  ceilingMargin: 5,
  /** Stable this near to the ceiling: only the comparison with it decides. */
  ceilingNear: 0.8,
  /** The ceilings' part of alpha: each this much, all together at most twice as much. */
  ceilingPart: 0.05,
  /** Of the limit: as much evidence makes a canary go back while the service burns, or while its own alerts fire. */
  suspectPart: 0.05,
  staleAfterSec: 300,
  askAfterSec: 1800,
  budgetSpendMax: 0.02,
  budgetLeftMin: 0.1,
  /** Below this much budget left a step takes `cautionFactor` times as long. */
  cautionLeft: 0.5,
  cautionFactor: 2,
  gaugeConsecutiveBins: 3,
  /** |z| of the traffic split: two-sided 0.001. */
  splitZMax: 3.29,
  /** What a router may be off by, as part of the weight: many requests make the smallest difference significant. */
  splitToleranceRatio: 0.1,
  /** A level may be this much worse than stable where nothing else is said. */
  levelHarmAllowed: 0.1,
  /** Readings a comparison of levels needs, how many of the newest it looks at, and its sign test's level. */
  compareBinsMin: 8,
  compareBinsMax: 40,
  compareAlpha: 0.01,
  /** More than this part of a step's bins dropped: the rest is not trusted. */
  droppedShareMax: 0.2,
} as const;

/** The step under judgement. @throws RangeError when the plan has no such step. */
export function currentStep(plan: Plan): PlanStep {
  const step = plan.steps[plan.stepIndex];
  if (!step) {
    throw new RangeError(`stepIndex ${plan.stepIndex} is outside the plan's ${plan.steps.length} steps`);
  }
  return step;
}

/** The last step is the last that can still be compared: a closing one at 100 % leaves stable no traffic. */
export function harmRatioMaxOf(plan: Plan): number {
  const isLast = plan.steps.slice(plan.stepIndex + 1).every(({ weightPercent }) => weightPercent >= 100);
  return (
    currentStep(plan).harmRatioMax ?? (isLast ? planDefaults.harmRatioMaxLastStep : planDefaults.harmRatioMax)
  );
}

export function shareUpperMaxOf(
  step: PlanStep,
  signal: CountedSignal,
  budgetRatio: number | null,
): number | null {
  if (signal.kind === "kpi") return null;
  const ofStep =
    typeof step.shareUpperMax === "object" ? step.shareUpperMax[signal.name] : step.shareUpperMax;
  return ofStep ?? signal.shareUpperMax ?? (signal.kind === "ratio" ? budgetRatio : null);
}

export function ceilingOf(signal: CountedSignal): number | null {
  if (isLowerWorse(signal)) return null;
  if (signal.ceilingRatio !== undefined) return signal.ceilingRatio;
  return signal.kind === "ratio" ? planDefaults.ceilingRatio : null;
}

export const isLowerWorse = (signal: CountedSignal): boolean =>
  (signal.direction ?? (signal.kind === "kpi" ? "lower-is-worse" : "higher-is-worse")) === "lower-is-worse";

export const isCompared = ({ isCompared: is, harmAllowed }: GaugeSignal): boolean =>
  is ?? harmAllowed !== undefined;

/** What part of alpha each test of a signal may use. */
export interface TestParts {
  /** Against stable. */
  readonly relative: number;
  readonly ceiling: number;
}

/**
 * Alpha in parts that sum to 1: small ones for the ceilings of critical counted signals, the rest for these signals
 * against stable, by their shares. Signals not in it are not tested.
 */
export function testParts(plan: Plan): (signal: Signal) => TestParts {
  const critical = plan.signals.filter(({ role }) => role === "critical");
  const counted = critical.filter((signal): signal is CountedSignal => signal.kind !== "gauge");
  const ceilings = counted.filter((signal) => ceilingOf(signal) !== null).length;
  const ceiling = eachOf(planDefaults.ceilingPart, ceilings);
  const shares = counted.reduce((sum, { alphaShare = 1 }) => sum + alphaShare, 0);
  const rest = 1 - ceiling * ceilings;
  return (signal) => {
    if (signal.role !== "critical" || signal.kind === "gauge") return { relative: 0, ceiling: 0 };
    return {
      relative: shares > 0 ? (rest * (signal.alphaShare ?? 1)) / shares : 0,
      ceiling: ceilingOf(signal) === null ? 0 : ceiling,
    };
  };
}

/** One of `count` small parts that together are at most two. */
const eachOf = (part: number, count: number): number =>
  count === 0 ? 0 : Math.min(part, (2 * part) / count);
