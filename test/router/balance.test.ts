import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBalancer, Position } from "../../src/router/balance.ts";
import type { Backend } from "../../src/router/routes.ts";

const route = (...weights: number[]): Backend[] =>
  weights.map((weight, index) => ({ version: `v${index}`, url: `http://127.0.0.1:${index + 1}`, weight }));

function count(backends: Backend[], requests: number, start: number, every = 1): Map<string, number> {
  const balancer = createBalancer(backends, new Position(start));
  const counts = new Map(backends.map((one) => [one.version, 0]));
  for (let n = 0; n < requests * every; n += 1) {
    const { version } = balancer.pick().backend;
    if (n % every === 0) counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return counts;
}

/** Weights in hundredths of a percent that sum to 100 %. */
const weights = fc
  .array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 4 })
  .map((cuts) => [0, ...cuts.sort((a, b) => a - b), 10_000])
  .map((cuts) => cuts.slice(1).map((cut, index) => (cut - (cuts[index] ?? 0)) / 100));

describe("shares", () => {
  it("keeps every share within 0.5 percentage points over 10,000 requests, for any weights and start", () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (shares, start) => {
        const counts = count(route(...shares), 10_000, start);
        for (const [index, share] of shares.entries()) {
          expect(Math.abs((counts.get(`v${index}`) ?? 0) / 100 - share)).toBeLessThanOrEqual(0.5);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("serves a hundredth of a percent", () => {
    const served = count(route(99.99, 0.01), 1_000_000, 7).get("v1") ?? 0;
    expect(served).toBeGreaterThanOrEqual(95);
    expect(served).toBeLessThanOrEqual(105);
  });

  it.each([2, 3, 4, 10, 50, 100])(
    "gives a client that comes every %i requests its full share too",
    (every) => {
      const served = count(route(90, 10), 10_000, 3, every).get("v1") ?? 0;
      expect(Math.abs(served / 100 - 10)).toBeLessThanOrEqual(0.5);
    },
  );

  it("never picks a version at weight 0", () => {
    const counts = count(route(0, 100, 0), 10_000, 2 ** 32 - 1);
    expect([...counts.values()]).toEqual([0, 10_000, 0]);
  });

  it("refuses a route in which nothing takes traffic", () => {
    expect(() => createBalancer(route(0, 0), new Position(0))).toThrow(RangeError);
  });

  it("goes on in the sequence when the weights change, so that frequent changes keep the shares", () => {
    const position = new Position(0);
    let canary = 0;
    for (let n = 0; n < 10_000; n += 1) {
      if (createBalancer(route(95, 5), position).pick().backend.version === "v1") canary += 1;
    }
    expect(Math.abs(canary / 100 - 5)).toBeLessThanOrEqual(0.5);
  });
});
