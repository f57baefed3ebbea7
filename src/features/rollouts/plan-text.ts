/** A plan as people read it, before it starts and in the thread of its card. Pure. */
import type { NoVerdict, RolloutStep, Signal } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Budget } from "../slos/index.ts";
import type { Expected, ExpectedStep } from "./expected.ts";
import { countsEvents, exposureOf } from "./judge-plan.ts";
import type { RolloutPlan } from "./plan.ts";
import { percent, short, weightText } from "./words.ts";

export interface PlanSaid {
  readonly plan: RolloutPlan;
  readonly deadlineMs: number;
  /** The policy's longest. */
  readonly deadlineMax: number;
  readonly from: string;
  readonly budget: Pick<Budget, "readings">;
}

/** `17m`, `2d`: whole minutes past a minute, since an estimate is no better than that. */
const about = (ms: number): string => formatDuration(ms < 60_000 ? ms : Math.ceil(ms / 60_000) * 60_000);

export function planText({ plan, deadlineMs, deadlineMax, from, budget }: PlanSaid): string[] {
  const { warmUp, expected } = plan;
  const isBlueGreen = plan.strategy === "blueGreen";
  const kept = isBlueGreen ? `, ${escapeText(from)} kept warm meanwhile` : "";
  const left = budget.readings.map(
    ({ slo, budgetLeftRatio }) =>
      `${slo} ${budgetLeftRatio === undefined ? "unknown" : percent(budgetLeftRatio)}`,
  );
  return [
    ...(plan.careful === undefined ? [] : [`Careful: ${escapeText(plan.careful, 300)}.`]),
    isBlueGreen ? blueGreenText(plan) : "Canary:",
    ...plan.steps.map((step, index) => stepText(step, expected?.steps[index])),
    ...(warmUp
      ? [
          `Before each step ${warmUp.requests} requests to ${escapeText(warmUp.path.join(", "), 200)} must be answered within ${warmUp.withinMs} ms each.`,
        ]
      : []),
    `Read every ${formatDuration(plan.intervalMs)}; reverted when not through in ${formatDuration(deadlineMs)}; watched for ${formatDuration(plan.watchMs)} afterwards, longer while its numbers are missing or few${kept}.`,
    ...signalsText(plan.signals),
    ...(plan.noVerdict ? [noVerdictText(plan.noVerdict)] : []),
    ...(plan.managed ? [`${escapeText(plan.managed.means, 300)}.`] : []),
    `Budget left: ${escapeText(left.join(", ") || "no SLO")}.`,
    expectedText(plan),
    ...slowText(plan, deadlineMs, deadlineMax),
  ];
}

const blueGreenText = ({ isStartedByShare }: RolloutPlan): string =>
  isStartedByShare
    ? "Blue-green: all traffic at once. The new version's processes start with it, so the preview only waits."
    : "Blue-green: a preview without users, then all traffic at once.";

function stepText(step: RolloutStep, expected: ExpectedStep | undefined): string {
  const { weightPercent, minDuration, minSamples, upperBoundMax, shareUpperMax = {} } = step;
  const isPreview = weightPercent === 0;
  const bounds = [
    ...(upperBoundMax === undefined ? [] : [`up to ${upperBoundMax}x stable`]),
    ...Object.entries(shareUpperMax).map(([name, share]) => `${name} up to ${percent(share)}`),
  ];
  const parts = [
    `${weightText(weightPercent)} %: ${formatDuration(minDuration)} at least`,
    ...(isPreview ? [] : [`${minSamples} requests`]),
    ...(bounds.length > 0 ? [escapeText(bounds.join(", "), 300)] : []),
    ...(step.waitForPerson ? ["then it waits until somebody promotes it"] : []),
  ];
  const longer = expected?.isLengthened
    ? ` · ${expected.ms === null ? "never enough requests at today's traffic" : `about ${about(expected.ms)} at today's traffic`}`
    : "";
  return `• ${parts.join(", ")}${longer}`;
}

const noVerdictWords = { hold: "it waits on", ask: "a person is asked", revert: "it is reverted" };

const noVerdictText = ({ after, do: what }: NoVerdict): string =>
  `A step that cannot be judged for ${formatDuration(after)}: ${noVerdictWords[what]}.`;

function signalsText(signals: readonly Signal[]): string[] {
  const critical = signals.filter(({ weight }) => weight === "critical");
  const judged = critical.filter((signal) => isJudged(signal, signals));
  const others = signals.filter(({ weight }) => weight !== "critical");
  return [
    `Judged by ${escapeText(judged.map(signalText).join("; ") || "nothing critical: it would hold until the deadline", 800)}.`,
    ...critical
      .filter((signal) => !judged.includes(signal))
      .map((signal) => `🟠 Not judged by ${escapeText(signal.name)}: ${notJudgedBecause(signal)}.`),
    ...(others.length > 0
      ? [`Shown beside: ${escapeText(others.map(({ name }) => name).join(", "), 300)}.`]
      : []),
  ];
}

const isJudged = (signal: Signal, all: readonly Signal[]): boolean =>
  signal.kind === "gauge" ||
  countsEvents(signal) ||
  (signal.kind === "rate" && signal.direction !== "neutral" && exposureOf(signal, all) !== undefined);

function notJudgedBecause(signal: Signal): string {
  if (signal.kind === "quantile")
    return "from when on a request is slow could not be read now; slowAbove in the catalog says it";
  return signal.kind === "rate" && signal.direction === "neutral"
    ? "more of it is neither good nor bad; direction in the catalog says which"
    : "there is no signal of the requests it is a part of; declare a ratio, or name one by per";
}

/** `errors, reverted past 5 %, may be 10 % worse than stable, reverted without data`. */
function signalText(signal: Signal): string {
  const { relative, absolute } = signal.harmAllowed ?? {};
  const allowed = [
    ...(relative ? [`${percent(relative)} worse than stable`] : []),
    ...(absolute ? [`${short(absolute)} worse than stable`] : []),
  ];
  const silence = { hold: "", revert: ", reverted without data", ignore: ", may be silent" };
  return `${limitText(signal)}${allowed.length > 0 ? `, may be ${allowed.join(" or ")}` : ""}${silence[signal.noData ?? "hold"]}`;
}

function limitText(signal: Signal): string {
  switch (signal.kind) {
    case "ratio":
      return `${signal.name}, reverted past ${percent(signal.ceilingRatio ?? 0.05)}`;
    case "quantile": {
      const slow =
        signal.slowAbove === undefined ? "" : `, slow above ${short(signal.slowAbove)} ${signal.unit}`;
      const ceiling =
        signal.ceilingRatio === undefined ? "" : `, reverted past ${percent(signal.ceilingRatio)} slow`;
      return `${signal.name}${slow}${ceiling}`;
    }
    case "gauge":
      return signal.ceiling === undefined
        ? signal.name
        : `${signal.name}, reverted past ${short(signal.ceiling)} ${signal.unit}`.trimEnd();
    case "rate":
      return `${signal.name} for the requests it gets`;
  }
}

/** `Expected: about 6m at today's traffic (200 requests/s), and the time somebody takes to promote 10 %.` */
export function expectedText({ expected, steps }: Pick<RolloutPlan, "expected" | "steps">): string {
  const waits = steps
    .filter(({ waitForPerson }) => waitForPerson)
    .map(({ weightPercent }) => `${weightText(weightPercent)} %`);
  const promoting = waits.length > 0 ? `, and the time somebody takes to promote ${waits.join(", ")}` : "";
  if (!expected) return "";
  const { totalMs, ratePerSec } = expected;
  if (totalMs === null) return `Expected: no end at today's traffic (${rateText(expected)}).`;
  return ratePerSec === null
    ? `Expected: ${about(totalMs)} at least${promoting}; today's traffic cannot be read.`
    : `Expected: about ${about(totalMs)} at today's traffic (${rateText(expected)})${promoting}.`;
}

const rateText = ({ ratePerSec }: Expected): string => `${short(ratePerSec ?? 0)} requests/s`;

/** Said where today's traffic is too little for the deadline: the rollout would hold and then go back. */
export function slowText(
  { expected, steps }: Pick<RolloutPlan, "expected" | "steps">,
  deadlineMs: number,
  deadlineMax: number,
): string[] {
  if (!expected || (expected.totalMs !== null && expected.totalMs <= deadlineMs)) return [];
  const needed =
    expected.totalMs === null ? "It would never end" : `It would take about ${about(expected.totalMs)}`;
  const larger = steps.length > 2 ? ["begin with larger --steps"] : [];
  const longer =
    deadlineMs < deadlineMax && (expected.totalMs ?? Number.POSITIVE_INFINITY) <= deadlineMax
      ? [`--deadline ${formatDuration(deadlineMax)}`]
      : [];
  const ways = [
    ...longer,
    ...larger,
    "start when there is more traffic",
    "lower minSamples in the catalog",
    "promote by hand",
  ];
  return [
    `🟠 ${needed} at today's traffic (${rateText(expected)}), and it is reverted in ${formatDuration(deadlineMs)} unless it is through. What helps: ${ways.join("; ")}.`,
  ];
}
