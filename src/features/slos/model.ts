/**
 * Budget arithmetic: events in, a state out. Burn rate 1 spends the budget in exactly the SLO's window; the budget
 * left may be negative and is never clamped. What could not be read is `unknown` and never reads as healthy.
 * Source: Google SRE Workbook, chapter 5 "Alerting on SLOs".
 */
import type { AlertingRow } from "../../catalog/schema.ts";
import { budgetRatio } from "../../catalog/slo-rows.ts";
import { formatDuration } from "../../platform/commands/time.ts";

export interface EventCounts {
  readonly bad: number;
  readonly total: number;
}

export interface Objective {
  /** 99.9 */
  readonly objectivePercent: number;
  /** The SLO's window T. */
  readonly windowMs: number;
  readonly rows: readonly AlertingRow[];
  /** Bad events in the long window that a page needs; fewer make a ticket. */
  readonly minBad: number;
}

/** What was measured; null where the measuring failed. */
export interface Measured {
  /** Over the SLO's window, or as much of it as there is history: `elapsedMs`. */
  readonly period: { readonly counts: EventCounts; readonly elapsedMs: number } | null;
  /** By length in milliseconds, one for each window the rows name. */
  readonly windows: ReadonlyMap<number, EventCounts | null>;
}

export type WindowBurn = { readonly windowMs: number } & (
  | {
      readonly state: "ok";
      readonly bad: number;
      readonly total: number;
      readonly errorRatio: number;
      readonly burn: number;
      /** Part of the period's budget spent in this window; null while the period is not known. */
      readonly spent: number | null;
    }
  | { readonly state: "no-traffic" }
  | { readonly state: "unreadable"; readonly why: string }
);

export type Severity = "page" | "ticket" | "none";

export interface BurnState {
  readonly severity: Severity;
  /** Rows that fire, in the order declared; the first decides with the highest severity. */
  readonly firing: readonly AlertingRow[];
  /** The row behind `severity`. */
  readonly row: AlertingRow | null;
  /** A row said page, and too few bad events made it a ticket. */
  readonly isLowTraffic: boolean;
  /** Windows a row needs and that gave no burn rate. */
  readonly missingMs: readonly number[];
  /** One window of a row is past its limit and the other cannot tell. */
  readonly isUndecided: boolean;
}

export type Exhaustion =
  | { readonly when: "never" }
  | { readonly when: "exhausted" }
  | { readonly when: "in"; readonly ms: number };

export interface BudgetStatus {
  readonly state: "healthy" | "burning" | "exhausted" | "unknown" | "no-data";
  readonly severity: Severity;
  /** Why it is unknown or has no data. */
  readonly why: string | null;
  /** B = 1 − objective. */
  readonly budgetRatio: number;
  /** c: part of the period's budget spent, r = 1 − c: left. */
  readonly consumed: number | null;
  readonly remaining: number | null;
  /** Bad events the whole period may have. */
  readonly budgetEvents: number | null;
  readonly burns: readonly WindowBurn[];
  readonly burn: BurnState;
  /** At the burn of the first row's long window. */
  readonly exhaustion: Exhaustion | null;
}

/** Bad share of all events; null without traffic, which is not the same as good. */
export function errorRatio({ bad, total }: EventCounts): number | null {
  return total > 0 ? bad / total : null;
}

export function burnRate(counts: EventCounts, objectivePercent: number): number | null {
  const ratio = errorRatio(counts);
  return ratio === null ? null : ratio / budgetRatio(objectivePercent);
}

/** Adds events; a mean of ratios would weigh a quiet minute like a busy one. */
export function poolEvents(all: readonly EventCounts[]): EventCounts {
  return all.reduce<EventCounts>(
    (sum, { bad, total }) => ({ bad: sum.bad + bad, total: sum.total + total }),
    {
      bad: 0,
      total: 0,
    },
  );
}

/**
 * Slices of time as events: a slice is bad when too small a share of its events is good, and one without events is
 * neither. The share is compared with a hair's tolerance, so that 99 of 100 is 99 %.
 * Source: OpenSLO v1, budgetingMethod Timeslices.
 */
export function slicesOf(slices: readonly EventCounts[], goodPercent: number): EventCounts {
  const used = slices.filter(({ total }) => total > 0);
  const isBad = ({ bad, total }: EventCounts) => (100 * (total - bad)) / total < goodPercent - 1e-9;
  return { bad: used.filter(isBad).length, total: used.length };
}

/**
 * Budget left after each bin, of a budget of `budgetEvents` bad ones; null for a bin in which nothing was measured.
 * The line begins whole and ends with what the whole window has left.
 */
export function burnDown(
  bins: readonly (EventCounts | null)[],
  budgetEvents: number,
): readonly (number | null)[] {
  let bad = 0;
  return bins.map((counts) => {
    if (counts === null || !isCount(counts)) return null;
    bad += counts.bad;
    return 1 - bad / budgetEvents;
  });
}

/** The budget as a part of anything that can be divided: events, milliseconds, slices. In 12 digits. */
export function budgetOfAmount(amount: number, objectivePercent: number): number {
  return Number((amount * budgetRatio(objectivePercent)).toPrecision(12));
}

/**
 * Events the whole window is expected to have, N·T/elapsed: with less history than the window (a new service, the
 * middle of a calendar month) the budget is that of the whole window, not of the few events so far.
 */
export function expectedEvents(total: number, elapsedMs: number, windowMs: number): number {
  return elapsedMs > 0 && elapsedMs < windowMs ? (total * windowMs) / elapsedMs : total;
}

/** How long the rest of the budget lasts at a burn rate, r·T/b. In a rolling window the earliest: old errors leave. */
export function timeToExhaustion(remaining: number, burn: number, windowMs: number): Exhaustion {
  if (remaining <= 0) return { when: "exhausted" };
  return burn > 0 ? { when: "in", ms: (remaining * windowMs) / burn } : { when: "never" };
}

/** How long after a steady burn sets in the row fires, long·f/b; null when it never does. */
export function detectionMs(row: AlertingRow, burn: number): number | null {
  return burn > row.burn ? (row.long * row.burn) / burn : null;
}

/** How long after the burn ends the row clears, short·(1 − f/b); null when it never fired. */
export function clearingMs(row: AlertingRow, burn: number): number | null {
  return burn > row.burn ? row.short * (1 - row.burn / burn) : null;
}

/** With fewer events than this in the long window one bad event alone is past the row's limit: 1/(f·B). */
export function lowTrafficBelow(row: AlertingRow, objectivePercent: number): number {
  return 1 / (row.burn * budgetRatio(objectivePercent));
}

/**
 * Which row fires: both windows strictly past its burn rate. A page row with fewer than `minBad` bad events in its
 * long window is only a ticket; any page outranks every ticket.
 */
export function burnState(
  rows: readonly AlertingRow[],
  windows: ReadonlyMap<number, WindowBurn>,
  minBad: number,
): BurnState {
  const burnOf = (windowMs: number) => {
    const window = windows.get(windowMs);
    return window?.state === "ok" ? window.burn : null;
  };
  const isPast = (windowMs: number, limit: number) => (burnOf(windowMs) ?? Number.NEGATIVE_INFINITY) > limit;
  const firing = rows.filter((row) => isPast(row.long, row.burn) && isPast(row.short, row.burn));
  const hasEnough = (row: AlertingRow) => {
    const long = windows.get(row.long);
    return long?.state === "ok" && long.bad >= minBad;
  };
  const page = firing.find((row) => row.severity === "page" && hasEnough(row));
  const row = page ?? firing[0] ?? null;
  const needed = [...new Set(rows.flatMap(({ long, short }) => [short, long]))];
  return {
    severity: page ? "page" : row ? "ticket" : "none",
    firing,
    row,
    isLowTraffic: !page && firing.some(({ severity }) => severity === "page"),
    missingMs: needed.filter((windowMs) => burnOf(windowMs) === null).sort((a, b) => a - b),
    isUndecided: rows.some(
      ({ long, short, burn }) =>
        (isPast(long, burn) && burnOf(short) === null) || (isPast(short, burn) && burnOf(long) === null),
    ),
  };
}

/** How an SLO stands. Firing outranks what could not be read; what could not be read outranks looking healthy. */
export function budgetStatus(objective: Objective, measured: Measured): BudgetStatus {
  const { objectivePercent, windowMs, rows, minBad } = objective;
  const share = budgetRatio(objectivePercent);
  const period = measured.period && isCount(measured.period.counts) ? measured.period : null;
  const hasTraffic = period !== null && period.counts.total > 0;
  const budgetEvents = hasTraffic
    ? expectedEvents(period.counts.total, period.elapsedMs, windowMs) * share
    : null;
  const consumed = hasTraffic && budgetEvents ? period.counts.bad / budgetEvents : null;
  const remaining = consumed === null ? null : 1 - consumed;

  const lengths = [...new Set(rows.flatMap(({ long, short }) => [short, long]))].sort((a, b) => a - b);
  const burns = lengths.map((length) =>
    readWindow(length, measured.windows.get(length), share, budgetEvents),
  );
  const burn = burnState(rows, new Map(burns.map((window) => [window.windowMs, window])), minBad);
  const first = burns.find(({ windowMs: length }) => length === rows[0]?.long);
  const exhaustion =
    remaining !== null && first?.state === "ok" ? timeToExhaustion(remaining, first.burn, windowMs) : null;
  const known = {
    severity: burn.severity,
    budgetRatio: share,
    consumed,
    remaining,
    budgetEvents,
    burns,
    burn,
    exhaustion,
  };

  if (remaining !== null && remaining <= 0) return { ...known, state: "exhausted", why: null };
  if (burn.severity !== "none") return { ...known, state: "burning", why: null };
  const unknown = whyUnknown(measured, period === null, burns, burn);
  if (unknown !== null) return { ...known, state: "unknown", why: unknown };
  if (!hasTraffic || burns.every(({ state }) => state === "no-traffic")) {
    return {
      ...known,
      state: "no-data",
      why: "no traffic, so nothing is spent and nothing is shown to be good",
    };
  }
  return { ...known, state: "healthy", why: null };
}

function whyUnknown(
  { period }: Measured,
  isPeriodUnreadable: boolean,
  burns: readonly WindowBurn[],
  burn: BurnState,
): string | null {
  if (isPeriodUnreadable) {
    return period ? `the SLO's window: ${oddCounts(period.counts)}` : "the SLO's window could not be read";
  }
  const unreadable = burns.find((window) => window.state === "unreadable");
  if (unreadable) return `the ${formatDuration(unreadable.windowMs)} window: ${unreadable.why}`;
  return burn.isUndecided ? "one window is past its limit and the other has no traffic to tell" : null;
}

function readWindow(
  windowMs: number,
  counts: EventCounts | null | undefined,
  share: number,
  budgetEvents: number | null,
): WindowBurn {
  if (!counts) return { windowMs, state: "unreadable", why: "could not be read" };
  if (!isCount(counts)) return { windowMs, state: "unreadable", why: oddCounts(counts) };
  const ratio = errorRatio(counts);
  if (ratio === null) return { windowMs, state: "no-traffic" };
  const spent = budgetEvents === null ? null : counts.bad / budgetEvents;
  return { windowMs, state: "ok", ...counts, errorRatio: ratio, burn: ratio / share, spent };
}

function isCount({ bad, total }: EventCounts): boolean {
  return Number.isFinite(bad) && Number.isFinite(total) && bad >= 0 && total >= bad;
}

function oddCounts({ bad, total }: EventCounts): string {
  return bad > total
    ? `more bad events (${bad}) than events (${total})`
    : `${bad} bad of ${total} is no count`;
}
