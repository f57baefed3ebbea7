/** Alerting rows of an SLO: which burn on which windows pages or opens a ticket. */
import type { Milliseconds } from "./fields.ts";

export interface AlertingRow {
  severity: "page" | "ticket";
  long: Milliseconds;
  short: Milliseconds;
  /** Burn rate that both windows must exceed; 1 spends the budget in exactly the SLO's window. */
  burn: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Shortest SLO window the standard rows are made for; below it the longest row would cover most of it. */
export const standardWindowMinMs = 7 * dayMs;

/**
 * Standard rows for a window T: short = long / 12, burn = share * T / long.
 * Source: SRE workbook, chapter 5 (2, 5, 10, 10 % of the budget); for short windows, where the last rows would
 * alert inside the budget, the shares of Sloth's 7-day sample (8, 12.5, 20, 42 %).
 */
export function standardRows(windowMs: Milliseconds): AlertingRow[] {
  const shares = windowMs >= 28 * dayMs ? [0.02, 0.05, 0.1, 0.1] : [0.08, 0.125, 0.2, 0.42];
  const rows = [
    ["page", hourMs],
    ["page", 6 * hourMs],
    ["ticket", dayMs],
    ["ticket", 3 * dayMs],
  ] as const;
  return rows.map(([severity, long], index) => ({
    severity,
    long,
    short: long / 12,
    burn: twelveDigits(((shares[index] ?? 0) * windowMs) / long),
  }));
}

/** Share of events that may be bad, 99.9 -> 0.001. In 12 digits: floats give 0.0010000000000000009. */
export function budgetRatio(objectivePercent: number): number {
  return twelveDigits((100 - objectivePercent) / 100);
}

/** Highest burn an SLO can reach, when every event is bad: a row at or above it never fires. */
export function burnMax(objectivePercent: number): number {
  return twelveDigits(1 / budgetRatio(objectivePercent));
}

const twelveDigits = (value: number) => Number(value.toPrecision(12));
