/** Objectives set on a service: what counts as good, how much of it there must be, over which time. */
import { z } from "zod";
import { durationField, goodXorBad, histogramField, nameField, selectorField, wordsField } from "./fields.ts";
import { standardRows, standardWindowMinMs } from "./slo-rows.ts";
import { longestWindowMs, nominalWindowMs, windowField } from "./slo-windows.ts";

const expression = z.string().min(1).max(4_000);

const eitherGoodOrBad = { error: "a ratio needs either good or bad, one of them", path: ["bad"] };

/** Good or bad events of all events, counters. */
const ratioIndicator = z
  .strictObject({
    kind: z.literal("ratio"),
    total: selectorField,
    good: selectorField.optional(),
    bad: selectorField.optional(),
  })
  .refine(goodXorBad, eitherGoodOrBad);

/** Events as fast as the threshold or faster, of all that a histogram saw. */
const latencyIndicator = z.strictObject({
  kind: z.literal("latency"),
  histogram: histogramField,
  /** Good is this fast or faster; a bucket bound of the histogram, in its unit. */
  threshold: z.number().gt(0, "must be above 0 and a bucket bound of the histogram"),
});

/** Samples of a gauge that is 1 while the service is up and 0 while it is not; each sample is an event. */
const availabilityIndicator = z.strictObject({ kind: z.literal("availability"), gauge: selectorField });

/**
 * Events counted by PromQL, for Prometheus instances only. `$window` stands for the range (`300s`), `$range` for the
 * same as names of recording rules have it (`5m`), `$labels` for the matchers of the service, without braces. Each
 * expression answers one number of events: `sum(increase(errors_total{$labels}[$window]))`, `shop:errors:increase$range`.
 */
const promqlIndicator = z
  .strictObject({
    kind: z.literal("promql"),
    total: expression,
    good: expression.optional(),
    bad: expression.optional(),
  })
  .refine(goodXorBad, eitherGoodOrBad);

export const indicatorSchema = z.discriminatedUnion("kind", [
  ratioIndicator,
  latencyIndicator,
  availabilityIndicator,
  promqlIndicator,
]);
export type Indicator = z.output<typeof indicatorSchema>;

const alertingRowSchema = z
  .strictObject({
    severity: z.enum(["page", "ticket"]),
    long: durationField,
    short: durationField,
    burn: z.number().gt(0, "must be above 0"),
  })
  .refine((row) => row.short < row.long, { error: "must be shorter than long", path: ["short"] });

const percentOfGood = (what: string) =>
  z
    .number()
    .gt(0, "must be above 0 percent")
    .lt(100, `${what} at 100; write 99.9, say`)
    .refine((percent) => percent <= 0 || percent >= 1, {
      error: "looks like a ratio; write percent: 99.9, not 0.999",
    });

/** Time is counted instead of events: a slice of it is bad when too few of its events are good. */
export const slicesSchema = z.strictObject({
  length: durationField.refine((lengthMs) => lengthMs >= 1_000, { error: "must be 1s or more" }),
  /** Percent of good events a good slice has at least. */
  goodPercent: z.number().gt(0, "must be above 0 percent").max(100, "must be at most 100 percent"),
});
export type SloSlices = z.output<typeof slicesSchema>;

/** Slices in a window at most: metrics systems answer no more points at once. */
export const slicesMax = 11_000;

export const sloSchema = z
  .strictObject({
    name: nameField,
    service: nameField,
    description: wordsField.optional(),
    /** Metrics instance; the service's own when left out. */
    provider: nameField.optional(),
    indicator: indicatorSchema,
    /** Percent of good events, from 1 to under 100. */
    objective: percentOfGood("leaves no error budget"),
    /** `{ rolling: 28d }`, or `{ calendar: month, zone: Europe/Berlin, start: 2026-01-01 }`. */
    window: windowField,
    slices: slicesSchema.optional(),
    /** Person or team that answers for it; the service's DRI when left out. */
    owner: nameField.optional(),
    /** Services whose failing spends this budget too. */
    dependencies: z.array(nameField).default([]),
    /** `enforce`: what is left of it decides about changes, by the service's error budget policy; `inform`: it is shown. */
    policy: z.enum(["enforce", "inform"]).default("enforce"),
    userFacing: z.boolean().default(false),
    /** Standard multi-window rows when left out. */
    alerting: z.array(alertingRowSchema).min(1).max(8).optional(),
    /** Bad events in the long window a page needs at least; fewer make a ticket. */
    minBad: z.number().int().min(1).default(5),
  })
  .refine((slo) => slo.alerting !== undefined || nominalWindowMs(slo.window) >= standardWindowMinMs, {
    error: "the standard rows need a window of 7d or more; declare alerting rows",
    path: ["alerting"],
  })
  .refine(
    ({ slices, window }) => slices === undefined || longestWindowMs(window) / slices.length <= slicesMax,
    { error: `makes more than ${slicesMax} slices of the window; lengthen it`, path: ["slices", "length"] },
  )
  .transform((slo) => ({ ...slo, alerting: slo.alerting ?? standardRows(nominalWindowMs(slo.window)) }));
export type Slo = z.output<typeof sloSchema>;
