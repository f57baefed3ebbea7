import type { Signal } from "../../catalog/schema.ts";

/** One signal at one moment. `late` and `missing` are said as such and never read as healthy. */
export type SignalReading = { signal: Signal; at: Date } & (
  | { state: "ok"; value: number; /** As people read it: `4.2 %`, `310 ms`. */ text: string; isPartial: boolean }
  | { state: "late"; deadlineMs: number }
  | { state: "missing"; why: string }
);

/** Points of one line of a chart; `null` where there is no data. */
export interface SignalSeries {
  signal: Signal;
  /** `canary`, `stable`, a version or the service itself. */
  label: string;
  points: readonly { at: Date; value: number | null }[];
}

/** Events of one signal in one half-open bin of time [from, to), by version. Only ratio and quantile signals have them. */
export interface SignalCounts {
  signal: Signal;
  from: Date;
  to: Date;
  byVersion: ReadonlyMap<string, { bad: number; total: number }>;
}

export interface Signals {
  /** All declared signals (or `names`) in parallel, each under its own deadline and all under `deadlineMs`. */
  read(service: string, options: { at: Date; windowSec: number; names?: readonly string[]; version?: string; deadlineMs?: number }): Promise<SignalReading[]>;
  series(service: string, name: string, options: { from: Date; to: Date; stepSec: number; versions?: readonly string[] }): Promise<SignalSeries[]>;
  counts(service: string, name: string, options: { from: Date; to: Date; versions: readonly string[] }): Promise<SignalCounts>;
  /** A gauge or rate per version at one moment. */
  values(service: string, name: string, options: { at: Date; windowSec: number; versions: readonly string[] }): Promise<ReadonlyMap<string, number>>;
}
