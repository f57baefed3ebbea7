import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { meanOf, quantileOf, shareOf } from "../../../../src/features/rollouts/simulator/measures.ts";
import { verdicts } from "../../../../src/features/rollouts/simulator/ours.ts";
import {
  evidencePicture,
  harmPicture,
  peekedAt,
  revertsPicture,
} from "../../../../src/features/rollouts/simulator/pictures.ts";
import { rowOf } from "../../../../src/features/rollouts/simulator/report.ts";
import { readScenario, type Scenario } from "../../../../src/features/rollouts/simulator/scenario.ts";
import { builtInScenario, builtInScenarios } from "../../../../src/features/rollouts/simulator/scenarios.ts";
import {
  judgeNames,
  oneRun,
  simulate,
  summarise,
} from "../../../../src/features/rollouts/simulator/simulate.ts";
import {
  candidateEnds,
  tunedKayenta,
  tunedThresholds,
} from "../../../../src/features/rollouts/simulator/tune.ts";
import { tunedRivals } from "../../../../src/features/rollouts/simulator/tuned.ts";
import { createWorld } from "../../../../src/features/rollouts/simulator/world.ts";

const written = {
  name: "ours",
  about: "errors rise on the canary",
  expect: "bad",
  service: { errorsPercent: 1, latency: { p50Ms: 80, p99Ms: 400 }, slowAboveMs: 250 },
  traffic: { perMinute: 600 },
  plan: { steps: [{ weightPercent: 50, lasts: "4m" }] },
  changes: [{ on: "canary", from: "2m", errorsPercent: 30 }],
};
const read = (more: object = {}): Scenario => readScenario("ours.yaml", stringify({ ...written, ...more }));

describe("a scenario", () => {
  it("is read from YAML, with what it leaves out", () => {
    const scenario = read();
    expect(scenario.plan).toEqual({ lookEvery: 60_000, steps: [{ weightPercent: 50, lasts: 240_000 }] });
    expect(scenario.changes[0]).toMatchObject({ from: 120_000, grows: 0 });
    expect(createWorld(scenario).harmFromMs).toBe(120_000);
  });

  it.each([
    [
      { service: { ...written.service, slowAboveMs: 240 } },
      /service\.slowAboveMs: must be a bound of the histogram, one of 5, 10/,
    ],
    [
      { service: { ...written.service, errorsPercent: 101 } },
      /service\.errorsPercent: must be at most 100 percent/,
    ],
    [
      { service: { ...written.service, latency: { p50Ms: 80, p99Ms: 80 } } },
      /service\.latency\.p99Ms: must be above p50Ms/,
    ],
    [{ traffic: { perMinutes: 1 } }, /traffic: must be \{ perMinute \}/],
    [
      { plan: { steps: [{ weightPercent: 100, lasts: "4m" }] } },
      /plan\.steps\.0\.weightPercent: must be below 100/,
    ],
    [
      { plan: { steps: [{ weightPercent: 1, lasts: "90s" }] } },
      /plan\.steps\.0\.lasts: must be a whole number of/,
    ],
    [
      { plan: { lookEvery: "1s", steps: [{ weightPercent: 1, lasts: "1h" }] } },
      /plan\.lookEvery: makes 3600 looks/,
    ],
    [{ changes: [{ on: "nobody" }] }, /changes\.0\.on: must be one of canary, stable, both/],
    [{ changes: [{ on: "canary", error: 3 }] }, /changes\.0\.error: is not a field here/],
    [
      { changes: [{ on: "canary", ordersFactor: 0.5 }] },
      /changes\.0\.ordersFactor: needs service\.ordersPer100/,
    ],
    [{ changes: [{ on: "canary", from: "3m", until: "3m" }] }, /changes\.0\.until: must be later than from/],
    [{ expect: undefined }, /expect: must be one of good, bad/],
  ])("is refused by field: %j", (more, words) => {
    expect(() => read(more)).toThrow(words);
  });

  it("stands on the page as it is read", () => {
    const page = readFileSync("docs/rollouts.md", "utf8");
    const block = /```yaml\n# scenario\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
    expect(readScenario("docs/rollouts.md", block).changes.length).toBeGreaterThan(0);
    for (const { name } of builtInScenarios()) expect(page).toContain(`\`${name}\``);
  });

  it("is built in for four good versions and seven bad ones, and named when it is none", () => {
    const all = builtInScenarios();
    expect(all.filter(({ expect: it }) => it === "good").length).toBeGreaterThanOrEqual(4);
    expect(all.filter(({ expect: it }) => it === "bad").length).toBeGreaterThanOrEqual(7);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(() => builtInScenario("errors-tripled")).toThrow(/there are steady, /);
  });
});

describe("a simulated service", () => {
  /** Means over many runs of the looks of the last step. */
  const last = (name: string, runs = 60) => {
    const world = createWorld(builtInScenario(name));
    const looks = Array.from({ length: runs }, (_, run) => oneRun(world, 3, run).at(-1));
    const sum = (of: (look: NonNullable<(typeof looks)[number]>) => number) =>
      looks.reduce((all, look) => all + (look ? of(look) : 0), 0);
    const share = (side: "canary" | "stable", of: "bad" | "orders") =>
      sum((look) => look[side][of] ?? 0) / sum((look) => look[side].total);
    const slow = (side: "canary" | "stable") =>
      sum((look) => look[side].buckets.slice(6).reduce((a, b) => a + b, 0)) / sum((look) => look[side].total);
    return { sum, share, slow, world };
  };

  it("has the rates, the split and the traffic that were asked for", () => {
    const { sum, share } = last("errors-five");
    expect(sum(({ canary, stable }) => canary.total + stable.total) / 60).toBeCloseTo(6_000, -2);
    expect(
      sum(({ canary }) => canary.total) / sum(({ canary, stable }) => canary.total + stable.total),
    ).toBeCloseTo(0.5, 2);
    expect(share("canary", "bad")).toBeCloseTo(0.05, 2);
    expect(share("stable", "bad")).toBeCloseTo(0.01, 2);
    expect(share("stable", "orders")).toBeCloseTo(0.04, 2);
  });

  it("spoils one endpoint in twenty, latency, orders and memory as declared", () => {
    expect(last("one-endpoint").share("canary", "bad")).toBeCloseTo(0.00595, 3);
    const slower = last("p99-double");
    expect(slower.slow("stable")).toBeCloseTo(0.05, 2);
    expect(slower.slow("canary")).toBeCloseTo(0.125, 2);
    expect(last("orders-lost").share("canary", "orders")).toBeCloseTo(0.028, 3);
    const drift = last("slow-drift");
    expect(drift.sum(({ canary }) => canary.memory ?? 0) / 60 / 500).toBeCloseTo(1.59, 1);
  });

  it("changes with the hour, and harms nobody where both sides are alike", () => {
    const day = createWorld(builtInScenario("diurnal-ramp"));
    const requests = day.looks.map((look) => look.requests);
    expect(requests[0]).toBeLessThan(700);
    expect(requests.at(-1)).toBeGreaterThan(11_900);
    for (const { expect: it, name } of builtInScenarios()) {
      const harm = oneRun(createWorld(builtInScenario(name)), 1, 0).reduce((sum, look) => sum + look.harm, 0);
      expect(harm > 0).toBe(it === "bad");
    }
    const ramp = createWorld(
      read({
        traffic: {
          points: [
            { at: "1m", perMinute: 100 },
            { at: "3m", perMinute: 300 },
          ],
        },
      }),
    );
    expect(ramp.looks.map((look) => Math.round(look.requests))).toEqual([100, 150, 250, 300]);
  });
});

describe("figures", () => {
  it("have Wilson's interval, order statistics and a mean's, and say never for what does not end", () => {
    expect(shareOf(0, 2_000)).toEqual({ value: 0, low: 0, high: expect.closeTo(0.0019171, 6) });
    expect(shareOf(10, 100)).toEqual({
      value: 0.1,
      low: expect.closeTo(0.05523, 4),
      high: expect.closeTo(0.17437, 4),
    });
    const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
    expect(quantileOf(hundred, 0.5)).toEqual({ value: 50, low: 40, high: 61 });
    expect(quantileOf([1, 2, Number.POSITIVE_INFINITY], 0.9).value).toBe(Number.POSITIVE_INFINITY);
    expect(meanOf([1, 3]).value).toBe(2);
    expect(meanOf([]).value).toBeNaN();
  });
});

describe("the judge on simulated rollouts", () => {
  const of = (name: string, runs: number) => {
    const scenario = builtInScenario(name);
    const outcomes = simulate(scenario, { seed: 5, from: 0, to: runs }, tunedRivals);
    return { scenario, outcomes, ours: summarise(scenario, "quarterdeck", outcomes.quarterdeck) };
  };

  it("leaves a good version alone, and stops a bad one before half of the rivals' harm", () => {
    const fine = of("low-traffic", 60);
    expect(fine.ours.falseReverts.value).toBeLessThanOrEqual(0.02);
    expect(fine.ours.missed).toBeNull();
    const { scenario, outcomes, ours } = of("errors-five", 60);
    expect(ours.missed?.value).toBe(0);
    for (const name of judgeNames.slice(1)) {
      const rival = summarise(scenario, name, outcomes[name]);
      expect(ours.harmedRequests.value).toBeLessThan(rival.harmedRequests.value);
    }
    expect(rowOf(ours)[2]).toMatch(/^0 % \(0 % to /);
  });

  it("gives the same runs whole and in parts", () => {
    const scenario = builtInScenario("errors-five");
    const runs = (from: number, to: number) =>
      simulate(scenario, { seed: 9, from, to }, tunedRivals).quarterdeck;
    expect([...runs(0, 2), ...runs(2, 5)]).toEqual(runs(0, 5));
  });

  it("counts a revert before the harm began as false", () => {
    const scenario = read({ changes: [{ on: "canary", from: "3m", errorsPercent: 3 }] });
    const runs = { seed: 1, from: 0, to: 3 };
    const nervous = {
      ...tunedRivals,
      thresholds: { errors: { limit: { absolute: 0 }, windowLooks: 1, failureLimit: 0, requestsMin: 0 } },
    };
    const outcomes = simulate(scenario, runs, nervous)["thresholds-tuned"];
    expect(outcomes.every(({ isFalse, harmed }) => isFalse && harmed === 0)).toBe(true);
    expect(summarise(scenario, "thresholds-tuned", outcomes).falseReverts.value).toBe(1);
  });

  it("draws evidence, harm and reverts", () => {
    const { scenario, outcomes } = of("errors-five", 20);
    const evidence = evidencePicture(scenario, 5);
    expect(evidence.limit?.value).toBeGreaterThan(1.9);
    expect(evidence.series[0]?.points.at(-1)?.value).toBeGreaterThanOrEqual(evidence.limit?.value ?? 9);
    const harm = harmPicture(scenario, outcomes, ["quarterdeck", "thresholds"]);
    expect(harm.series[0]?.points.at(-1)?.value).toBeLessThan(harm.series[1]?.points.at(-1)?.value ?? 0);
    expect(harm.markers?.map(({ label }) => label)).toEqual(["1 %", "10 %", "50 %"]);
    const world = createWorld(scenario);
    const peeked = Array.from({ length: 20 }, (_, run) => peekedAt(oneRun(world, 5, run)));
    const reverts = revertsPicture(scenario, outcomes, ["quarterdeck"], peeked);
    expect(reverts.series.map(({ points }) => points.at(-1)?.value)).toEqual([100, 100]);
  });

  it("says one verdict a look until it reverts", () => {
    const world = createWorld(builtInScenario("errors-five"));
    const all = [...verdicts(world, oneRun(world, 5, 0))].map((verdict) => verdict.do);
    expect(all.at(-1)).toBe("revert");
    expect(all.slice(0, -1)).not.toContain("revert");
  });
});

it("finds settings for the rivals that turn back few good versions and stop bad ones", () => {
  const all = ["high-traffic", "errors-five"].map((name) => {
    const scenario = builtInScenario(name);
    return { world: createWorld(scenario), ends: candidateEnds(scenario, { seed: 2, from: 0, to: 6 }) };
  });
  const tuned = { thresholds: tunedThresholds(all, 0.01), kayenta: tunedKayenta(all, 0.01) };
  const outcomes = simulate(builtInScenario("high-traffic"), { seed: 2, from: 0, to: 6 }, tuned);
  const bad = simulate(builtInScenario("errors-five"), { seed: 2, from: 0, to: 6 }, tuned);
  for (const name of ["thresholds-tuned", "mann-whitney-tuned"] as const) {
    expect(outcomes[name].filter(({ isFalse }) => isFalse)).toEqual([]);
    expect(bad[name].filter(({ revertAt }) => revertAt === undefined)).toEqual([]);
  }
});
