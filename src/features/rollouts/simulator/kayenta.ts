/**
 * The second rival: Kayenta's judge (Netflix' automated canary analysis). Pure.
 *
 * Each look is a point of a time series per signal and side. A signal has failed when the confidence bound of its
 * shift passes a quarter of the shift itself, in the direction of harm, and the means differ by the effect size. Each
 * signal is a group of equal weight; a group's score is 100 less its failed part, a failed critical signal makes the
 * whole score 0, and so does half of the signals without data. Below `marginal` at any look, or below `pass` at the
 * last, the canary fails. Source: Kayenta, "canary-config.md" and its judge NetflixACAJudge-v1.0.
 */
import { isAbove, mannWhitney, type ShiftBound, shiftBound } from "./mann-whitney.ts";
import { directions, type Readings, type SignalName, signalNames } from "./readings.ts";

export interface KayentaRule {
  /** Two-sided. */
  readonly confidence: number;
  /** Mean of the canary over mean of stable from which a difference counts; its inverse for a signal where less is harm. */
  readonly effect: number;
  readonly isCritical: boolean;
  /** Points back from the look; null: all since the beginning. */
  readonly lookbackLooks: number | null;
  /** No analysis before this many points. */
  readonly beginAfterLooks: number;
}

export interface KayentaConfig {
  readonly signals: Readonly<Partial<Record<SignalName, KayentaRule>>>;
  readonly pass: number;
  readonly marginal: number;
  /** `remove`: a signal without a point is "no data"; `replace`: it passes. */
  readonly nanStrategy: "remove" | "replace";
}

const asShipped: KayentaRule = {
  confidence: 0.98,
  effect: 1,
  isCritical: false,
  lookbackLooks: null,
  beginAfterLooks: 1,
};

/** Confidence 0.98 and effect 1.0 are the judge's defaults; 95 and 75 are the scores of its own examples. */
export const defaultKayenta: KayentaConfig = {
  signals: { errors: asShipped, latency: asShipped, orders: asShipped, memory: asShipped },
  pass: 95,
  marginal: 75,
  nanStrategy: "remove",
};

export const kayentaTolerance = 0.25;

/** What one signal shows at one look: nothing, or all that a rule needs to judge it. */
export type PointTest = { readonly bound: ShiftBound; readonly effect: number } | "no-data" | "as-stable";

/** The look at which the canary fails, counted from 0; undefined: never. */
export function kayentaFailsAt(readings: Readings, config: KayentaConfig): number | undefined {
  const series = signalNames.flatMap((signal) => {
    const rule = config.signals[signal];
    return rule === undefined || !isMeasured(readings, signal)
      ? []
      : { signal, rule, points: pointsOf(readings, signal) };
  });
  for (let at = 0; at < readings.looks; at += 1) {
    const found = series.map(({ signal, rule, points }) =>
      at + 1 < rule.beginAfterLooks
        ? "pass"
        : classOf(testPoints(points, signal, at, rule.lookbackLooks), rule),
    );
    const isFailing = (i: number) => found[i] === "fail";
    const judged = series.length;
    const missing = config.nanStrategy === "replace" ? 0 : found.filter((one) => one === "no-data").length;
    const isZero = series.some(({ rule }, i) => rule.isCritical && isFailing(i)) || missing * 2 >= judged;
    const score = isZero ? 0 : (100 * series.filter((_, i) => !isFailing(i)).length) / judged;
    if (judged > 0 && score < (at === readings.looks - 1 ? config.pass : config.marginal)) return at;
  }
  return undefined;
}

function classOf(test: PointTest, rule: KayentaRule): "pass" | "fail" | "no-data" {
  if (test === "no-data") return "no-data";
  return isFailed(test, rule.effect, zOf(rule.confidence)) ? "fail" : "pass";
}

export function isFailed(test: PointTest, effectMin: number, zCritical: number): boolean {
  if (typeof test === "string") return false;
  // The mean of nothing but zeros makes no ratio, and the check is left out.
  return (Number.isNaN(test.effect) || test.effect >= effectMin) && isAbove(test.bound, zCritical);
}

export interface Points {
  readonly canary: readonly number[];
  readonly stable: readonly number[];
}

/** A point a look; NaN where nothing was measured. */
export function pointsOf(readings: Readings, signal: SignalName): Points {
  const side = (of: "canary" | "stable") =>
    Array.from({ length: readings.looks }, (_, at) => readings.value(signal, of, at, 1));
  return { canary: side("canary"), stable: side("stable") };
}

export const isMeasured = (readings: Readings, signal: SignalName): boolean =>
  signal === "errors" || signal === "latency" || !Number.isNaN(readings.value(signal, "stable", 0, 1));

/** Below this no confidence in use finds anything, so the costly part is left out. */
const zInUse = 1;

export function testPoints(
  { canary, stable }: Points,
  signal: SignalName,
  at: number,
  lookbackLooks: number | null,
): PointTest {
  const from = lookbackLooks === null ? 0 : Math.max(0, at + 1 - lookbackLooks);
  const known = (values: readonly number[]) =>
    Float64Array.from(values.slice(from, at + 1).filter((value) => !Number.isNaN(value)));
  const ours = known(canary);
  const theirs = known(stable);
  if (ours.length === 0 || theirs.length === 0) return "no-data";
  const [more, less] = directions[signal] === "increase" ? [ours, theirs] : [theirs, ours];
  const isApart = Math.min(...more) > Math.max(...less);
  if (!isApart && mannWhitney(more, less).z <= zInUse) return "as-stable";
  return { bound: shiftBound(more, less, kayentaTolerance), effect: mean(more) / mean(less) };
}

function mean(values: Float64Array): number {
  const sum = values.reduce((all, value) => all + value, 0);
  return sum === 0 ? Number.NaN : sum / values.length;
}

/** Two-sided normal quantile of one of the confidences in use. @throws RangeError for any other. */
export function zOf(confidence: number): number {
  const known = quantiles.find(([of]) => of === confidence);
  if (known) return known[1];
  throw new RangeError(`confidence ${confidence} is none of ${quantiles.map(([of]) => of).join(", ")}`);
}

/** Confidence and normal quantile of (1 + confidence) / 2. */
const quantiles: readonly (readonly [number, number])[] = [
  [0.9, 1.6448536],
  [0.95, 1.959964],
  [0.98, 2.3263479],
  [0.99, 2.5758293],
  [0.995, 2.8070338],
  [0.998, 3.0902323],
  [0.999, 3.2905267],
  [0.9999, 3.8905919],
];
