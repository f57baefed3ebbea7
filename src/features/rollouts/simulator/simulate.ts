/** Many runs of a scenario, each seen by every judge alike: same data, same looks. Pure. */
import { defaultKayenta, type KayentaConfig, kayentaFailsAt } from "./kayenta.ts";
import { type Measured, meanOf, quantileOf, shareOf } from "./measures.ts";
import { revertAt } from "./ours.ts";
import { createUniform } from "./random.ts";
import { readingsOf } from "./readings.ts";
import type { Scenario } from "./scenario.ts";
import { abortAt, defaultThresholds, type Thresholds } from "./thresholds.ts";
import { createWorld, type Look, runWorld, type World } from "./world.ts";

export const judgeNames = [
  "quarterdeck",
  "thresholds",
  "thresholds-tuned",
  "mann-whitney",
  "mann-whitney-tuned",
] as const;
export type JudgeName = (typeof judgeNames)[number];

export interface Tuned {
  readonly thresholds: Thresholds;
  readonly kayenta: KayentaConfig;
}

/** One judge's end of one run. */
export interface Outcome {
  /** Look of the revert, counted from 0; undefined: none. */
  readonly revertAt: number | undefined;
  /** Seconds from the first harm (or the first traffic) to the revert; Infinity without one. */
  readonly tookSec: number;
  /** Reverted while no harm had begun: always, on a good version. */
  readonly isFalse: boolean;
  readonly harmed: number;
}

export type Outcomes = Readonly<Record<JudgeName, readonly Outcome[]>>;

/**
 * Runs `from` ≤ run < `to` of a seed: each run has a stream of its own, so any part of them can be had apart. Judges that
 * are not named have no outcomes.
 */
export function simulate(
  scenario: Scenario,
  runs: { readonly seed: number; readonly from: number; readonly to: number },
  tuned: Tuned,
  names: readonly JudgeName[] = judgeNames,
): Outcomes {
  const world = createWorld(scenario);
  const outcomes: Record<JudgeName, Outcome[]> = {
    quarterdeck: [],
    thresholds: [],
    "thresholds-tuned": [],
    "mann-whitney": [],
    "mann-whitney-tuned": [],
  };
  for (let run = runs.from; run < runs.to; run += 1) {
    const looks = oneRun(world, runs.seed, run);
    const readings = readingsOf(looks, scenario.service.bucketsMs);
    const endOf: Record<JudgeName, () => number | undefined> = {
      quarterdeck: () => revertAt(world, looks),
      thresholds: () => abortAt(readings, defaultThresholds, world.usual),
      "thresholds-tuned": () => abortAt(readings, tuned.thresholds, world.usual),
      "mann-whitney": () => kayentaFailsAt(readings, defaultKayenta),
      "mann-whitney-tuned": () => kayentaFailsAt(readings, tuned.kayenta),
    };
    for (const name of names) outcomes[name].push(outcomeOf(world, looks, endOf[name]()));
  }
  return outcomes;
}

export function oneRun(world: World, seed: number, run: number): Look[] {
  return runWorld(world, createUniform(seed, nameNumber(world.scenario.name), run));
}

/** FNV-1a: scenarios of one seed do not share their chance. */
function nameNumber(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}

export function outcomeOf(world: World, looks: readonly Look[], at: number | undefined): Outcome {
  const endMs = at === undefined ? Number.POSITIVE_INFINITY : (looks[at]?.endMs ?? 0);
  const isFalse = at !== undefined && (world.scenario.expect === "good" || endMs <= world.harmFromMs);
  const seen = at === undefined ? looks : looks.slice(0, at + 1);
  return {
    revertAt: at,
    tookSec: (endMs - world.harmFromMs) / 1_000,
    isFalse,
    harmed: seen.reduce((sum, { harm }) => sum + harm, 0),
  };
}

/** What a judge did in all runs of one scenario. */
export interface Summary {
  readonly judge: JudgeName;
  readonly falseReverts: Measured;
  /** Null on a good version: nothing to miss. So are the times. */
  readonly missed: Measured | null;
  readonly medianSec: Measured | null;
  readonly p90Sec: Measured | null;
  /** Mean of a run. */
  readonly harmedRequests: Measured;
}

export function summarise(scenario: Scenario, judge: JudgeName, outcomes: readonly Outcome[]): Summary {
  const n = outcomes.length;
  const isBad = scenario.expect === "bad";
  const took = outcomes.map(({ tookSec, isFalse }) => (isFalse ? Number.POSITIVE_INFINITY : tookSec));
  return {
    judge,
    falseReverts: shareOf(outcomes.filter(({ isFalse }) => isFalse).length, n),
    missed: isBad ? shareOf(outcomes.filter(({ revertAt: at }) => at === undefined).length, n) : null,
    medianSec: isBad ? quantileOf(took, 0.5) : null,
    p90Sec: isBad ? quantileOf(took, 0.9) : null,
    harmedRequests: meanOf(outcomes.map(({ harmed }) => harmed)),
  };
}
