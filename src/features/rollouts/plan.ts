/** The plan of a rollout: the catalog's strategy, narrowed by what was typed, kept with the rollout. Pure. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog, DataMigration, RolloutStep, RolloutStrategy, Signal } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { Plan as JudgePlan, Signal as JudgeSignal, PlanStep } from "./judge.ts";

export interface RolloutPlan {
  readonly catalogDigest: string;
  readonly steps: readonly RolloutStep[];
  readonly intervalMs: number;
  readonly watchMs: number;
  /** Data younger than this may not be complete yet. */
  readonly lagMs: number;
  readonly budgetLeftMin: number;
  /** Why it goes in smaller, longer steps than the catalog's, if it does. */
  readonly careful?: string | undefined;
  readonly signals: readonly Signal[];
  /** The data migration the version brings, with its reversal. */
  readonly migration?: DataMigration | undefined;
}

export interface PlanOptions {
  /** Percent, rising, the last 100. */
  readonly steps?: readonly number[] | undefined;
  readonly holdMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
}

/** What little budget left asks of the plan. */
export interface Care {
  readonly why: string;
  readonly holdFactor: number;
  readonly stepMaxPercent: number;
  /** A lead has looked at how little is left: what is left does not hold the steps, only what is spent does. */
  readonly isApproved: boolean;
}

/**
 * The catalog's strategy with what was typed. Options only narrow it: steps are the catalog's or come between them,
 * a step lasts longer, never shorter, and the deadline stays below the policy's.
 */
export function planRollout(
  catalog: Catalog,
  service: string,
  options: PlanOptions & {
    readonly catalogDigest: string;
    readonly lagMs: number;
    readonly care?: Care | undefined;
    readonly migration?: DataMigration | undefined;
  },
): Decision<{ plan: RolloutPlan; deadlineMs: number }> {
  const strategy = lookup.rolloutStrategyOf(catalog, service);
  const { migration } = options;
  if (migration !== undefined && migration.reversal === undefined)
    return refuse({
      rule: "migration-reversal-known",
      message: `This version of ${service} brings data migration ${migration.id}${migration.note ? ` (${migration.note})` : ""} and does not say how it is undone, so there would be no way back.`,
      hint: "Missing: migration.reversal, in the catalog's entry of the version or in POST /hooks/deploys with the version.",
    });
  const chosen = options.steps === undefined ? allow(strategy.steps) : chooseSteps(strategy, options.steps);
  if (!chosen.ok) return chosen;
  const held = holdSteps(chosen.value, options.holdMs);
  if (!held.ok) return held;
  const { care } = options;
  const deadlineMax = catalog.policies.rollout.deadlineMax;
  const longestMs = Math.min(options.deadlineMs ?? deadlineMax, deadlineMax);
  const steps = care ? within(carefulSteps(held.value, care), held.value, longestMs) : held.value;
  // Longer steps have longer to end in, unless somebody said how long.
  const usualMs = (strategy.deadline * lastsMs(steps)) / lastsMs(held.value);
  const deadlineMs = options.deadlineMs ?? Math.min(Math.ceil(usualMs), deadlineMax);
  if (deadlineMs > deadlineMax)
    return refuse({
      rule: "deadline-within-policy",
      message: `A rollout may take ${formatDuration(deadlineMax)} at most, not ${formatDuration(deadlineMs)}.`,
      hint: `Write --deadline ${formatDuration(deadlineMax)} or less.`,
    });
  const shortestMs = lastsMs(steps);
  if (deadlineMs <= shortestMs)
    return refuse({
      rule: "deadline-too-short",
      message: `The steps alone take ${formatDuration(shortestMs)}; with a deadline of ${formatDuration(deadlineMs)} it would be reverted before its end.`,
      hint: "Give it a longer --deadline or fewer --steps.",
    });
  const signals = lookup.signalsOf(catalog, service);
  return allow({
    deadlineMs,
    plan: {
      catalogDigest: options.catalogDigest,
      steps,
      intervalMs: strategy.interval,
      watchMs: strategy.watch,
      lagMs: options.lagMs,
      budgetLeftMin: care?.isApproved ? 0 : catalog.policies.rollout.minBudgetLeftPercent / 100,
      ...(care ? { careful: care.why } : {}),
      ...(migration ? { migration } : {}),
      signals,
    },
  });
}

function chooseSteps({ steps }: RolloutStrategy, weights: readonly number[]): Decision<RolloutStep[]> {
  const declared = steps.map(({ weightPercent }) => weightPercent);
  const shown = declared.join(",");
  if (weights.at(-1) !== 100)
    return refuse({
      rule: "steps-end-at-100",
      message: `The last step must be 100 percent, not ${weights.at(-1)}.`,
      hint: `The catalog's are ${shown}; to stop halfway, pause.`,
    });
  if (declared.length > 1 && weights.length === 1)
    return refuse({
      rule: "steps-only-narrow",
      message: "100 percent at once would judge nothing before everybody has it.",
      hint: `The catalog's steps are ${shown}; leave some out or put some between.`,
    });
  const odd = weights.find((weight) => Math.abs(weight * 100 - Math.round(weight * 100)) > 1e-6);
  if (odd !== undefined)
    return refuse({
      rule: "steps-two-decimals",
      message: `${odd} percent is finer than traffic can be split.`,
      hint: "Two decimals at most.",
    });
  // A weight the catalog does not have is judged as strictly as the next larger one it has.
  return allow(
    weights.map((weightPercent) => ({
      ...(steps.find((step) => step.weightPercent >= weightPercent) as RolloutStep),
      weightPercent,
    })),
  );
}

function holdSteps(
  steps: readonly RolloutStep[],
  holdMs: number | undefined,
): Decision<readonly RolloutStep[]> {
  if (holdMs === undefined) return allow(steps);
  const shortestMs = Math.min(...steps.map(({ minDuration }) => minDuration));
  if (holdMs < shortestMs)
    return refuse({
      rule: "hold-only-longer",
      message: `Each step lasts ${formatDuration(shortestMs)} at least; --hold ${formatDuration(holdMs)} would shorten it.`,
      hint: "Leave --hold out or give a longer one.",
    });
  return allow(steps.map((step) => ({ ...step, minDuration: Math.max(step.minDuration, holdMs) })));
}

const lastsMs = (of: readonly RolloutStep[]): number => of.reduce((sum, step) => sum + step.minDuration, 0);

/** Part of the longest deadline that careful steps may fill. */
const carefulPartMax = 0.75;

/** Care makes no plan impossible: steps too long for the longest deadline are shortened, never below what they were. */
function within(
  steps: readonly RolloutStep[],
  usual: readonly RolloutStep[],
  longestMs: number,
): readonly RolloutStep[] {
  const mayLastMs = Math.max(lastsMs(usual), longestMs * carefulPartMax);
  const factor = Math.min(1, mayLastMs / lastsMs(steps));
  return steps.map((step) => ({ ...step, minDuration: Math.floor(step.minDuration * factor) }));
}

/**
 * Longer steps, with others between so that none adds more than `stepMaxPercent`: evenly, each judged as strictly as the
 * step it leads to.
 */
export function carefulSteps(
  steps: readonly RolloutStep[],
  { holdFactor, stepMaxPercent }: Pick<Care, "holdFactor" | "stepMaxPercent">,
): RolloutStep[] {
  return steps.flatMap((step, index) => {
    const before = steps[index - 1]?.weightPercent ?? 0;
    const pieces = Math.ceil((step.weightPercent - before) / stepMaxPercent - 1e-9);
    return Array.from({ length: pieces }, (_, piece) => ({
      ...step,
      weightPercent:
        piece === pieces - 1
          ? step.weightPercent
          : Math.round(100 * (before + ((step.weightPercent - before) * (piece + 1)) / pieces)) / 100,
      minDuration: Math.round(step.minDuration * holdFactor),
    }));
  });
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
  const steps = plan.steps.map(
    (step): PlanStep => ({
      weightPercent: step.weightPercent,
      minDurationSec: step.minDuration / 1_000,
      minSamples: step.minSamples,
      ...(step.upperBoundMax === undefined ? {} : { harmRatioMax: step.upperBoundMax }),
      ...(step.shareUpperMax === undefined ? {} : { shareUpperMax: step.shareUpperMax }),
    }),
  );
  return {
    steps,
    ...at,
    signals: plan.signals.flatMap(judgeSignalOf),
    staleAfterSec,
    budgetLeftMin: plan.budgetLeftMin,
    // Its steps are longer already.
    ...(plan.careful === undefined ? {} : { cautionFactor: 1 }),
  };
}

/** Counts are tested, levels have limits; a rate says nothing about harm and is only shown. */
function judgeSignalOf(signal: Signal): JudgeSignal[] {
  const { name, weight: role } = signal;
  switch (signal.kind) {
    case "ratio":
      return [{ kind: "ratio", name, role, ceilingRatio: signal.ceilingRatio }];
    case "quantile":
      return isCounted(signal) ? [{ kind: "latency", name, role, ceilingRatio: signal.ceilingRatio }] : [];
    case "gauge": {
      const holdAbove = signal.direction === "higher-is-worse" ? signal.ceiling : undefined;
      return [
        { kind: "gauge", name, role, unit: signal.unit, ...(holdAbove === undefined ? {} : { holdAbove }) },
      ];
    }
    case "rate":
      return [];
  }
}

/** Whether a signal's events can be counted as good and bad: a quantile needs the bound past which one is slow. */
export function isCounted(signal: Signal): boolean {
  return signal.kind === "ratio" || (signal.kind === "quantile" && signal.slowAbove !== undefined);
}
