import { describe, expect, it } from "vitest";
import {
  binomial,
  createUniform,
  multinomial,
  normal,
  poisson,
  type Uniform,
} from "../../../../src/features/rollouts/simulator/random.ts";

const draws = 20_000;

/** Mean and variance of many draws, in standard errors from what they should be. */
function moments(draw: (uniform: Uniform) => number, mean: number, variance: number, seed: number) {
  const uniform = createUniform(seed);
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < draws; i += 1) {
    const off = draw(uniform) - mean;
    sum += off;
    squares += off * off;
  }
  return { mean: sum / draws / Math.sqrt(variance / draws), variance: squares / draws / variance };
}

describe("chance from a seed", () => {
  it("repeats itself from the same seed and stream, and from no other", () => {
    const first = (...of: [number, ...number[]]) => Array.from({ length: 3 }, createUniform(...of));
    expect(first(7, 1)).toEqual(first(7, 1));
    const all = [first(7, 1), first(7, 2), first(8, 1), first(7), first(7 + 2 ** 32, 1), first(1, 7)];
    expect(new Set(all.map(String)).size).toBe(all.length);
  });

  it("fills the interval evenly and stays inside", () => {
    const uniform = createUniform(11);
    const tenths = new Array<number>(10).fill(0);
    let outside = 0;
    for (let i = 0; i < draws; i += 1) {
      const x = uniform();
      if (!(x >= 0 && x < 1)) outside += 1;
      tenths[Math.floor(x * 10)] = (tenths[Math.floor(x * 10)] ?? 0) + 1;
    }
    expect(outside).toBe(0);
    const chiSquare = tenths.reduce((sum, n) => sum + (n - draws / 10) ** 2 / (draws / 10), 0);
    // 99.99 % of chi-square with 9 degrees of freedom lie below.
    expect(chiSquare).toBeLessThan(33.7);
  });

  it.each([0.02, 0.7, 5, 9.9, 10, 33, 4_000, 2e6])("draws Poisson numbers of mean %d", (mean) => {
    const seen = moments((uniform) => poisson(uniform, mean), mean, mean, 3);
    expect(Math.abs(seen.mean)).toBeLessThan(4);
    expect(Math.abs(seen.variance - 1)).toBeLessThan(mean < 0.1 ? 0.25 : 0.06);
  });

  it.each([
    [1, 0.3],
    [40, 0.01],
    [60, 0.5],
    [60, 0.93],
    [500, 0.05],
    [100_000, 0.001],
    [1e7, 0.4],
  ])("draws binomial numbers of %d at %d", (n, p) => {
    const seen = moments((uniform) => binomial(uniform, n, p), n * p, n * p * (1 - p), 5);
    expect(Math.abs(seen.mean)).toBeLessThan(4);
    expect(Math.abs(seen.variance - 1)).toBeLessThan(0.06);
  });

  it("has the whole distribution right, on both sides of the change of method", () => {
    // Chi-square of binomial(40, 0.2) by inversion and binomial(40, 0.3) by rejection, classes of 30 draws or more.
    for (const p of [0.2, 0.3]) {
      const n = 40;
      const uniform = createUniform(17);
      const seen = new Array<number>(n + 1).fill(0);
      for (let i = 0; i < draws; i += 1) {
        const k = binomial(uniform, n, p);
        seen[k] = (seen[k] ?? 0) + 1;
      }
      let chance = (1 - p) ** n;
      let chiSquare = 0;
      let classes = 0;
      for (let k = 0; k <= n; k += 1) {
        const due = chance * draws;
        if (due >= 30) {
          chiSquare += ((seen[k] ?? 0) - due) ** 2 / due;
          classes += 1;
        }
        chance *= ((n - k) / (k + 1)) * (p / (1 - p));
      }
      expect(chiSquare).toBeLessThan(classes + 4 * Math.sqrt(2 * classes));
    }
  });

  it("shares out every event, each class by its share", () => {
    const uniform = createUniform(23);
    const shares = [0.1, 0.6, 0.05, 0.25];
    const sums = [0, 0, 0, 0];
    for (let i = 0; i < 500; i += 1) {
      const counts = multinomial(uniform, 1_000, shares);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1_000);
      counts.forEach((count, at) => {
        sums[at] = (sums[at] ?? 0) + count;
      });
    }
    shares.forEach((share, at) => {
      expect((sums[at] ?? 0) / 500_000).toBeCloseTo(share, 2);
    });
  });

  it("draws normal numbers, and none where nothing is expected", () => {
    const seen = moments(normal, 0, 1, 29);
    expect(Math.abs(seen.mean)).toBeLessThan(4);
    expect(Math.abs(seen.variance - 1)).toBeLessThan(0.06);
    const uniform = createUniform(1);
    expect([
      poisson(uniform, 0),
      binomial(uniform, 0, 0.5),
      binomial(uniform, 9, 0),
      binomial(uniform, 9, 1),
    ]).toEqual([0, 0, 0, 9]);
  });
});
