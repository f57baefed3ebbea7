/** The plan of a rollout: the catalog's strategy, narrowed by what was typed, kept with the rollout. Pure. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog, DataMigration, RolloutStep, Signal, WarmUp } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { ManagedBy } from "../../providers/traffic/contract.ts";
import { type Expected, expectedOf } from "./expected.ts";
import type { Plan as JudgePlan, Signal as JudgeSignal, PlanStep } from "./judge.ts";
import { type Care, carefulSteps, chooseSteps, holdSteps, lastsMs, possibleSteps } from "./plan-steps.ts";

export interface RolloutPlan {
  readonly catalogDigest: string;
  /** A canary where a plan of an earlier release does not say. */
  readonly strategy?: "canary" | "blueGreen" | undefined;
  readonly steps: readonly RolloutStep[];
  readonly intervalMs: number;
  readonly watchMs: number;
  /** Data younger than this may not be complete yet. */
  readonly lagMs: number;
  readonly budgetLeftMin: number;
  /** Why it goes in smaller, longer steps than the catalog's, if it does. */
  readonly careful?: string | undefined;
  readonly signals: readonly Signal[];
  readonly warmUp?: WarmUp | undefined;
  /** How long it takes at the traffic there was when it was planned. */
  readonly expected?: Expected | undefined;
  /** The data migration the version brings, with its reversal. */
  readonly migration?: DataMigration | undefined;
  /** Who else keeps the service's objects as they are declared somewhere, and what that means for a revert. */
  readonly managed?: { readonly by: ManagedBy; readonly means: string } | undefined;
}

export interface PlanOptions {
  /** Percent, rising, the last 100. */
  readonly steps?: readonly number[] | undefined;
  readonly holdMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
}

/** What was found of a service before its rollout is planned. */
export interface PlanFacts {
  readonly catalogDigest: string;
  readonly lagMs: number;
  readonly care?: Care | undefined;
  readonly migration?: DataMigration | undefined;
  /** Shares that the traffic can be split by; null or left out: any. */
  readonly weights?: readonly number[] | null | undefined;
  /** Events per second of the service's rarest critical signal; undefined: not known. */
  readonly ratePerSec?: number | undefined;
}

/** Part of a deadline that a lengthened rollout is expected to fill. */
const expectedPartMax = 0.75;

/**
 * The catalog's strategy with what was typed. Options only narrow it: steps are the catalog's or come between them,
 * a step lasts longer, never shorter, and the deadline stays below the policy's. Where little traffic makes the steps
 * longer than the usual deadline, that grows with them, up to the policy's.
 */
export function planRollout(
  catalog: Catalog,
  service: string,
  options: PlanOptions & PlanFacts,
): Decision<{ plan: RolloutPlan; deadlineMs: number }> {
  const strategy = lookup.rolloutStrategyOf(catalog, service);
  const { migration, care, weights = null } = options;
  if (migration !== undefined && migration.reversal === undefined) return noReversal(service, migration);
  const chosen = options.steps === undefined ? allow(strategy.steps) : chooseSteps(strategy, options.steps);
  if (!chosen.ok) return chosen;
  const possible = possibleSteps(strategy, chosen.value, weights, options.steps !== undefined);
  if (!possible.ok) return possible;
  const held = holdSteps(possible.value, options.holdMs);
  if (!held.ok) return held;
  const { deadlineMax } = catalog.policies.rollout;
  const longestMs = Math.min(options.deadlineMs ?? deadlineMax, deadlineMax);
  const steps = care ? carefulSteps(strategy, held.value, care, { weights, longestMs }) : held.value;
  const reading = { intervalMs: strategy.interval, lagMs: options.lagMs };
  const expected = expectedOf(steps, reading, options.ratePerSec);
  // Longer steps have longer to end in, unless somebody said how long.
  const usualMs = (strategy.deadline * lastsMs(steps)) / lastsMs(held.value);
  const expectedMs = expected.ratePerSec === null ? 0 : (expected.totalMs ?? 0);
  const neededMs = Math.max(usualMs, expectedMs / expectedPartMax);
  const deadlineMs = options.deadlineMs ?? Math.min(Math.ceil(neededMs), deadlineMax);
  const timely = checkDeadline(deadlineMs, lastsMs(steps), deadlineMax);
  if (!timely.ok) return timely;
  return allow({
    deadlineMs,
    plan: {
      catalogDigest: options.catalogDigest,
      strategy: strategy.strategy,
      steps,
      ...reading,
      watchMs: strategy.watch,
      budgetLeftMin: care?.isApproved ? 0 : catalog.policies.rollout.minBudgetLeftPercent / 100,
      ...(care ? { careful: care.why } : {}),
      ...(migration ? { migration } : {}),
      ...(strategy.warmUp ? { warmUp: strategy.warmUp } : {}),
      expected,
      signals: lookup.signalsOf(catalog, service),
    },
  });
}

const noReversal = (service: string, { id, note }: DataMigration): Decision<never> =>
  refuse({
    rule: "migration-reversal-known",
    message: `This version of ${service} brings data migration ${id}${note ? ` (${note})` : ""} and does not say how it is undone, so there would be no way back.`,
    hint: "Missing: migration.reversal, in the catalog's entry of the version or in POST /hooks/deploys with the version.",
  });

function checkDeadline(deadlineMs: number, leastMs: number, deadlineMax: number): Decision<undefined> {
  if (deadlineMs > deadlineMax)
    return refuse({
      rule: "deadline-within-policy",
      message: `A rollout may take ${formatDuration(deadlineMax)} at most, not ${formatDuration(deadlineMs)}.`,
      hint: `Write --deadline ${formatDuration(deadlineMax)} or less.`,
    });
  if (deadlineMs <= leastMs)
    return refuse({
      rule: "deadline-too-short",
      message: `The steps alone take ${formatDuration(leastMs)}; with a deadline of ${formatDuration(deadlineMs)} it would be reverted before its end.`,
      hint: "Give it a longer --deadline or fewer --steps.",
    });
  return allow(undefined);
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
