/**
 * The parts of OpenSLO v1 documents: their form, and what the form alone can refuse. Pure.
 * Source: github.com/OpenSLO/OpenSLO, "Specification" (openslo/v1).
 */
import { z } from "zod";
import { zoneField } from "../../../catalog/fields.ts";
import { openSloDurationField, openSloWaitField } from "./durations.ts";

const nameField = z
  .string({ error: "must be a name" })
  .min(1, "is empty")
  .max(63, "is longer than 63 characters")
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i,
    "must be letters, digits and '-', starting and ending with a letter or digit (RFC 1123)",
  );
export const descriptionField = z.string().max(1_050, "is longer than 1050 characters").optional();

const labelsField = z.record(
  z.string(),
  z.union([z.string(), z.array(z.string())], { error: "must be a text or a list of texts" }),
);

export const metadataField = z.object({
  name: nameField,
  displayName: z.string().optional(),
  labels: labelsField.optional(),
  annotations: z.record(z.string(), z.string({ error: "must be a text" })).optional(),
});

const has = (entry: object, key: string): boolean => (entry as Record<string, unknown>)[key] !== undefined;
/** Exactly one of the two keys, or the message on the second. */
const oneOf = (first: string, second: string) => ({
  test: (entry: object) => has(entry, first) !== has(entry, second),
  params: {
    path: [second],
    error: (issue: { input?: unknown }) =>
      has(issue.input as object, first)
        ? `stands beside ${first}; keep one of them`
        : `is missing, and so is ${first}; one of them is needed`,
  },
});

const sourceField = z.object({
  metricSource: z
    .object({
      metricSourceRef: nameField.optional(),
      type: z.string().min(1).optional(),
      spec: z.record(z.string(), z.unknown(), { error: "is missing; it holds the query" }),
    })
    .refine(({ metricSourceRef, type }) => metricSourceRef !== undefined || type !== undefined, {
      path: ["type"],
      error: "is missing, and so is metricSourceRef; one of them is needed",
    }),
});
export type MetricSource = z.output<typeof sourceField>["metricSource"];

const goodOrBad = oneOf("good", "bad");
const ratioField = z
  .object({
    counter: z.boolean({ error: "must be true or false" }).optional(),
    good: sourceField.optional(),
    bad: sourceField.optional(),
    total: sourceField.optional(),
    raw: sourceField.optional(),
    rawType: z.enum(["success", "failure"], { error: "must be success or failure" }).optional(),
  })
  .superRefine((ratio, context) => {
    const say = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if (ratio.raw !== undefined) {
      for (const other of ["good", "bad", "total"] as const)
        if (ratio[other] !== undefined) say(other, "stands beside raw; keep one of them");
      if (ratio.rawType === undefined) say("rawType", "is missing: raw is a ratio of success or of failure");
      return;
    }
    if (ratio.rawType !== undefined) say("rawType", "is for raw, which is missing");
    if (ratio.total === undefined) say("total", "is missing, and so is raw; one of them is needed");
    else if (!goodOrBad.test(ratio))
      say(
        "bad",
        ratio.good
          ? "stands beside good; keep one of them"
          : "is missing, and so is good; one of them is needed",
      );
  });

const thresholdOrRatio = oneOf("thresholdMetric", "ratioMetric");
export const sliSpecField = z
  .object({
    description: descriptionField,
    thresholdMetric: sourceField.optional(),
    ratioMetric: ratioField.optional(),
  })
  .refine(thresholdOrRatio.test, thresholdOrRatio.params);
export type SliSpec = z.output<typeof sliSpecField>;

export const timeWindowField = z
  .object({
    duration: openSloDurationField,
    isRolling: z.boolean({ error: "must be true or false" }).optional(),
    calendar: z
      .object({
        startTime: z
          .string({ error: "is missing; write YYYY-MM-DD hh:mm:ss" })
          .regex(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/, "must be written YYYY-MM-DD hh:mm:ss"),
        timeZone: zoneField,
      })
      .optional(),
  })
  .superRefine(({ isRolling, calendar }, context) => {
    const say = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if (isRolling === true && calendar !== undefined)
      say("calendar", "stands beside isRolling: true; keep one of them");
    if (isRolling !== true && calendar === undefined)
      say("calendar", "is missing: a window is either isRolling: true or has a calendar");
  });
export type TimeWindow = z.output<typeof timeWindowField>;

/** An indicator of its own makes an objective one part of a composite. */
const notComposite = z
  .undefined({ error: "makes a composite SLO, which is not read; write one SLO for each objective" })
  .optional();
const range = (max: number) => `must be 0 or more and below ${max}`;
export const objectiveField = z
  .object({
    displayName: z.string().optional(),
    op: z.enum(["lte", "gte", "lt", "gt"], { error: "must be lte, gte, lt or gt" }).optional(),
    value: z.number({ error: "must be a number" }).optional(),
    target: z.number({ error: "must be a number" }).min(0, range(1)).lt(1, range(1)).optional(),
    targetPercent: z.number({ error: "must be a number" }).min(0, range(100)).lt(100, range(100)).optional(),
    timeSliceTarget: z
      .number({ error: "must be a number" })
      .gt(0, "must be above 0 and at most 1")
      .max(1, "must be above 0 and at most 1")
      .optional(),
    timeSliceWindow: z
      .union(
        [
          z
            .number()
            .gt(0)
            .transform((minutes) => ({ ms: minutes * 60_000 })),
          openSloDurationField,
        ],
        {
          error: "must be minutes as a number, or a time such as 5m",
        },
      )
      .optional(),
    indicator: notComposite,
    indicatorRef: notComposite,
    compositeWeight: notComposite,
  })
  .superRefine(({ target, targetPercent }, context) => {
    if ((target === undefined) === (targetPercent === undefined))
      context.addIssue({
        code: "custom",
        path: [target === undefined ? "target" : "targetPercent"],
        message:
          target === undefined
            ? "is missing, and so is targetPercent; one of them is needed"
            : "stands beside target; keep one of them",
      });
  });
export type Objective = z.output<typeof objectiveField>;

export const conditionSpecField = z.object({
  description: descriptionField,
  severity: z.string({ error: "is missing; it says how urgent the alert is" }).min(1),
  condition: z.object({
    kind: z.literal("burnrate", { error: "must be burnrate" }).default("burnrate"),
    op: z.enum(["lte", "gte", "lt", "gt"], { error: "must be lte, gte, lt or gt" }).optional(),
    threshold: z.number({ error: "is missing; it is a burn rate" }).gt(0, "must be above 0"),
    lookbackWindow: openSloDurationField,
    alertAfter: openSloWaitField.optional(),
  }),
});
export type ConditionSpec = z.output<typeof conditionSpecField>;

/** The thing itself with its own metadata, beside a reference to it: one of the two. */
const inline = <Spec extends z.ZodType>(spec: Spec) => ({
  kind: z.string().optional(),
  metadata: metadataField.optional(),
  spec: spec.optional(),
});
const conditionOrRef = oneOf("conditionRef", "spec");
const policyOrRef = oneOf("alertPolicyRef", "spec");

const conditionField = z
  .object({ conditionRef: nameField.optional(), ...inline(conditionSpecField) })
  .refine(conditionOrRef.test, conditionOrRef.params);

export const policySpecField = z.object({
  description: descriptionField,
  alertWhenBreaching: z.boolean().optional(),
  alertWhenResolved: z.boolean().optional(),
  alertWhenNoData: z.boolean().optional(),
  conditions: z
    .array(conditionField, {
      error: "is missing; it has exactly one condition",
    })
    .length(1, "must have exactly one condition"),
  notificationTargets: z.array(z.record(z.string(), z.unknown())).optional(),
});
export type PolicySpec = z.output<typeof policySpecField>;

const policyField = z
  .object({ alertPolicyRef: nameField.optional(), ...inline(policySpecField) })
  .refine(policyOrRef.test, policyOrRef.params);

const indicatorOrRef = oneOf("indicator", "indicatorRef");
export const sloSpecField = z
  .object({
    description: descriptionField,
    service: nameField,
    indicator: z.object({ metadata: metadataField.optional(), spec: sliSpecField }).optional(),
    indicatorRef: nameField.optional(),
    timeWindow: z
      .array(timeWindowField, { error: "is missing; it is a list of one window" })
      .length(1, "must have exactly one window"),
    budgetingMethod: z.enum(["Occurrences", "Timeslices", "RatioTimeslices"], {
      error: "must be Occurrences, Timeslices or RatioTimeslices",
    }),
    objectives: z
      .array(objectiveField, { error: "is missing; it has one objective at least" })
      .min(1, "is empty"),
    alertPolicies: z.array(policyField).optional(),
  })
  .refine(indicatorOrRef.test, indicatorOrRef.params);
export type SloSpec = z.output<typeof sloSpecField>;
