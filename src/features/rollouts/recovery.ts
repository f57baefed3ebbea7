/**
 * Whether the symptom went away after the way back, and stayed away: read before and after, service-wide. What is
 * said first may change until the watch is over: late recovery and a symptom that comes back are said as well.
 */
import type { Signal } from "../../catalog/schema.ts";
import type { SignalReading, Signals } from "../signals/index.ts";
import type { Budget, Slos } from "../slos/index.ts";
import type { Recovery, RecoveryResult } from "./model.ts";
import { changeText, short, spanText, valueText } from "./words.ts";

/** Without an improvement for this long it is said that there is none. */
export const noBetterAfterMs = 3 * 60_000;
/** How long after the way back the symptom is looked at. */
export const recoveryWatchMs = 15 * 60_000;

const lookEveryMs = { first: 2_000, later: 15_000 };
const windowSec = { min: 5, max: 60 };
const readDeadlineMs = 1_500;

export interface RecoveryParts {
  signals: Signals;
  slos: Pick<Slos, "budgetOf">;
}

/** The signal a way back is measured by: the one that decided, else the first critical one that counts errors. */
export function symptomOf(signals: readonly Signal[], decided: string | undefined): Signal | undefined {
  const critical = signals.filter(({ weight }) => weight === "critical");
  return (
    signals.find(({ name }) => name === decided) ??
    critical.find(({ golden }) => golden === "errors") ??
    critical[0] ??
    signals[0]
  );
}

/** Reads the symptom as it is before anything changes. What cannot be read in time is left out. */
export async function beginRecovery(
  { signals }: Pick<RecoveryParts, "signals">,
  place: { service: string; reference?: string | undefined },
  signal: Signal,
  at: Date,
): Promise<Recovery> {
  const options = { at, windowSec: 30, names: [signal.name], deadlineMs: readDeadlineMs };
  const read = async (version?: string): Promise<number | undefined> => {
    try {
      return okValue(
        await signals.read(place.service, version === undefined ? options : { ...options, version }),
      );
    } catch {
      // The way back never waits for, or fails with, what is only compared afterwards.
      return undefined;
    }
  };
  const [before, reference] = await Promise.all([
    read(),
    place.reference === undefined ? undefined : read(place.reference),
  ]);
  return { signal: signal.name, unit: signal.unit, before, reference, sinceMs: at.getTime() };
}

const okValue = (readings: readonly SignalReading[]): number | undefined => {
  const [reading] = readings;
  return reading?.state === "ok" && Number.isFinite(reading.value) ? reading.value : undefined;
};

export interface Look {
  /** When the traffic was back. */
  changedAt: Date;
  /** How late the signals are. */
  lagMs: number;
  now: Date;
}

export const isWatchOver = ({ changedAt, now }: Pick<Look, "changedAt" | "now">): boolean =>
  now.getTime() - changedAt.getTime() >= recoveryWatchMs;

/** Close looks until something can be said; then few, until the watch is over. */
export function nextLookAt(recovery: Recovery | undefined, now: Date): Date {
  const isEarly = recovery !== undefined && recovery.result === undefined;
  return new Date(now.getTime() + (isEarly ? lookEveryMs.first : lookEveryMs.later));
}

/** One look after the way back; answers the recovery when there is news of it. */
export async function lookForRecovery(
  { signals, slos }: RecoveryParts,
  service: string,
  signal: Signal,
  recovery: Recovery,
  look: Look,
): Promise<Recovery | undefined> {
  const { changedAt, lagMs, now } = look;
  const sinceSec = (now.getTime() - changedAt.getTime() - lagMs) / 1_000;
  let after: number | undefined;
  let budget: Budget | undefined;
  if (sinceSec >= windowSec.min) {
    const seenSec = Math.min(windowSec.max, Math.floor(sinceSec));
    [after, budget] = await Promise.all([
      signals
        .read(service, {
          at: new Date(now.getTime() - lagMs),
          windowSec: seenSec,
          names: [signal.name],
          deadlineMs: readDeadlineMs,
        })
        // Metrics that are away for a while end no watch: what was not read is not known.
        .then(okValue, () => undefined),
      slos.budgetOf(service, now),
    ]);
  }
  return nextRecovery(signal, recovery, after, budget, look);
}

/** Pure. What a reading makes of the recovery; undefined: nothing new. */
export function nextRecovery(
  signal: SignalWords,
  recovery: Recovery,
  after: number | undefined,
  budget: Pick<Budget, "worst"> | undefined,
  look: Pick<Look, "changedAt" | "now">,
): Recovery | undefined {
  const result = recoveryResult(signal, recovery, after, budget, look.now);
  const isOver = isWatchOver(look);
  if (!result) return isOver ? { ...recovery, isOver } : undefined;
  const isWellNow = result.is === "recovered";
  const restoredMs = isWellNow ? look.now.getTime() - recovery.sinceMs : undefined;
  return { ...recovery, result, restoredMs, after: isWellNow ? after : undefined, isOver };
}

type SignalWords = Pick<Signal, "name" | "kind" | "unit" | "direction">;

/**
 * Pure. Recovered: the value is near what the healthy version showed, inside the objective, or half of before. Came
 * back: it had recovered and is none of these any more. Answers undefined when what was said still holds.
 */
export function recoveryResult(
  signal: SignalWords,
  recovery: Recovery,
  after: number | undefined,
  budget: Pick<Budget, "worst"> | undefined,
  now: Date,
): RecoveryResult | undefined {
  const tookMs = now.getTime() - recovery.sinceMs;
  const said = recovery.result?.is;
  const isWellNow = after === undefined ? undefined : isWell(signal, recovery, after, budget);
  if (after !== undefined && isWellNow && said !== "recovered") {
    const burn = budget?.worst?.burn;
    const burnText = burn === undefined ? "" : `, burn ${short(burn)}x`;
    const again = said === "came-back" ? " again" : "";
    return {
      is: "recovered",
      text: `Recovered${again} in ${tookText(tookMs)}: ${signal.name} ${fromTo(recovery.before, after, signal)}${burnText}`,
    };
  }
  if (after !== undefined && isWellNow === false && said === "recovered")
    return {
      is: "came-back",
      text: `It came back after ${spanText(tookMs)}: ${signal.name} ${fromTo(recovery.after, after, signal)}.`,
    };
  if (said !== undefined || isWellNow || tookMs < noBetterAfterMs) return undefined;
  const seen =
    after === undefined
      ? `${signal.name} cannot be read`
      : `${signal.name} ${fromTo(recovery.before, after, signal)}`;
  return { is: "no-better", text: `No better after ${spanText(tookMs)}: ${seen}.` };
}

const fromTo = (before: number | undefined, after: number, signal: SignalWords): string =>
  before === undefined ? valueText(after, signal) : changeText(before, after, signal);

/** Seconds as long as people count in them. */
const tookText = (ms: number): string => (ms < 600_000 ? `${Math.round(ms / 1_000)} s` : spanText(ms));

/** As good as the healthy version: up to half as much again, which noise alone makes. */
const nearFactor = 1.5;

function isWell(
  signal: Pick<Signal, "kind" | "direction">,
  { before, reference }: Recovery,
  after: number,
  budget: Pick<Budget, "worst"> | undefined,
): boolean {
  if (signal.direction === "lower-is-worse")
    return reference !== undefined
      ? after >= reference / nearFactor
      : before === undefined || after >= before;
  const objective = budget?.worst?.objectivePercent;
  const limits = [
    ...(reference === undefined ? [] : [reference * nearFactor]),
    ...(before === undefined ? [] : [before / 2]),
    ...(signal.kind === "ratio" && objective !== undefined ? [(100 - objective) / 100] : []),
  ];
  // Without anything to compare with, having a reading at all is what there is to go by.
  return limits.length === 0 || after <= Math.max(...limits);
}

/** How it stands, for the last line of a card. Plain text: escaped where it is shown. */
export function recoveryText(recovery: Recovery | undefined): string {
  if (recovery === undefined) return "No signal tells whether it helped.";
  const { result, isOver } = recovery;
  const watched = spanText(recoveryWatchMs);
  if (result === undefined) return `Watching ${watched} whether it helps.`;
  if (result.is !== "recovered") return result.text;
  return isOver ? `${result.text}. It stayed so for ${watched}.` : `${result.text}. Watching ${watched}`;
}
