/** What happens at a simulated service, look by look: the truth of a scenario, and one run of chance on it. Pure. */
import { binomial, multinomial, normal, poisson, type Uniform } from "./random.ts";
import type { Change, Scenario } from "./scenario.ts";

/** What was measured of one side between two looks. */
export interface SideLook {
  readonly total: number;
  /** Failed requests. */
  readonly bad: number;
  /** Requests by latency: one count a bound, and a last one above all. Adds up to `total`. */
  readonly buckets: readonly number[];
  /** Null where the service has no such thing. */
  readonly orders: number | null;
  readonly memory: number | null;
}

export interface Look {
  /** Milliseconds since the first traffic. */
  readonly startMs: number;
  readonly endMs: number;
  readonly stepIndex: number;
  readonly canary: SideLook;
  readonly stable: SideLook;
  /**
   * Expected bad events on the canary's traffic beyond what stable's rates would have made of it: failed, slow, and
   * orders lost. From the truth and not from chance, so that it is never negative and no judge is lucky in it.
   */
  readonly harm: number;
}

interface SideTruth {
  readonly errors: number;
  readonly shares: readonly number[];
  /** Share beyond the bound of what is slow. */
  readonly slow: number;
  readonly orders: number;
  readonly memory: number;
}

/** One look's rates before chance. */
interface LookTruth {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepIndex: number;
  readonly weight: number;
  readonly requests: number;
  readonly canary: SideTruth;
  readonly stable: SideTruth;
}

export interface World {
  readonly scenario: Scenario;
  readonly looks: readonly LookTruth[];
  /** What the service is usually like: what whoever sets a fixed threshold knows. */
  readonly usual: {
    readonly errors: number;
    readonly p99Ms: number;
    readonly orders: number;
    readonly memory: number;
  };
  /** When the first change of the canary alone begins; 0 without one. */
  readonly harmFromMs: number;
}

/** Works out the truth of a scenario once for all its runs. */
export function createWorld(scenario: Scenario): World {
  const { plan, service } = scenario;
  const looks: LookTruth[] = [];
  let startMs = 0;
  plan.steps.forEach(({ weightPercent, lasts }, stepIndex) => {
    for (let at = 0; at < lasts; at += plan.lookEvery) {
      const endMs = startMs + plan.lookEvery;
      const middleMs = (startMs + endMs) / 2;
      looks.push({
        startMs,
        endMs,
        stepIndex,
        weight: weightPercent / 100,
        requests: (perMinute(scenario.traffic, middleMs) * plan.lookEvery) / 60_000,
        canary: sideTruth(scenario, "canary", middleMs),
        stable: sideTruth(scenario, "stable", middleMs),
      });
      startMs = endMs;
    }
  });
  const own = scenario.changes.filter(({ on }) => on === "canary").map(({ from }) => from);
  return {
    scenario,
    looks,
    usual: {
      errors: service.errorsPercent / 100,
      p99Ms: service.latency.p99Ms,
      orders: (service.ordersPer100 ?? 0) / 100,
      memory: service.memory?.mean ?? 0,
    },
    harmFromMs: own.length > 0 ? Math.min(...own) : 0,
  };
}

/** One run. Requests come as a Poisson process; each goes to the canary with the weight's probability. */
export function runWorld(world: World, uniform: Uniform): Look[] {
  const { service, plan } = world.scenario;
  const levels = {
    canary: createLevel(service.memory, plan.lookEvery, uniform),
    stable: createLevel(service.memory, plan.lookEvery, uniform),
  };
  const measure = (truth: SideTruth, total: number, level: Level): SideLook => ({
    total,
    bad: binomial(uniform, total, truth.errors),
    buckets: multinomial(uniform, total, truth.shares),
    orders: service.ordersPer100 === undefined ? null : binomial(uniform, total, truth.orders),
    memory: service.memory === undefined ? null : truth.memory * level(),
  });
  return world.looks.map(({ startMs, endMs, stepIndex, weight, requests, canary, stable }) => {
    const all = poisson(uniform, requests);
    const total = binomial(uniform, all, weight);
    const worse =
      Math.max(0, canary.errors - stable.errors) +
      Math.max(0, canary.slow - stable.slow) +
      Math.max(0, stable.orders - canary.orders);
    return {
      startMs,
      endMs,
      stepIndex,
      canary: measure(canary, total, levels.canary),
      stable: measure(stable, all - total, levels.stable),
      harm: total * worse,
    };
  });
}

/** The next reading of a level, as a factor of its mean. */
type Level = () => number;

/** An autoregressive walk of the logarithm, begun where it may be found at any moment. */
function createLevel(memory: Scenario["service"]["memory"], lookMs: number, uniform: Uniform): Level {
  if (memory === undefined) return () => 1;
  const kept = memory.persistence ** (lookMs / 60_000);
  const spread = memory.noisePercent / 100;
  let at = spread * normal(uniform);
  return () => {
    const now = Math.exp(at);
    at = kept * at + spread * Math.sqrt(1 - kept * kept) * normal(uniform);
    return now;
  };
}

function perMinute(traffic: Scenario["traffic"], atMs: number): number {
  if ("perMinute" in traffic) return traffic.perMinute;
  if ("low" in traffic) {
    const { low, high, period, peakAt } = traffic;
    return low + ((high - low) * (1 + Math.cos((2 * Math.PI * (atMs - peakAt)) / period))) / 2;
  }
  const points = [...traffic.points].sort((a, b) => a.at - b.at);
  const after = points.findIndex(({ at }) => at >= atMs);
  const next = points[after];
  const last = points[after - 1] ?? points.at(-1);
  if (!next || !last || after === 0) return (next ?? last)?.perMinute ?? 0;
  return last.perMinute + ((next.perMinute - last.perMinute) * (atMs - last.at)) / (next.at - last.at);
}

function sideTruth({ service, changes }: Scenario, side: "canary" | "stable", atMs: number): SideTruth {
  let errors = service.errorsPercent / 100;
  let { p50Ms, p99Ms } = service.latency;
  let orders = (service.ordersPer100 ?? 0) / 100;
  let memory = service.memory?.mean ?? 0;
  for (const change of changes) {
    const part = partOf(change, side, atMs);
    if (part === 0) continue;
    const grown = (factor: number | undefined) => 1 + part * ((factor ?? 1) - 1);
    errors *= grown(change.errorsFactor);
    if (change.errorsPercent !== undefined) errors += part * (change.errorsPercent / 100 - errors);
    if (change.endpoint !== undefined) {
      const { sharePercent, errorsPercent } = change.endpoint;
      errors += ((part * sharePercent) / 100) * (errorsPercent / 100 - errors);
    }
    p50Ms *= grown(change.latencyFactor);
    p99Ms *= grown(change.latencyFactor) * grown(change.p99Factor);
    orders *= grown(change.ordersFactor);
    memory *= grown(change.memoryFactor);
  }
  const shares = bucketShares(p50Ms, Math.max(p99Ms, p50Ms * 1.001), service.bucketsMs);
  const slow = shares
    .slice(service.bucketsMs.indexOf(service.slowAboveMs) + 1)
    .reduce((sum, share) => sum + share, 0);
  return { errors: Math.min(1, errors), shares, slow, orders: Math.min(1, orders), memory };
}

/** How much of a change is felt on a side at a moment, 0..1. */
function partOf({ on, from, until, grows }: Change, side: "canary" | "stable", atMs: number): number {
  if ((on !== "both" && on !== side) || atMs < from || (until !== undefined && atMs >= until)) return 0;
  return grows === 0 ? 1 : Math.min(1, (atMs - from) / grows);
}

/** Normal quantile of 0.99. */
const z99 = 2.3263478740408408;

function bucketShares(p50Ms: number, p99Ms: number, bounds: readonly number[]): number[] {
  const sigma = Math.log(p99Ms / p50Ms) / z99;
  const below = [...bounds.map((bound) => normalCdf(Math.log(bound / p50Ms) / sigma)), 1];
  return below.map((share, i) => share - (below[i - 1] ?? 0));
}

/** Φ(x), by the complementary error function of Numerical Recipes (Chebyshev fit, relative error below 1.2e-7). */
export function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * z);
  const fit = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
  ].reduceRight((sum, c) => sum * t + c, 0);
  const tail = (t * Math.exp(-z * z + fit)) / 2;
  return x > 0 ? 1 - tail : tail;
}
