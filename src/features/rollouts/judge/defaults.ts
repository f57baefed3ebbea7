import type { CountedSignal, Plan, PlanStep } from "./types.ts";

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
  /** The ceiling test's own chances: halting what is fine, missing what is not. */
  ceilingAlpha: 0.001,
  ceilingBeta: 0.1,
  /** A share this many times below the ceiling is fine. */
  ceilingMargin: 5,
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
  const ofStep =
    typeof step.shareUpperMax === "object" ? step.shareUpperMax[signal.name] : step.shareUpperMax;
  return ofStep ?? signal.shareUpperMax ?? (signal.kind === "ratio" ? budgetRatio : null);
}

export function ceilingOf(signal: CountedSignal): number | null {
  if (signal.ceilingRatio !== undefined) return signal.ceilingRatio;
  return signal.kind === "ratio" ? planDefaults.ceilingRatio : null;
}

/** The plan's alpha split over its critical counted signals by their shares; 0 for every other signal. */
export function alphaOf(plan: Plan, signal: CountedSignal): number {
  if (signal.role !== "critical") return 0;
  const shares = plan.signals.reduce(
    (sum, other) =>
      other.kind === "gauge" || other.role !== "critical" ? sum : sum + (other.alphaShare ?? 1),
    0,
  );
  return shares > 0 ? ((plan.alpha ?? planDefaults.alpha) * (signal.alphaShare ?? 1)) / shares : 0;
}
