/** What is measured of a service, and the objectives set on it. */
import { z } from "zod";
import { durationField, durationOr, histogramField, nameField, selectorField, wordsField } from "./fields.ts";
import { standardRows, standardWindowMinMs } from "./slo-rows.ts";

/**
 * PromQL in place of the declaration, for Prometheus instances only. `$window` stands for the range and
 * `$labels` for the matchers of service and version, without braces.
 */
const promql = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).optional();
const expression = z.string().min(1).max(4_000);

const signalBase = {
  name: nameField,
  /** Unit shown behind the value: `%`, `s`, `req/s`, `connections`. */
  unit: z.string().max(20).default(""),
  /** Metrics instance; the service's own when left out. */
  provider: nameField.optional(),
  golden: z.enum(["errors", "latency", "traffic", "saturation", "kpi"]),
  direction: z.enum(["higher-is-worse", "lower-is-worse", "neutral"]).default("higher-is-worse"),
  /** A critical signal can stop a rollout; an advisory one is shown. */
  weight: z.enum(["critical", "advisory"]).default("advisory"),
  /** How long an answer may take before it is shown as missing. */
  deadline: durationOr("2s"),
  description: wordsField.optional(),
};

const ratioSignal = z.strictObject({
  ...signalBase,
  kind: z.literal("ratio"),
  /** All events, a counter. */
  total: selectorField,
  /** Either the good or the bad ones. */
  good: selectorField.optional(),
  bad: selectorField.optional(),
  /** Share of bad events past which a rollout stops at once, 0.05 when left out. */
  ceilingRatio: z.number().gt(0, "must be above 0").lt(1, "must be below 1; 5 % is 0.05").default(0.05),
  promql: promql({ bad: expression, total: expression }),
});

const quantileSignal = z.strictObject({
  ...signalBase,
  kind: z.literal("quantile"),
  histogram: histogramField,
  quantile: z.number().gt(0, "must be above 0").lt(1, "must be below 1; p95 is 0.95"),
  /** A bucket bound: slower than this is a bad event for the judge. */
  slowAbove: z.number().gt(0).optional(),
  /** Share of slow events past which a rollout stops at once. */
  ceilingRatio: z.number().gt(0, "must be above 0").lt(1, "must be below 1; 50 % is 0.5").default(0.5),
  promql: promql({ value: expression }),
});

const rateSignal = z.strictObject({
  ...signalBase,
  kind: z.literal("rate"),
  counter: selectorField,
  promql: promql({ value: expression }),
});

const gaugeSignal = z.strictObject({
  ...signalBase,
  kind: z.literal("gauge"),
  gauge: selectorField,
  aggregate: z.enum(["avg", "min", "max", "sum"]).default("avg"),
  /** Value past which it needs a look. */
  ceiling: z.number().optional(),
  promql: promql({ value: expression }),
});

const goodXorBad = (entry: { good?: unknown; bad?: unknown }) =>
  (entry.good === undefined) !== (entry.bad === undefined);

export const signalSchema = z
  .discriminatedUnion("kind", [ratioSignal, quantileSignal, rateSignal, gaugeSignal])
  .refine((signal) => signal.kind !== "ratio" || goodXorBad(signal), {
    error: "a ratio needs either good or bad, one of them",
    path: ["bad"],
  });
export type Signal = z.output<typeof signalSchema>;

const ratioIndicator = z.strictObject({
  kind: z.literal("ratio"),
  total: selectorField,
  good: selectorField.optional(),
  bad: selectorField.optional(),
});

const latencyIndicator = z.strictObject({
  kind: z.literal("latency"),
  histogram: histogramField,
  /** Good is this fast or faster; a bucket bound of the histogram, in its unit. */
  threshold: z.number().gt(0, "must be above 0 and a bucket bound of the histogram"),
});

const indicatorSchema = z
  .discriminatedUnion("kind", [ratioIndicator, latencyIndicator])
  .refine((indicator) => indicator.kind !== "ratio" || goodXorBad(indicator), {
    error: "a ratio needs either good or bad, one of them",
    path: ["bad"],
  });
export type Indicator = z.output<typeof indicatorSchema>;

const alertingRowSchema = z
  .strictObject({
    severity: z.enum(["page", "ticket"]),
    long: durationField,
    short: durationField,
    burn: z.number().gt(0, "must be above 0"),
  })
  .refine((row) => row.short < row.long, { error: "must be shorter than long", path: ["short"] });

const objectiveField = z
  .number()
  .gt(0, "must be above 0 percent")
  .lt(100, "leaves no error budget at 100; write 99.9, say")
  .refine((percent) => percent <= 0 || percent >= 1, {
    error: "looks like a ratio; write percent: 99.9, not 0.999",
  });

/** Longest SLO window: samples are rolled up for 35 days. */
const windowMaxMs = 35 * 86_400_000;

export const sloSchema = z
  .strictObject({
    name: nameField,
    service: nameField,
    description: wordsField.optional(),
    /** Metrics instance; the service's own when left out. */
    provider: nameField.optional(),
    indicator: indicatorSchema,
    /** Percent of good events, from 1 to under 100. */
    objective: objectiveField,
    window: z
      .strictObject({ rolling: durationField })
      .refine((window) => window.rolling <= windowMaxMs, { error: "must be at most 35d", path: ["rolling"] }),
    userFacing: z.boolean().default(false),
    /** Standard multi-window rows when left out. */
    alerting: z.array(alertingRowSchema).min(1).max(8).optional(),
    /** Bad events in the long window a page needs at least; fewer make a ticket. */
    minBad: z.number().int().min(1).default(5),
  })
  .refine((slo) => slo.alerting !== undefined || slo.window.rolling >= standardWindowMinMs, {
    error: "the standard rows need a window of 7d or more; declare alerting rows",
    path: ["alerting"],
  })
  .transform((slo) => ({ ...slo, alerting: slo.alerting ?? standardRows(slo.window.rolling) }));
export type Slo = z.output<typeof sloSchema>;
