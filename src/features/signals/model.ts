/** From what the catalog declares to the question a provider is asked, and from a value to words. Pure. */
import type { Signal } from "../../catalog/schema.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { CountQuery, LabelMatcher, SignalQuery } from "../../providers/metrics/contract.ts";

export function queryOf(signal: Signal): SignalQuery {
  switch (signal.kind) {
    case "ratio":
      return ratioOf(signal);
    case "quantile":
      return {
        kind: "quantile",
        histogram: signal.histogram,
        quantile: signal.quantile,
        promql: signal.promql,
      };
    case "rate":
      return { kind: "rate", counter: signal.counter, promql: signal.promql };
    case "gauge":
      return { kind: "gauge", gauge: signal.gauge, aggregate: signal.aggregate, promql: signal.promql };
  }
}

/**
 * A signal as bad events of all events: a quantile counts what was slower than its bound, or than the one given; of a
 * rate each event counts, and all are bad.
 */
export function countQueryOf(signal: Signal, slowAbove?: number): Decision<CountQuery> {
  switch (signal.kind) {
    case "ratio":
      return allow(ratioOf(signal));
    case "rate":
      // Its promql tells a rate and no count; the counter does.
      return allow({ kind: "ratio", total: signal.counter, bad: signal.counter });
    case "quantile": {
      const bound = slowAbove ?? signal.slowAbove;
      return bound === undefined
        ? refuse({
            rule: "signal-counts-events",
            message: `${signal.name} names no bound past which a request is slow.`,
            hint: "Declare slowAbove, one of the histogram's bounds, in the catalog.",
          })
        : allow({ kind: "slower-than", histogram: signal.histogram, bound });
    }
    case "gauge":
      return refuse({
        rule: "signal-counts-events",
        message: `${signal.name} is a ${signal.kind} and counts no bad events.`,
        hint: "Read its values instead.",
      });
  }
}

const ratioOf = (signal: Extract<Signal, { kind: "ratio" }>): Extract<CountQuery, { kind: "ratio" }> => ({
  kind: "ratio",
  total: signal.total,
  bad: signal.bad,
  good: signal.good,
  promql: signal.promql,
});

/** Fits exactly these versions. */
export function versionMatcher(versions: readonly string[]): LabelMatcher {
  return { matches: versions.map((version) => version.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|") };
}

/**
 * A value as people read it: three digits at most, the unit behind it. The unit `%` is for ratios of 1 (`0.042` is
 * `4.2 %`), `s` for seconds (`0.31` is `310 ms`).
 */
export function valueText(value: number, unit: string): string {
  if (unit === "%") return `${digits(value * 100)} %`;
  if (unit === "s")
    return value !== 0 && Math.abs(value) < 1 ? `${digits(value * 1_000)} ms` : `${digits(value)} s`;
  return unit === "" ? digits(value) : `${digits(value)} ${unit}`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  const places = size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4;
  return String(Number(value.toFixed(places)));
}
