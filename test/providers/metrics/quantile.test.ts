import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Bucket } from "../../../src/providers/metrics/quantile.ts";
import { bucketQuantile, mergeBuckets, slowerThan } from "../../../src/providers/metrics/quantile.ts";

const buckets = (text: string): Bucket[] =>
  mergeBuckets(
    text.split(" ").map((part) => ({ le: part.split(":")[0] ?? "", count: Number(part.split(":")[1]) })),
  );
const latency = buckets(".1:240 .25:600 .5:900 1:980 2.5:995 +Inf:1000");

describe("bucketQuantile", () => {
  it("gives what Prometheus gives", () => {
    expect(bucketQuantile(0.1, latency)).toBeCloseTo(0.0416667, 7);
    expect(bucketQuantile(0.5, latency)).toBeCloseTo(0.2083333, 7);
    expect(bucketQuantile(0.95, latency)).toBeCloseTo(0.8125, 10);
    expect(bucketQuantile(0.99, latency)).toBeCloseTo(2, 10);
    expect(bucketQuantile(0.999, latency)).toBe(2.5);
    expect(bucketQuantile(0.99, buckets("0.1:900 0.25:980 0.5:995 Inf:1000"))).toBeCloseTo(0.4166667, 7);
    expect(bucketQuantile(0.1, buckets("-1:5 0:8 1:10 +Inf:10"))).toBe(-1);
  });

  it("knows nothing without +Inf, with one bucket or without events", () => {
    expect(bucketQuantile(0.5, buckets("1:5 2:8"))).toBeNaN();
    expect(bucketQuantile(0.5, buckets("+Inf:8"))).toBeNaN();
    expect(bucketQuantile(0.5, buckets("1:0 +Inf:0"))).toBeNaN();
    expect(bucketQuantile(0.5, [])).toBeNaN();
    expect(bucketQuantile(Number.NaN, latency)).toBeNaN();
  });

  it("goes to infinity outside 0..1", () => {
    expect(bucketQuantile(-0.1, latency)).toBe(Number.NEGATIVE_INFINITY);
    expect(bucketQuantile(1.1, latency)).toBe(Number.POSITIVE_INFINITY);
  });

  it("raises a count that falls to the one before", () => {
    expect(bucketQuantile(0.6, buckets("1:10 2:5 4:20 +Inf:20"))).toBeCloseTo(2.4, 10);
  });

  it("never falls as q rises and stays within the bounds", () => {
    const parts = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 3, maxLength: 8 });
    const quantile = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(parts, quantile, quantile, (counts, a, b) => {
        fc.pre(counts.some((count) => count > 0));
        let sum = 0;
        const all = counts.map((count, i) => {
          sum += count;
          return { le: i === counts.length - 1 ? Number.POSITIVE_INFINITY : i + 1, count: sum };
        });
        const [low, high] = [bucketQuantile(Math.min(a, b), all), bucketQuantile(Math.max(a, b), all)];
        expect(low).toBeLessThanOrEqual(high + 1e-9);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(counts.length - 1);
      }),
    );
  });
});

describe("slowerThan", () => {
  it("counts the events above a bound that is a bucket", () => {
    expect(slowerThan(0.25, latency)).toEqual({ bad: 400, total: 1000 });
    expect(slowerThan(Number.POSITIVE_INFINITY, latency)).toEqual({ bad: 0, total: 1000 });
  });

  it("does not guess between two buckets or without +Inf", () => {
    expect(slowerThan(0.3, latency)).toBeNull();
    expect(slowerThan(1, buckets("1:5 2:8"))).toBeNull();
    expect(slowerThan(1, [])).toBeNull();
  });
});

describe("mergeBuckets", () => {
  it("adds series by bound, however the bound is spelled", () => {
    const merged = mergeBuckets([
      { le: "1", count: 3 },
      { le: "+Inf", count: 5 },
      { le: "1.0", count: 4 },
      { le: "Inf", count: 6 },
      { le: "0.5", count: 1 },
    ]);
    expect(merged).toEqual([
      { le: 0.5, count: 1 },
      { le: 1, count: 7 },
      { le: Number.POSITIVE_INFINITY, count: 11 },
    ]);
  });

  it("leaves out bounds and counts that are no numbers", () => {
    expect(
      mergeBuckets([
        { le: "fast", count: 3 },
        { le: "NaN", count: 3 },
        { le: "1", count: Number.NaN },
      ]),
    ).toEqual([]);
  });
});
