import type { Signal } from "../../catalog/schema.ts";

/** One signal at one moment. `late` and `missing` are said as such and never read as healthy. */
export type SignalReading = { signal: Signal; at: Date } & (
  | {
      state: "ok";
      value: number;
      /** As people read it: `4.2 %`, `310 ms`. */
      text: string;
      /** A target or store behind it did not answer: shown, and no gate may pass on it. */
      isPartial: boolean;
    }
  | { state: "late"; deadlineMs: number }
  | { state: "missing"; why: string }
);

/** Points of one line of a chart; `null` where there is no data. */
export interface SignalSeries {
  signal: Signal;
  /** A version, or the service itself. */
  label: string;
  /** Each point is about the step that ends at `at`. */
  points: readonly { at: Date; value: number | null }[];
}

/**
 * Events of one signal in one half-open bin of time [from, to), by version. Gauges have none; of a rate all events count
 * as bad.
 */
export interface SignalCounts {
  signal: Signal;
  from: Date;
  to: Date;
  /** A version without samples in the bin is not in it: that is no data, and not 0 of 0. */
  byVersion: ReadonlyMap<string, { bad: number; total: number }>;
  /** Which part of the data is missing or contradicts itself, if one does; no gate may pass on it. */
  partial: string | null;
}

export interface Signals {
  /**
   * All declared signals (or `names`, in their order) in parallel, each under its own deadline and all under
   * `deadlineMs`. The window is [at − windowSec, at). What one of them cannot say never takes the others; a name that is
   * not declared throws ProviderError `not_found`.
   */
  read(
    service: string,
    options: {
      at: Date;
      windowSec: number;
      names?: readonly string[];
      version?: string;
      deadlineMs?: number;
    },
  ): Promise<SignalReading[]>;
  /** One line per version, or one for the service. A step is at least a second. Throws ProviderError. */
  series(
    service: string,
    name: string,
    options: { from: Date; to: Date; stepSec: number; versions?: readonly string[] },
  ): Promise<SignalSeries[]>;
  /**
   * A bin is at least a second. `slowAbove` is the bound of a quantile in place of the declared one. Throws
   * ProviderError; `rejected` for a signal that counts no events.
   */
  counts(
    service: string,
    name: string,
    options: { from: Date; to: Date; versions: readonly string[]; slowAbove?: number | undefined },
  ): Promise<SignalCounts>;
  /**
   * The cumulative buckets behind a quantile over [at − windowSec, at) for one version, by rising bound; none where
   * nothing was measured. Throws ProviderError; `rejected` for a signal of another kind.
   */
  buckets(
    service: string,
    name: string,
    options: { at: Date; windowSec: number; version: string },
  ): Promise<readonly { readonly le: number; readonly count: number }[]>;
  /** A gauge or rate per version at one moment; a version without data is not in it. Throws ProviderError. */
  values(
    service: string,
    name: string,
    options: { at: Date; windowSec: number; versions: readonly string[] },
  ): Promise<ReadonlyMap<string, number>>;
  /** Milliseconds after which a moment's numbers are complete: two scrapes. Bins younger than that may still grow. */
  lagMs(service: string, name: string): number;
}
