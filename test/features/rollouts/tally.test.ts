import { expect, it } from "vitest";
import { eOf } from "../../../src/features/rollouts/evidence.ts";
import { createJudgeMemory, tallyOf } from "../../../src/features/rollouts/judge/tally.ts";
import type { CountBin } from "../../../src/features/rollouts/judge/types.ts";
import { binomial, seeded } from "./seeded.ts";

const ceiling = 0.05;
/** Of a test with a twentieth of an alpha of 1 %. */
const limit = 2_000;
const runs = 1_000;

/** Part of rollouts of a version as good as stable whose ceiling's evidence ever reaches the limit. */
function falseReverts(share: number, perBin: { canary: number; stable: number }, seed: number): number {
  const random = seeded(seed);
  let passed = 0;
  for (let run = 0; run < runs; run += 1) {
    const bins: CountBin[] = [];
    for (let at = 0; at < 60; at += 1) {
      const side = (total: number) => ({ bad: binomial(total, share, random), total });
      bins.push({
        startMs: at * 60_000,
        endMs: (at + 1) * 60_000,
        canary: side(perBin.canary),
        stable: side(perBin.stable),
      });
    }
    const rules = {
      isKpi: false,
      isLowerWorse: false,
      harmAllowed: undefined,
      ceiling,
      limit: 100,
      stepStartMs: 0,
      limits: { minSamples: 500, alpha: 0.05, harmRatioMax: 3, shareUpperMax: null, isLowerWorse: false },
    };
    const memory = createJudgeMemory();
    for (let looks = 1; looks <= bins.length; looks += 1) {
      const { ceiling: evidence } = tallyOf("errors", bins.slice(0, looks), rules, looks * 60_000, memory);
      if (eOf(evidence) < limit) continue;
      passed += 1;
      break;
    }
  }
  return passed / runs;
}

it.each([
  [0.02, { canary: 20, stable: 180 }],
  [0.025, { canary: 100, stable: 100 }],
  [0.03, { canary: 100, stable: 100 }],
  [0.0375, { canary: 100, stable: 100 }],
  [0.0375, { canary: 20, stable: 180 }],
  [0.03, { canary: 500, stable: 500 }],
])(
  "the ceiling's evidence turns back hardly any version that is as bad as stable: a share of %d, %o a bin",
  (share, perBin) => {
    // A twentieth of 1 % is meant; stable's share is known from its own requests only.
    expect(falseReverts(share, perBin, 7)).toBeLessThanOrEqual(0.002);
  },
);
