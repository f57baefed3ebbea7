/** Which steps a rollout takes: the catalog's, those typed, those the traffic can be split by, careful ones. Pure. */
import type { RolloutStep, RolloutStrategy } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";

/** What little budget left asks of the plan. */
export interface Care {
  readonly why: string;
  readonly holdFactor: number;
  readonly stepMaxPercent: number;
  /** A lead has looked at how little is left: what is left does not hold the steps, only what is spent does. */
  readonly isApproved: boolean;
}

type Steps = readonly RolloutStep[];

export const lastsMs = (steps: Steps): number => steps.reduce((sum, { minDuration }) => sum + minDuration, 0);

/** Steps of these weights, each as strict as the catalog's next larger one, and as often waiting for a person. */
export function chooseSteps(
  { strategy, steps }: Pick<RolloutStrategy, "strategy" | "steps">,
  weights: readonly number[],
): Decision<Steps> {
  const declared = steps.map(({ weightPercent }) => weightPercent);
  const shown = declared.join(",");
  if (strategy === "blueGreen")
    return refuse({
      rule: "steps-of-a-canary",
      message: "This service moves all traffic in one step after a preview; there are no steps to choose.",
      hint: "Leave --steps out.",
    });
  if (weights.at(-1) !== 100)
    return refuse({
      rule: "steps-end-at-100",
      message: `The last step must be 100 percent, not ${weights.at(-1)}.`,
      hint: `The catalog's are ${shown}; to stop halfway, pause.`,
    });
  if (declared.length > 1 && weights.length === 1)
    return refuse({
      rule: "steps-only-narrow",
      message: "100 percent at once would judge nothing before everybody has it.",
      hint: `The catalog's steps are ${shown}; leave some out or put some between.`,
    });
  const largest = declared.findLast((weight) => weight < 100);
  const [first = 0] = weights;
  if (largest !== undefined && first > largest)
    return refuse({
      rule: "steps-only-narrow",
      message: `${first} percent at once is more than any step of the catalog judges before everybody has it.`,
      hint: `The catalog's steps are ${shown}; begin with ${largest} at most.`,
    });
  const odd = weights.find((weight) => Math.abs(weight * 100 - Math.round(weight * 100)) > 1e-6);
  if (odd !== undefined)
    return refuse({
      rule: "steps-two-decimals",
      message: `${odd} percent is finer than traffic can be split.`,
      hint: "Two decimals at most.",
    });
  const chosen = weights.map((weightPercent) => {
    const { waitForPerson: _, ...strict } = steps.find(
      (step) => step.weightPercent >= weightPercent,
    ) as RolloutStep;
    return { ...strict, weightPercent };
  });
  return keepWaits(steps, chosen);
}

/** Nobody gets past a weight at which the catalog waits for a person by leaving out its step. */
function keepWaits(declared: Steps, chosen: Steps): Decision<Steps> {
  const waits = new Set<number>();
  for (const { weightPercent } of declared.filter((step) => step.waitForPerson)) {
    const index = chosen.findLastIndex((step) => step.weightPercent <= weightPercent);
    if (index < 0)
      return refuse({
        rule: "steps-keep-waits",
        message: `At ${weightPercent} percent the catalog waits for somebody to promote it; without a step of at most that, nobody would be asked.`,
        hint: `Keep one: --steps ${weightPercent},${chosen.map((step) => step.weightPercent).join(",")}.`,
      });
    waits.add(index);
  }
  return allow(chosen.map((step, index) => (waits.has(index) ? { ...step, waitForPerson: true } : step)));
}

/**
 * Where the traffic cannot be split by every share, steps of the shares it can: typed steps must be among them, the
 * catalog's give way to them. All of it can always be given.
 */
export function possibleSteps(
  strategy: Pick<RolloutStrategy, "strategy" | "steps">,
  steps: Steps,
  weights: readonly number[] | null,
  isTyped: boolean,
): Decision<Steps> {
  if (weights === null) return allow(steps);
  const possible = [...new Set([...weights, 100])].sort((a, b) => a - b);
  const not = steps.filter(({ weightPercent }) => !possible.includes(weightPercent));
  if (not.length === 0) return allow(steps);
  if (!isTyped && strategy.strategy === "canary") {
    const above = possible.filter((weight) => weight > 0);
    // One step alone would judge nothing before everybody has it; then they are named instead.
    if (above.length > 1) return chooseSteps(strategy, above);
  }
  const shares = not.map(({ weightPercent }) => weightPercent).join(", ");
  return refuse({
    rule: "weights-possible",
    message: `A version can be given ${possible.join(", ")} percent here, not ${shares}.`,
    hint: possible.every((weight) => weight === 0 || weight === 100)
      ? "All traffic moves at once here: declare strategy: blueGreen for the service."
      : strategy.strategy === "canary"
        ? `The object that carries the traffic has steps of its own; take those (--steps ${possible.filter((weight) => weight > 0).join(",")}) or change them there.`
        : "A preview needs a first step of 0 percent; add it to the object that carries the traffic, or declare a canary.",
  });
}

export function holdSteps(steps: Steps, holdMs: number | undefined): Decision<Steps> {
  if (holdMs === undefined) return allow(steps);
  const shortestMs = Math.min(...steps.map(({ minDuration }) => minDuration));
  if (holdMs < shortestMs)
    return refuse({
      rule: "hold-only-longer",
      message: `Each step lasts ${formatDuration(shortestMs)} at least; --hold ${formatDuration(holdMs)} would shorten it.`,
      hint: "Leave --hold out or give a longer one.",
    });
  return allow(steps.map((step) => ({ ...step, minDuration: Math.max(step.minDuration, holdMs) })));
}

/** Part of the longest deadline that careful steps may fill. */
const carefulPartMax = 0.75;

/**
 * Longer steps, of a canary smaller ones too. All traffic at once cannot be made smaller: there somebody must promote
 * the preview. Care makes no plan impossible: steps too long for the longest deadline are shortened, never below what
 * they were.
 */
export function carefulSteps(
  { strategy }: Pick<RolloutStrategy, "strategy">,
  usual: Steps,
  care: Care,
  { weights, longestMs }: { readonly weights: readonly number[] | null; readonly longestMs: number },
): Steps {
  const steps =
    strategy === "canary"
      ? smallerSteps(usual, care).filter(
          ({ weightPercent }) => weightPercent === 100 || (weights?.includes(weightPercent) ?? true),
        )
      : usual.map((step) => ({
          ...step,
          minDuration: Math.round(step.minDuration * care.holdFactor),
          ...(step.weightPercent === 0 ? { waitForPerson: true } : {}),
        }));
  const mayLastMs = Math.max(lastsMs(usual), longestMs * carefulPartMax);
  const factor = Math.min(1, mayLastMs / lastsMs(steps));
  return steps.map((step) => ({ ...step, minDuration: Math.floor(step.minDuration * factor) }));
}

/** Others between so that none adds more than `stepMaxPercent`: evenly, each judged as strictly as the one it leads to. */
function smallerSteps(
  steps: Steps,
  { holdFactor, stepMaxPercent }: Pick<Care, "holdFactor" | "stepMaxPercent">,
): RolloutStep[] {
  return steps.flatMap(({ waitForPerson, ...step }, index) => {
    const before = steps[index - 1]?.weightPercent ?? 0;
    const pieces = Math.ceil((step.weightPercent - before) / stepMaxPercent - 1e-9);
    return Array.from({ length: pieces }, (_, piece) => {
      const isLast = piece === pieces - 1;
      const between = before + ((step.weightPercent - before) * (piece + 1)) / pieces;
      return {
        ...step,
        weightPercent: isLast ? step.weightPercent : Math.round(100 * between) / 100,
        minDuration: Math.round(step.minDuration * holdFactor),
        ...(isLast && waitForPerson ? { waitForPerson } : {}),
      };
    });
  });
}
