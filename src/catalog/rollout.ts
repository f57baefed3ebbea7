/** How a service's versions get their traffic: in steps beside the stable one, or all at once after a preview. */
import { z } from "zod";
import { durationField, durationOr, nameField, spanOr } from "./fields.ts";

const evidence = {
  /** Requests the new version must have served in this step before it may go on. */
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
};

const stepSchema = z.strictObject({
  /** Share of traffic; may be a fraction of a percent. */
  weightPercent: z.number().gt(0, "must be above 0").max(100, "must be at most 100"),
  minDuration: durationOr("10m"),
  ...evidence,
  /** The step goes on only once somebody promotes it, however good it looks. */
  waitForPerson: z.boolean().optional(),
});
/** `weightPercent` 0: a preview, which no user sees. */
export type RolloutStep = z.output<typeof stepSchema>;

const rising = (steps: readonly { weightPercent: number }[]) =>
  steps.every((step, index) => index === 0 || step.weightPercent > (steps[index - 1]?.weightPercent ?? 0));

const pathField = z.string().regex(/^\/(?!\/)\S*$/, "must begin with one / and hold no space: /healthz");

const warmUpSchema = z.strictObject({
  /** Asked of the version's own address before each step: one path or several. */
  path: z.union([pathField.transform((path) => [path]), z.array(pathField).min(1).max(10)], {
    error: "must be a path such as /healthz, or a list of them",
  }),
  /** So many requests of each path. */
  requests: z.number().int().min(1).max(20).default(5),
  /** Each answered, with a status below 400, within so many milliseconds. */
  withinMs: z.number().int().min(10).max(10_000).default(1_000),
});
export type WarmUp = z.output<typeof warmUpSchema>;

const noVerdictSchema = z.strictObject({
  after: durationOr("30m"),
  do: z.enum(["hold", "ask", "revert"]).default("ask"),
});
export type NoVerdict = z.output<typeof noVerdictSchema>;

const common = {
  /** Time between two readings. */
  interval: durationOr("30s"),
  /** Longest a rollout may take, then it is reverted; that of `policies.rollout` when left out. */
  deadline: durationField.optional(),
  /** How long signals are watched after the end, before it counts as well. */
  watch: durationOr("15m"),
  /** What a version must answer before it gets more traffic. */
  warmUp: warmUpSchema.optional(),
  /**
   * What happens to a step that could not be judged for so long, too few requests or data missing: it waits on, a
   * person is asked, or the rollout goes back. Asked after 30m when left out; never promoted.
   */
  noVerdict: noVerdictSchema.optional(),
};

const canarySchema = z.strictObject({
  strategy: z.literal("canary").optional(),
  /** 1, 10, 50 and 100 percent when left out. */
  steps: z
    .array(stepSchema)
    .min(1)
    .max(20)
    .refine(rising, { error: "weightPercent must rise from step to step" })
    .refine((steps) => steps.at(-1)?.weightPercent === 100, { error: "the last step must be 100 percent" })
    .prefault([
      ...[1, 10, 50].map((weightPercent) => ({ weightPercent })),
      { weightPercent: 100, upperBoundMax: 1.5 },
    ]),
  ...common,
});

/** What either way of declaring it comes to. */
export interface RolloutDeclaration {
  strategy?: "canary" | "blueGreen" | undefined;
  steps: RolloutStep[];
  interval: number;
  deadline?: number | undefined;
  watch: number;
  warmUp?: WarmUp | undefined;
  noVerdict?: NoVerdict | undefined;
}

const blueGreenSchema = z
  .strictObject({
    strategy: z.literal("blueGreen"),
    /** The new version runs without users: it is warmed up and looked at. */
    preview: z
      .strictObject({
        minDuration: spanOr("1m"),
        /** All traffic is moved only once somebody promotes the preview. */
        waitForPerson: z.boolean().optional(),
      })
      .prefault({}),
    /** All traffic at once; the version before stays as it is, without traffic, until the watch is over. */
    switch: z.strictObject({ minDuration: durationOr("5m"), ...evidence }).prefault({}),
    ...common,
  })
  .transform(
    ({ preview, switch: switched, ...rest }): RolloutDeclaration => ({
      ...rest,
      steps: [
        { weightPercent: 0, minSamples: 0, ...preview },
        { weightPercent: 100, ...switched },
      ],
    }),
  );

/** Without `strategy` it is a canary. */
export const rolloutSchema = z.discriminatedUnion("strategy", [canarySchema, blueGreenSchema]);

/** What a service is rolled out by; spans in milliseconds. */
export interface RolloutStrategy extends RolloutDeclaration {
  strategy: "canary" | "blueGreen";
  deadline: number;
}

/** What a service declares, or careful steps. */
export function strategyOf(
  declared: RolloutDeclaration | undefined,
  deadlineDefault: number,
): RolloutStrategy {
  const one: RolloutDeclaration = declared ?? rolloutSchema.parse({});
  return { ...one, strategy: one.strategy ?? "canary", deadline: one.deadline ?? deadlineDefault };
}
