/** What a simulation looks like: charts as data, drawn by whoever asked. Time 0 is the first traffic. Pure. */
import type { ChartMarker, ChartSpec } from "../../../platform/charts.ts";
import { fixedLook } from "../statistics.ts";
import { verdicts } from "./ours.ts";
import type { Scenario } from "./scenario.ts";
import { type JudgeName, type Outcomes, oneRun } from "./simulate.ts";
import { createWorld, type Look } from "./world.ts";

const labels: Readonly<Record<JudgeName, string>> = {
  quarterdeck: "Quarterdeck",
  thresholds: "thresholds",
  "thresholds-tuned": "thresholds, tuned",
  "mann-whitney": "Mann-Whitney",
  "mann-whitney-tuned": "MW, tuned",
};

const base = (scenario: Scenario) => {
  const world = createWorld(scenario);
  const markers = world.looks.flatMap(({ startMs, stepIndex, weight }, at): ChartMarker[] =>
    world.looks[at - 1]?.stepIndex === stepIndex
      ? []
      : [{ atMs: startMs, label: `${Number((weight * 100).toPrecision(3))} %`, kind: "step" }],
  );
  return { world, common: { fromMs: 0, toMs: world.looks.at(-1)?.endMs ?? 1, markers, zone: "UTC" } };
};

/** Evidence of one run of a bad version and of the same service unchanged, in powers of ten, against the limit. */
export function evidencePicture(scenario: Scenario, seed: number): ChartSpec {
  const { world, common } = base(scenario);
  const well = createWorld({ ...scenario, changes: scenario.changes.filter(({ on }) => on === "both") });
  let limit = 0;
  const line = (of: typeof world) => {
    const looks = oneRun(of, seed, 0);
    return [...verdicts(of, looks)].map(({ evidence }, at) => {
      limit = Math.log10(evidence?.limit ?? 1);
      // Below a tenth nothing changes for whoever looks, and the line would leave the picture.
      return { atMs: looks[at]?.endMs ?? 0, value: Math.log10(Math.max(evidence?.e ?? 1, 0.1)) };
    });
  };
  const points = { bad: line(world), good: line(well) };
  return {
    ...common,
    title: `Evidence, log10 of E: ${scenario.name}`,
    unit: "",
    series: [
      { label: "this version", role: "canary", points: points.bad },
      { label: "a good one", role: "stable", points: points.good },
    ],
    limit: { value: limit, label: "reverts at" },
  };
}

/** Harmed requests of a rollout up to each look, mean of the runs. */
export function harmPicture(scenario: Scenario, outcomes: Outcomes, names: readonly JudgeName[]): ChartSpec {
  const { world, common } = base(scenario);
  // Of the truth, so that the lines differ by the judges alone.
  const expected = world.looks.map(
    ({ requests, weight, canary, stable }) =>
      requests *
      weight *
      (Math.max(0, canary.errors - stable.errors) +
        Math.max(0, canary.slow - stable.slow) +
        Math.max(0, stable.orders - canary.orders)),
  );
  return {
    ...common,
    title: `Harmed requests of a rollout: ${scenario.name}`,
    unit: "",
    series: names.map((name) => {
      let sum = 0;
      const ends = outcomes[name];
      return {
        label: labels[name],
        role: name === "quarterdeck" ? "canary" : "other",
        points: world.looks.map(({ endMs }, at) => {
          const going = ends.filter(({ revertAt }) => revertAt === undefined || revertAt >= at).length;
          sum += ((expected[at] ?? 0) * going) / ends.length;
          return { atMs: endMs, value: sum };
        }),
      };
    }),
  };
}

/** Share of the runs turned back by each look. */
export function revertsPicture(
  scenario: Scenario,
  outcomes: Outcomes,
  names: readonly JudgeName[],
  peeked: readonly (number | undefined)[],
): ChartSpec {
  const { world, common } = base(scenario);
  const share = (ends: readonly (number | undefined)[]) =>
    world.looks.map(({ endMs }, at) => ({
      atMs: endMs,
      value: (100 * ends.filter((end) => end !== undefined && end <= at).length) / ends.length,
    }));
  return {
    ...common,
    title: `Rollouts turned back: ${scenario.name}`,
    unit: "%",
    series: [
      ...names.map((name) => ({
        label: labels[name],
        role: name === "quarterdeck" ? ("canary" as const) : ("other" as const),
        points: share(outcomes[name].map(({ revertAt }) => revertAt)),
      })),
      { label: "5 % test, peeked", role: "stable" as const, points: share(peeked) },
    ],
  };
}

/** Where a fixed 5 % test of the errors, meant for one look and taken at every one, first rejects. */
export function peekedAt(looks: readonly Look[]): number | undefined {
  const sum = { canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 0 } };
  // One-sided normal quantile of 0.95.
  const zMax = 1.645;
  for (const [at, look] of looks.entries()) {
    for (const side of ["canary", "stable"] as const) {
      sum[side].bad += look[side].bad;
      sum[side].total += look[side].total;
    }
    if (fixedLook(sum).z > zMax) return at;
  }
  return undefined;
}
