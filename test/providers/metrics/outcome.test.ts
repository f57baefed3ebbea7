import { describe, expect, it } from "vitest";
import type { SignalQuery } from "../../../src/providers/metrics/contract.ts";
import { outcomeOf } from "../../../src/providers/metrics/outcome.ts";
import type { BinRow } from "../../../src/providers/metrics/source.ts";

const row = (value: number, le: string | null = null): BinRow => ({ bin: 0, group: null, le, value });
const selector = { metric: "x", labels: {} };
const outcome = (query: SignalQuery, main: BinRow[], part: BinRow[] = []) =>
  outcomeOf(query, { main, part, windowSec: 60 });
const ratio: SignalQuery = { kind: "ratio", total: selector, bad: selector };
const buckets = [
  row(240, "0.1"),
  row(600, "0.25"),
  row(900, "0.5"),
  row(980, "1.0"),
  row(995, "2.5"),
  row(1000, "+Inf"),
];
const quantile = (q: number): SignalQuery => ({ kind: "quantile", histogram: selector, quantile: q });

describe("a ratio", () => {
  it("is bad over all, weighted by events and not by series", () => {
    expect(outcome(ratio, [row(10), row(1000)], [row(5), row(0)])).toMatchObject({
      value: 5 / 1010,
      events: 1010,
      bad: 5,
    });
  });

  it("is 0 while no error has happened yet, and no data without the total", () => {
    expect(outcome(ratio, [row(10)])).toMatchObject({ value: 0, bad: 0, events: 10 });
    expect(outcome(ratio, [], [row(5)])).toMatchObject({ value: null, reason: "no_data", events: null });
  });

  it("of nothing counted is no ratio, and never healthy", () => {
    expect(outcome(ratio, [row(0)], [row(0)])).toMatchObject({
      value: null,
      reason: "no_traffic",
      events: 0,
    });
  });

  it("counts what is not good as bad", () => {
    expect(outcome({ kind: "ratio", total: selector, good: selector }, [row(100)], [row(97)])).toMatchObject({
      value: 0.03,
      bad: 3,
    });
  });

  it("with more bad than all is refused, within an estimate's error it is all", () => {
    expect(outcome(ratio, [row(100)], [row(102)])).toMatchObject({ value: null, reason: "invalid" });
    expect(outcome(ratio, [row(100)], [row(100.9)])).toMatchObject({ value: 1 });
  });

  it("does not take errors that are no number for no errors", () => {
    expect(outcome(ratio, [row(10)], [row(Number.NaN)])).toMatchObject({ value: null, reason: "invalid" });
    const counted: SignalQuery = { kind: "expression", promql: { bad: "b", total: "t" } };
    expect(outcome(counted, [row(10)], [row(1), row(Number.NaN)])).toMatchObject({ reason: "invalid" });
    expect(outcome(counted, [row(10)])).toMatchObject({ value: 0, bad: 0, events: 10 });
    expect(outcome(counted, [row(Number.NaN)], [row(1)])).toMatchObject({ reason: "no_data" });
  });

  it("of looks at a gauge is what is missing to 1", () => {
    const up: SignalQuery = { kind: "availability", gauge: selector };
    expect(outcome(up, [row(60), row(60)], [row(60), row(45)])).toMatchObject({
      value: 0.125,
      bad: 15,
      events: 120,
    });
    expect(outcome(up, [row(60)], [row(0)])).toMatchObject({ value: 1, bad: 60 });
    expect(outcome(up, [row(60)], [row(Number.NaN)])).toMatchObject({ reason: "invalid" });
    expect(outcome(up, [row(60)], [row(300)])).toMatchObject({ reason: "invalid" });
    expect(outcome(up, [])).toMatchObject({ reason: "no_data" });
  });

  it("drops what is not a number", () => {
    expect(outcome(ratio, [row(10), row(Number.NaN)], [row(1), row(Number.POSITIVE_INFINITY)])).toMatchObject(
      { value: 0.1 },
    );
    expect(outcome(ratio, [row(Number.NaN)])).toMatchObject({ reason: "no_data" });
  });
});

describe("a quantile", () => {
  it("is interpolated within its bucket", () => {
    expect(outcome(quantile(0.95), buckets)).toMatchObject({
      value: expect.closeTo(0.8125, 10),
      isAtLeast: false,
      events: 1000,
    });
    expect(outcome(quantile(0.5), buckets).value).toBeCloseTo(0.2083333, 7);
  });

  it("past the last finite bound says 'at least'", () => {
    expect(outcome(quantile(0.999), buckets)).toMatchObject({ value: 2.5, isAtLeast: true });
    expect(outcome(quantile(0.995), buckets)).toMatchObject({ value: 2.5, isAtLeast: false });
  });

  it("of nothing, or without the open bucket, is none", () => {
    expect(outcome(quantile(0.5), [row(0, "1"), row(0, "+Inf")])).toMatchObject({
      value: null,
      reason: "no_traffic",
    });
    expect(outcome(quantile(0.5), buckets.slice(0, -1))).toMatchObject({ value: null, reason: "invalid" });
  });
});

describe("a share slower than a bound", () => {
  const slower = (bound: number): SignalQuery => ({ kind: "slower-than", histogram: selector, bound });

  it("counts what is past the bound, however the bound is spelled", () => {
    expect(outcome(slower(1), buckets)).toMatchObject({ value: 0.02, bad: 20, events: 1000 });
    expect(outcome(slower(0.25), buckets)).toMatchObject({ value: 0.4 });
  });

  it("between two bounds is refused, and the bounds there are are named", () => {
    expect(outcome(slower(0.3), buckets)).toMatchObject({
      value: null,
      reason: "invalid",
      message: "x has no bucket bound 0.3; it has 0.1, 0.25, 0.5, 1, 2.5, Infinity",
    });
  });
});

describe("a rate", () => {
  it("is events per second; nothing counted is 0, no series is no data", () => {
    expect(outcome({ kind: "rate", counter: selector }, [row(90), row(30)])).toMatchObject({
      value: 2,
      events: 120,
    });
    expect(outcome({ kind: "rate", counter: selector }, [row(0)])).toMatchObject({ value: 0 });
    expect(outcome({ kind: "rate", counter: selector }, [])).toMatchObject({
      value: null,
      reason: "no_data",
    });
  });
});
