import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ComparedCounts } from "../../../src/features/rollouts/statistics.ts";
import {
  betaCdf,
  betaInverse,
  excessBad,
  fixedLook,
  rateRatioUpper,
  shareUpper,
  splitZ,
} from "../../../src/features/rollouts/statistics.ts";
import { eValue, waldTest } from "./plain-statistics.ts";

const bin = (xc: number, nc: number, xb: number, nb: number): ComparedCounts => ({
  canary: { bad: xc, total: nc },
  stable: { bad: xb, total: nb },
});
const sample = bin(12, 1000, 500, 99000);
const ceiling = { p0: 0.01, p1: 0.05, alpha: 0.001, beta: 0.1 };

/** A small generator with a seed (mulberry32), so that a simulation is the same every time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function binomial(n: number, p: number, random: () => number): number {
  let hits = 0;
  // Jumps between hits: few draws when p is small.
  for (let i = Math.floor(Math.log(random()) / Math.log1p(-p)); i < n; hits += 1) {
    i += 1 + Math.floor(Math.log(random()) / Math.log1p(-p));
  }
  return hits;
}

/** Share of runs in which E reached the limit at any look, with weight changes and a shared incident on the way. */
function crossingShare(rateRatio: number, runs: number, limit: number, seed: number): number {
  const random = seeded(seed);
  let crossed = 0;
  for (let run = 0; run < runs; run += 1) {
    const bins: ComparedCounts[] = [];
    for (let look = 0; look < 40; look += 1) {
      const base = look >= 10 && look < 15 ? 0.08 : 0.01;
      const nc = look < 20 ? 60 : 300;
      bins.push(
        bin(binomial(nc, Math.min(1, base * rateRatio), random), nc, binomial(3000, base, random), 3000),
      );
      if (eValue(bins) >= limit) {
        crossed += 1;
        break;
      }
    }
  }
  return crossed / runs;
}

describe("eValue", () => {
  it("gives the published values", () => {
    expect(eValue([sample])).toBeCloseTo(10.119404, 5);
    expect(eValue([bin(0, 1000, 500, 99000)])).toBeCloseTo(0.0627512, 6);
    expect(eValue([bin(3, 100, 2, 9900)])).toBeCloseTo(131.6599, 3);
    expect(eValue([bin(2, 100, 2, 9900)])).toBeCloseTo(18.02062, 4);
    expect(eValue([bin(4, 500, 40, 49500), bin(9, 2500, 41, 47500)])).toBeCloseTo(5334.515, 2);
  });

  it("is 1 without data, with one side silent and without bad events", () => {
    expect(eValue([])).toBe(1);
    expect(eValue([bin(5, 5, 0, 0), bin(0, 0, 5, 100)])).toBe(1);
    expect(eValue([bin(0, 50, 0, 5000)])).toBe(1);
  });

  it("stays finite over very many bad events", () => {
    expect(
      eValue(Array.from({ length: 500 }, () => bin(1000, 100_000, 1000, 100_000))),
    ).toBeGreaterThanOrEqual(0);
  });

  it("stops a good version in at most 1 of 100 rollouts however often it looks", () => {
    const share = crossingShare(1, 600, 100, 20260701);
    expect(share).toBeLessThanOrEqual(0.01);
  });

  it("stops a version three times as bad in nearly every rollout", () => {
    expect(crossingShare(3, 100, 100, 7)).toBeGreaterThan(0.95);
  });

  it("does not depend on the order of the bins and grows with one more bad event on the canary", () => {
    const counts = fc.record({
      xc: fc.integer({ min: 0, max: 20 }),
      nc: fc.integer({ min: 21, max: 500 }),
      xb: fc.integer({ min: 0, max: 50 }),
      nb: fc.integer({ min: 51, max: 5000 }),
    });
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 6 }), (all) => {
        const bins = all.map(({ xc, nc, xb, nb }) => bin(xc, nc, xb, nb));
        const worse = all.map(({ xc, nc, xb, nb }, i) => bin(i === 0 ? xc + 1 : xc, nc, xb, nb));
        expect(Math.log(eValue([...bins].reverse()))).toBeCloseTo(Math.log(eValue(bins)), 8);
        expect(eValue(worse)).toBeGreaterThan(eValue(bins));
      }),
    );
  });
});

describe("waldTest", () => {
  it("gives the published limits and ratios", () => {
    const allBad = waldTest({ bad: 5, total: 5 }, ceiling);
    expect(allBad.upper).toBeCloseTo(6.802395, 6);
    expect(allBad.lower).toBeCloseTo(-2.301585, 6);
    expect(allBad.logRatio).toBeCloseTo(8.04719, 5);
    expect(waldTest({ bad: 0, total: 56 }, ceiling).logRatio).toBeCloseTo(-2.309606, 6);
  });
});

describe("bounds", () => {
  it("gives the published upper bounds of the rate ratio", () => {
    expect(rateRatioUpper(bin(0, 1000, 100, 99000), 0.05)).toBeCloseTo(3.010645, 6);
    expect(rateRatioUpper(bin(30, 30000, 3000, 2_970_000), 0.05)).toBeCloseTo(1.345177, 6);
  });

  it("knows no rate ratio without bad events on stable", () => {
    expect(rateRatioUpper(bin(0, 1000, 0, 99000), 0.05)).toBe(Number.POSITIVE_INFINITY);
    expect(rateRatioUpper(bin(1, 10, 0, 0), 0.05)).toBe(Number.POSITIVE_INFINITY);
  });

  it("bounds nothing seen in n by about 3/n, and no data by 1", () => {
    expect(shareUpper({ bad: 0, total: 3000 }, 0.05)).toBeCloseTo(1 - 0.05 ** (1 / 3000), 10);
    expect(shareUpper({ bad: 0, total: 0 }, 0.05)).toBe(1);
    expect(shareUpper({ bad: 4, total: 4 }, 0.05)).toBe(1);
  });

  it("inverts the beta distribution, also far out", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.double({ min: 0.5, max: 3000, noNaN: true }),
        fc.double({ min: 0.5, max: 100_000, noNaN: true }),
        (p, a, b) => {
          expect(betaCdf(betaInverse(p, a, b), a, b)).toBeCloseTo(p, 6);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("agrees with the binomial tail it stands for", () => {
    // P(Bin(512, 0.01) >= 12) = I_0.01(12, 501)
    expect(betaCdf(0.01, 12, 501)).toBeCloseTo(0.00623898, 8);
    expect(betaCdf(0, 2, 3)).toBe(0);
    expect(betaCdf(1, 2, 3)).toBe(1);
  });
});

describe("what people read", () => {
  it("compares two shares at one look with the published values", () => {
    const look = fixedLook(sample);
    expect(look.z).toBeCloseTo(3.06373, 5);
    expect(look.ratio).toBeCloseTo(2.376, 3);
    expect(look.logRatioError).toBeCloseTo(0.290385, 6);
    expect(look.difference).toBeCloseTo(0.00694949, 7);
  });

  it("gives a finite ratio with an empty cell", () => {
    expect(fixedLook(bin(0, 100, 5, 1000)).ratio).toBeCloseTo(0.5 / 101 / (5.5 / 1001), 10);
    expect(Number.isFinite(fixedLook(bin(9, 29, 0, 2871)).ratio)).toBe(true);
  });

  it("counts the canary's excess, as spent of a month's budget too", () => {
    expect(excessBad(sample)).toBeCloseTo(12 - 500 / 99, 10);
    expect(excessBad(sample) / (100 * 30 * 86_400 * 0.001)).toBeCloseTo(2.681132e-5, 11);
    expect(excessBad(bin(0, 100, 50, 1000))).toBe(0);
    expect(excessBad(bin(3, 100, 0, 0))).toBe(3);
  });

  it("measures how far the split is from the weight", () => {
    expect(splitZ(1000, 100_000, 0.01)).toBe(0);
    expect(splitZ(1200, 100_000, 0.01)).toBeCloseTo(200 / Math.sqrt(990), 10);
    expect(splitZ(500, 500, 1)).toBe(0);
    expect(splitZ(0, 0, 0.5)).toBe(0);
  });
});
