import { type CountedOpinion, judgeCounted } from "./judge/counted.ts";
import { currentStep, planDefaults, testParts } from "./judge/defaults.ts";
import { judgeGauge } from "./judge/gauge.ts";
import type { Opinion, Test } from "./judge/opinion.ts";
import type { JudgeMemory } from "./judge/tally.ts";
import type { GaugeReading, Plan, Reason, Samples, SloState, Verdict } from "./judge/types.ts";
import { percent, seconds, short } from "./judge/words.ts";

export { createJudgeMemory, type JudgeMemory } from "./judge/tally.ts";
export * from "./judge/types.ts";

/**
 * Says whether a canary goes on, waits or goes back. Pure: the same plan, samples and budget give the same verdict
 * (a memory only makes the next look at the same rollout cheaper), and looking more often does not make it more likely
 * to be wrong.
 *
 * In this order: harm or a passed deadline reverts; a burning or nearly spent budget, or data too few, old, odd or badly
 * split holds; only what is shown to be good promotes. Advisory signals are mentioned and decide nothing.
 *
 * One alpha (0.01) covers every comparison of counts with stable and every ceiling of a bad share, over all signals and looks: the tests' E are
 * e-processes, so their mean by parts of alpha is one, and it reverts at 1/alpha (Ville; the mean of e-values needs no
 * independence: Vovk and Wang, "E-values: calibration, combination and applications", arXiv 1912.06116). Not covered,
 * because they are declared and not tested: ceilings of levels, alerts, processes that are down, the deadline, the time
 * of a step. While the service burns its budget, while the rollout has spent more of it than it may, or while an alert
 * fires on the canary alone, less evidence is enough: a twentieth of the limit, and never less than E = 1.
 *
 * @throws RangeError when `plan.stepIndex` names no step.
 */
export function judge(plan: Plan, samples: Samples, slo: SloState, memory?: JudgeMemory): Verdict {
  const partsOf = testParts(plan);
  const counted: CountedOpinion[] = [];
  const levels: Opinion<GaugeReading>[] = [];
  const opinions = plan.signals.map((signal) => {
    if (signal.kind === "gauge") {
      const opinion = judgeGauge(plan, signal, samples);
      levels.push(opinion);
      return opinion;
    }
    const opinion = judgeCounted(plan, signal, samples, slo, partsOf(signal), memory);
    counted.push(opinion);
    return opinion;
  });
  const alpha = plan.alpha ?? planDefaults.alpha;
  const tests = opinions.flatMap((opinion) => opinion.tests);
  const evidence = pooled(tests, alpha);
  const budgetSpent = spentOf(plan, counted, slo);
  const case_: Case = {
    plan,
    slo,
    tests,
    evidence,
    budgetSpent,
    isTouched: counted.some((one) => one.isTouched),
  };
  const halts = [
    ...down(samples),
    ...harm(case_),
    ...suspicion(case_, samples),
    ...levels.flatMap((opinion) => opinion.halts),
    ...counted.flatMap((opinion) => opinion.halts),
    ...pastDeadline(plan, samples),
  ];
  const data = [...noCriticalSignal(plan, counted), ...opinions.flatMap((opinion) => opinion.holds)];
  const late = timeUp(plan, samples, slo, data);
  const holds = [
    ...budgetHolds(case_),
    ...alertHolds(samples),
    ...data,
    ...tooEarly(plan, samples, slo),
    ...late.filter(({ code }) => code === "ask"),
  ];
  halts.push(...late.filter(({ code }) => code === "time-up"));
  const mentions = opinions.flatMap((opinion) => opinion.mentions);
  const signals = opinions.map((opinion) => opinion.reading);
  const found = {
    signals,
    alphaSpent: alpha * tests.reduce((sum, { hasData, part }) => sum + (hasData ? part : 0), 0),
    alpha,
    evidence,
    budgetSpent,
  };
  if (halts.length > 0) return { do: "revert", reasons: [...halts, ...mentions], ...found };
  if (holds.length > 0) return { do: "hold", reasons: [...holds, ...mentions], ...found };
  return { do: "promote", reasons: [withinBounds(signals), ...mentions], ...found };
}

/** What the reasons that look at all signals are worked out from. */
interface Case {
  readonly plan: Plan;
  readonly slo: SloState;
  readonly tests: readonly Test[];
  readonly evidence: NonNullable<Verdict["evidence"]>;
  readonly budgetSpent: NonNullable<Verdict["budgetSpent"]>;
  readonly isTouched: boolean;
}

function pooled(tests: readonly Test[], alpha: number): Case["evidence"] {
  const e = tests.reduce((sum, test) => sum + test.part * test.e, 0);
  return { e: tests.length === 0 ? 1 : Math.min(e, Number.MAX_VALUE), limit: 1 / alpha };
}

/** The tests that passed the limit, each by itself or together; ceilings are named first. */
function harm({ tests, evidence }: Case): Reason[] {
  const { e, limit } = evidence;
  if (!(e >= limit)) return [];
  const byItself = tests
    .filter((test) => test.part * test.e >= limit)
    .sort((a, b) => (a.code === b.code ? b.e - a.e : a.code === "ceiling" ? -1 : 1));
  if (byItself.length === 0) {
    const most = strongest(tests);
    const words = `${most?.words() ?? "all signals"}; with the other signals E ${short(e)} ≥ ${short(limit)}`;
    return [{ code: "relative-harm", ...(most ? { signal: most.signal } : {}), sentence: words }];
  }
  return byItself.map(({ code, signal, words, part }) => ({
    code,
    signal,
    sentence: code === "ceiling" ? words() : `${words()} ≥ ${short(limit / part)}`,
  }));
}

const strongest = (tests: readonly Test[]): Test | undefined =>
  [...tests].sort((a, b) => b.part * b.e - a.part * a.e)[0];

/** E from which a canary goes back that is suspect for another reason. */
const suspectLimit = (limit: number): number => Math.max(1, limit * planDefaults.suspectPart);

/** Not enough evidence by itself, and something else speaks against the canary. A canary without a bad event is not it. */
function suspicion({ slo, tests, evidence, budgetSpent, isTouched }: Case, samples: Samples): Reason[] {
  const { limit } = evidence;
  const e = tests.length === 0 ? 1 : tests.reduce((sum, { part, plainE }) => sum + part * plainE, 0);
  const found: Reason[] = (samples.alerts ?? [])
    .filter(({ isOnStable, severity }) => !isOnStable && severity === "critical")
    .map(({ name }) => ({ code: "alert", sentence: `${name} fires on the canary's instances alone` }));
  if (e < suspectLimit(limit) || !isTouched) return found;
  const most = strongest(tests);
  const words = `${most?.words() ?? "its signals"} (E ${short(e)} ≥ ${short(suspectLimit(limit))})`;
  const add = (code: Reason["code"], sentence: string) =>
    found.push({ code, ...(most ? { signal: most.signal } : {}), sentence });
  if (slo.severity === "page") add("budget-harm", `the service burns its budget and ${words}`);
  const { share, limit: shareMax } = budgetSpent;
  if (share !== null && share >= shareMax)
    add(
      "budget-spend",
      `this rollout alone spent ${percent(share)} of the budget, limit ${percent(shareMax)}; ${words}`,
    );
  const own = (samples.alerts ?? []).find(
    ({ isOnStable, severity }) => !isOnStable && severity !== "critical",
  );
  if (own) add("alert", `${own.name} fires on the canary's instances alone and ${words}`);
  return found;
}

function spentOf(plan: Plan, counted: readonly CountedOpinion[], slo: SloState): Case["budgetSpent"] {
  const limit = plan.budgetSpendMax ?? planDefaults.budgetSpendMax;
  const { budgetEvents } = slo;
  if (budgetEvents === null || !(budgetEvents > 0)) return { share: null, limit };
  return { share: Math.max(0, ...counted.map(({ spent }) => spent)) / budgetEvents, limit };
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

/** Alerts on the canary alone that do not go back by themselves: no step on while they fire. */
const alertHolds = ({ alerts = [] }: Samples): Reason[] =>
  alerts
    .filter(({ isOnStable }) => !isOnStable)
    .map(({ name }) => ({ code: "alert-hold", sentence: `${name} fires on the canary's instances alone` }));

function budgetHolds({ plan, slo, evidence, budgetSpent }: Case): Reason[] {
  const found: Reason[] = [];
  if (slo.severity === "page") {
    const limit = short(suspectLimit(evidence.limit));
    found.push({
      code: "budget-burn",
      sentence:
        evidence.e < 1
          ? `the service burns its budget, stable as much as the canary (E ${short(evidence.e)}); going on once it stops`
          : `the service burns its budget (E ${short(evidence.e)} against the canary, ${limit} takes it back); going on once it stops`,
    });
  }
  const { share, limit: shareMax } = budgetSpent;
  if (share !== null && share >= shareMax && evidence.e >= 1)
    found.push({
      code: "budget-spend",
      sentence: `this rollout may have spent ${percent(share)} of the budget, limit ${percent(shareMax)}`,
    });
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

function noCriticalSignal({ signals }: Plan, counted: readonly CountedOpinion[]): Reason[] {
  const isSilentAllowed = counted.every(({ tests, holds, reading }) =>
    tests.length === 0 ? true : holds.length === 0 && !reading.isProven,
  );
  const isCounted = signals.some((signal) => signal.role === "critical" && signal.kind !== "gauge");
  if (isCounted && !isSilentAllowed) return [];
  return [
    {
      code: "no-critical-signal",
      sentence: "no critical signal counts events, so nothing can show it is good",
    },
  ];
}

const isBudgetUnknown = ({ state, remaining }: SloState): boolean =>
  state === "unknown" || remaining === null;

const isCautious = (slo: SloState): boolean =>
  isBudgetUnknown(slo) || (slo.remaining ?? 0) < planDefaults.cautionLeft;

/** What the step lasts at least, with the budget there is. */
const neededSecOf = (plan: Plan, slo: SloState): number =>
  currentStep(plan).minDurationSec *
  (isCautious(slo) ? (plan.cautionFactor ?? planDefaults.cautionFactor) : 1);

function tooEarly(plan: Plan, { now }: Samples, slo: SloState): Reason[] {
  const { minDurationSec } = currentStep(plan);
  const neededSec = neededSecOf(plan, slo);
  const elapsedSec = (now.getTime() - plan.stepStartedAt.getTime()) / 1000;
  // Written so that a time that is no number holds too.
  if (elapsedSec >= neededSec) return [];
  const early: Reason = {
    code: "too-early",
    sentence: `${seconds(elapsedSec)} of ${seconds(neededSec)} at this step`,
  };
  if (!isCautious(slo) || neededSec === minDurationSec) return [early];
  const why = isBudgetUnknown(slo)
    ? "the budget is not known"
    : `only ${percent(slo.remaining ?? 0)} of the budget is left`;
  const factor = short(neededSec / minDurationSec);
  return [early, { code: "budget-unknown", sentence: `${why}, so the step takes ${factor} times as long` }];
}

/**
 * A step that could not be judged for too long: the plan's answer. Not before it could have been over, by its least time
 * and by the events it needs. Waiting on never promotes.
 */
function timeUp(plan: Plan, { now }: Samples, slo: SloState, data: readonly Reason[]): Reason[] {
  const elapsedSec = (now.getTime() - plan.stepStartedAt.getTime()) / 1000;
  const askAfterSec = Math.max(
    plan.askAfterSec ?? planDefaults.askAfterSec,
    neededSecOf(plan, slo),
    currentStep(plan).expectedSec ?? 0,
  );
  if (data.length === 0 || elapsedSec < askAfterSec) return [];
  const late = `no verdict after ${seconds(elapsedSec)} at this step`;
  switch (plan.onTimeUp ?? "ask") {
    case "hold":
      return [];
    case "ask":
      return [{ code: "ask", sentence: `${late}: promote or revert by hand` }];
    case "revert":
      return [
        { code: "time-up", sentence: `${late}: ${data[0]?.sentence ?? "nothing shows that it is good"}` },
      ];
  }
}

function withinBounds(signals: Verdict["signals"]): Reason {
  const parts = signals.flatMap((reading) => {
    if (reading.role !== "critical" || reading.kind === "gauge" || reading.canary.ratio === null) return [];
    const other = reading.stable.ratio === null ? "" : ` vs ${percent(reading.stable.ratio)} stable`;
    return [`${reading.name} ${percent(reading.canary.ratio)}${other} (n ${short(reading.canary.total)})`];
  });
  return { code: "within-bounds", sentence: `within bounds: ${parts.join(", ")}` };
}
