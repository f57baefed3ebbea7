/** Services: who owns them, how they are measured, released and paged about. */
import { z } from "zod";
import { errorBudgetSchema } from "./error-budget.ts";
import {
  durationOr,
  labelMatchersField,
  labelsField,
  nameField,
  percentField,
  spanOr,
  wordsField,
} from "./fields.ts";
import { signalSchema } from "./signals.ts";
import { serviceTrafficSchema } from "./traffic.ts";

const stepSchema = z.strictObject({
  /** Share of traffic; may be a fraction of a percent. */
  weightPercent: z.number().gt(0, "must be above 0").max(100, "must be at most 100"),
  minDuration: durationOr("10m"),
  /** Requests the canary must have served in this step before it may go on. */
  minSamples: z.number().int().min(1).default(500),
  /**
   * Highest 95 % upper bound of the error ratio, canary over stable, with which the step may go on; the judge's own
   * (3, at last 1.5) when left out.
   */
  upperBoundMax: z.number().gt(1, "must be above 1: 1 means as good as stable").optional(),
  /**
   * Highest 95 % upper bound of the canary's own share of bad events, by signal, with which the step may go on:
   * what few requests can prove.
   */
  shareUpperMax: z
    .record(nameField, z.number().gt(0, "must be above 0").lt(1, "must be below 1; 12 % is 0.12"))
    .optional(),
});
export type RolloutStep = z.output<typeof stepSchema>;

const rising = (steps: readonly { weightPercent: number }[]) =>
  steps.every((step, index) => index === 0 || step.weightPercent > (steps[index - 1]?.weightPercent ?? 0));

export const rolloutSchema = z.strictObject({
  steps: z
    .array(stepSchema)
    .min(1)
    .max(20)
    .refine(rising, { error: "weightPercent must rise from step to step" })
    .refine((steps) => steps.at(-1)?.weightPercent === 100, { error: "the last step must be 100 percent" }),
  /** Time between two readings. */
  interval: durationOr("30s"),
  /** Longest a rollout may take; then it is reverted. */
  deadline: durationOr("2h"),
  /** How long signals are watched after the end, before it counts as well. */
  watch: durationOr("15m"),
});
export type RolloutStrategy = z.output<typeof rolloutSchema>;

/**
 * How an alert finds its service: each rule's labels must all match. Without rules the label `service` must be
 * the service's name.
 */
const alertRuleSchema = z.strictObject({ labels: labelMatchersField });

const repositoryField = z
  .string()
  .max(200, "is longer than 200 characters")
  .regex(
    /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)+$/,
    "must be owner/name, such as acme/shop; without host or .git",
  );

export const serviceSchema = z.strictObject({
  name: nameField,
  description: wordsField.optional(),
  team: nameField,
  /** Directly responsible individual, a person id. */
  dri: nameField,
  tier: z.enum(["critical", "standard"]).default("standard"),
  /** The organisation's default environment when left out. */
  environments: z.array(nameField).min(1).optional(),
  /** The team's when left out. */
  alertChannel: nameField.optional(),
  /** Ticketing instance; the team's when left out. */
  ticketing: nameField.optional(),
  alertRules: z.array(alertRuleSchema).default([]),
  /** Names of runbooks, likeliest first. */
  runbooks: z.array(nameField).default([]),
  /** Metrics instance of signals and SLOs that name none. */
  metrics: nameField.optional(),
  /** Labels of this service's series; `{ service: <name> }` when left out. */
  metricLabels: labelsField.optional(),
  versionLabel: z.string().default("version"),
  signals: z.array(signalSchema).default([]),
  /** Where its versions get traffic, per environment. */
  traffic: serviceTrafficSchema.optional(),
  rollout: rolloutSchema.optional(),
  /** Services this one needs: a database too, declared as a service. An alert of theirs explains alerts of this one. */
  /** `owner/name` of the repositories it is deployed from, as GitHub, GitLab or Argo CD call them. */
  repositories: z.array(repositoryField).default([]),
  /** Services this one needs. */
  dependencies: z.array(nameField).default([]),
  /** What is asked of changes while little budget is left; the organisation's policy when left out. */
  errorBudget: errorBudgetSchema.optional(),
  /** Paging providers told of its pages, instead of its team's. */
  pagers: z.array(nameField).max(5).optional(),
  /** `observe` decides and shows what it would do, and does nothing: no page, no ticket outside. */
  mode: z.enum(["live", "observe"]).default("live"),
  /** A page although no user is hurt; needs someone who answers for it. */
  paging: z
    .strictObject({
      rule: z.enum(["every-critical-alert"]),
      owner: nameField,
      reason: wordsField,
    })
    .optional(),
});
export type Service = z.output<typeof serviceSchema>;

/** Limits of the whole organisation; features read theirs. */
export const policiesSchema = z.strictObject({
  rollout: z
    .strictObject({
      deadlineMax: durationOr("6h"),
      /** Below this much budget left no rollout starts. */
      minBudgetLeftPercent: percentField.default(10),
      /** Weights that somebody else moves during a rollout: held where they are, or set again a few times. */
      drift: z.enum(["hold", "correct"]).default("hold"),
    })
    .prefault({}),
  /** Of services that declare none of their own. */
  errorBudget: errorBudgetSchema.prefault({}),
  runbook: z.strictObject({ staleAfter: durationOr("90d"), deadline: durationOr("3s") }).prefault({}),
  paging: z.strictObject({ remindEvery: durationOr("5m"), escalateAfter: durationOr("15m") }).prefault({}),
  alerts: z
    .strictObject({
      muteMax: durationOr("7d"),
      /** A firing alert not seen again for this long is marked stale, not resolved. */
      staleAfter: durationOr("1d"),
      /** How long a new cause waits for company before its card is posted; a page never waits. Over before: nothing is said. */
      groupWait: spanOr("10s"),
      /** Alerts of a service, or of services that hang together, that begin within this time are one cause. 0s: none are. */
      joinWithin: spanOr("5m"),
      /** A ticket that fires and that nobody took is said again in its thread this often. */
      repeatEvery: durationOr("4h"),
    })
    .prefault({}),
  access: z
    .strictObject({
      /** An approved request not claimed for this long lapses. */
      claimWithin: durationOr("1h"),
      /** A request nobody decided for this long lapses. */
      decideWithin: durationOr("1d"),
    })
    .prefault({}),
  freeze: z.strictObject({ durationMax: durationOr("30d") }).prefault({}),
  watch: z
    .strictObject({
      /** Pagers told when Quarterdeck itself is in trouble: by the web process, without Slack or a worker. */
      pagers: z.array(nameField).max(5).default([]),
    })
    .prefault({}),
});
export type Policies = z.output<typeof policiesSchema>;
