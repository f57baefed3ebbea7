/** Error budget policy: what is asked of changes while little of a service's budget is left. */
import { z } from "zod";
import { durationOr } from "./fields.ts";

/**
 * From the freest to the strictest: `ship` tells and asks nothing; `careful` takes smaller steps and a longer bake;
 * `approval` needs a lead; `freeze` stops risky change. Rolling back is never asked anything.
 */
export const budgetLevels = ["ship", "careful", "approval", "freeze"] as const;
export type BudgetLevel = (typeof budgetLevels)[number];

const strictness = (level: BudgetLevel): number => budgetLevels.indexOf(level);

const levelSchema = z.strictObject({
  /** At this much of the budget left, or less. May be negative: overspent by that much. */
  leftPercent: z.number().max(100, "must be at most 100 percent"),
  action: z.enum(["careful", "approval", "freeze"]),
});

export const errorBudgetSchema = z.strictObject({
  levels: z
    .array(levelSchema)
    .min(1)
    .max(6)
    .refine(
      (levels) =>
        levels.every((level, index) => {
          const before = levels[index - 1];
          return (
            before === undefined ||
            (level.leftPercent < before.leftPercent && strictness(level.action) > strictness(before.action))
          );
        }),
      { error: "must fall in leftPercent and grow stricter from careful over approval to freeze" },
    )
    .default([
      { leftPercent: 50, action: "careful" },
      { leftPercent: 20, action: "approval" },
      { leftPercent: 0, action: "freeze" },
    ]),
  /** While the budget is not known; that never reads as healthy. */
  unknown: z.enum(["careful", "approval", "freeze"]).default("careful"),
  /** How long the facts must say better before a stricter level is left. */
  leaveAfter: durationOr("1h"),
  careful: z
    .strictObject({
      /** Each step lasts this many times as long. */
      holdFactor: z.number().min(1, "must be 1 or more").max(10).default(2),
      /** No step adds more than this share of the traffic; steps are put between. */
      stepMaxPercent: z.number().min(5, "must be at least 5 percent").max(100).default(25),
    })
    .prefault({}),
});
export type ErrorBudgetPolicy = z.output<typeof errorBudgetSchema>;
