import type { CountQuery, GaugeAggregate, LabelMatchers, Selector } from "./contract.ts";

/** `count` half-open bins of `binSec` seconds from `from` on. */
export interface Bins {
  from: Date;
  binSec: number;
  count: number;
}

/** One number: what a group's series counted (or measured) in a bin. */
export interface BinRow {
  bin: number;
  group: string | null;
  /** Bucket bound as written, for histograms. */
  le: string | null;
  value: number;
}

export interface Tally {
  rows: readonly BinRow[];
  newestSampleAt: ReadonlyMap<string | null, Date>;
  oldestSampleAt: Date | null;
  partial: string | null;
}

export interface GaugeTally extends Tally {
  /** Samples behind each group's value, over all bins. */
  samples: ReadonlyMap<string | null, number>;
}

export interface SourceOptions {
  by: string | undefined;
  signal: AbortSignal | undefined;
}

/**
 * What one metrics system must be able to do; everything else is the same for all and stands in provider.ts. A group
 * whose series were there has a row, also for 0; no row means nothing was there.
 */
export interface MetricSource {
  /** Newest sample older than this: stale. */
  readonly staleAfterSec: number;
  /**
   * What counters rose by, one tally per selector, all over the same bins. `isExact` asks for counts of real samples
   * instead of estimates, where the system can; `withBuckets` keeps `le` apart; `withOldest` asks for `oldestSampleAt`.
   */
  increments(
    selectors: readonly Selector[],
    bins: Bins,
    options: SourceOptions & { isExact: boolean; withBuckets: boolean; withOldest: boolean },
  ): Promise<readonly Tally[]>;
  gauges(
    selector: Selector,
    aggregate: GaugeAggregate,
    bins: Bins,
    options: SourceOptions,
  ): Promise<GaugeTally>;
  /** How many samples a gauge had, and their sum: of 0 and 1 that is how often it was looked at and how often up. */
  gaugeSums(selector: Selector, bins: Bins, options: SourceOptions): Promise<{ count: Tally; sum: Tally }>;
  /**
   * Main and part of a count over several spans that end together, where the system can tell them in fewer questions
   * than one for each; `oldestSampleAt` is of the longest.
   */
  spans?(
    query: CountQuery,
    labels: LabelMatchers,
    to: Date,
    spansSec: readonly number[],
    options: SourceOptions & { withOldest: boolean; isEstimate: boolean },
  ): Promise<readonly { main: Tally; part: Tally | null }[]>;
  /** An expression of this system's own language. Throws `rejected` where it has none. */
  expression(text: string, labels: LabelMatchers, bins: Bins, options: SourceOptions): Promise<Tally>;
}
