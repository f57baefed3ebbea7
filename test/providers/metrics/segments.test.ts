import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { segmentsOf } from "../../../src/providers/metrics/segments.ts";

const day = (text: string): Date => new Date(`2026-11-01T${text}Z`);
const shown = (from: string, to: string, rawSince: string, count = 1) => {
  const binSec = (day(to).getTime() - day(from).getTime()) / 1000 / count;
  return segmentsOf({ from: day(from), binSec, count }, day(rawSince)).map(
    ({ level, from: start, to: end }) =>
      `${level} ${start.toISOString().slice(11, 19)}-${end.toISOString().slice(11, 19)}`,
  );
};

describe("segmentsOf", () => {
  it("takes whole hours from the hours, whole minutes from the minutes and the ends from raw samples", () => {
    expect(shown("09:58:40", "12:01:10", "00:00:00")).toEqual([
      "raw 09:58:40-09:59:00",
      "1m 09:59:00-10:00:00",
      "1h 10:00:00-12:00:00",
      "1m 12:00:00-12:01:00",
      "raw 12:01:00-12:01:10",
    ]);
  });

  it("reads a stretch shorter than a minute from raw samples alone, also over a minute's border", () => {
    expect(shown("09:58:40", "09:58:55", "00:00:00")).toEqual(["raw 09:58:40-09:58:55"]);
    expect(shown("09:58:40", "09:59:10", "00:00:00")).toEqual(["raw 09:58:40-09:59:10"]);
  });

  it("widens to the minute where raw samples are gone", () => {
    expect(shown("09:58:40", "12:01:10", "12:00:00")).toEqual([
      "1m 09:58:00-10:00:00",
      "1h 10:00:00-12:00:00",
      "1m 12:00:00-12:01:00",
      "raw 12:01:00-12:01:10",
    ]);
    expect(shown("09:58:40", "09:58:55", "12:00:00")).toEqual(["1m 09:58:00-09:59:00"]);
  });

  it("never reaches over the border of a bin", () => {
    expect(shown("09:30:00", "11:30:00", "00:00:00", 120)).toEqual(["1m 09:30:00-11:30:00"]);
    expect(shown("09:00:00", "11:00:00", "00:00:00", 2)).toEqual(["1h 09:00:00-11:00:00"]);
    expect(shown("09:00:00", "11:00:00", "00:00:00", 240)).toEqual(["raw 09:00:00-11:00:00"]);
    expect(shown("09:00:10", "09:04:10", "00:00:00", 4)).toEqual(["raw 09:00:10-09:04:10"]);
  });

  it("covers every range without a gap or an overlap while raw samples are there", () => {
    const base = day("00:00:00").getTime();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200_000 }),
        fc.integer({ min: 1, max: 400_000 }),
        (startSec, spanSec) => {
          const from = new Date(base + startSec * 1000);
          const segments = segmentsOf({ from, binSec: spanSec, count: 1 }, new Date(base));
          let reached = from.getTime();
          for (const segment of segments) {
            expect(segment.from.getTime()).toBe(reached);
            expect(segment.to.getTime()).toBeGreaterThan(reached);
            reached = segment.to.getTime();
          }
          expect(reached).toBe(from.getTime() + spanSec * 1000);
        },
      ),
    );
  });
});
