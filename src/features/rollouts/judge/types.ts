/** What the judge is given and what it answers: shapes only. Ratios are 0..1, percents 0..100. */

export interface PlanStep {
  /** The canary's share of the traffic, 0..100; fractions allowed. */
  readonly weightPercent: number;
  /** The step lasts at least this long, whatever the numbers say. */
  readonly minDurationSec: number;
  /** With the traffic there is it has the events it needs by then: no sooner is its time up. */
  readonly expectedSec?: number;
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

/** What a signal without fresh data means for a step: wait (and go back at the deadline), go back, or nothing. */
export const noDataAnswers = ["hold", "revert", "ignore"] as const;
export type NoDataAnswer = (typeof noDataAnswers)[number];

/** Harm that is accepted: the canary may be this much worse than stable. The larger of the two counts. */
export interface HarmAllowed {
  /** 0.1: ten percent of stable's own share or rate. Default 0. */
  readonly relative?: number;
  /** In the signal's own measure: a share of events, or a gauge's unit. Default 0. */
  readonly absolute?: number;
}

interface SignalBase {
  readonly name: string;
  /** A critical signal decides; an advisory one is only mentioned. */
  readonly role: "critical" | "advisory";
  readonly harmAllowed?: HarmAllowed;
  /** Default hold. */
  readonly noData?: NoDataAnswer;
}

/**
 * Counts of one kind of event by version, compared as rates:
 * - `ratio` bad events of all events (errors)
 * - `latency` requests slower than a bucket bound of all requests
 * - `kpi` events (orders) for the requests the version got: `bad` counts the events, `total` the requests. By default
 *   fewer are worse. Events should be independent, one of a request; several at a time are counted once.
 */
export interface CountedSignal extends SignalBase {
  readonly kind: "ratio" | "latency" | "kpi";
  /** Default: higher for ratio and latency, lower for kpi. */
  readonly direction?: "higher-is-worse" | "lower-is-worse";
  /** Ceiling of the bad share, tested whatever it was before; null: none. Default 0.05 for ratio, none for the others. */
  readonly ceilingRatio?: number | null;
  /** This signal's part of the rollout's alpha, relative to the other critical counted signals. Default 1. */
  readonly alphaShare?: number;
  /** The bad share that is good enough by itself. Default for ratio 1 − SLO where known; for the others none. */
  readonly shareUpperMax?: number;
  /** Whether its bad events spend the SLO's budget. Default: ratio yes, others no. */
  readonly isBudgetSpent?: boolean;
}

/** A level such as memory or saturation: limited by its ceiling, and compared with stable at the same moments. */
export interface GaugeSignal extends SignalBase {
  readonly kind: "gauge";
  /** Default higher-is-worse. */
  readonly direction?: "higher-is-worse" | "lower-is-worse";
  /** The ceiling (for lower-is-worse the floor): past it several times in a row reverts. */
  readonly haltAbove?: number;
  readonly holdAbove?: number;
  /** Hold when canary / stable stays above this in each of the last readings. */
  readonly holdAboveRatio?: number;
  /** Compare with stable at the same moments. Default where `harmAllowed` is given; 0.1 relative when it is not. */
  readonly isCompared?: boolean;
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
  /** Chance that a version as good as stable is reverted, over all tests, signals and looks. Default 0.01. */
  readonly alpha?: number;
  /** Newest bin older than this: stale. Default 300 (Prometheus's own staleness). */
  readonly staleAfterSec?: number;
  /** Held this long in a step for want of data, and no sooner than it could be over: its time is up. Default 1800. */
  readonly askAfterSec?: number;
  /** What happens once a step's time is up without a verdict: wait on, ask a person, or go back. Default ask. */
  readonly onTimeUp?: "hold" | "ask" | "revert";
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

/** Increments over the bin (resets already handled), both sides over the same time. For kpi `bad` counts the events. */
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
    readonly state: "serving" | "starting" | "down" | "crash-looping" | "unknown";
    readonly detail?: string;
  };
  /** Alerts that fire on the canary's own instances now. */
  readonly alerts?: readonly CanaryAlert[];
}

export interface CanaryAlert {
  readonly name: string;
  readonly severity: "critical" | "error" | "warning" | "info";
  /** The same alert fires on stable's instances too: it says nothing against the canary. */
  readonly isOnStable: boolean;
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
  "alert",
  "relative-harm",
  "gauge-halt",
  "budget-harm",
  "budget-spend",
  "time-up",
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
  "alert-hold",
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

interface Side {
  readonly bad: number;
  readonly total: number;
  /** Null without events. */
  readonly ratio: number | null;
}

export interface CountedReading {
  readonly kind: "ratio" | "latency" | "kpi";
  readonly name: string;
  readonly role: "critical" | "advisory";
  /** This step only. */
  readonly canary: Side;
  readonly stable: Side;
  /** Evidence of harm since the revision's first traffic, and the value at which it reverts by itself; null for advisory. */
  readonly e: number;
  readonly eLimit: number | null;
  /** Upper bounds over this step at the step's confidence; null when not to be had. For lower-is-worse stable to canary. */
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
  /** Median of canary less stable at the same moments of this step; null when not compared. */
  readonly medianDifference?: number | null;
  readonly droppedBins: number;
  readonly lastBinEndMs: number | null;
}

export type SignalReading = CountedReading | GaugeReading;

export interface Verdict {
  readonly do: "promote" | "hold" | "revert";
  /** The first is the one that decided; never empty. */
  readonly reasons: readonly Reason[];
  readonly signals: readonly SignalReading[];
  /** Part of the rollout's alpha whose tests have had data so far: the chance of a false revert is at most this. */
  readonly alphaSpent: number;
  readonly alpha?: number;
  /** All tests as one: the weighted mean of their E; reverts at the limit, 1 / alpha. */
  readonly evidence?: { readonly e: number; readonly limit: number };
  /** Part of the period's error budget that the canary's excess bad events used, and the most it may; null: unknown. */
  readonly budgetSpent?: { readonly share: number | null; readonly limit: number };
}
