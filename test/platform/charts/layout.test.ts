import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { axisTimes, findGaps, placeLabels, tickText } from "../../../src/platform/charts/layout.ts";

const startMs = Date.UTC(2026, 2, 1, 14);
const minute = 60_000;
const line = (minutes: readonly number[]) => ({
  points: minutes.map((m) => ({ atMs: startMs + m * minute, value: 1 })),
});
const span = { fromMs: startMs, toMs: startMs + 20 * minute };

describe("findGaps", () => {
  it("finds the stretches that no series covers, before, between and after", () => {
    const { gaps } = findGaps({ ...span, series: [line([5, 6, 7]), line([7, 8, 13, 14])] });
    expect(gaps.map(({ fromMs, toMs }) => [(fromMs - startMs) / minute, (toMs - startMs) / minute])).toEqual([
      [0, 5],
      [8, 13],
      [14, 20],
    ]);
  });

  it("breaks each line where its own points are too far apart and joins the rest", () => {
    const { lines } = findGaps({ ...span, series: [line([0, 1, 2, 10, 11])], gapAfterMs: 5 * minute });
    expect(lines[0]?.map(({ y }) => y)).toEqual([1, 1, 1, null, 1, 1]);
    const joined = findGaps({ ...span, series: [line([0, 1, 2, 10, 11])], gapAfterMs: 8 * minute });
    expect(joined.lines[0]?.every(({ y }) => y === 1)).toBe(true);
  });

  it("leaves out what lies outside and reads what is no number as no data", () => {
    const points = [
      { atMs: startMs - 1, value: 1 },
      { atMs: startMs, value: Number.NaN },
      { atMs: startMs + minute, value: 2 },
      { atMs: span.toMs + 1, value: 3 },
    ];
    const { lines } = findGaps({ ...span, series: [{ points }] });
    expect(lines[0]).toEqual([
      { x: startMs, y: null },
      { x: startMs + minute, y: 2 },
    ]);
  });
});

describe("the time axis", () => {
  it("has one to six round times inside the span, for any span from ten seconds to a quarter", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e9 }),
        fc.integer({ min: 10_000, max: 90 * 86_400_000 }),
        (shift, length) => {
          const fromMs = startMs + shift;
          const ticks = axisTimes(fromMs, fromMs + length);
          expect(ticks.length).toBeGreaterThanOrEqual(1);
          expect(ticks.length).toBeLessThanOrEqual(6);
          for (const tick of ticks) {
            expect(tick).toBeGreaterThanOrEqual(fromMs);
            expect(tick).toBeLessThanOrEqual(fromMs + length);
          }
        },
      ),
    );
  });

  it("writes seconds on minutes, the day on days, in the zone asked for", () => {
    expect(tickText(startMs, 2 * minute, "UTC")).toBe("14:00:00");
    expect(tickText(startMs, 60 * minute, "Europe/Berlin")).toBe("15:00");
    expect(tickText(startMs, 2 * 1440 * minute, "UTC")).toBe("Sun 14:00");
    expect(tickText(startMs, 30 * 1440 * minute, "UTC")).toBe("1 Mar");
  });
});

describe("placeLabels", () => {
  it("uses a second row for a neighbour, the left side at the edge, and gives up without room", () => {
    expect(
      placeLabels(
        [
          { x: 0, width: 50 },
          { x: 10, width: 50 },
          { x: 90, width: 30 },
          { x: 12, width: 50 },
        ],
        0,
        100,
        2,
      ),
    ).toEqual([{ left: 2, row: 0 }, { left: 12, row: 1 }, { left: 58, row: 0 }, null]);
  });

  it("never lets two labels of a row touch", () => {
    const labels = fc.array(
      fc.record({ x: fc.integer({ min: 0, max: 500 }), width: fc.integer({ min: 5, max: 120 }) }),
    );
    fc.assert(
      fc.property(labels, (wanted) => {
        const placed = placeLabels(wanted, 0, 500, 3);
        placed.forEach((a, i) => {
          placed.slice(i + 1).forEach((b, k) => {
            if (!a || !b || a.row !== b.row) return;
            const [widthA, widthB] = [wanted[i]?.width ?? 0, wanted[i + 1 + k]?.width ?? 0];
            expect(a.left + widthA <= b.left || b.left + widthB <= a.left).toBe(true);
          });
        });
      }),
    );
  });
});
