import { describe, expect, it } from "vitest";
import { signalSchema } from "../../../src/catalog/signals.ts";
import { countsEvents, exposureOf, judgePlanOf } from "../../../src/features/rollouts/judge-plan.ts";
import type { RolloutPlan } from "../../../src/features/rollouts/plan.ts";
import { slowBoundOf } from "../../../src/features/rollouts/slow-bound.ts";

const signal = (fields: Record<string, unknown>) => signalSchema.parse({ name: "one", ...fields });
const requests = { metric: "http_requests_total" };
const errors = signal({
  name: "errors",
  kind: "ratio",
  golden: "errors",
  weight: "critical",
  total: requests,
  bad: { metric: "errors_total" },
});
const latency = signal({
  name: "latency",
  kind: "quantile",
  golden: "latency",
  weight: "critical",
  histogram: { metric: "seconds" },
  quantile: 0.95,
});
const orders = (more: Record<string, unknown> = {}) =>
  signal({
    name: "orders",
    kind: "rate",
    golden: "kpi",
    weight: "critical",
    counter: { metric: "orders_total" },
    ...more,
  });
const memory = (more: Record<string, unknown> = {}) =>
  signal({
    name: "memory",
    kind: "gauge",
    golden: "saturation",
    weight: "critical",
    gauge: { metric: "memory_bytes" },
    ceiling: 900,
    ...more,
  });
const at = { stepIndex: 0, stepStartedAt: new Date(0), deadlineAt: new Date(1e9) };
const planOf = (signals: RolloutPlan["signals"], more: Partial<RolloutPlan> = {}): RolloutPlan => ({
  catalogDigest: "d",
  steps: [{ weightPercent: 100, minDuration: 1_000, minSamples: 30 }],
  intervalMs: 1_000,
  watchMs: 1_000,
  lagMs: 2_000,
  budgetLeftMin: 0.1,
  signals,
  ...more,
});
const judged = (...signals: RolloutPlan["signals"]) => judgePlanOf(planOf(signals), at).signals;

describe("what the judge is given of a signal", () => {
  it("is a ratio, a latency once its bound is known, and nothing before", () => {
    expect(judged(errors)).toEqual([{ kind: "ratio", name: "errors", role: "critical", ceilingRatio: 0.05 }]);
    expect(judged(latency)).toEqual([]);
    expect(countsEvents(latency)).toBe(false);
    const bound = { ...latency, slowAbove: 0.25 } as typeof latency;
    expect(judged(bound)).toEqual([
      { kind: "latency", name: "latency", role: "critical", ceilingRatio: 0.5 },
    ]);
  });

  it("is a rate for the requests it names, fewer being worse, with what it allows and what silence means", () => {
    const allowed = orders({ harmAllowed: { relative: 0.1 }, noData: "ignore" });
    expect(judged(errors, allowed)[1]).toEqual({
      kind: "kpi",
      name: "orders",
      role: "critical",
      direction: "lower-is-worse",
      harmAllowed: { relative: 0.1 },
      noData: "ignore",
    });
    expect(exposureOf(orders(), [latency, errors])?.name).toBe("errors");
    expect(exposureOf(orders({ per: "others" }), [errors])).toBeUndefined();
    expect(judged(orders())).toEqual([]);
    expect(judged(errors, orders({ direction: "neutral" }))).toHaveLength(1);
  });

  it("is nothing for a rate of those very requests: they are as many as the weight says", () => {
    expect(judged(errors, orders({ golden: "traffic", counter: requests }))).toHaveLength(1);
  });

  it("is a level with its ceiling as a reason to go back, compared where harm is allowed", () => {
    expect(judged(memory())).toEqual([
      {
        kind: "gauge",
        name: "memory",
        role: "critical",
        unit: "",
        direction: "higher-is-worse",
        haltAbove: 900,
      },
    ]);
    expect(judged(memory({ harmAllowed: { absolute: 50 } }))[0]).toMatchObject({
      harmAllowed: { absolute: 50 },
    });
    expect(judged(memory({ direction: "neutral" }))[0]).toEqual({
      kind: "gauge",
      name: "memory",
      role: "critical",
      unit: "",
      isCompared: false,
    });
  });

  it("knows how long each step is expected to take, where it can end at all", () => {
    const [first] = planOf([errors]).steps;
    const expected = {
      ratePerSec: 1,
      totalMs: null,
      steps: [
        { weightPercent: 1, ms: 5_400_000, isLengthened: true },
        { weightPercent: 10, ms: null, isLengthened: true },
      ],
    };
    const steps = [first, first].flatMap((step) => step ?? []);
    const read = judgePlanOf({ ...planOf([errors]), steps, expected }, at).steps;
    expect(read[0]).toMatchObject({ expectedSec: 5_400 });
    expect(read[1]).not.toHaveProperty("expectedSec");
  });

  it("reads plans of an earlier release, and the limits of a new one", () => {
    expect(judgePlanOf(planOf([errors]), at)).not.toHaveProperty("onTimeUp");
    const full = planOf([errors], { budgetSpendMax: 0.05, noVerdict: { after: 600_000, do: "revert" } });
    expect(judgePlanOf(full, at)).toMatchObject({
      budgetSpendMax: 0.05,
      askAfterSec: 600,
      onTimeUp: "revert",
    });
  });
});

describe("the bound past which a request is slow", () => {
  const buckets = (...counts: number[]) =>
    counts.map((count, i) => ({ le: [0.05, 0.1, 0.25, 0.5, 1, Number.POSITIVE_INFINITY][i] ?? 0, count }));

  it("is the one with a share beyond it that is nearest to one in twenty", () => {
    expect(slowBoundOf(buckets(500, 900, 960, 995, 1_000, 1_000))).toBe(0.25);
    expect(slowBoundOf(buckets(500, 930, 999, 1_000, 1_000, 1_000))).toBe(0.1);
  });

  it("is none without events, where nothing lies beyond a bound, or more than half beyond all of them", () => {
    expect(slowBoundOf([])).toBeUndefined();
    expect(slowBoundOf(buckets(0, 0, 0, 0, 0, 0))).toBeUndefined();
    expect(slowBoundOf(buckets(10, 10, 10, 10, 10, 10))).toBeUndefined();
    expect(slowBoundOf(buckets(1, 2, 3, 4, 5, 1_000))).toBeUndefined();
    expect(slowBoundOf(buckets(500, 900, 960))).toBeUndefined();
  });
});
