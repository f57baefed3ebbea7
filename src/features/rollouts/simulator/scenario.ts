/**
 * A simulated rollout as YAML: what the service is like, how much traffic it has, the plan, and what changes over
 * time on the canary, on stable or on both. docs/rollouts.md shows one. Percents are 0..100, times `90s`, `10m`, `2h`.
 */
import { z } from "zod";
import {
  durationField,
  durationOr,
  nameField,
  percentField,
  spanOr,
  wordsField,
} from "../../../catalog/fields.ts";
import { readYaml } from "../../../catalog/yaml-file.ts";

/** Most looks of one run: what is simulated is a rollout, not a month. */
const looksMax = 2_000;

const above0 = z.number().gt(0, "must be above 0");
const trafficField = z.union(
  [
    /** The same all the time. */
    z.strictObject({ perMinute: above0 }),
    /** A day's wave between two levels, the high one reached `peakAt` after the start. */
    z.strictObject({
      low: above0,
      high: above0,
      period: durationOr("1d"),
      peakAt: spanOr("0s"),
    }),
    /** Joined by straight lines; flat before the first and after the last. */
    z.strictObject({
      points: z.array(z.strictObject({ at: spanOr("0s"), perMinute: above0 })).min(1, "needs a point"),
    }),
  ],
  { error: "must be { perMinute }, { low, high, period, peakAt } or { points: [{ at, perMinute }] }" },
);

const changeField = z
  .strictObject({
    on: z.enum(["canary", "stable", "both"]),
    from: spanOr("0s"),
    until: durationField.optional(),
    /** The effect grows evenly and is full this long after `from`; at once when left out. */
    grows: spanOr("0s"),
    /** Share of failed requests, in place of the usual one. */
    errorsPercent: percentField.optional(),
    errorsFactor: above0.optional(),
    /** Part of the traffic goes to one endpoint, and this share of it fails. */
    endpoint: z.strictObject({ sharePercent: percentField, errorsPercent: percentField }).optional(),
    /** Every request takes this many times as long. */
    latencyFactor: above0.optional(),
    /** The 99th percentile is this many times as high; the median stays. */
    p99Factor: above0.optional(),
    ordersFactor: z.number().min(0, "must be 0 or more").optional(),
    memoryFactor: above0.optional(),
  })
  .refine(({ from, until }) => until === undefined || until > from, {
    error: "must be later than from",
    path: ["until"],
  });

const scenarioSchema = z.strictObject({
  name: nameField,
  about: wordsField,
  /** Whether the version should stay or go back. */
  expect: z.enum(["good", "bad"]),
  service: z.strictObject({
    errorsPercent: percentField,
    /** Log-normal, by its median and 99th percentile. */
    latency: z
      .strictObject({ p50Ms: above0, p99Ms: above0 })
      .refine(({ p50Ms, p99Ms }) => p99Ms > p50Ms, { error: "must be above p50Ms", path: ["p99Ms"] }),
    /** Bounds of the latency histogram, rising, in milliseconds; one above all is added. */
    bucketsMs: z
      .array(above0)
      .min(2, "needs two bounds or more")
      .refine((bounds) => bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] ?? 0)), {
        error: "must rise",
      })
      .default([5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]),
    /** Slower than this is slow; a bound of the histogram. */
    slowAboveMs: above0,
    /** Domain events, such as orders, of a hundred requests. */
    ordersPer100: percentField.optional(),
    /**
     * A level of the processes. It wanders: `noisePercent` is its standard deviation, `persistence` how much of where it
     * was is left a minute later. `ceiling`: what whoever runs the service has declared as too much.
     */
    memory: z
      .strictObject({
        mean: above0,
        noisePercent: percentField.default(5),
        persistence: z.number().min(0, "must be 0 or more").lt(1, "must be below 1").default(0.9),
        ceiling: above0.optional(),
      })
      .optional(),
  }),
  traffic: trafficField,
  plan: z.strictObject({
    lookEvery: durationOr("1m"),
    steps: z
      .array(
        z.strictObject({
          weightPercent: z
            .number()
            .gt(0, "must be above 0")
            .lt(100, "must be below 100: stable is compared with"),
          lasts: durationField,
        }),
      )
      .min(1, "needs a step"),
  }),
  changes: z.array(changeField).default([]),
});

export type Scenario = z.output<typeof scenarioSchema>;
export type ScenarioText = z.input<typeof scenarioSchema>;
export type Change = Scenario["changes"][number];

/** What is wrong with a scenario: a line for each field. */
export class ScenarioError extends Error {
  readonly code = "scenario_invalid";
  readonly hint =
    "docs/rollouts.md shows a whole scenario; `quarterdeck judge simulate --list` names the built-in ones.";
  constructor(file: string, problems: readonly string[]) {
    super(`${file} is no scenario:\n${problems.map((problem) => `  ${problem}`).join("\n")}\n`);
  }
}

/** @throws ScenarioError with every field that is wrong. */
export function readScenario(file: string, text: string): Scenario {
  const read = readYaml(file, text, {});
  if ("problems" in read) {
    throw new ScenarioError(
      file,
      read.problems.map(({ line, message }) => `line ${line}: ${message}`),
    );
  }
  return checkScenario(file, read.content);
}

/** @throws ScenarioError */
export function checkScenario(file: string, content: unknown): Scenario {
  const parsed = scenarioSchema.safeParse(content);
  if (!parsed.success) {
    throw new ScenarioError(file, parsed.error.issues.map(problemOf));
  }
  const problems = crossProblems(parsed.data);
  if (problems.length > 0) throw new ScenarioError(file, problems);
  return parsed.data;
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .map((key) => `${fieldOf([...issue.path, key])}: is not a field here; remove it`)
      .join("\n  ");
  }
  const isMissing = issue.code === "invalid_type" && /received undefined$/.test(issue.message);
  const words = issue.code === "invalid_value" ? `must be one of ${issue.values.join(", ")}` : issue.message;
  return `${fieldOf(issue.path)}: ${isMissing ? "is missing; add it" : words}`;
}

const fieldOf = (path: readonly PropertyKey[]): string => (path.length === 0 ? "the file" : path.join("."));

function crossProblems({ service, plan, changes }: Scenario): string[] {
  const problems: string[] = [];
  if (!service.bucketsMs.includes(service.slowAboveMs)) {
    problems.push(
      `service.slowAboveMs: must be a bound of the histogram, one of ${service.bucketsMs.join(", ")}`,
    );
  }
  const looks = plan.steps.reduce((sum, { lasts }) => sum + lasts / plan.lookEvery, 0);
  if (looks > looksMax) problems.push(`plan.lookEvery: makes ${Math.ceil(looks)} looks, at most ${looksMax}`);
  plan.steps.forEach(({ lasts }, i) => {
    if (lasts % plan.lookEvery !== 0) {
      problems.push(`plan.steps.${i}.lasts: must be a whole number of plan.lookEvery`);
    }
  });
  changes.forEach((change, i) => {
    if (change.ordersFactor !== undefined && service.ordersPer100 === undefined) {
      problems.push(`changes.${i}.ordersFactor: needs service.ordersPer100`);
    }
    if (change.memoryFactor !== undefined && service.memory === undefined) {
      problems.push(`changes.${i}.memoryFactor: needs service.memory`);
    }
  });
  return problems;
}
