/** What the judge is given and what it answers: shapes only. Ratios are 0..1, percents 0..100. */

export interface PlanStep {
  /** The canary's share of the traffic, 0..100; fractions allowed. */
  readonly weightPercent: number;
  /** The step lasts at least this long, whatever the numbers say. */
  readonly minDurationSec: number;
  /** Canary events every critical counted signal needs in this step. Default 500. */
  readonly minSamples?: number;
  /** Of the upper bounds a promotion rests on. Default 0.95. */
  readonly confidence?: number;
  /** Promote while the upper bound of the rate ratio canary to stable is at most this. Default 3, last step 1.5. */
  readonly harmRatioMax?: number;
  /**
   * Or while the upper bound of the canary's own bad share is at most this: one number for every counted signal,
   * or one per signal name. Default: the signal's `shareUpperMax`.
   */
  readonly shareUpperMax?: number | Readonly<Record<string, number>>;
}

interface SignalBase {
  readonly name: string;
  /** A critical signal decides; an advisory one is only mentioned. */
  readonly role: "critical" | "advisory";
}

/** Bad events of all events: errors (`ratio`), or requests slower than a bucket bound (`latency`). */
export interface CountedSignal extends SignalBase {
  readonly kind: "ratio" | "latency";
  /** Hard ceiling of the bad share, tested whatever stable does; null: none. Default 0.05 for ratio, none for latency. */
  readonly ceilingRatio?: number | null;
  /** This signal's part of the rollout's alpha, relative to the other critical counted signals. Default 1. */
  readonly alphaShare?: number;
  /** The bad share that is good enough by itself. Default for ratio 1 − SLO where known; for latency none. */
  readonly shareUpperMax?: number;
  /** Whether its bad events spend the SLO's budget. Default: ratio yes, latency no. */
  readonly isBudgetSpent?: boolean;
}

/** A level such as memory or restarts. Not counts, so no test: limits that hold over several bins in a row. */
export interface GaugeSignal extends SignalBase {
  readonly kind: "gauge";
  readonly haltAbove?: number;
  readonly holdAbove?: number;
  /** Hold when canary / stable stays above this. */
  readonly holdAboveRatio?: number;
  /** Default 3. */
  readonly consecutiveBins?: number;
  readonly unit?: string;
}

export type Signal = CountedSignal | GaugeSignal;

export interface Plan {
  readonly steps: readonly PlanStep[];
  readonly stepIndex: number;
  readonly stepStartedAt: Date;
  readonly deadlineAt: Date;
  readonly signals: readonly Signal[];
  /** Chance that the relative test stops a good version, for the whole rollout. Default 0.01. */
  readonly alpha?: number;
  /** Newest bin older than this: stale. Default 300 (Prometheus's own staleness). */
  readonly staleAfterSec?: number;
  /** Held this long in a step for want of data: a person is asked. Default 1800. */
  readonly askAfterSec?: number;
  /** The canary's own spend of the period's budget that halts. Default 0.02. */
  readonly budgetSpendMax?: number;
  /** Less budget left than this: no step. Default 0.1. */
  readonly budgetLeftMin?: number;
  /** Somebody allowed to has approved going on with little budget left. */
  readonly isBudgetOverridden?: boolean;
  /** Steps last this many times longer while the budget is unknown or less than half is left. Default 2. */
  readonly cautionFactor?: number;
}

interface Bin {
  /** Half-open: startMs ≤ event < endMs, epoch milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Increments over the bin (resets already handled), both sides over the same time. */
export interface CountBin extends Bin {
  readonly canary: { readonly bad: number; readonly total: number };
  readonly stable: { readonly bad: number; readonly total: number };
}

export interface GaugeBin extends Bin {
  readonly canary: number;
  readonly stable: number | null;
}

export interface Samples {
  readonly now: Date;
  /** By signal name, every bin since the revision took its first traffic, oldest first. */
  readonly counts: Readonly<Record<string, readonly CountBin[]>>;
  readonly gauges?: Readonly<Record<string, readonly GaugeBin[]>>;
  /** What the platform says of the canary's processes. */
  readonly health?: {
    readonly state: "serving" | "down" | "crash-looping" | "unknown";
    readonly detail?: string;
  };
}

/** The part of a service's budget a verdict depends on; `BudgetStatus` of the slos feature fits. */
export interface SloState {
  readonly state: "healthy" | "burning" | "exhausted" | "unknown" | "no-data";
  readonly severity: "page" | "ticket" | "none";
  /** 1 − objective; null without an SLO. */
  readonly budgetRatio: number | null;
  /** Part of the budget left; negative when overspent; null when not known. */
  readonly remaining: number | null;
  /** Bad events the whole period may have; null when not known. */
  readonly budgetEvents: number | null;
}

export const reasonCodes = [
  "ceiling",
  "down",
  "relative-harm",
  "gauge-halt",
  "budget-harm",
  "budget-spend",
  "deadline",
  "budget-burn",
  "budget-low",
  "budget-unknown",
  "no-critical-signal",
  "no-data",
  "stale",
  "bins-dropped",
  "split",
  "drift",
  "too-early",
  "too-few-samples",
  "not-proven",
  "gauge-hold",
  "advisory",
  "ask",
  "within-bounds",
] as const;
export type ReasonCode = (typeof reasonCodes)[number];

export interface Reason {
  readonly code: ReasonCode;
  /** One line with the numbers, for a card. */
  readonly sentence: string;
  readonly signal?: string;
}

export interface CountedReading {
  readonly kind: "ratio" | "latency";
  readonly name: string;
  readonly role: "critical" | "advisory";
  /** This step only; `ratio` is null without events. */
  readonly canary: { readonly bad: number; readonly total: number; readonly ratio: number | null };
  readonly stable: { readonly bad: number; readonly total: number; readonly ratio: number | null };
  /** Evidence of harm since the revision's first traffic, and the value at which it halts; null for advisory. */
  readonly e: number;
  readonly eLimit: number | null;
  /** Upper bounds over this step at the step's confidence; null when not to be had. */
  readonly rateRatioUpper: number | null;
  readonly shareUpper: number | null;
  /** The canary's own burn rate of the budget; null without an SLO or without events. */
  readonly canaryBurn: number | null;
  readonly isProven: boolean;
  readonly droppedBins: number;
  readonly lastBinEndMs: number | null;
}

export interface GaugeReading {
  readonly kind: "gauge";
  readonly name: string;
  readonly role: "critical" | "advisory";
  readonly canary: number | null;
  readonly stable: number | null;
  readonly droppedBins: number;
  readonly lastBinEndMs: number | null;
}

export type SignalReading = CountedReading | GaugeReading;

export interface Verdict {
  readonly do: "promote" | "hold" | "revert";
  /** The first is the one that decided; never empty. */
  readonly reasons: readonly Reason[];
  readonly signals: readonly SignalReading[];
  /** Upper bound of the chance that the relative tests run so far stop a good version. */
  readonly alphaSpent: number;
}
