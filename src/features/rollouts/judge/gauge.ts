import { betaCdf } from "../statistics.ts";
import { keepGauges } from "./bins.ts";
import { isCompared, planDefaults } from "./defaults.ts";
import type { Opinion } from "./opinion.ts";
import type { GaugeBin, GaugeReading, GaugeSignal, Plan, Reason, Samples } from "./types.ts";
import { seconds, short } from "./words.ts";

/**
 * A level has no counts to test. Past its ceiling several times in a row it goes back: a declared limit, outside alpha.
 * Compared with stable at the same moments it only holds (a sign test): levels wander, so that one reading says much the
 * same as the one before, and no count of them is evidence that keeps a bound on false reverts.
 */
export function judgeGauge(plan: Plan, signal: GaugeSignal, samples: Samples): Opinion<GaugeReading> {
  const nowMs = samples.now.getTime();
  const { kept, dropped } = keepGauges(samples.gauges?.[signal.name] ?? [], nowMs);
  const needed = signal.consecutiveBins ?? planDefaults.gaugeConsecutiveBins;
  const inStep = kept.filter((bin) => bin.startMs >= plan.stepStartedAt.getTime());
  const last = inStep.slice(-needed);
  const newest = kept.at(-1);
  const compared = isCompared(signal) ? compare(signal, inStep) : undefined;
  const reading: GaugeReading = {
    kind: "gauge",
    name: signal.name,
    role: signal.role,
    canary: newest?.canary ?? null,
    stable: newest?.stable ?? null,
    medianDifference: compared?.median ?? null,
    droppedBins: dropped,
    lastBinEndMs: newest?.endMs ?? null,
  };
  const isFull = last.length >= needed;
  const halt = isFull ? limitHeld(signal, last, "halt") : undefined;
  const hold = (isFull ? limitHeld(signal, last, "hold") : undefined) ?? compared?.sentence;
  if (signal.role === "advisory") {
    const sentence = halt ?? hold;
    const mentions: Reason[] = sentence
      ? [{ code: "advisory", signal: signal.name, sentence: `${sentence} (advisory, does not decide)` }]
      : [];
    return { reading, halts: [], holds: [], mentions, tests: [] };
  }
  const holds: Reason[] = hold ? [{ code: "gauge-hold", signal: signal.name, sentence: hold }] : [];
  const missing = lacking(plan, signal, reading, last.length, needed, nowMs);
  const isSilent = missing.some(({ code }) => code !== "too-few-samples");
  return {
    reading,
    halts: [
      ...(halt ? [{ code: "gauge-halt" as const, signal: signal.name, sentence: halt }] : []),
      ...(isSilent ? silentHalts(plan, signal, reading, nowMs) : []),
    ],
    holds: [...holds, ...(isSilent && signal.noData === "ignore" ? [] : missing)],
    mentions: [],
    tests: [],
  };
}

function isWorse({ harmAllowed, direction }: GaugeSignal, canary: number, stable: number): boolean {
  const { absolute = 0, relative = absolute > 0 ? 0 : planDefaults.levelHarmAllowed } = harmAllowed ?? {};
  const sign = direction === "lower-is-worse" ? -1 : 1;
  return sign * (canary - stable) > Math.max(absolute, relative * Math.abs(stable));
}

const isLower = ({ direction }: GaugeSignal): boolean => direction === "lower-is-worse";

function limitHeld(
  signal: GaugeSignal,
  last: readonly GaugeBin[],
  what: "halt" | "hold",
): string | undefined {
  const unit = signal.unit ? ` ${signal.unit}` : "";
  const limit = what === "halt" ? signal.haltAbove : signal.holdAbove;
  const newest = last.at(-1);
  if (!newest) return undefined;
  const now = `${signal.name} ${short(newest.canary)}${unit}`;
  const isPastLimit = (value: number, at: number) => (isLower(signal) ? value < at : value > at);
  if (limit !== undefined && last.every((bin) => isPastLimit(bin.canary, limit))) {
    const side = isLower(signal) ? "below" : "above";
    return `${now}, ${side} ${short(limit)}${unit} ${last.length} times in a row`;
  }
  const times = signal.holdAboveRatio;
  if (what === "hold" && times !== undefined && last.every((bin) => isPast(bin, times))) {
    return `${now} vs ${short(newest.stable ?? 0)}${unit} stable, more than ${short(times)}x ${last.length} times in a row`;
  }
  return undefined;
}

function isPast({ canary, stable }: GaugeBin, times: number): boolean {
  return stable !== null && stable >= 0 && canary > stable * times;
}

/**
 * Canary against stable at the same moments, by the sign test of the differences beyond what is allowed (Dixon and
 * Mood, "The statistical sign test", 1946), whose level no outlier can move: of n pairs k are worse, and
 * P(Bin(n, ½) ≥ k) = I_½(k, n−k+1) ≤ 0.01 holds. Pairs of the newest readings of the step; a tie counts as not worse.
 */
function compare(
  signal: GaugeSignal,
  inStep: readonly GaugeBin[],
): { median: number; sentence: string | undefined } | undefined {
  const { compareBinsMin, compareBinsMax, compareAlpha } = planDefaults;
  const pairs = inStep.flatMap(({ canary, stable }) => (stable === null ? [] : [{ canary, stable }]));
  const recent = pairs.slice(-compareBinsMax);
  if (recent.length < compareBinsMin) return undefined;
  const worse = recent.filter(({ canary, stable }) => isWorse(signal, canary, stable)).length;
  const median = medianOf(recent.map(({ canary, stable }) => canary - stable));
  const n = recent.length;
  if (worse === 0 || betaCdf(0.5, worse, n - worse + 1) > compareAlpha)
    return { median, sentence: undefined };
  const unit = signal.unit ? ` ${signal.unit}` : "";
  const side = isLower(signal) ? "below" : "above";
  const by = `${short(Math.abs(median))}${unit} ${side} stable in the middle of ${n} readings`;
  return { median, sentence: `${signal.name} ${by}, worse in ${worse}` };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}

function silentHalts(
  plan: Plan,
  { name, noData }: GaugeSignal,
  { lastBinEndMs }: GaugeReading,
  nowMs: number,
): Reason[] {
  const sinceMs = Math.max(lastBinEndMs ?? 0, plan.stepStartedAt.getTime());
  const isLong = (nowMs - sinceMs) / 1000 > (plan.staleAfterSec ?? planDefaults.staleAfterSec);
  if (noData !== "revert" || !isLong) return [];
  return [{ code: "no-data", signal: name, sentence: `${name}: no data, by its policy a reason to go back` }];
}

function lacking(
  plan: Plan,
  { name }: GaugeSignal,
  { lastBinEndMs }: GaugeReading,
  have: number,
  needed: number,
  nowMs: number,
): Reason[] {
  if (lastBinEndMs === null) return [{ code: "no-data", signal: name, sentence: `${name}: no data` }];
  const ageSec = (nowMs - lastBinEndMs) / 1000;
  if (ageSec > (plan.staleAfterSec ?? planDefaults.staleAfterSec)) {
    return [{ code: "stale", signal: name, sentence: `${name}: newest data is ${seconds(ageSec)} old` }];
  }
  if (have < needed) {
    return [{ code: "too-few-samples", signal: name, sentence: `${name}: ${have} of ${needed} readings` }];
  }
  return [];
}
