/** A rollout's plan as the judge reads it, and which of its signals can be judged how. Pure. */
import type { Signal } from "../../catalog/schema.ts";
import type {
  CountedSignal,
  GaugeSignal,
  Plan as JudgePlan,
  Signal as JudgeSignal,
  PlanStep,
  Samples,
  SloState,
} from "./judge.ts";
import { type Judged, previewPlanOf } from "./model.ts";
import type { RolloutPlan } from "./plan.ts";
import { judgeSamplesOf, type Sample } from "./samples.ts";

export interface JudgeInput {
  readonly plan: JudgePlan;
  readonly samples: Samples;
  readonly slo: SloState;
}

/** A rollout's samples with what was known besides: everything a verdict rests on. */
export function judgeInputOf(plan: RolloutPlan, judged: Judged, samples: readonly Sample[]): JudgeInput {
  const { stepIndex, stepStartedAtMs, deadlineAtMs, atMs, slo, health, alerts } = judged;
  const at = { stepIndex, stepStartedAt: new Date(stepStartedAtMs), deadlineAt: new Date(deadlineAtMs) };
  const read = judgeSamplesOf(samples, new Date(atMs));
  const isPreview = plan.steps[stepIndex]?.weightPercent === 0;
  return {
    plan: judgePlanOf(isPreview ? previewPlanOf(plan) : plan, at),
    samples: { ...read, alerts, ...(health === undefined ? {} : { health }) },
    slo,
  };
}

const staleBins = 10;
const staleSec = { min: 30, max: 300 };

/** The plan as the judge reads it. */
export function judgePlanOf(
  plan: RolloutPlan,
  at: { stepIndex: number; stepStartedAt: Date; deadlineAt: Date },
): JudgePlan {
  const staleAfterSec = Math.min(
    staleSec.max,
    Math.max(staleSec.min, (staleBins * plan.intervalMs + 2 * plan.lagMs) / 1_000),
  );
  const steps = plan.steps.map((step, index): PlanStep => {
    const expectedMs = plan.expected?.steps[index]?.ms ?? null;
    return {
      weightPercent: step.weightPercent,
      minDurationSec: step.minDuration / 1_000,
      ...(expectedMs === null ? {} : { expectedSec: expectedMs / 1_000 }),
      minSamples: step.minSamples,
      ...(step.upperBoundMax === undefined ? {} : { harmRatioMax: step.upperBoundMax }),
      ...(step.shareUpperMax === undefined ? {} : { shareUpperMax: step.shareUpperMax }),
    };
  });
  const { noVerdict, budgetSpendMax } = plan;
  return {
    steps,
    ...at,
    signals: plan.signals.flatMap((signal) => judgeSignalOf(signal, plan.signals)),
    staleAfterSec,
    budgetLeftMin: plan.budgetLeftMin,
    ...(budgetSpendMax === undefined ? {} : { budgetSpendMax }),
    ...(noVerdict === undefined ? {} : { askAfterSec: noVerdict.after / 1_000, onTimeUp: noVerdict.do }),
    // Its steps are longer already.
    ...(plan.careful === undefined ? {} : { cautionFactor: 1 }),
  };
}

function judgeSignalOf(signal: Signal, all: readonly Signal[]): JudgeSignal[] {
  const { name, weight: role, harmAllowed, noData } = signal;
  const base = {
    name,
    role,
    ...(harmAllowed === undefined ? {} : { harmAllowed: definedOf(harmAllowed) }),
    ...(noData === undefined ? {} : { noData }),
  };
  switch (signal.kind) {
    case "ratio":
      return [{ ...base, kind: "ratio", ceilingRatio: signal.ceilingRatio } satisfies CountedSignal];
    case "quantile":
      return countsEvents(signal)
        ? [{ ...base, kind: "latency", ceilingRatio: signal.ceilingRatio } satisfies CountedSignal]
        : [];
    case "rate":
      return signal.direction === "neutral" || exposureOf(signal, all) === undefined
        ? []
        : [{ ...base, kind: "kpi", direction: signal.direction } satisfies CountedSignal];
    case "gauge": {
      const { direction, ceiling, unit } = signal;
      const isLimited = direction !== "neutral" && ceiling !== undefined;
      return [
        {
          ...base,
          kind: "gauge",
          unit,
          ...(direction === "neutral" ? { isCompared: false } : { direction }),
          ...(isLimited ? { haltAbove: ceiling } : {}),
        } satisfies GaugeSignal,
      ];
    }
  }
}

const definedOf = ({ relative, absolute }: NonNullable<Signal["harmAllowed"]>) => ({
  ...(relative === undefined ? {} : { relative }),
  ...(absolute === undefined ? {} : { absolute }),
});

/** Whether a signal counts good and bad events itself: a quantile needs the bound past which one is slow. */
export const countsEvents = (signal: Signal): boolean =>
  signal.kind === "ratio" || (signal.kind === "quantile" && signal.slowAbove !== undefined);

/**
 * The ratio signal whose requests a rate's events are judged by: the one it names, or the first. None for a rate that
 * counts those very requests, which are as many as the weight says.
 */
export function exposureOf(signal: Signal, all: readonly Signal[]): Signal | undefined {
  if (signal.kind !== "rate") return undefined;
  const requests = all.find(
    ({ kind, name }) => kind === "ratio" && (signal.per === undefined || name === signal.per),
  );
  const isItself =
    requests?.kind === "ratio" && JSON.stringify(requests.total) === JSON.stringify(signal.counter);
  return isItself ? undefined : requests;
}
