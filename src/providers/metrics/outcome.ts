import type { NoValueReason, SignalQuery } from "./contract.ts";
import { bucketQuantile, mergeBuckets, slowerThan } from "./quantile.ts";
import type { BinRow } from "./source.ts";

/** One group's answer in one bin. `events` is null when nothing was there, or an expression hides them. */
export type Outcome = { events: number | null; bad: number | null } & (
  | { value: number; isAtLeast: boolean }
  | { value: null; reason: NoValueReason; message: string }
);

export interface OutcomeInput {
  /** All events, the buckets, the counter, the gauge. */
  main: readonly BinRow[];
  /** Bad or good events of a ratio. */
  part: readonly BinRow[];
  windowSec: number;
}

/** Estimates of two series taken at slightly different moments may differ by this much before they contradict. */
const toleranceRatio = 0.01;

const none = (reason: NoValueReason, message: string, events: number | null = null): Outcome => ({
  value: null,
  reason,
  message,
  events,
  bad: events === null ? null : 0,
});

/** Pure: from what was counted to what is said. Numbers that are not finite count as not there. */
export function outcomeOf(query: SignalQuery, input: OutcomeInput): Outcome {
  const main = input.main.filter((row) => Number.isFinite(row.value));
  const part = input.part.filter((row) => Number.isFinite(row.value));
  if (main.length === 0) return none("no_data", "No series with samples in the window");
  const sum = (rows: readonly BinRow[]): number => rows.reduce((total, row) => total + row.value, 0);
  switch (query.kind) {
    case "ratio": {
      const total = sum(main);
      // Errors that are no number are not the same as no errors.
      if (part.length === 0 && input.part.length > 0)
        return none("invalid", "The counted part of the events is no number");
      // No error series while the total is there: no error has happened yet.
      const bad = query.promql || query.bad ? sum(part) : total - sum(part);
      return ratio(bad, total);
    }
    case "expression":
      return part.length < input.part.length
        ? none("invalid", "The bad events are no number")
        : ratio(sum(part), sum(main));
    case "availability": {
      const counted = sum(main);
      if (part.length < main.length) return none("invalid", "The gauge holds samples that are no number");
      return ratio(counted - sum(part), counted);
    }
    case "slower-than": {
      const counted = slowerThan(query.bound, bucketsOf(main));
      return counted
        ? ratio(counted.bad, counted.total)
        : none(
            "invalid",
            `${query.histogram.metric} has no bucket bound ${query.bound}; it has ${boundsOf(main)}`,
          );
    }
    case "quantile": {
      if (query.promql) return { value: sum(main), isAtLeast: false, events: null, bad: null };
      const buckets = bucketsOf(main);
      const all = buckets.at(-1);
      if (all?.le !== Number.POSITIVE_INFINITY)
        return none("invalid", `${query.histogram.metric} has no +Inf bucket`);
      if (all.count <= 0) return none("no_traffic", "Nothing was counted in the window", 0);
      const value = bucketQuantile(query.quantile, buckets);
      if (!Number.isFinite(value))
        return none("invalid", `${query.histogram.metric} gives no quantile ${query.quantile}`, all.count);
      return {
        value,
        isAtLeast: query.quantile * all.count > (buckets.at(-2)?.count ?? 0),
        events: all.count,
        bad: null,
      };
    }
    case "rate": {
      if (query.promql) return { value: sum(main), isAtLeast: false, events: null, bad: null };
      return { value: sum(main) / input.windowSec, isAtLeast: false, events: sum(main), bad: null };
    }
    case "gauge":
      return { value: sum(main), isAtLeast: false, events: null, bad: null };
  }
}

function ratio(bad: number, total: number): Outcome {
  if (total <= 0) return none("no_traffic", "Nothing was counted in the window", 0);
  if (bad > total * (1 + toleranceRatio) || bad < -total * toleranceRatio)
    return none(
      "invalid",
      `${bad} bad of ${total} events contradict each other: check that the one selector is part of the other`,
    );
  const kept = Math.min(Math.max(bad, 0), total);
  return { value: kept / total, isAtLeast: false, events: total, bad: kept };
}

const bucketsOf = (rows: readonly BinRow[]) =>
  mergeBuckets(rows.map((row) => ({ le: row.le ?? "", count: row.value })));

const boundsOf = (rows: readonly BinRow[]): string =>
  bucketsOf(rows)
    .map(({ le }) => le)
    .join(", ") || "none";
