/**
 * Recorded data for the judge as a file, and back: what `quarterdeck rollout export` writes and `quarterdeck judge`
 * reads. docs/rollouts.md describes it. Times are ISO 8601, spans `90s`, `10m`, `2h`, percents 0..100, shares 0..1. Pure.
 */
import { z } from "zod";
import { durationField, nameField } from "../../catalog/fields.ts";
import { readYaml } from "../../catalog/yaml-file.ts";
import { formatDuration, parseDuration } from "../../platform/commands/time.ts";
import {
  type CanaryAlert,
  type CountBin,
  type GaugeBin,
  noDataAnswers,
  type Plan,
  type Signal,
  type Verdict,
} from "./judge.ts";
import type { JudgeInput } from "./judge-plan.ts";

const timeField = z.iso
  .datetime({ offset: true, error: "must be a time such as 2026-03-01T12:00:00Z" })
  .transform((text) => new Date(text));
/** A number, or null for one that was none (NaN): such a bin is dropped and said. */
const measured = z.number().nullable();
/** Written `90s`, `10m`, or as a number of seconds; milliseconds once read. */
const spanField = z.union(
  [
    z
      .number()
      .min(0)
      .transform((sec) => sec * 1_000),
    z.literal("0s").transform(() => 0),
    durationField,
  ],
  { error: "must be a span such as 90s or 10m, or a number of seconds" },
);
const share = z.number().gt(0, "must be above 0").lt(1, "must be below 1; 5 % is 0.05");

const sideSchema = z.strictObject({ bad: measured, total: measured });
const spanShape = { from: timeField, to: timeField };
const countSchema = z.strictObject({ ...spanShape, canary: sideSchema, stable: sideSchema });
const levelSchema = z.strictObject({ ...spanShape, canary: measured, stable: measured });

const signalShape = {
  name: nameField,
  role: z.enum(["critical", "advisory"]).default("critical"),
  direction: z.enum(["higher-is-worse", "lower-is-worse"]).optional(),
  harmAllowed: z
    .strictObject({ relative: z.number().min(0).optional(), absolute: z.number().min(0).optional() })
    .optional(),
  noData: z.enum(noDataAnswers).optional(),
};
const signalField = z.discriminatedUnion("kind", [
  z.strictObject({
    ...signalShape,
    kind: z.enum(["ratio", "latency", "kpi"]),
    ceilingRatio: share.nullable().optional(),
    alphaShare: z.number().gt(0).optional(),
    shareUpperMax: share.optional(),
    isBudgetSpent: z.boolean().optional(),
  }),
  z.strictObject({
    ...signalShape,
    kind: z.literal("gauge"),
    haltAbove: z.number().optional(),
    holdAbove: z.number().optional(),
    holdAboveRatio: z.number().gt(0).optional(),
    isCompared: z.boolean().optional(),
    consecutiveBins: z.number().int().min(1).optional(),
    unit: z.string().max(20).optional(),
  }),
]);

const planSchema = z.strictObject({
  steps: z
    .array(
      z.strictObject({
        weightPercent: z.number().min(0).max(100),
        minDuration: spanField.prefault(0),
        /** What it takes at the traffic there is. */
        expected: spanField.optional(),
        minSamples: z.number().int().min(0).optional(),
        confidence: share.optional(),
        harmRatioMax: z.number().gt(1, "must be above 1: 1 means as good as stable").optional(),
        shareUpperMax: z.union([share, z.record(nameField, share)]).optional(),
      }),
    )
    .min(1, "needs a step"),
  /** The step under judgement, counted from 0. */
  stepIndex: z.number().int().min(0).default(0),
  /** When its first bin begins, when left out. */
  stepStartedAt: timeField.optional(),
  /** Never, when left out. */
  deadlineAt: timeField.optional(),
  signals: z.array(signalField).min(1, "needs a signal"),
  alpha: share.optional(),
  staleAfter: spanField.optional(),
  noVerdict: z
    .strictObject({ after: spanField, do: z.enum(["hold", "ask", "revert"]).default("ask") })
    .optional(),
  budgetSpendMax: z.number().min(0).optional(),
  budgetLeftMin: z.number().min(0).max(1).optional(),
  isBudgetOverridden: z.boolean().optional(),
  cautionFactor: z.number().min(1).optional(),
});

const sloSchema = z.strictObject({
  state: z.enum(["healthy", "burning", "exhausted", "unknown", "no-data"]),
  severity: z.enum(["page", "ticket", "none"]).default("none"),
  budgetRatio: z.number().nullable().default(null),
  remaining: z.number().nullable().default(null),
  budgetEvents: z.number().nullable().default(null),
});

const fileSchema = z.strictObject({
  /** What it is of, for people. */
  about: z.string().max(500).optional(),
  /** The end of the newest bin when left out. */
  now: timeField.optional(),
  counts: z.record(nameField, z.array(countSchema)).default({}),
  gauges: z.record(nameField, z.array(levelSchema)).default({}),
  /** Not known when left out. */
  slo: sloSchema.optional(),
  health: z
    .strictObject({
      state: z.enum(["serving", "starting", "down", "crash-looping", "unknown"]),
      detail: z.string().optional(),
    })
    .optional(),
  alerts: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        severity: z.enum(["critical", "error", "warning", "info"]),
        isOnStable: z.boolean(),
      }),
    )
    .default([]),
  plan: planSchema.optional(),
  /** What was decided then, of an export: not read. */
  recorded: z.unknown().optional(),
});
type JudgeFile = z.output<typeof fileSchema>;
type PlanFile = z.output<typeof planSchema>;

/** What is wrong with a file: a line for each field. */
export class JudgeFileError extends Error {
  readonly code = "judge_file_invalid";
  readonly hint = "docs/rollouts.md describes the file; `quarterdeck rollout export R-12` writes one.";
  constructor(file: string, problems: readonly string[]) {
    super(`${file} cannot be judged:\n${problems.map((problem) => `  ${problem}`).join("\n")}\n`);
  }
}

/** @throws JudgeFileError with every field that is wrong. */
export function readJudgeInput(
  samples: { readonly file: string; readonly text: string },
  plan?: { readonly file: string; readonly text: string },
): JudgeInput {
  const file = parsed(samples.file, jsonOf(samples), fileSchema);
  const own = plan ? parsed(plan.file, yamlOf(plan), planSchema) : file.plan;
  const counts = Object.fromEntries(
    Object.entries(file.counts).map(([name, bins]) => [name, bins.map(countOf)]),
  );
  const gauges = Object.fromEntries(
    Object.entries(file.gauges).map(([name, bins]) => [name, bins.map(levelOf)]),
  );
  const all = [...Object.values(counts), ...Object.values(gauges)].flat();
  if (all.length === 0 && file.now === undefined)
    throw new JudgeFileError(samples.file, ["now: is missing, and there is no bin to take it from; add it"]);
  const now = file.now ?? new Date(Math.max(...all.map(({ endMs }) => endMs)));
  const first = new Date(Math.min(now.getTime(), ...all.map(({ startMs }) => startMs)));
  const judged = planOf(own ?? planFor(file, counts), first, now);
  if (judged.steps[judged.stepIndex] === undefined)
    throw new JudgeFileError(plan?.file ?? samples.file, [
      `${plan ? "" : "plan."}stepIndex: ${judged.stepIndex} is outside the plan's ${judged.steps.length} steps`,
    ]);
  return {
    plan: judged,
    samples: {
      now,
      counts,
      gauges,
      alerts: file.alerts,
      ...(file.health ? { health: defined(file.health) } : {}),
    },
    slo: file.slo ?? {
      state: "unknown",
      severity: "none",
      budgetRatio: null,
      remaining: null,
      budgetEvents: null,
    },
  };
}

/** Without a plan: every count a critical ratio, every level advisory, the traffic split as it was. */
function planFor(file: JudgeFile, counts: Readonly<Record<string, readonly CountBin[]>>): PlanFile {
  const bins = Object.values(counts).flat();
  const sum = (of: (bin: CountBin) => number) =>
    bins.reduce((total, bin) => total + (Number.isFinite(of(bin)) ? of(bin) : 0), 0);
  const canary = sum((bin) => bin.canary.total);
  const all = canary + sum((bin) => bin.stable.total);
  const signals = [
    ...Object.keys(file.counts).map((name) => ({ name, kind: "ratio" as const, role: "critical" as const })),
    ...Object.keys(file.gauges).map((name) => ({ name, kind: "gauge" as const, role: "advisory" as const })),
  ];
  const weightPercent = all > 0 ? (100 * canary) / all : 100;
  return { steps: [{ weightPercent, minDuration: 0 }], stepIndex: 0, signals };
}

function planOf(plan: PlanFile, first: Date, now: Date): Plan {
  const { steps, stepIndex, stepStartedAt, deadlineAt, signals, staleAfter, noVerdict, ...rest } = plan;
  return {
    ...defined(rest),
    steps: steps.map(({ minDuration, expected, ...step }) => ({
      ...defined(step),
      minDurationSec: minDuration / 1_000,
      ...(expected === undefined ? {} : { expectedSec: expected / 1_000 }),
    })),
    stepIndex,
    stepStartedAt: stepStartedAt ?? first,
    deadlineAt: deadlineAt ?? new Date(now.getTime() + 1),
    signals: signals.map(
      (signal) =>
        ({
          ...defined(signal),
          ...(signal.harmAllowed ? { harmAllowed: defined(signal.harmAllowed) } : {}),
        }) as Signal,
    ),
    ...(staleAfter === undefined ? {} : { staleAfterSec: staleAfter / 1_000 }),
    ...(noVerdict === undefined ? {} : { askAfterSec: noVerdict.after / 1_000, onTimeUp: noVerdict.do }),
  };
}

type Defined<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };
const defined = <T extends object>(fields: T): Defined<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;

const numberOf = (value: number | null): number => value ?? Number.NaN;
const spanOf = ({ from, to }: { from: Date; to: Date }) => ({ startMs: from.getTime(), endMs: to.getTime() });
const sideOf = ({ bad, total }: z.output<typeof sideSchema>) => ({
  bad: numberOf(bad),
  total: numberOf(total),
});
const countOf = (bin: z.output<typeof countSchema>): CountBin => ({
  ...spanOf(bin),
  canary: sideOf(bin.canary),
  stable: sideOf(bin.stable),
});
const levelOf = (bin: z.output<typeof levelSchema>): GaugeBin => ({
  ...spanOf(bin),
  canary: numberOf(bin.canary),
  stable: bin.stable,
});

function jsonOf({ file, text }: { file: string; text: string }): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JudgeFileError(file, [`the file is no JSON: ${(error as Error).message}`]);
  }
}

function yamlOf({ file, text }: { file: string; text: string }): unknown {
  const read = readYaml(file, text, {});
  if (!("problems" in read)) return read.content;
  throw new JudgeFileError(
    file,
    read.problems.map(({ line, message }) => `line ${line}: ${message}`),
  );
}

function parsed<Schema extends z.ZodType>(file: string, content: unknown, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  throw new JudgeFileError(file, result.error.issues.flatMap(problemsOf));
}

function problemsOf(issue: z.core.$ZodIssue): string[] {
  const field = (path: readonly PropertyKey[]) => (path.length === 0 ? "the file" : path.join("."));
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `${field([...issue.path, key])}: is not a field here; remove it`);
  const isMissing = issue.code === "invalid_type" && /received undefined$/.test(issue.message);
  const words = issue.code === "invalid_value" ? `must be one of ${issue.values.join(", ")}` : issue.message;
  return [`${field(issue.path)}: ${isMissing ? "is missing; add it" : words}`];
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** The same input as a file's content; what is read from it judges the same. */
export function judgeFileOf(
  { plan, samples, slo }: JudgeInput,
  more: { readonly about: string; readonly recorded: Verdict },
): unknown {
  const { steps, stepIndex, stepStartedAt, deadlineAt, staleAfterSec, askAfterSec, onTimeUp, ...rest } = plan;
  const side = ({ bad, total }: CountBin["canary"]) => ({ bad: finite(bad), total: finite(total) });
  const span = ({ startMs, endMs }: { startMs: number; endMs: number }) => ({
    from: isoOf(startMs),
    to: isoOf(endMs),
  });
  const each = <Bin, To>(bins: Readonly<Record<string, readonly Bin[]>>, to: (bin: Bin) => To) =>
    Object.fromEntries(Object.entries(bins).map(([name, all]) => [name, all.map(to)]));
  return {
    about: more.about,
    now: samples.now.toISOString(),
    plan: {
      steps: steps.map(({ minDurationSec, expectedSec, ...step }) => ({
        ...step,
        minDuration: durationOf(minDurationSec),
        ...(expectedSec === undefined ? {} : { expected: durationOf(expectedSec) }),
      })),
      stepIndex,
      stepStartedAt: stepStartedAt.toISOString(),
      deadlineAt: deadlineAt.toISOString(),
      ...(staleAfterSec === undefined ? {} : { staleAfter: durationOf(staleAfterSec) }),
      ...(askAfterSec === undefined
        ? {}
        : { noVerdict: { after: durationOf(askAfterSec), do: onTimeUp ?? "ask" } }),
      ...rest,
    },
    slo,
    ...(samples.health ? { health: samples.health } : {}),
    alerts: (samples.alerts ?? []) as readonly CanaryAlert[],
    counts: each(samples.counts, (bin) => ({
      ...span(bin),
      canary: side(bin.canary),
      stable: side(bin.stable),
    })),
    gauges: each(samples.gauges ?? {}, (bin) => ({
      ...span(bin),
      canary: finite(bin.canary),
      stable: bin.stable,
    })),
    recorded: more.recorded,
  };
}

/** As people write it where that says it exactly, else in seconds. */
function durationOf(sec: number): string | number {
  const text = formatDuration(sec * 1_000);
  return parseDuration(text) === sec * 1_000 ? text : sec;
}
