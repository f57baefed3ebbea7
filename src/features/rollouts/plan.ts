/** The plan of a rollout: the catalog's strategy, narrowed by what was typed, kept with the rollout. Pure. */
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog, DataMigration, NoVerdict, RolloutStep, Signal, WarmUp } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { ManagedBy } from "../../providers/traffic/contract.ts";
import { type Expected, expectedOf } from "./expected.ts";
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
  /** What happens to a step that could not be judged for so long; absent in plans of earlier releases. */
  readonly noVerdict?: NoVerdict | undefined;
  /** Part of the period's error budget the rollout may use; absent in plans of earlier releases. */
  readonly budgetSpendMax?: number | undefined;
  readonly warmUp?: WarmUp | undefined;
  /** The engine starts the version's processes itself, with its first share. */
  readonly isStartedByShare?: boolean | undefined;
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
  readonly isStartedByShare?: boolean | undefined;
  /** Events per second of the service's rarest critical signal; undefined: not known. */
  readonly ratePerSec?: number | undefined;
}

const budgetSpendUsualPercent = 2;

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
      ...(options.isStartedByShare ? { isStartedByShare: true } : {}),
      ...(strategy.warmUp ? { warmUp: strategy.warmUp } : {}),
      expected,
      ...(strategy.noVerdict ? { noVerdict: strategy.noVerdict } : {}),
      // A catalog put in force by an earlier release says nothing of it.
      budgetSpendMax: (catalog.policies.rollout.maxBudgetSpendPercent ?? budgetSpendUsualPercent) / 100,
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
