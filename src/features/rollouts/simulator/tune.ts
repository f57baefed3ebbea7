/**
 * Gives the rivals their best: of a grid of settings, per signal, those with the earliest median detection over the
 * bad scenarios that turn back at most one good version of a hundred in each good scenario. Pure.
 *
 * Every signal may have its own rule, which is more than either project offers in one setting (Kayenta has one
 * confidence for all). Signals are chosen in turn, each the best beside the others, until nothing changes.
 */
import {
  isFailed,
  isMeasured,
  type KayentaConfig,
  type KayentaRule,
  type PointTest,
  pointsOf,
  testPoints,
  zOf,
} from "./kayenta.ts";
import { type Readings, readingsOf, type SignalName, signalNames } from "./readings.ts";
import type { Scenario } from "./scenario.ts";
import { oneRun } from "./simulate.ts";
import { failedLooks, type ThresholdRule, type Thresholds } from "./thresholds.ts";
import { createWorld, type World } from "./world.ts";

/** A look counted from 0; `never` where the rule let the run pass. */
const never = 255;

/** Of good versions turned back, in each good scenario. */
export const falseRevertsMax = 0.01;

interface Candidate<Rule> {
  readonly signal: SignalName;
  readonly rule: Rule;
}

const factors: Readonly<Record<SignalName, readonly number[]>> = {
  errors: [1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 10, 15, 25, 50],
  latency: [1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.75, 2, 2.5, 3, 4],
  orders: [0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.1],
  memory: [1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5],
};

const windows: readonly number[] = [1, 3, 5, 10];
const failureLimits: readonly number[] = [0, 1, 2, 3, 5];
const failuresMax = Math.max(...failureLimits);
const lookbacks: readonly (number | null)[] = [null, 5, 10, 20];

function measurements(): Candidate<Omit<ThresholdRule, "failureLimit">>[] {
  return signalNames.flatMap((signal) =>
    factors[signal]
      .flatMap((factor) => [{ ofUsual: factor }, { ofStable: factor }])
      .flatMap((limit) =>
        (signal === "memory" ? [1] : windows).flatMap((windowLooks) =>
          (signal === "memory" ? [0] : [1, 20, 50, 200, 500]).map((requestsMin) => ({
            signal,
            rule: { limit, windowLooks, requestsMin },
          })),
        ),
      ),
  );
}

function thresholdCandidates(): Candidate<ThresholdRule>[] {
  return measurements().flatMap(({ signal, rule }) =>
    failureLimits.map((failureLimit) => ({ signal, rule: { ...rule, failureLimit } })),
  );
}

function kayentaCandidates(): Candidate<KayentaRule>[] {
  return signalNames.flatMap((signal) =>
    [0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999].flatMap((confidence) =>
      [1, 1.05, 1.1, 1.25, 1.5, 2, 3].flatMap((effect) =>
        lookbacks.flatMap((lookbackLooks) =>
          [1, 3, 5, 10, 15].map((beginAfterLooks) => ({
            signal,
            rule: { confidence, effect, isCritical: true, lookbackLooks, beginAfterLooks },
          })),
        ),
      ),
    ),
  );
}

/** Where each candidate ends each run: `candidate * runs + run`. */
export interface Ends {
  readonly runs: number;
  readonly thresholds: Uint8Array;
  readonly kayenta: Uint8Array;
}

export function candidateEnds(
  scenario: Scenario,
  part: { readonly seed: number; readonly from: number; readonly to: number },
): Ends {
  const world = createWorld(scenario);
  if (world.looks.length >= never) throw new RangeError(`${scenario.name} has too many looks to tune on`);
  const runs = part.to - part.from;
  const thresholds = new Uint8Array(thresholdCandidates().length * runs).fill(never);
  const kayenta = new Uint8Array(kayentaCandidates().length * runs).fill(never);
  const rules = kayentaCandidates().map(({ signal, rule }) => ({ signal, rule, z: zOf(rule.confidence) }));
  for (let run = 0; run < runs; run += 1) {
    const looks = oneRun(world, part.seed, part.from + run);
    const readings = remembered(readingsOf(looks, scenario.service.bucketsMs));
    let at = 0;
    for (const { signal, rule } of measurements()) {
      const failed = failedLooks(readings, signal, rule, world.usual, failuresMax + 1);
      for (const failureLimit of failureLimits) {
        thresholds[at * runs + run] = failed[failureLimit] ?? never;
        at += 1;
      }
    }
    const tests = pointTests(readings);
    rules.forEach(({ signal, rule, z }, candidate) => {
      const own = tests.get(signal)?.[lookbacks.indexOf(rule.lookbackLooks)] ?? [];
      for (let look = rule.beginAfterLooks - 1; look < own.length; look += 1) {
        const test = own[look];
        if (test === undefined || !isFailed(test, rule.effect, z)) continue;
        kayenta[candidate * runs + run] = look;
        break;
      }
    });
  }
  return { runs, thresholds, kayenta };
}

/** By signal and lookback, a test a look. */
function pointTests(readings: Readings): Map<SignalName, PointTest[][]> {
  const looks = Array.from({ length: readings.looks }, (_, look) => look);
  return new Map(
    signalNames
      .filter((signal) => isMeasured(readings, signal))
      .map((signal) => {
        const points = pointsOf(readings, signal);
        return [
          signal,
          lookbacks.map((lookback) => looks.map((look) => testPoints(points, signal, look, lookback))),
        ];
      }),
  );
}

/** The same readings, each worked out once: a column of looks for each question. */
function remembered(readings: Readings): Readings {
  const looks = Array.from({ length: readings.looks }, (_, at) => at);
  const columns = (of: (side: "canary" | "stable", at: number, window: number) => number) => {
    const table = (side: "canary" | "stable") =>
      windows.map((window) => Float64Array.from(looks, (at) => of(side, at, window)));
    return { canary: table("canary"), stable: table("stable") };
  };
  const values = {
    errors: columns((side, at, window) => readings.value("errors", side, at, window)),
    latency: columns((side, at, window) => readings.value("latency", side, at, window)),
    orders: columns((side, at, window) => readings.value("orders", side, at, window)),
    memory: columns((side, at) => readings.value("memory", side, at, 1)),
  };
  const requests = columns((side, at, window) => readings.requests(side, at, window));
  return {
    looks: readings.looks,
    value: (signal, side, at, window) => values[signal][side][windows.indexOf(window)]?.[at] ?? Number.NaN,
    requests: (side, at, window) => requests[side][windows.indexOf(window)]?.[at] ?? 0,
  };
}

export interface ScenarioEnds {
  readonly world: World;
  readonly ends: Ends;
}

/** @param falseMax share of good versions that may be turned back in the runs searched. */
export function tunedThresholds(all: readonly ScenarioEnds[], falseMax: number): Thresholds {
  return choose(
    falseMax,
    thresholdCandidates(),
    all.map(({ world, ends }) => ({ world, runs: ends.runs, ends: ends.thresholds })),
  );
}

/** As {@link tunedThresholds}. */
export function tunedKayenta(all: readonly ScenarioEnds[], falseMax: number): KayentaConfig {
  const signals = choose(
    falseMax,
    kayentaCandidates(),
    all.map(({ world, ends }) => ({ world, runs: ends.runs, ends: ends.kayenta })),
  );
  return { signals, pass: 95, marginal: 75, nanStrategy: "replace" };
}

interface Played {
  readonly world: World;
  readonly runs: number;
  readonly ends: Uint8Array;
}

type Choice = Partial<Record<SignalName, number>>;

function choose<Rule>(
  falseMax: number,
  candidates: readonly Candidate<Rule>[],
  played: readonly Played[],
): Partial<Record<SignalName, Rule>> {
  // The order in which signals are chosen matters a little: whoever comes first may spend all false reverts.
  const starts = signalNames.map((_, i) => [...signalNames.slice(i), ...signalNames.slice(0, i)]);
  const choices = starts.map((order) => climb(falseMax, candidates, played, order));
  const best = choices.reduce((one, other) =>
    costOf(falseMax, other, played) < costOf(falseMax, one, played) ? other : one,
  );
  return Object.fromEntries(
    Object.entries(best).map(([signal, at]) => [signal, candidates[at]?.rule]),
  ) as Partial<Record<SignalName, Rule>>;
}

function climb<Rule>(
  falseMax: number,
  candidates: readonly Candidate<Rule>[],
  played: readonly Played[],
  order: readonly SignalName[],
): Choice {
  let choice: Choice = {};
  // First each signal with its part of the false reverts, then each with what the others leave.
  for (const round of [0, 1, 2, 3]) {
    const before = JSON.stringify(choice);
    for (const signal of order) {
      const others: Choice = { ...choice };
      delete others[signal];
      const limit = round === 0 ? (falseMax * (Object.keys(others).length + 1)) / order.length : falseMax;
      choice = bestBeside(candidates, played, others, signal, limit);
    }
    if (JSON.stringify(choice) === before) break;
  }
  return choice;
}

function bestBeside<Rule>(
  candidates: readonly Candidate<Rule>[],
  played: readonly Played[],
  others: Choice,
  signal: SignalName,
  falseMax: number,
): Choice {
  const beside = played.map((one) => endsOf(others, one));
  let best = others;
  let bestCost = costOfEnds(beside, played, falseMax);
  const joined = played.map(({ runs }) => new Uint8Array(runs));
  candidates.forEach((candidate, at) => {
    if (candidate.signal !== signal) return;
    played.forEach(({ runs, ends }, i) => {
      const into = joined[i];
      const old = beside[i];
      for (let run = 0; into && old && run < runs; run += 1) {
        into[run] = Math.min(old[run] ?? never, ends[at * runs + run] ?? never);
      }
    });
    const cost = costOfEnds(joined, played, falseMax);
    if (cost < bestCost) {
      bestCost = cost;
      best = { ...others, [signal]: at };
    }
  });
  return best;
}

function endsOf(choice: Choice, { runs, ends }: Played): Uint8Array {
  const joined = new Uint8Array(runs).fill(never);
  for (const at of Object.values(choice)) {
    for (let run = 0; run < runs; run += 1)
      joined[run] = Math.min(joined[run] ?? never, ends[at * runs + run] ?? never);
  }
  return joined;
}

const costOf = (falseMax: number, choice: Choice, played: readonly Played[]): number =>
  costOfEnds(
    played.map((one) => endsOf(choice, one)),
    played,
    falseMax,
  );

/** Sum of the median looks over the bad scenarios, means breaking ties; Infinity with too many false reverts. */
function costOfEnds(joined: readonly Uint8Array[], played: readonly Played[], falseMax: number): number {
  let cost = 0;
  for (const [i, { world, runs }] of played.entries()) {
    const ends = joined[i] ?? new Uint8Array(0);
    if (world.scenario.expect === "good") {
      const turned = ends.reduce((sum, look) => (look === never ? sum : sum + 1), 0);
      if (turned > falseMax * runs) return Number.POSITIVE_INFINITY;
      continue;
    }
    const looks = world.looks.length;
    const histogram = new Uint32Array(looks + 1);
    for (const look of ends) histogram[Math.min(look, looks)] = (histogram[Math.min(look, looks)] ?? 0) + 1;
    let below = 0;
    let median = looks;
    let sum = 0;
    histogram.forEach((count, look) => {
      sum += count * look;
      if (below < runs / 2 && below + count >= runs / 2) median = look;
      below += count;
    });
    cost += median + sum / runs / 1_000;
  }
  return cost;
}
