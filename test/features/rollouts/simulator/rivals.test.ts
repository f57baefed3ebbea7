import { describe, expect, it } from "vitest";
import {
  defaultKayenta,
  isFailed,
  type KayentaConfig,
  type KayentaRule,
  kayentaFailsAt,
  testPoints,
  zOf,
} from "../../../../src/features/rollouts/simulator/kayenta.ts";
import { mannWhitney, medianShift } from "../../../../src/features/rollouts/simulator/mann-whitney.ts";
import { quantile, type Readings, readingsOf } from "../../../../src/features/rollouts/simulator/readings.ts";
import {
  abortAt,
  defaultThresholds,
  type ThresholdRule,
  type Thresholds,
} from "../../../../src/features/rollouts/simulator/thresholds.ts";
import type { Look, SideLook } from "../../../../src/features/rollouts/simulator/world.ts";

const of = (...values: number[]) => Float64Array.from(values);

describe("Mann and Whitney's test", () => {
  it("gives the U and z of R's wilcox.test, with ties and without", () => {
    const apart = mannWhitney(of(5, 6, 7, 8), of(1, 2, 3, 4));
    expect(apart.u).toBe(16);
    expect(apart.z).toBeCloseTo(2.165064, 6);
    const tied = mannWhitney(of(0, 1, 2, 1, 0, 0), of(0, 0, 0, 0, 0, 0));
    expect(tied.u).toBe(27);
    expect(tied.z).toBeCloseTo(1.791957, 6);
    expect(mannWhitney(of(1, 1), of(1, 1)).z).toBe(0);
    expect(mannWhitney(of(1, 2, 3, 4), of(5, 6, 7, 8)).z).toBeCloseTo(-2.165064, 6);
  });

  it("estimates the shift by the median of all differences", () => {
    expect(medianShift(of(10, 12), of(1, 2))).toBe(9.5);
    expect(medianShift(of(3), of(1))).toBe(2);
    expect(medianShift(of(5, 6, 100), of(1, 1, 1))).toBe(5);
  });
});

/** Requests, failures and buckets `[≤ 100 ms, ≤ 500 ms, above]` of a side. */
const side = (total: number, bad: number, more: Partial<SideLook> = {}): SideLook => ({
  total,
  bad,
  buckets: [total, 0, 0],
  orders: null,
  memory: null,
  ...more,
});
const steady = side(1_000, 1);
const looksOf = (canaries: readonly SideLook[], stable: SideLook = steady): Look[] =>
  canaries.map((canary, at) => ({
    startMs: at * 60_000,
    endMs: (at + 1) * 60_000,
    stepIndex: 0,
    canary,
    stable,
    harm: 0,
  }));
const boundsMs = [100, 500];
const read = (canaries: readonly SideLook[], stable?: SideLook): Readings =>
  readingsOf(looksOf(canaries, stable), boundsMs);
const usual = { errors: 0.001, p99Ms: 400, orders: 0.04, memory: 500 };

describe("a quantile of a histogram", () => {
  it("is linear in its bucket, the last bound beyond it, and nothing of nothing", () => {
    const of = (counts: number[], total: number) =>
      quantile([0.1, 0.25, 0.5], (i) => counts[i] ?? 0, total, 0.99);
    expect(of([900, 80, 15], 1_000)).toBeCloseTo(0.4166667, 7);
    expect(of([0, 0, 0], 10)).toBe(0.5);
    expect(of([0, 0, 0], 0)).toBeNaN();
  });

  it("is read over the looks of the window alone", () => {
    const readings = read([
      side(100, 50),
      side(100, 0, { buckets: [0, 100, 0] }),
      side(0, 0, { buckets: [0, 0, 0] }),
    ]);
    expect(readings.value("errors", "canary", 1, 1)).toBe(0);
    expect(readings.value("errors", "canary", 1, 2)).toBe(0.25);
    expect(readings.value("errors", "canary", 2, 1)).toBeNaN();
    expect(readings.value("latency", "canary", 1, 1)).toBeCloseTo(496);
    expect(readings.requests("canary", 2, 9)).toBe(200);
    expect(readings.value("orders", "canary", 0, 1)).toBeNaN();
  });
});

describe("fixed thresholds with Argo Rollouts' limits", () => {
  const rule = (more: Partial<ThresholdRule> = {}): Thresholds => ({
    errors: { limit: { absolute: 0.05 }, windowLooks: 1, failureLimit: 0, requestsMin: 0, ...more },
  });
  const fine = side(100, 1);
  const bad = side(100, 6);

  it("abort at the first failure by default, and at the one past the limit", () => {
    const runs = [fine, bad, fine, bad, bad];
    expect(abortAt(read(runs), rule(), usual)).toBe(1);
    expect(abortAt(read(runs), rule({ failureLimit: 1 }), usual)).toBe(3);
    expect(abortAt(read(runs), rule({ failureLimit: 2 }), usual)).toBe(4);
    expect(abortAt(read(runs), rule({ failureLimit: 3 }), usual)).toBeUndefined();
    expect(abortAt(read([side(100, 5)]), rule(), usual)).toBeUndefined();
  });

  it("count a stretch without a request as failed, unless guarded", () => {
    const quiet = Array.from({ length: 4 }, () => side(0, 0, { buckets: [0, 0, 0] }));
    expect(abortAt(read(quiet), defaultThresholds, usual)).toBe(3);
    expect(abortAt(read(quiet), rule({ requestsMin: 1 }), usual)).toBeUndefined();
    expect(abortAt(read([bad]), rule({ requestsMin: 101 }), usual)).toBeUndefined();
  });

  it("compare with what is usual or with stable, in the direction of harm", () => {
    expect(abortAt(read([side(1_000, 4)]), rule({ limit: { ofUsual: 3 } }), usual)).toBe(0);
    expect(abortAt(read([side(1_000, 3)]), rule({ limit: { ofUsual: 3 } }), usual)).toBeUndefined();
    expect(
      abortAt(read([side(1_000, 4)], side(1_000, 2)), rule({ limit: { ofStable: 3 } }), usual),
    ).toBeUndefined();
    const orders = { orders: { limit: { ofUsual: 0.5 }, windowLooks: 1, failureLimit: 0, requestsMin: 0 } };
    const selling = (count: number) =>
      read([side(1_000, 0, { orders: count })], side(1_000, 0, { orders: 40 }));
    expect(abortAt(selling(19), orders, usual)).toBe(0);
    expect(abortAt(selling(20), orders, usual)).toBeUndefined();
    expect(abortAt(read([fine]), orders, { ...usual, orders: 0 })).toBeUndefined();
  });
});

describe("Kayenta's judge", () => {
  const points = (hundreds: number) => ({
    canary: Array.from({ length: 10 }, (_, at) => (at < hundreds ? 100 : 1)),
    stable: new Array<number>(10).fill(1),
  });
  const isHigh = (hundreds: number) =>
    isFailed(testPoints(points(hundreds), "errors", 9, null), 1, zOf(0.98));

  it("lets seven points of ten a hundred times as high pass, and fails eight", () => {
    expect(isHigh(7)).toBe(false);
    expect(isHigh(8)).toBe(true);
  });

  it("fails three points against three when they are apart, having no minimum", () => {
    const few = { canary: [5, 6, 7], stable: [1, 2, 3] };
    expect(isFailed(testPoints(few, "errors", 2, null), 1, zOf(0.98))).toBe(true);
    expect(isFailed(testPoints(few, "errors", 2, null), 4, zOf(0.98))).toBe(false);
    expect(isFailed(testPoints(few, "orders", 2, null), 1, zOf(0.98))).toBe(false);
    expect(testPoints({ canary: [Number.NaN], stable: [1] }, "errors", 0, null)).toBe("no-data");
  });

  const every: KayentaRule = {
    confidence: 0.98,
    effect: 1,
    isCritical: false,
    lookbackLooks: null,
    beginAfterLooks: 1,
  };
  const withRule = (more: Partial<KayentaRule>, config: Partial<KayentaConfig> = {}): KayentaConfig => ({
    ...defaultKayenta,
    signals: { errors: { ...every, ...more }, latency: every },
    marginal: 50,
    ...config,
  });
  const failing = Array.from({ length: 8 }, (_, at) => side(1_000, 20 + at));

  it("goes on at a marginal score and fails at the last look below the pass score", () => {
    expect(kayentaFailsAt(read(failing), withRule({}))).toBe(7);
    expect(kayentaFailsAt(read(failing), withRule({}, { marginal: 51 }))).toBe(0);
    expect(kayentaFailsAt(read(failing), withRule({}, { pass: 50 }))).toBeUndefined();
  });

  it("fails at once on a critical signal, from the look it begins at", () => {
    expect(kayentaFailsAt(read(failing), withRule({ isCritical: true }))).toBe(0);
    expect(kayentaFailsAt(read(failing), withRule({ isCritical: true, beginAfterLooks: 5 }))).toBe(4);
  });

  it("scores nothing where half of the signals have no data, unless they are replaced", () => {
    const quiet = [side(0, 0, { buckets: [0, 0, 0] })];
    expect(kayentaFailsAt(read(quiet), withRule({}))).toBe(0);
    expect(kayentaFailsAt(read(quiet), withRule({}, { nanStrategy: "replace" }))).toBeUndefined();
  });
});
