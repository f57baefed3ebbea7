import { keepGauges } from "./bins.ts";
import type { Opinion } from "./counted.ts";
import { planDefaults } from "./defaults.ts";
import type { GaugeBin, GaugeReading, GaugeSignal, Plan, Reason, Samples } from "./types.ts";
import { seconds, short } from "./words.ts";

/** A level has no counts to test; it speaks when it stays past a limit for several bins in a row. */
export function judgeGauge(plan: Plan, signal: GaugeSignal, samples: Samples): Opinion<GaugeReading> {
  const nowMs = samples.now.getTime();
  const { kept, dropped } = keepGauges(samples.gauges?.[signal.name] ?? [], nowMs);
  const needed = signal.consecutiveBins ?? planDefaults.gaugeConsecutiveBins;
  const inStep = kept.filter((bin) => bin.startMs >= plan.stepStartedAt.getTime());
  const last = inStep.slice(-needed);
  const newest = kept.at(-1);
  const reading: GaugeReading = {
    kind: "gauge",
    name: signal.name,
    role: signal.role,
    canary: newest?.canary ?? null,
    stable: newest?.stable ?? null,
    droppedBins: dropped,
    lastBinEndMs: newest?.endMs ?? null,
  };
  const isFull = last.length >= needed;
  const halt = isFull ? limitHeld(signal, last, "halt") : undefined;
  const hold = isFull ? limitHeld(signal, last, "hold") : undefined;
  if (signal.role === "advisory") {
    const sentence = halt ?? hold;
    const mentions: Reason[] = sentence
      ? [{ code: "advisory", signal: signal.name, sentence: `${sentence} (advisory, does not decide)` }]
      : [];
    return { reading, halts: [], holds: [], mentions };
  }
  const holds: Reason[] = hold ? [{ code: "gauge-hold", signal: signal.name, sentence: hold }] : [];
  return {
    reading,
    halts: halt ? [{ code: "gauge-halt", signal: signal.name, sentence: halt }] : [],
    holds: [...holds, ...lacking(plan, signal, reading, last.length, needed, nowMs)],
    mentions: [],
  };
}

function limitHeld(
  signal: GaugeSignal,
  last: readonly GaugeBin[],
  what: "halt" | "hold",
): string | undefined {
  const unit = signal.unit ? ` ${signal.unit}` : "";
  const above = what === "halt" ? signal.haltAbove : signal.holdAbove;
  const newest = last.at(-1);
  if (!newest) return undefined;
  const now = `${signal.name} ${short(newest.canary)}${unit}`;
  if (above !== undefined && last.every((bin) => bin.canary > above)) {
    return `${now}, above ${short(above)}${unit} ${last.length} times in a row`;
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
