/** What the reasons about a counted signal are worked out from, and how its numbers are written. */
import type { ComparedCounts } from "../statistics.ts";
import { excessBad } from "../statistics.ts";
import type { Tally } from "./tally.ts";
import type { CountedReading, CountedSignal, Plan, SloState } from "./types.ts";
import { percent, short } from "./words.ts";

export interface Reading {
  readonly plan: Plan;
  readonly signal: CountedSignal;
  readonly slo: SloState;
  readonly tally: Tally;
  readonly reading: CountedReading;
  readonly nowMs: number;
}

/** `errors 31 % vs 0.1 % stable (9 of 29)`; orders as events for a hundred requests. */
export function versus({ signal }: Pick<Reading, "signal">, { canary, stable }: ComparedCounts): string {
  const own = canary.total > 0 ? percent(canary.bad / canary.total) : "no data";
  const other = stable.total > 0 ? `${percent(stable.bad / stable.total)} stable` : "no stable traffic";
  const counted = `(${short(canary.bad)} ${signal.kind === "kpi" ? "for" : "of"} ${short(canary.total)})`;
  return `${signal.name} ${own} vs ${other} ${counted}`;
}

/** The step's numbers where they show the harm, else those of the whole rollout. */
export function worse(step: ComparedCounts, all: ComparedCounts): ComparedCounts {
  return step.canary.bad > 0 && excessBad(step) > 0 ? step : all;
}
