import { describe, expect, it } from "vitest";
import { exactTallies, lateTargets, type RawSeries } from "../../../src/providers/metrics/exact.ts";

const fromMs = Date.parse("2026-11-01T12:00:00Z");
const bins = { from: new Date(fromMs), binSec: 60, count: 3 };
/** Values at seconds after the range's start. */
const series = (points: Record<string, number>, change: Partial<RawSeries> = {}): RawSeries => ({
  target: "shop a:1",
  group: null,
  le: null,
  points: Object.entries(points)
    .map(([sec, value]) => ({ atMs: fromMs + Number(sec) * 1000, value }))
    .sort((a, b) => a.atMs - b.atMs),
  ...change,
});
const counts = (list: RawSeries[][], started = new Map<string, number>()) =>
  exactTallies(list, started, bins).map(({ rows }) =>
    Object.fromEntries(rows.map(({ bin, value }) => [bin, value])),
  );

describe("exactTallies", () => {
  it("puts each increment into the half-open bin of its sample; the sample before the range is the baseline", () => {
    expect(
      counts([[series({ "-30": 100, 0: 101, 30: 103, 59.999: 106, 60: 110, 179: 120, 180: 999 })]]),
    ).toEqual([{ 0: 6, 1: 4, 2: 10 }]);
  });

  it("counts a restart from 0", () => {
    expect(counts([[series({ "-30": 100, 30: 110, 90: 4 })]])).toEqual([{ 0: 10, 1: 4 }]);
  });

  it("counts a series that appears on a process already scraped from its first sample on", () => {
    const total = series({ "-30": 100, 30: 110, 90: 120 });
    expect(counts([[total], [series({ 90: 3 })]])).toEqual([{ 0: 10, 1: 10 }, { 1: 3 }]);
  });

  it("leaves the first sample of an old process as the baseline", () => {
    expect(
      counts([[series({ 30: 5_000, 90: 5_001 })]], new Map([["shop a:1", fromMs - 86_400_000]])),
    ).toEqual([{ 1: 1 }]);
    expect(counts([[series({ 30: 5_000, 90: 5_001 })]])).toEqual([{ 1: 1 }]);
  });

  it("counts all of a process that began within the range", () => {
    expect(counts([[series({ 30: 5, 90: 9 })]], new Map([["shop a:1", fromMs + 20_000]]))).toEqual([
      { 0: 5, 1: 4 },
    ]);
  });

  it("tells how old and how new the data is, by group", () => {
    const [tally] = exactTallies(
      [[series({ "-30": 1, 30: 2 }, { group: "v41" }), series({ 90: 2 }, { group: "v42" })]],
      new Map(),
      bins,
    );
    expect(tally?.newestSampleAt).toEqual(
      new Map([
        ["v41", new Date(fromMs + 30_000)],
        ["v42", new Date(fromMs + 90_000)],
      ]),
    );
    expect(tally?.oldestSampleAt).toEqual(new Date(fromMs + 30_000));
  });
});

describe("lateTargets", () => {
  it("names the processes whose data begins after the range could have begun", () => {
    expect(
      lateTargets([series({ "-300": 1 }), series({ 30: 1 }, { target: "shop b:1" })], fromMs - 300_000),
    ).toEqual(["shop b:1"]);
  });
});
