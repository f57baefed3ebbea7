/** Whether the symptom went away after the way back: read before and after, service-wide, and said once. */
import type { Signal } from "../../catalog/schema.ts";
import type { SignalReading, Signals } from "../signals/index.ts";
import type { Budget, Slos } from "../slos/index.ts";
import type { Recovery } from "./model.ts";
import { changeText, short, spanText, valueText } from "./words.ts";

/** Without an improvement for this long it is said that there is none. */
export const recoveryWatchMs = 3 * 60_000;

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
  { signals }: RecoveryParts,
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

/** One look after the way back; `changedAt` is when the traffic was back. */
export async function lookForRecovery(
  { signals, slos }: RecoveryParts,
  service: string,
  signal: Signal,
  recovery: Recovery,
  at: { changedAt: Date; lagMs: number; now: Date },
): Promise<Recovery["result"]> {
  const { changedAt, lagMs, now } = at;
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
        .then(okValue),
      slos.budgetOf(service, now),
    ]);
  }
  return recoveryResult(signal, recovery, after, budget, now);
}

/** Pure. Recovered: the value is near what the healthy version showed, inside the objective, or half of before. */
export function recoveryResult(
  signal: Pick<Signal, "name" | "kind" | "unit" | "direction">,
  recovery: Recovery,
  after: number | undefined,
  budget: Pick<Budget, "worst"> | undefined,
  now: Date,
): Recovery["result"] {
  const tookMs = now.getTime() - recovery.sinceMs;
  const { before } = recovery;
  if (after !== undefined && isWell(signal, recovery, after, budget)) {
    const values = before === undefined ? valueText(after, signal) : changeText(before, after, signal);
    const burn = budget?.worst?.burn;
    const burnText = burn === undefined ? "" : `, burn ${short(burn)}x`;
    return {
      is: "recovered",
      text: `Recovered in ${Math.round(tookMs / 1_000)} s: ${signal.name} ${values}${burnText}`,
    };
  }
  if (tookMs < recoveryWatchMs) return undefined;
  const seen =
    after === undefined
      ? `${signal.name} cannot be read`
      : `${signal.name} ${before === undefined ? valueText(after, signal) : changeText(before, after, signal)}`;
  return { is: "no-better", text: `No better after ${spanText(tookMs)}: ${seen}. Look for another cause.` };
}

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
