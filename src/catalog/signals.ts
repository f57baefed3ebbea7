/** What is measured of a service. */
import { z } from "zod";
import { durationOr, goodXorBad, histogramField, nameField, selectorField, wordsField } from "./fields.ts";

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
  /**
   * The canary may be this much worse than stable, the larger of the two: `relative` 0.1 is ten percent of stable's
   * own; `absolute` is in the signal's measure, a share of events or a gauge's unit. Nothing when left out.
   */
  harmAllowed: z
    .strictObject({
      relative: z.number().min(0, "must be 0 or more").lt(1, "must be below 1; 10 % is 0.1").optional(),
      absolute: z.number().min(0, "must be 0 or more").optional(),
    })
    .optional(),
  /**
   * What silence means during a rollout, if critical: wait (and go back at the deadline), go back, or nothing. `hold`
   * when left out.
   */
  noData: z.enum(["hold", "revert", "ignore"]).optional(),
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
  /**
   * A bucket bound: slower than this is a bad event for the judge. When left out, each rollout takes the bound beyond
   * which about one in twenty of stable's requests lies as it starts, and keeps it.
   */
  slowAbove: z.number().gt(0).optional(),
  /** Share of slow events past which a rollout stops at once. */
  ceilingRatio: z.number().gt(0, "must be above 0").lt(1, "must be below 1; 50 % is 0.5").default(0.5),
  promql: promql({ value: expression }),
});

const rateSignal = z.strictObject({
  ...signalBase,
  kind: z.literal("rate"),
  direction: signalBase.direction.unwrap().default("lower-is-worse"),
  /** Events, one of a request at most: orders, sign-ups. */
  counter: selectorField,
  /**
   * A ratio signal of this service that counts the requests behind these events: a version is judged by its events for
   * the requests it got. The first ratio signal when left out. Not judged when neutral.
   */
  per: nameField.optional(),
  promql: promql({ value: expression }),
});

const gaugeSignal = z.strictObject({
  ...signalBase,
  kind: z.literal("gauge"),
  gauge: selectorField,
  aggregate: z.enum(["avg", "min", "max", "sum"]).default("avg"),
  /**
   * Value past which (for lower-is-worse below which) a rollout goes back, three readings in a row; elsewhere it needs a
   * look. Compared with stable at the same moments too where `harmAllowed` is declared.
   */
  ceiling: z.number().optional(),
  promql: promql({ value: expression }),
});

export const signalSchema = z
  .discriminatedUnion("kind", [ratioSignal, quantileSignal, rateSignal, gaugeSignal])
  .refine((signal) => signal.kind !== "ratio" || goodXorBad(signal), {
    error: "a ratio needs either good or bad, one of them",
    path: ["bad"],
  });
export type Signal = z.output<typeof signalSchema>;
