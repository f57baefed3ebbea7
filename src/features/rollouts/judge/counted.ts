import type { ComparedCounts, Counts } from "../statistics.ts";
import { eValue, excessBad, rateRatioUpper, shareUpper, splitZ, sumCounts, waldTest } from "../statistics.ts";
import { keepCounts } from "./bins.ts";
import {
  alphaOf,
  ceilingOf,
  currentStep,
  harmRatioMaxOf,
  planDefaults,
  shareUpperMaxOf,
} from "./defaults.ts";
import { isProven, withStable } from "./proof.ts";
import type {
  CountBin,
  CountedReading,
  CountedSignal,
  Plan,
  Reason,
  ReasonCode,
  Samples,
  SloState,
} from "./types.ts";
import { percent, seconds, short } from "./words.ts";

/** What one signal says: its reading, and why to halt or to wait, if it says so. */
export interface Opinion<R> {
  readonly reading: R;
  readonly halts: readonly Reason[];
  readonly holds: readonly Reason[];
  readonly mentions: readonly Reason[];
}

/** Everything the reasons below are worked out from. */
interface Evidence {
  readonly plan: Plan;
  readonly signal: CountedSignal;
  readonly slo: SloState;
  readonly all: ComparedCounts;
  readonly step: ComparedCounts;
  readonly reading: CountedReading;
  readonly stepBins: number;
  readonly nowMs: number;
}

export function judgeCounted(
  plan: Plan,
  signal: CountedSignal,
  samples: Samples,
  slo: SloState,
): Opinion<CountedReading> {
  const nowMs = samples.now.getTime();
  const stepStartMs = plan.stepStartedAt.getTime();
  const { kept, dropped } = keepCounts(samples.counts[signal.name] ?? [], nowMs);
  const inStep = kept.filter((bin) => bin.startMs >= stepStartMs);
  const all = pool(kept);
  const step = pool(inStep);
  const reading = read(plan, signal, slo, kept, inStep, dropped);
  const evidence = { plan, signal, slo, all, step, reading, stepBins: inStep.length, nowMs };
  if (signal.role === "advisory") {
    return { reading, halts: [], holds: [], mentions: mentions(evidence) };
  }
  return { reading, halts: halts(evidence), holds: holds(evidence), mentions: [] };
}

function read(
  plan: Plan,
  signal: CountedSignal,
  slo: SloState,
  kept: readonly CountBin[],
  inStep: readonly CountBin[],
  droppedBins: number,
): CountedReading {
  const step = currentStep(plan);
  const alpha = 1 - (step.confidence ?? planDefaults.confidence);
  const own = pool(inStep);
  const fallbackStable = pool(kept).stable;
  const upper = rateRatioUpper(withStable(own, fallbackStable), alpha);
  const share = own.canary.total > 0 ? own.canary.bad / own.canary.total : null;
  const alphaM = alphaOf(plan, signal);
  return {
    kind: signal.kind,
    name: signal.name,
    role: signal.role,
    canary: { ...own.canary, ratio: share },
    stable: { ...own.stable, ratio: own.stable.total > 0 ? own.stable.bad / own.stable.total : null },
    e: Math.min(eValue(kept), Number.MAX_VALUE),
    eLimit: alphaM > 0 ? 1 / alphaM : null,
    rateRatioUpper: Number.isFinite(upper) ? upper : null,
    shareUpper: own.canary.total > 0 ? shareUpper(own.canary, alpha) : null,
    canaryBurn: share !== null && slo.budgetRatio !== null ? share / slo.budgetRatio : null,
    isProven: isProven(inStep, {
      minSamples: step.minSamples ?? planDefaults.minSamples,
      alpha,
      harmRatioMax: harmRatioMaxOf(plan),
      shareUpperMax: shareUpperMaxOf(step, signal, slo.budgetRatio),
      fallbackStable,
    }),
    droppedBins,
    lastBinEndMs: kept.at(-1)?.endMs ?? null,
  };
}

function halts(evidence: Evidence): Reason[] {
  const { plan, signal, slo, all, step, reading } = evidence;
  const found: Reason[] = [];
  const halt = (code: ReasonCode, sentence: string) => found.push({ code, signal: signal.name, sentence });
  const ceiling = ceilingOf(signal);
  // The step is tested by itself too: a long clean past must not buy time for a version that breaks late.
  const broken = ceiling === null ? undefined : [all, step].find((counts) => isAbove(counts.canary, ceiling));
  if (broken && ceiling !== null) {
    halt("ceiling", `${versus(evidence, broken)}, above the ceiling of ${percent(ceiling)}`);
  }
  const { e, eLimit } = reading;
  if (eLimit !== null && e >= eLimit) {
    halt("relative-harm", `${versus(evidence, worse(step, all))}, E ${short(e)} ≥ ${short(eLimit)}`);
  }
  // E is 1 when there is nothing to go by; a canary without a bad event is not what burns.
  if (slo.severity === "page" && e >= 1 && all.canary.bad > 0) {
    halt("budget-harm", `the service burns its budget and ${versus(evidence, all)} (E ${short(e)} ≥ 1)`);
  }
  const spendMax = plan.budgetSpendMax ?? planDefaults.budgetSpendMax;
  const isSpent = signal.isBudgetSpent ?? signal.kind === "ratio";
  const spend = isSpent && slo.budgetEvents ? excessBad(all) / slo.budgetEvents : 0;
  if (spend >= spendMax) {
    halt(
      "budget-spend",
      `this rollout alone spent ${percent(spend)} of the budget, limit ${percent(spendMax)}`,
    );
  }
  return found;
}

function isAbove(canary: Counts, ceiling: number): boolean {
  const { ceilingAlpha: alpha, ceilingBeta: beta, ceilingMargin } = planDefaults;
  const test = waldTest(canary, { p0: ceiling / ceilingMargin, p1: ceiling, alpha, beta });
  return test.logRatio >= test.upper;
}

function holds(evidence: Evidence): Reason[] {
  const { plan, signal, step, reading, stepBins, nowMs } = evidence;
  const { weightPercent, minSamples = planDefaults.minSamples } = currentStep(plan);
  const found: Reason[] = [];
  const hold = (code: ReasonCode, sentence: string) => found.push({ code, signal: signal.name, sentence });
  const name = signal.name;

  if (reading.lastBinEndMs === null) {
    hold("no-data", `${name}: no data`);
  } else {
    const ageSec = (nowMs - reading.lastBinEndMs) / 1000;
    const staleAfterSec = plan.staleAfterSec ?? planDefaults.staleAfterSec;
    if (ageSec > staleAfterSec) {
      hold("stale", `${name}: newest data is ${seconds(ageSec)} old, limit ${seconds(staleAfterSec)}`);
    }
  }
  const { droppedBins } = reading;
  if (droppedBins > planDefaults.droppedShareMax * (droppedBins + stepBins)) {
    hold(
      "bins-dropped",
      `${name}: ${droppedBins} readings made no sense and were left out, ${stepBins} are left`,
    );
  }
  const total = step.canary.total + step.stable.total;
  const z = splitZ(step.canary.total, total, weightPercent / 100);
  if (Math.abs(z) > planDefaults.splitZMax) {
    const share = percent(step.canary.total / total);
    hold(
      "split",
      `${name}: the canary got ${share} of the traffic, not ${short(weightPercent)} % (z ${short(z)})`,
    );
  }
  if (step.canary.total < minSamples) {
    hold("too-few-samples", `${name}: ${short(step.canary.total)} of ${minSamples} canary events`);
  } else if (!reading.isProven) {
    hold("not-proven", notProven(evidence));
  }
  return found;
}

function notProven(evidence: Evidence): string {
  const { plan, signal, slo, step, reading } = evidence;
  const shareMax = shareUpperMaxOf(currentStep(plan), signal, slo.budgetRatio);
  const ratioMax = harmRatioMaxOf(plan);
  const { rateRatioUpper: ratio, shareUpper: share } = reading;
  const isWithin =
    (ratio !== null && ratio <= ratioMax) || (share !== null && shareMax !== null && share <= shareMax);
  if (isWithin) return `${versus(evidence, step)}: within bounds so far, more traffic must confirm it`;
  const missing: string[] = [];
  if (ratio !== null) missing.push(`${short(ratio)}x stable, limit ${short(ratioMax)}x`);
  if (share !== null && shareMax !== null) missing.push(`${percent(share)}, limit ${percent(shareMax)}`);
  const why =
    missing.length > 0 ? `may be up to ${missing.join(", or ")}` : "no bad event on stable to compare with";
  return `${versus(evidence, step)}: ${why}; more traffic will tell`;
}

function mentions(evidence: Evidence): Reason[] {
  const { plan, signal, reading, all, step } = evidence;
  const limit = 1 / (plan.alpha ?? planDefaults.alpha);
  if (reading.e < limit) return [];
  const sentence = `${versus(evidence, worse(step, all))}, E ${short(reading.e)} (advisory, does not decide)`;
  return [{ code: "advisory", signal: signal.name, sentence }];
}

/** `errors 31 % vs 0.1 % stable (9 of 29)` */
function versus({ signal }: Evidence, { canary, stable }: ComparedCounts): string {
  const own = canary.total > 0 ? percent(canary.bad / canary.total) : "no data";
  const other = stable.total > 0 ? `${percent(stable.bad / stable.total)} stable` : "no stable traffic";
  return `${signal.name} ${own} vs ${other} (${short(canary.bad)} of ${short(canary.total)})`;
}

/** The step's numbers where they show the harm, else those of the whole rollout. */
function worse(step: ComparedCounts, all: ComparedCounts): ComparedCounts {
  return step.canary.bad > 0 && excessBad(step) > 0 ? step : all;
}

function pool(bins: readonly ComparedCounts[]): ComparedCounts {
  return {
    canary: sumCounts(bins.map((bin) => bin.canary)),
    stable: sumCounts(bins.map((bin) => bin.stable)),
  };
}
