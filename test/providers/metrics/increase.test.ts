import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { counterIncrease, counterIncrements } from "../../../src/providers/metrics/increase.ts";

const points = (values: readonly number[]) => values.map((value, i) => ({ atMs: i * 60_000, value }));

describe("counterIncrements", () => {
  it("adds the whole new value after a fall", () => {
    expect(counterIncrease(points([100, 160, 220, 10, 70, 130]))).toBe(250);
    const { increments } = counterIncrements(points([100, 160, 220, 10, 70, 130]));
    expect(increments.map(({ value }) => value)).toEqual([60, 60, 10, 60, 60]);
    expect(increments.map(({ isReset }) => isReset)).toEqual([false, false, true, false, false]);
    expect(increments[0]).toMatchObject({ fromMs: 0, atMs: 60_000 });
  });

  it("says nothing from fewer than two points", () => {
    expect(counterIncrease([])).toBeNull();
    expect(counterIncrease(points([5]))).toBeNull();
    expect(counterIncrease(points([5, 5]))).toBe(0);
  });

  it("counts the first value whole when the series is known to be new", () => {
    const { increments } = counterIncrements(points([0, 7, 9]).slice(1), 10_000);
    expect(increments).toEqual([
      { fromMs: 10_000, atMs: 60_000, value: 7, isReset: false },
      { fromMs: 60_000, atMs: 120_000, value: 2, isReset: false },
    ]);
  });

  it("sees a restart that a fast counter hides, by its newer beginning", () => {
    const { increments } = counterIncrements([
      { atMs: 0, value: 100, createdMs: -5000 },
      { atMs: 60_000, value: 130, createdMs: 30_000 },
    ]);
    expect(increments[0]).toMatchObject({ value: 130, isReset: true });
  });

  it("leaves out values that are no count and time that goes back, and says how many", () => {
    const { increments, dropped } = counterIncrements([
      { atMs: 0, value: 10 },
      { atMs: 1000, value: Number.NaN },
      { atMs: 2000, value: -1 },
      { atMs: 3000, value: Number.POSITIVE_INFINITY },
      { atMs: 0, value: 50 },
      { atMs: 4000, value: 15 },
    ]);
    expect(increments).toEqual([{ fromMs: 0, atMs: 4000, value: 5, isReset: false }]);
    expect(dropped).toBe(4);
  });

  it("never gives a negative increment, and the last value less the first while nothing falls", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 2 }), (values) => {
        const { increments } = counterIncrements(points(values));
        for (const { value } of increments) expect(value).toBeGreaterThanOrEqual(0);
        const rising = [...values].sort((a, b) => a - b);
        expect(counterIncrease(points(rising))).toBe((rising.at(-1) ?? 0) - (rising[0] ?? 0));
      }),
    );
  });
});
