import { describe, expect, it } from "vitest";
import { boostOf, type OpenBin } from "../../../src/features/rollouts/overshoot.ts";

const bin = (more: Partial<OpenBin> = {}): OpenBin => ({
  ratios: [3],
  parts: Float64Array.from([1]),
  exposure: 100,
  stableTotal: 100,
  events: 4,
  ...more,
});

/** Mean of min(boost · L, room) over all splits of the bin's events, by their chances while the canary is as good. */
function meanUpTo(room: number, boost: number, { ratios: [ratio = 1], events }: OpenBin): number {
  const choose = [1, 4, 6, 4, 1];
  let sum = 0;
  for (let x = 0; x <= events; x += 1) {
    const won = ratio ** x * (2 / (ratio + 1)) ** events;
    sum += (choose[x] ?? 0) * 0.5 ** events * Math.min(room, boost * won);
  }
  return sum;
}

describe("the boost of a bin", () => {
  it("makes the mean up to the limit 1, for harm and for loss", () => {
    for (const ratios of [[3], [1 / 3]])
      for (const room of [1.5, 2, 4]) {
        const boost = boostOf(bin({ ratios }), room);
        expect(boost).toBeGreaterThan(1);
        expect(meanUpTo(room, boost, bin({ ratios }))).toBeLessThanOrEqual(1 + 1e-9);
        expect(meanUpTo(room, boost, bin({ ratios }))).toBeGreaterThan(0.97);
      }
  });

  it("is none where the limit is out of reach, or reached already", () => {
    // Four of four on the canary win (3·2/4)^4 = 5.06.
    expect(boostOf(bin(), 5.07)).toBe(1);
    expect(boostOf(bin(), 5.06)).toBeGreaterThanOrEqual(1);
    expect(boostOf(bin(), 1)).toBe(1);
    expect(boostOf(bin(), 0.5)).toBe(1);
  });
});
