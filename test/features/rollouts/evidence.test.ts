import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bet,
  betOnShare,
  boostedEOf,
  ceilingBet,
  eOf,
  harmBets,
  lossBets,
  startEvidence,
  startShareEvidence,
} from "../../../src/features/rollouts/evidence.ts";
import { eValue } from "./plain-statistics.ts";
import { binomial, seeded } from "./seeded.ts";

type Bin = readonly [xc: number, nc: number, xb: number, nb: number];

/** E after each bin. */
function path(bins: readonly Bin[], bets = harmBets, allowed = 1): number[] {
  const evidence = startEvidence(bets);
  return bins.map(([xc, nc, xb, nb]) => {
    bet(evidence, bets, { bad: xc, total: nc }, { bad: xb, total: nb }, allowed);
    return eOf(evidence);
  });
}
const last = (bins: readonly Bin[], bets = harmBets, allowed = 1): number =>
  path(bins, bets, allowed).at(-1) ?? 1;

const repeat = <T>(n: number, row: T): T[] => Array.from({ length: n }, () => row);

describe("the evidence of harm", () => {
  it("is the likelihood ratios' weighted mean in the first bin", () => {
    const one = { ratios: [3], parts: [1] };
    expect(last([[12, 1000, 500, 99_000]], one)).toBeCloseTo(
      eValue([{ canary: { bad: 12, total: 1000 }, stable: { bad: 500, total: 99_000 } }], [3]),
      8,
    );
    expect(last([[12, 1000, 500, 99_000]])).toBeCloseTo(9.714628, 5);
    expect(last([[0, 1000, 500, 99_000]])).toBeLessThan(0.07);
  });

  it("has a mean of 1 over all outcomes of a bin when the canary is as good as stable, and at most 1 when better", () => {
    const [nc, nb, events] = [300, 2_700, 12];
    const mean = (rate: number, bets: typeof harmBets, allowed = 1): number => {
      const part = (rate * nc) / (rate * nc + nb);
      let sum = 0;
      let chance = (1 - part) ** events;
      for (let xc = 0; xc <= events; xc += 1) {
        sum += chance * last([[xc, nc, events - xc, nb]], bets, allowed);
        chance *= ((events - xc) / (xc + 1)) * (part / (1 - part));
      }
      return sum;
    };
    expect(mean(1, harmBets)).toBeCloseTo(1, 10);
    expect(mean(0.7, harmBets)).toBeLessThan(1);
    expect(mean(1.3, harmBets, 1.3)).toBeCloseTo(1, 10);
    expect(mean(1, lossBets)).toBeCloseTo(1, 10);
    expect(mean(1.4, lossBets)).toBeLessThan(1);
    expect(mean(0.9, lossBets, 0.9)).toBeCloseTo(1, 10);
  });

  it("wastes less beyond its limit, and the mean counted up to it never passes 1", () => {
    const [nc, nb, events] = [300, 2_700, 12];
    for (const [bets, rates] of [
      [harmBets, [1, 0.7]],
      [lossBets, [1, 1.4]],
    ] as const)
      for (const limit of [3, 20, 300]) {
        const means = rates.map((rate) => {
          const part = (rate * nc) / (rate * nc + nb);
          let chance = (1 - part) ** events;
          let sum = 0;
          for (let xc = 0; xc <= events; xc += 1) {
            const evidence = startEvidence(bets);
            bet(evidence, bets, { bad: xc, total: nc }, { bad: events - xc, total: nb }, 1, limit);
            sum += chance * Math.min(limit, boostedEOf(evidence));
            expect(boostedEOf(evidence)).toBeGreaterThanOrEqual(eOf(evidence) * (1 - 1e-9));
            chance *= ((events - xc) / (xc + 1)) * (part / (1 - part));
          }
          return sum;
        });
        expect(means[0]).toBeLessThanOrEqual(1 + 1e-9);
        expect(means[0]).toBeGreaterThan(0.8);
        expect(means[1]).toBeLessThan(means[0] ?? 0);
      }
  });

  it("has a mean of 1 over two bins too, whatever the first one did to the stakes", () => {
    const [nc, nb, events] = [50, 150, 3];
    let sum = 0;
    const part = nc / (nc + nb);
    const chanceOf = (x: number) => [1, 3, 3, 1][x] as number;
    for (let first = 0; first <= events; first += 1)
      for (let second = 0; second <= events; second += 1) {
        const weight = (x: number) => chanceOf(x) * part ** x * (1 - part) ** (events - x);
        const bins: Bin[] = [first, second].map((x) => [x, nc, events - x, nb] as const);
        sum += weight(first) * weight(second) * last(bins);
      }
    expect(sum).toBeCloseTo(1, 10);
  });

  it("says nothing where one side is silent or nothing happened", () => {
    expect(last([[5, 5, 0, 0]])).toBe(1);
    expect(last([[0, 0, 5, 100]])).toBe(1);
    expect(last([[0, 50, 0, 5_000]])).toBe(1);
  });

  it("finds a version that breaks late nearly as soon as one bad from the start", () => {
    const good = repeat(100, [5, 500, 45, 4_500] as const);
    const bad = repeat(10, [25, 500, 45, 4_500] as const);
    const looks = (bins: readonly Bin[]) => path(bins).findIndex((e) => e >= 200) + 1;
    expect(looks(bad)).toBe(1);
    expect(looks([...good, ...bad]) - good.length).toBeLessThanOrEqual(2);
    // The product of likelihood ratios alone has to win back what it lost before.
    const plain = [...good, ...bad].map(([xc, nc, xb, nb]) => ({
      canary: { bad: xc, total: nc },
      stable: { bad: xb, total: nb },
    }));
    expect(eValue(plain.slice(0, 102))).toBeLessThan(200);
  });

  it("ever reaches 1/α in at most α of rollouts with a good version, with weights that change and a shared incident", () => {
    const random = seeded(20260711);
    const runs = 1_500;
    let crossed = 0;
    for (let run = 0; run < runs; run += 1) {
      const evidence = startEvidence(harmBets);
      for (let look = 0; look < 60; look += 1) {
        const base = look >= 10 && look < 15 ? 0.08 : 0.01;
        const nc = look < 20 ? 60 : 300;
        const canary = { bad: binomial(nc, base, random), total: nc };
        bet(evidence, harmBets, canary, { bad: binomial(2_000, base, random), total: 2_000 });
        if (eOf(evidence) >= 100) {
          crossed += 1;
          break;
        }
      }
    }
    expect(crossed / runs).toBeLessThanOrEqual(0.01);
  });

  it("finds lost orders among healthy requests", () => {
    const lost = repeat(30, [14, 600, 1_000, 30_000] as const);
    expect(path(lost, lossBets).some((e) => e >= 100)).toBe(true);
    expect(last(repeat(30, [20, 600, 1_000, 30_000] as const), lossBets)).toBeLessThan(1);
  });

  it("grows with one more bad event on the canary, and never overflows", () => {
    const row = fc.tuple(
      fc.integer({ min: 0, max: 2_000 }),
      fc.integer({ min: 2_001, max: 100_000 }),
      fc.integer({ min: 0, max: 2_000 }),
      fc.integer({ min: 2_001, max: 100_000 }),
    );
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
        const worse = rows.map(([xc, nc, xb, nb], i) => [i === 0 ? xc + 1 : xc, nc, xb, nb] as const);
        const [e, more] = [last(rows), last(worse)];
        expect(Number.isFinite(e)).toBe(true);
        expect(more).toBeGreaterThanOrEqual(e);
      }),
      { numRuns: 100 },
    );
  });
});

describe("the evidence of a passed ceiling", () => {
  const ceilingE = (rows: readonly (readonly [bad: number, total: number])[]): number => {
    const evidence = startShareEvidence(ceilingBet);
    for (const [bad, total] of rows) betOnShare(evidence, ceilingBet, { bad, total }, 0.01, 0.05);
    return eOf(evidence);
  };

  it("is Wald's likelihood ratio on four fifths of the stake", () => {
    expect(ceilingE([[5, 5]])).toBeCloseTo(0.2 + 0.8 * Math.exp(8.04719), 1);
    expect(ceilingE([[4, 4]])).toBeLessThan(2_000);
    expect(ceilingE([[0, 56]])).toBeCloseTo(0.2 + 0.8 * Math.exp(-2.309606), 5);
  });

  it("is not outlived by a long clean past", () => {
    const clean = repeat(200, [0, 3_000] as const);
    expect(ceilingE(clean)).toBeLessThan(0.001);
    expect(ceilingE([...clean, [30, 100]])).toBeGreaterThan(2_000);
  });

  it("says nothing where what is fine is as much as the ceiling", () => {
    const evidence = startShareEvidence(ceilingBet);
    betOnShare(evidence, ceilingBet, { bad: 50, total: 50 }, 0.05, 0.05);
    expect(eOf(evidence)).toBe(1);
  });
});
