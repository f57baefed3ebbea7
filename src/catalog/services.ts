/** Services: who owns them, how they are measured, released and paged about. */
import { z } from "zod";
import { errorBudgetSchema } from "./error-budget.ts";
import {
  durationField,
  durationOr,
  labelMatchersField,
  labelsField,
  nameField,
  percentField,
  spanOr,
  wordsField,
} from "./fields.ts";
import { rolloutSchema } from "./rollout.ts";
import { signalSchema } from "./signals.ts";
import { serviceTrafficSchema } from "./traffic.ts";

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
  /** The steps its versions are rolled out by. */
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

const deadlineUsualMs = 7_200_000;

/** Limits of the whole organisation; features read theirs. */
export const policiesSchema = z.strictObject({
  rollout: z
    .strictObject({
      /** Of services that declare none: then a rollout is reverted unless it is through. 2h, or `deadlineMax` if less. */
      deadline: durationField.optional(),
      deadlineMax: durationOr("6h"),
      /** A second one of a service and environment, while the first is in flight. */
      second: z.enum(["refuse", "queue"]).default("refuse"),
      /** A queued one that did not get its turn for this long lapses. */
      queueMax: durationOr("4h"),
      /** Nothing is rolled out without a change that asks for it (`--change C-12`). */
      changeRequired: z.boolean().default(false),
      /** Below this much budget left no rollout starts. */
      minBudgetLeftPercent: percentField.default(10),
      /** Part of the period's error budget one rollout may use; with evidence against the canary it goes back. */
      maxBudgetSpendPercent: percentField.default(2),
      /** Weights that somebody else moves during a rollout: held where they are, or set again a few times. */
      drift: z.enum(["hold", "correct"]).default("hold"),
      /**
       * Argo CD or Flux after a revert: its self-heal is stopped for `suspendFor`; with `revert-commit` the revert of the
       * commit is proposed in Git as well; `none`: it is left alone.
       */
      gitops: z.enum(["suspend", "revert-commit", "none"]).default("suspend"),
      suspendFor: durationOr("1h"),
    })
    .transform((policy) => ({
      ...policy,
      deadline: policy.deadline ?? Math.min(deadlineUsualMs, policy.deadlineMax),
    }))
    .refine(({ deadline, deadlineMax }) => deadline <= deadlineMax, {
      path: ["deadline"],
      error: "is past deadlineMax; shorten it",
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
      /** Who can decide is reminded after this long; 15m when left out, half of decideWithin at most. */
      remindAfter: durationField.optional(),
      /** Others are told after this long; 45m when left out, three quarters of decideWithin at most. */
      escalateAfter: durationField.optional(),
    })
    .prefault({}),
  freeze: z
    .strictObject({
      /** Longest a freeze started by a person may last. */
      durationMax: durationOr("30d"),
      /** Longest a lead may override freezes for one service. */
      overrideMax: durationOr("4h"),
    })
    .prefault({}),
  watch: z
    .strictObject({
      /** Pagers told when Quarterdeck itself is in trouble: by the web process, without Slack or a worker. */
      pagers: z.array(nameField).max(5).default([]),
    })
    .prefault({}),
});
export type Policies = z.output<typeof policiesSchema>;
