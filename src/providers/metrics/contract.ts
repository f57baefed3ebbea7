import type { Bucket } from "./quantile.ts";

/**
 * How a label must look: a plain string is equality; `matches` and `notMatches` are anchored regular expressions, as
 * in Prometheus. An absent label equals the empty string.
 */
export type LabelMatcher = string | { not: string } | { matches: string } | { notMatches: string };

export type LabelMatchers = Readonly<Record<string, LabelMatcher>>;

/** Series of one metric. */
export interface Selector {
  metric: string;
  labels: LabelMatchers;
}

export type GaugeAggregate = "avg" | "min" | "max" | "sum";

/**
 * A question to any metrics system. `promql` takes the place of the selectors and is for Prometheus alone: `$window`
 * stands for the range (`300s`), `$range` for it as names of recording rules have it (`5m`), `$labels` for the matchers of {@link QueryOptions.labels}
 * without braces; an
 * expression of a ratio counts events (`sum(increase(errors{$labels}[$window]))`).
 */
export type SignalQuery =
  | {
      kind: "ratio";
      total: Selector;
      bad?: Selector | undefined;
      good?: Selector | undefined;
      promql?: { bad: string; total: string } | undefined;
    }
  /** `histogram` is named without `_bucket`; summed over series before the quantile is taken. */
  | { kind: "quantile"; histogram: Selector; quantile: number; promql?: { value: string } | undefined }
  /** Share of events slower than `bound`, which must be a bucket bound, in the histogram's unit. */
  | { kind: "slower-than"; histogram: Selector; bound: number }
  /** Samples of a gauge of 0 and 1: each is an event, and bad by what is missing to 1. */
  | { kind: "availability"; gauge: Selector }
  /** Events counted by the system's own language alone. */
  | { kind: "expression"; promql: { bad: string; total: string } }
  /** Events per second. */
  | { kind: "rate"; counter: Selector; promql?: { value: string } | undefined }
  /** Per series over the window (the mean; for min and max the extreme), then `aggregate` over the series. */
  | { kind: "gauge"; gauge: Selector; aggregate: GaugeAggregate; promql?: { value: string } | undefined };

/** The kinds that count events, and so can be judged and budgeted. */
export type CountQuery = Extract<
  SignalQuery,
  { kind: "ratio" | "slower-than" | "availability" | "expression" }
>;

export interface QueryOptions {
  /** One answer per value of this label; without it one answer over all series. */
  by?: string | undefined;
  /** Put on every selector besides its own: service, environment, version. */
  labels?: LabelMatchers | undefined;
  /** Ends the question with ProviderError `timeout`. */
  signal?: AbortSignal | undefined;
}

/**
 * Why there is no value. None of them means healthy.
 * - `no_data` no such series, or none with a sample in the window
 * - `no_traffic` series are there and counted nothing: 0 of 0 is no ratio
 * - `stale` the newest sample is too old
 * - `invalid` the numbers contradict each other (more bad than all), or the histogram has no such bound
 */
export type NoValueReason = "no_data" | "no_traffic" | "stale" | "invalid";

export type Reading = {
  /** Value of the `by` label; null without `by`. */
  group: string | null;
  /** Events behind the value (for a gauge: samples); null when an expression hides them. */
  samples: number | null;
  /** Null when there is none, or an expression hides it. */
  newestSampleAt: Date | null;
  /** Says which part of the data is missing, if one is: to be shown, and no gate may pass on it. */
  partial: string | null;
} & (
  | {
      value: number;
      reason: null;
      /** The quantile lies in the last, open bucket: "at least this". */
      isAtLeast: boolean;
    }
  | { value: null; reason: NoValueReason /** For people. */; message: string }
);

/** Each point is about the half-open bin [at − stepSec, at). */
export interface Series {
  group: string | null;
  points: readonly { at: Date; value: number | null }[];
}

export interface RangeAnswer {
  series: readonly Series[];
  partial: string | null;
}

export interface CountBin {
  /** Half-open: [from, to). */
  from: Date;
  to: Date;
  group: string | null;
  bad: number;
  total: number;
}

export interface CountAnswer {
  /** Bins with data, in time order; a bin without data is left out, and is not 0 of 0. */
  bins: readonly CountBin[];
  /** Earliest data in the range: shorter history than was asked for shows here. */
  oldestSampleAt: Date | null;
  /** By group: what is older than expected must hold a decision. */
  newestSampleAt: ReadonlyMap<string | null, Date>;
  partial: string | null;
  /** Bins left out because bad exceeded total, or a bound is missing. */
  invalid: string | null;
}

/** Events of one span that ends when all of an answer's spans end. */
export interface SpanCounts {
  /** Null where nothing was there to count, or it contradicts itself. */
  counts: { bad: number; total: number } | null;
  /** What contradicts itself, for people. */
  invalid: string | null;
}

export interface SpansAnswer {
  /** In the order asked. */
  spans: readonly SpanCounts[];
  /** Earliest data in the longest span; null unless asked for. */
  oldestSampleAt: Date | null;
  partial: string | null;
}

/** Answers about signals. Methods throw ProviderError; an empty answer is an answer. */
export interface MetricsProvider {
  /** One reading without `by`; with it one per group found, at least one. The window is [at − windowSec, at). */
  instant(
    query: SignalQuery,
    options: QueryOptions & { at: Date; windowSec: number },
  ): Promise<readonly Reading[]>;
  /** At most {@link rangePointsMax} points per series; more are `rejected`. */
  range(
    query: SignalQuery,
    options: QueryOptions & { from: Date; to: Date; stepSec: number },
  ): Promise<RangeAnswer>;
  /** Events over [from, to), in bins of `binSec` or as one: what the judge and the budget work on. */
  counts(
    query: CountQuery,
    options: QueryOptions & { from: Date; to: Date; binSec?: number | undefined },
  ): Promise<CountAnswer>;
  /** A histogram's cumulative buckets over the window [at − windowSec, at), by rising bound; none where there is no data. */
  buckets(
    histogram: Selector,
    options: Omit<QueryOptions, "by"> & { at: Date; windowSec: number },
  ): Promise<readonly Bucket[]>;
  /**
   * Events over spans [to − sec, to), in as few questions as the system takes: what an SLO's rows need. `isEstimate`
   * takes the system's own estimates where counting real samples costs more questions: to show, not to wake somebody.
   */
  spans(
    query: CountQuery,
    options: Omit<QueryOptions, "by"> & {
      to: Date;
      spansSec: readonly number[];
      withOldest?: boolean | undefined;
      isEstimate?: boolean | undefined;
    },
  ): Promise<SpansAnswer>;
}

/** Source: Prometheus, web/api/v1, "exceeded maximum resolution of 11,000 points per timeseries". */
export const rangePointsMax = 11_000;
