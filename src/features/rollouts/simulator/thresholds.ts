/**
 * The first rival: fixed thresholds, as an Argo Rollouts AnalysisTemplate has them. Pure.
 *
 * Each metric is measured at every look. A measurement that does not meet its success condition has failed; NaN meets
 * none. More failures than `failureLimit`, counted over the whole analysis and not in a row, abort the rollout.
 * Source: Argo Rollouts documentation, "Analysis & Progressive Delivery", and its metric evaluation.
 */
import { directions, type Readings, type SignalName, signalNames } from "./readings.ts";
import type { World } from "./world.ts";

export interface ThresholdRule {
  /** A number, or so many times what the service usually shows, or what stable shows over the same stretch. */
  readonly limit:
    | { readonly absolute: number }
    | { readonly ofUsual: number }
    | { readonly ofStable: number };
  /** Range of the query, in looks. */
  readonly windowLooks: number;
  readonly failureLimit: number;
  /**
   * Fewer canary requests than this in the range: the measurement succeeds, as a condition with a guard has it.
   * 0: no guard, and a range without a request is NaN and fails.
   */
  readonly requestsMin: number;
}

export type Thresholds = Readonly<Partial<Record<SignalName, ThresholdRule>>>;

/**
 * What the two projects' own examples say: success rate at least 95 %, three failures allowed (Argo Rollouts), request
 * duration at most 500 ms (Flagger). Neither has one for domain events or memory.
 */
export const defaultThresholds: Thresholds = {
  errors: { limit: { absolute: 0.05 }, windowLooks: 1, failureLimit: 3, requestsMin: 0 },
  latency: { limit: { absolute: 500 }, windowLooks: 1, failureLimit: 3, requestsMin: 0 },
};

/** The look at which the rollout is aborted, counted from 0; undefined: never. */
export function abortAt(
  readings: Readings,
  thresholds: Thresholds,
  usual: World["usual"],
): number | undefined {
  const looks = signalNames.flatMap((signal) => {
    const rule = thresholds[signal];
    if (rule === undefined) return [];
    return failedLooks(readings, signal, rule, usual, rule.failureLimit + 1)[rule.failureLimit] ?? [];
  });
  return looks.length === 0 ? undefined : Math.min(...looks);
}

type Measurement = Omit<ThresholdRule, "failureLimit">;

/** The first `count` looks at which one metric's measurement fails. */
export function failedLooks(
  readings: Readings,
  signal: SignalName,
  measurement: Measurement,
  usual: World["usual"],
  count: number,
): number[] {
  const failed: number[] = [];
  for (let at = 0; at < readings.looks && failed.length < count; at += 1) {
    if (!succeeds(readings, signal, measurement, usual, at)) failed.push(at);
  }
  return failed;
}

function succeeds(
  readings: Readings,
  signal: SignalName,
  { limit, windowLooks, requestsMin }: Measurement,
  usual: World["usual"],
  at: number,
): boolean {
  if (signal !== "memory" && readings.requests("canary", at, windowLooks) < requestsMin) return true;
  const value = readings.value(signal, "canary", at, windowLooks);
  const bound =
    "absolute" in limit
      ? limit.absolute
      : "ofUsual" in limit
        ? limit.ofUsual * usualOf(usual, signal)
        : limit.ofStable * readings.value(signal, "stable", at, windowLooks);
  // A service without orders or memory has no such metric, and a stable without data nothing to compare with.
  if (Number.isNaN(bound)) return true;
  return directions[signal] === "increase" ? value <= bound : value >= bound;
}

export function usualOf(usual: World["usual"], signal: SignalName): number {
  switch (signal) {
    case "errors":
      return usual.errors;
    case "latency":
      return usual.p99Ms;
    case "orders":
      return usual.orders > 0 ? usual.orders : Number.NaN;
    case "memory":
      return usual.memory > 0 ? usual.memory : Number.NaN;
  }
}
