import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AlertingRow } from "../../../src/catalog/schema.ts";
import { budgetRatio, burnMax, standardRows } from "../../../src/catalog/slo-rows.ts";
import type { EventCounts, Measured, Objective, WindowBurn } from "../../../src/features/slos/model.ts";
import {
  budgetOfAmount,
  budgetStatus,
  burnRate,
  burnState,
  clearingMs,
  detectionMs,
  errorRatio,
  expectedEvents,
  lowTrafficBelow,
  poolEvents,
  slicesOf,
  timeToExhaustion,
} from "../../../src/features/slos/model.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const rows = standardRows(30 * day);
const row = (i: number): AlertingRow => {
  const found = rows[i - 1];
  if (!found) throw new Error(`no row ${i}`);
  return found;
};
/** Lengths in the order of the vectors: short and long of row 1, of row 2, … */
const lengths = [5 * minute, hour, 30 * minute, 6 * hour, 2 * hour, day, 6 * hour, 3 * day];

const window = (windowMs: number, burn: number, bad = 1000): WindowBurn =>
  Number.isNaN(burn)
    ? { windowMs, state: "no-traffic" }
    : { windowMs, state: "ok", burn, bad, total: 1e6, errorRatio: burn / 1000, spent: null };

/** Rows of the vectors overlap at 6 h (long of row 2, short of row 4), so each row gets windows of its own. */
function fire(burns: readonly number[], minBad = 5, bad = 1000) {
  const own = rows.map((r, i) => ({ ...r, short: i * 2 + 1, long: i * 2 + 2 }));
  const windows = new Map(burns.map((burn, i) => [i + 1, window(i + 1, burn, bad)]));
  const state = burnState(own, windows, minBad);
  return {
    ...state,
    rows: state.firing.map((r) => own.indexOf(r) + 1),
    by: state.row ? own.indexOf(state.row) + 1 : 0,
  };
}

describe("budget arithmetic", () => {
  it("gives the budget in time and slices without a float's dust", () => {
    expect(budgetOfAmount(30 * day, 99)).toBe(7 * hour + 12 * minute);
    expect(budgetOfAmount(30 * day, 99.9)).toBe(43 * minute + 12_000);
    expect(budgetOfAmount(30 * day, 99.99)).toBe(4 * minute + 19_200);
    expect(budgetOfAmount(28 * day, 99.9)).toBe(40 * minute + 19_200);
    expect(budgetOfAmount((7 * day) / minute, 99.95)).toBe(5.04);
    expect(budgetRatio(99.9)).toBe(0.001);
  });

  it("spends, keeps and runs out as the objective says", () => {
    const status = budgetStatus(objective(), measured({ bad: 4200, total: 10_000_000 }));
    expect(status.consumed).toBeCloseTo(0.42, 12);
    expect(status.remaining).toBeCloseTo(0.58, 12);
    expect(status.budgetEvents).toBeCloseTo(10_000, 8);
    expect(burnRate({ bad: 4200, total: 10_000_000 }, 99.9)).toBeCloseTo(0.42, 12);
    const left = (burn: number) => timeToExhaustion(0.58, burn, 30 * day);
    expect(left(6)).toEqual({ when: "in", ms: expect.closeTo(69 * hour + 36 * minute, 3) });
    expect(left(14.4)).toEqual({ when: "in", ms: expect.closeTo(29 * hour, 3) });
    expect(left(1000)).toEqual({ when: "in", ms: expect.closeTo(25 * minute + 3360, 3) });
    expect(left(0)).toEqual({ when: "never" });
    expect(timeToExhaustion(0, 1, day)).toEqual({ when: "exhausted" });
  });

  it("measures a young history against the events the whole window is expected to have", () => {
    const status = budgetStatus(objective(), measured({ bad: 2800, total: 4_000_000 }, 10 * day));
    expect(status.consumed).toBeCloseTo(0.2333, 4);
    expect(status.remaining).toBeCloseTo(0.7667, 4);
    expect(timeToExhaustion(status.remaining ?? 0, 3, 30 * day)).toEqual({
      when: "in",
      ms: expect.closeTo(7.667 * day, -5),
    });
    expect(expectedEvents(4_000_000, 10 * day, 30 * day)).toBe(12_000_000);
    expect(expectedEvents(500, 31 * day, 30 * day)).toBe(500);
    expect(expectedEvents(500, 0, 30 * day)).toBe(500);
  });

  it("says what an hour at 14.4 costs", () => {
    const status = budgetStatus(objective(), {
      period: { counts: { bad: 1440, total: 72_000_000 }, elapsedMs: 30 * day },
      windows: all({ bad: 1440, total: 100_000 }),
    });
    const oneHour = status.burns.find(({ windowMs }) => windowMs === hour);
    expect(oneHour).toMatchObject({ burn: expect.closeTo(14.4, 10), spent: expect.closeTo(0.02, 10) });
  });

  it("weighs by events, not by minutes", () => {
    const pooled = poolEvents([
      { bad: 5, total: 10 },
      { bad: 0, total: 1000 },
    ]);
    expect(errorRatio(pooled)).toBeCloseTo(0.00495, 5);
    expect(errorRatio({ bad: 0, total: 0 })).toBeNull();
    expect(burnRate({ bad: 0, total: 0 }, 99.9)).toBeNull();
  });
});

describe("slices of time", () => {
  it("are bad when too few of their events are good, and count only with events", () => {
    const slices = [
      { bad: 1, total: 100 },
      { bad: 2, total: 100 },
      { bad: 0, total: 5 },
      { bad: 0, total: 0 },
      { bad: 7, total: 7 },
    ];
    expect(slicesOf(slices, 99)).toEqual({ bad: 2, total: 4 });
    expect(slicesOf(slices, 100)).toEqual({ bad: 3, total: 4 });
    expect(slicesOf([], 99)).toEqual({ bad: 0, total: 0 });
    expect(slicesOf([{ bad: 0.3, total: 0.30000000000000004 }], 0.1)).toEqual({ bad: 1, total: 1 });
  });

  it("spend the budget as their vector says", () => {
    // 99.95 % of 10,080 minutes: 5.04 may be bad.
    const status = budgetStatus(
      objective({ objectivePercent: 99.95, windowMs: 7 * day, rows: standardRows(7 * day) }),
      {
        period: { counts: { bad: 3, total: 10_080 }, elapsedMs: 7 * day },
        windows: all({ bad: 0, total: 60 }),
      },
    );
    expect(status.budgetEvents).toBeCloseTo(5.04, 10);
    expect(status.consumed).toBeCloseTo(3 / 5.04, 10);
  });
});

describe("rows", () => {
  it("have the burn rates that spend their share of the budget, for any window", () => {
    const burns = (days: number) => standardRows(days * day).map(({ burn }) => Number(burn.toFixed(3)));
    expect(burns(30)).toEqual([14.4, 6, 3, 1]);
    expect(burns(28)).toEqual([13.44, 5.6, 2.8, 0.933]);
    expect(burns(90)).toEqual([43.2, 18, 9, 3]);
    expect(burns(7)).toEqual([13.44, 3.5, 1.4, 0.98]);
    expect(standardRows(30 * day).map(({ long, short }) => long / short)).toEqual([12, 12, 12, 12]);
  });

  it("can fire only below the burn of all events being bad", () => {
    expect(burnMax(99.9)).toBe(1000);
    const reachableFrom = (burn: number) => 100 - 100 / burn;
    for (const [burn, percent] of [
      [14.4, 93.06],
      [6, 83.33],
      [3, 66.67],
    ] as const) {
      expect(reachableFrom(burn)).toBeCloseTo(percent, 2);
      expect(burnMax(percent - 0.1)).toBeLessThan(burn);
      expect(burnMax(percent + 0.1)).toBeGreaterThan(burn);
    }
  });

  it("fires and clears when the formulas say", () => {
    expect(rows.map((r) => detectionMs(r, 1000))).toEqual([51_840, 129_600, 259_200, 259_200]);
    expect(clearingMs(row(1), 1000)).toBeCloseTo(295_680, 6);
    expect(detectionMs(row(1), 50)).toBeCloseTo(1_036_800, 6);
    expect(clearingMs(row(1), 50)).toBeCloseTo(213_600, 6);
    expect(detectionMs(row(1), 10)).toBeNull();
    expect(clearingMs(row(1), 14.4)).toBeNull();
    expect(detectionMs(row(2), 10)).toBeCloseTo(3 * hour + 36 * minute, 6);
  });

  it("pages or tickets by the first row whose two windows both burn", () => {
    expect(fire([20, 15, 12, 3, 8, 0.9, 3, 0.4])).toMatchObject({ severity: "page", by: 1, rows: [1] });
    expect(fire([0, 20, 4, 4.5, 11, 1.2, 4.5, 0.5])).toMatchObject({ severity: "none", by: 0 });
    expect(fire([7, 7, 6.5, 6.2, 6.6, 1.9, 6.2, 0.8])).toMatchObject({ severity: "page", by: 2, rows: [2] });
    expect(fire([4, 3.6, 3.5, 3.3, 3.4, 3.1, 3.3, 1.5])).toMatchObject({ severity: "ticket", rows: [3, 4] });
  });

  it("fires on what is there and reports what is missing", () => {
    const state = fire([Number.NaN, 50, Number.NaN, 10, 50, 4, 10, 2]);
    expect(state).toMatchObject({ severity: "ticket", rows: [3, 4], missingMs: [1, 3], isUndecided: true });
  });

  it("does not fire at its limit exactly", () => {
    expect(fire([14.4, 14.4, 6, 6, 3, 3, 1, 1]).severity).toBe("none");
  });

  it("makes a ticket of a page with fewer bad events than asked for", () => {
    expect(fire([20, 20, 0, 0, 0, 0, 0, 0], 5, 4)).toMatchObject({
      severity: "ticket",
      isLowTraffic: true,
      by: 1,
    });
    expect(fire([20, 20, 0, 0, 0, 0, 0, 0], 5, 5)).toMatchObject({ severity: "page", isLowTraffic: false });
  });

  it("knows below how many events one alone crosses a row", () => {
    const below = rows.map((r) => Number(lowTrafficBelow(r, 99.9).toFixed(1)));
    expect(below).toEqual([69.4, 166.7, 333.3, 1000]);
  });
});

const objective = (change: Partial<Objective> = {}): Objective => ({
  objectivePercent: 99.9,
  windowMs: 30 * day,
  rows,
  minBad: 5,
  ...change,
});
const all = (counts: EventCounts | null) => new Map(lengths.map((ms) => [ms, counts]));
const quiet: EventCounts = { bad: 0, total: 100_000 };
const measured = (counts: EventCounts, elapsedMs = 30 * day, windows = all(quiet)): Measured => ({
  period: { counts, elapsedMs },
  windows,
});
const fine: EventCounts = { bad: 100, total: 1_000_000 };

describe("budgetStatus", () => {
  it("is healthy, burning or exhausted by the numbers, with every window's burn", () => {
    const healthy = budgetStatus(objective(), measured(fine));
    expect(healthy).toMatchObject({
      state: "healthy",
      severity: "none",
      why: null,
      exhaustion: { when: "never" },
    });
    expect(healthy.burns.map(({ windowMs }) => windowMs)).toEqual(
      [...new Set(lengths)].sort((a, b) => a - b),
    );
    const burning = budgetStatus(objective(), measured(fine, 30 * day, all({ bad: 2000, total: 100_000 })));
    expect(burning).toMatchObject({
      state: "burning",
      severity: "page",
      burn: { row: { long: hour, burn: 14.4 } },
    });
    const exhausted = budgetStatus(objective(), measured({ bad: 1400, total: 1_000_000 }));
    expect(exhausted.state).toBe("exhausted");
    expect(exhausted.remaining).toBeCloseTo(-0.4, 12);
    expect(budgetStatus(objective(), measured({ bad: 1000, total: 1_000_000 })).state).toBe("exhausted");
  });

  it("keeps the page of an exhausted budget that still burns", () => {
    const status = budgetStatus(
      objective(),
      measured({ bad: 5000, total: 1_000_000 }, 30 * day, all({ bad: 2000, total: 100_000 })),
    );
    expect(status).toMatchObject({ state: "exhausted", severity: "page" });
  });

  it("never calls healthy what could not be read", () => {
    expect(budgetStatus(objective(), { period: null, windows: all(quiet) })).toMatchObject({
      state: "unknown",
      why: "the SLO's window could not be read",
      remaining: null,
    });
    for (const ms of new Set(lengths)) {
      const windows = new Map(all(quiet)).set(ms, null);
      expect(budgetStatus(objective(), measured(fine, 30 * day, windows)).state).toBe("unknown");
      const without = new Map(all(quiet));
      without.delete(ms);
      expect(budgetStatus(objective(), measured(fine, 30 * day, without)).state).toBe("unknown");
    }
  });

  it("takes more bad events than events for an unreadable measurement, and says so", () => {
    const status = budgetStatus(objective(), measured({ bad: 11, total: 10 }));
    expect(status).toMatchObject({
      state: "unknown",
      why: "the SLO's window: more bad events (11) than events (10)",
    });
    const windows = new Map(all(quiet)).set(hour, { bad: Number.NaN, total: 10 });
    expect(budgetStatus(objective(), measured(fine, 30 * day, windows)).why).toContain("the 1h window");
  });

  it("pages on what burns although something else could not be read", () => {
    const status = budgetStatus(objective(), { period: null, windows: all({ bad: 2000, total: 100_000 }) });
    expect(status).toMatchObject({ state: "burning", severity: "page", remaining: null });
  });

  it("says no data without traffic, and not that all is good", () => {
    const none: EventCounts = { bad: 0, total: 0 };
    expect(budgetStatus(objective(), measured(none, 30 * day, all(none))).state).toBe("no-data");
    expect(budgetStatus(objective(), measured(fine, 30 * day, all(none))).state).toBe("no-data");
  });

  it("is unknown when one window is past its limit and the other has no traffic", () => {
    const windows = new Map(all(quiet))
      .set(hour, { bad: 5000, total: 100_000 })
      .set(5 * minute, { bad: 0, total: 0 });
    expect(budgetStatus(objective(), measured(fine, 30 * day, windows)).state).toBe("unknown");
    const night = new Map(all(quiet)).set(5 * minute, { bad: 0, total: 0 });
    expect(budgetStatus(objective(), measured(fine, 30 * day, night)).state).toBe("healthy");
  });

  it("works with any window and declared rows", () => {
    const short: AlertingRow[] = [{ severity: "page", long: minute, short: 10_000, burn: 5 }];
    const status = budgetStatus(objective({ windowMs: hour, rows: short, objectivePercent: 99 }), {
      period: { counts: { bad: 60, total: 1000 }, elapsedMs: 3 * minute },
      windows: new Map([
        [minute, { bad: 60, total: 900 }],
        [10_000, { bad: 20, total: 200 }],
      ]),
    });
    expect(status).toMatchObject({ state: "burning", severity: "page" });
    expect(status.consumed).toBeCloseTo(0.3, 12);
  });

  it("is healthy only when everything was read and nothing fires, for any measurement", () => {
    const count = fc.oneof(
      fc.integer({ min: 0, max: 1000 }),
      fc.constantFrom(Number.NaN, -1, Number.POSITIVE_INFINITY),
    );
    const counts = fc.option(fc.record({ bad: count, total: count }), { nil: null });
    fc.assert(
      fc.property(counts, fc.array(counts, { minLength: 8, maxLength: 8 }), (period, windows) => {
        const input: Measured = {
          period: period && { counts: period, elapsedMs: 30 * day },
          windows: new Map(lengths.map((ms, i) => [ms, windows[i] ?? null])),
        };
        const status = budgetStatus(objective(), input);
        const isReadable = [period, ...input.windows.values()].every(
          (c) => c !== null && Number.isFinite(c.total) && c.bad >= 0 && c.bad <= c.total,
        );
        if (status.state === "healthy") {
          expect(isReadable).toBe(true);
          expect(status.remaining).toBeGreaterThan(0);
          expect(status.severity).toBe("none");
        }
        if (status.state === "unknown" || status.state === "no-data") expect(status.why).toBeTruthy();
      }),
    );
  });
});
