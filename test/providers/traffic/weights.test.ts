import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrafficVersion } from "../../../src/providers/traffic/contract.ts";
import { reweigh } from "../../../src/providers/traffic/weights.ts";

const at = (weights: number[]): TrafficVersion[] =>
  weights.map((weightPercent, index) => ({
    version: `v${index}`,
    weightPercent,
    address: `http://${index}`,
  }));

const read = (weights: number[], version: string, percent: number) => {
  const result = reweigh(at(weights), { version, address: "http://new" }, percent);
  return result.ok ? result.versions.map((one) => one.weightPercent) : result.message;
};

describe("reweighing", () => {
  it("always sums to exactly 100, gives the version its share, and keeps the order", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 5 });
    fc.assert(
      fc.property(cuts, fc.integer({ min: 0, max: 10_000 }), (units, percentUnits) => {
        const sorted = [0, ...units.sort((a, b) => a - b), 10_000];
        const weights = sorted.slice(1).map((cut, index) => (cut - (sorted[index] ?? 0)) / 100);
        const result = reweigh(at(weights), { version: "v9", address: null }, percentUnits / 100);
        if (!result.ok) throw new Error(result.message);
        expect(result.versions.reduce((sum, one) => sum + Math.round(one.weightPercent * 100), 0)).toBe(
          10_000,
        );
        expect(result.versions.at(-1)).toEqual({
          version: "v9",
          weightPercent: percentUnits / 100,
          address: null,
        });
        expect(result.versions.slice(0, -1).map((one) => one.version)).toEqual(
          weights.map((_, index) => `v${index}`),
        );
      }),
    );
  });

  it.each([
    [[100], "v9", 0.01, [99.99, 0.01]],
    [[90, 10], "v1", 50, [50, 50]],
    [[60, 30, 10], "v2", 40, [40, 20, 40]],
    [[50, 50], "v9", 33.33, [33.34, 33.33, 33.33]],
    [[0, 100], "v1", 25, [75, 25]],
    [[0, 0, 100], "v2", 100, [0, 0, 100]],
  ])("makes of %j with %s at %d: %j", (weights, version, percent, expected) => {
    expect(read(weights, version, percent)).toEqual(expected);
  });

  it("does not guess who gets the rest when several could", () => {
    expect(read([0, 0, 100], "v2", 50)).toContain("none of v0, v1 has a claim");
  });
});
