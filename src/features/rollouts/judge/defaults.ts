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

/** What part of alpha each test of a signal may use. */
export interface TestParts {
  readonly relative: number;
  readonly ceiling: number;
}

const none: TestParts = { relative: 0, ceiling: 0 };

/**
 * Alpha in parts that sum to 1: one for each critical counted signal's ceiling, the rest for the comparisons with
 * stable, by the signals' shares. Signals not in it are not tested.
 */
export function testParts(plan: Plan): ReadonlyMap<string, TestParts> {
  const tested = plan.signals.filter(
    (signal): signal is CountedSignal => signal.kind !== "gauge" && signal.role === "critical",
  );
  const ceilings = tested.filter((signal) => ceilingOf(signal) !== null).length;
  const { ceilingPart } = planDefaults;
  const ceiling = ceilings === 0 ? 0 : Math.min(ceilingPart, (2 * ceilingPart) / ceilings);
  const shares = tested.reduce((sum, { alphaShare = 1 }) => sum + alphaShare, 0);
  const relative = 1 - ceiling * ceilings;
  return new Map(
    tested.map((signal) => [
      signal.name,
      {
        relative: shares > 0 ? (relative * (signal.alphaShare ?? 1)) / shares : 0,
        ceiling: ceilingOf(signal) === null ? 0 : ceiling,
      },
    ]),
  );
}

export const partsOf = (parts: ReadonlyMap<string, TestParts>, { name }: CountedSignal): TestParts =>
  parts.get(name) ?? none;
