import { judgeCounted } from "./judge/counted.ts";
import { alphaOf, currentStep, planDefaults } from "./judge/defaults.ts";
import { judgeGauge } from "./judge/gauge.ts";
import type { Plan, Reason, Samples, SloState, Verdict } from "./judge/types.ts";
import { percent, seconds, short } from "./judge/words.ts";

export * from "./judge/types.ts";

/**
 * Says whether a canary goes on, waits or goes back. Pure: the same plan, samples and budget give the same
 * verdict, and looking more often does not make it more likely to be wrong (see `statistics.ts`).
 *
 * In this order: harm (ceiling, relative to stable, to the budget) or a passed deadline reverts; a burning or
 * nearly spent budget, or data too few, old, odd or badly split holds; only what is shown to be good promotes.
 * Advisory signals are mentioned and decide nothing.
 *
 * @throws RangeError when `plan.stepIndex` names no step.
 */
export function judge(plan: Plan, samples: Samples, slo: SloState): Verdict {
  const opinions = plan.signals.map((signal) =>
    signal.kind === "gauge" ? judgeGauge(plan, signal, samples) : judgeCounted(plan, signal, samples, slo),
  );
  const halts = [
    ...down(samples),
    ...byUrgency(opinions.flatMap((opinion) => opinion.halts)),
    ...pastDeadline(plan, samples),
  ];
  const data = [...noCriticalSignal(plan), ...opinions.flatMap((opinion) => opinion.holds)];
  const holds = [
    ...budgetHolds(plan, slo),
    ...data,
    ...tooEarly(plan, samples, slo),
    ...ask(plan, samples, data),
  ];
  const mentions = opinions.flatMap((opinion) => opinion.mentions);
  const signals = opinions.map((opinion) => opinion.reading);
  const alphaSpent = plan.signals.reduce((sum, signal, i) => {
    const hasData = signals[i]?.lastBinEndMs != null;
    return signal.kind !== "gauge" && hasData ? sum + alphaOf(plan, signal) : sum;
  }, 0);

  if (halts.length > 0) return { do: "revert", reasons: [...halts, ...mentions], signals, alphaSpent };
  if (holds.length > 0) return { do: "hold", reasons: [...holds, ...mentions], signals, alphaSpent };
  return { do: "promote", reasons: [withinBounds(signals), ...mentions], signals, alphaSpent };
}

/** The order in which harm is named when a version is bad in several ways. */
const urgency: readonly string[] = ["ceiling", "gauge-halt", "relative-harm", "budget-harm", "budget-spend"];

function byUrgency(reasons: readonly Reason[]): Reason[] {
  return [...reasons].sort((a, b) => urgency.indexOf(a.code) - urgency.indexOf(b.code));
}

function down({ health }: Samples): Reason[] {
  if (health?.state !== "down" && health?.state !== "crash-looping") return [];
  const what = health.state === "down" ? "the canary is down" : "the canary keeps crashing";
  return [{ code: "down", sentence: health.detail ? `${what}: ${health.detail}` : what }];
}

function pastDeadline({ deadlineAt, stepIndex, steps }: Plan, { now }: Samples): Reason[] {
  if (now.getTime() < deadlineAt.getTime()) return [];
  const late = seconds((now.getTime() - deadlineAt.getTime()) / 1000);
  return [
    {
      code: "deadline",
      sentence: `the deadline passed ${late} ago at step ${stepIndex + 1} of ${steps.length}`,
    },
  ];
}

function budgetHolds(plan: Plan, slo: SloState): Reason[] {
  const found: Reason[] = [];
  if (slo.severity === "page") {
    found.push({
      code: "budget-burn",
      sentence: "the service burns its budget at paging speed; going on once it stops",
    });
  }
  const leftMin = plan.budgetLeftMin ?? planDefaults.budgetLeftMin;
  const isLow = slo.state === "exhausted" || (slo.remaining !== null && slo.remaining < leftMin);
  if (isLow && !plan.isBudgetOverridden) {
    const left = slo.remaining === null ? "no budget" : `${percent(slo.remaining)} of the budget`;
    found.push({
      code: "budget-low",
      sentence: `${left} left, a step needs ${percent(leftMin)} or an approved override`,
    });
  }
  return found;
}

function noCriticalSignal({ signals }: Plan): Reason[] {
  if (signals.some((signal) => signal.role === "critical" && signal.kind !== "gauge")) return [];
  return [
    {
      code: "no-critical-signal",
      sentence: "no critical signal counts events, so nothing can show it is good",
    },
  ];
}

function tooEarly(plan: Plan, { now }: Samples, slo: SloState): Reason[] {
  const { minDurationSec } = currentStep(plan);
  const isUnknown = slo.state === "unknown" || slo.remaining === null;
  const isCautious = isUnknown || (slo.remaining ?? 0) < planDefaults.cautionLeft;
  const neededSec = minDurationSec * (isCautious ? (plan.cautionFactor ?? planDefaults.cautionFactor) : 1);
  const elapsedSec = (now.getTime() - plan.stepStartedAt.getTime()) / 1000;
  // Written so that a time that is no number holds too.
  if (elapsedSec >= neededSec) return [];
  const early: Reason = {
    code: "too-early",
    sentence: `${seconds(elapsedSec)} of ${seconds(neededSec)} at this step`,
  };
  if (!isCautious || neededSec === minDurationSec) return [early];
  const why = isUnknown
    ? "the budget is not known"
    : `only ${percent(slo.remaining ?? 0)} of the budget is left`;
  const factor = short(neededSec / minDurationSec);
  return [early, { code: "budget-unknown", sentence: `${why}, so the step takes ${factor} times as long` }];
}

function ask(plan: Plan, { now }: Samples, data: readonly Reason[]): Reason[] {
  const elapsedSec = (now.getTime() - plan.stepStartedAt.getTime()) / 1000;
  if (data.length === 0 || elapsedSec < (plan.askAfterSec ?? planDefaults.askAfterSec)) return [];
  return [
    {
      code: "ask",
      sentence: `no verdict after ${seconds(elapsedSec)} at this step: promote or revert by hand`,
    },
  ];
}

function withinBounds(signals: Verdict["signals"]): Reason {
  const parts = signals.flatMap((reading) => {
    if (reading.role !== "critical" || reading.kind === "gauge" || reading.canary.ratio === null) return [];
    const other = reading.stable.ratio === null ? "" : ` vs ${percent(reading.stable.ratio)} stable`;
    return [`${reading.name} ${percent(reading.canary.ratio)}${other} (n ${short(reading.canary.total)})`];
  });
  return { code: "within-bounds", sentence: `within bounds: ${parts.join(", ")}` };
}
