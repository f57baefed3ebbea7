/** Recording rules of one SLO. Pure. */
import type { Slo } from "../../../catalog/schema.ts";
import { budgetRatio } from "../../../catalog/slo-rows.ts";
import type { RecordingRule } from "../rules.ts";
import { ratesOf, type ServiceLabels } from "./expressions.ts";
import { numberText, promDuration, series } from "./names.ts";

/** Each window's rates, and their ratio. What is no number is not stored: one NaN would spoil every sum over it. */
export function windowRecordings(
  slo: Slo,
  windowsMs: readonly number[],
  serviceLabels: ServiceLabels,
  labels: Readonly<Record<string, string>>,
  own: string,
): RecordingRule[] {
  return windowsMs.flatMap((windowMs) => {
    const window = promDuration(windowMs);
    const { events, errors } = ratesOf(slo.indicator, serviceLabels, window);
    return [
      { record: series.events(window), expr: `${events} >= 0`, labels },
      { record: series.errors(window), expr: `${errors} >= 0`, labels },
      {
        record: series.ratio(window),
        expr: `${series.errors(window)}${own} / (${series.events(window)}${own} > 0) >= 0`,
        labels,
      },
    ];
  });
}

/**
 * The SLO's whole window from the shortest window's rates, summed and then divided: a mean of ratios would weigh a
 * quiet minute like a busy one.
 */
export function periodRecordings(
  slo: Slo,
  periodMs: number,
  shortestMs: number,
  labels: Readonly<Record<string, string>>,
  own: string,
): RecordingRule[] {
  const [period, shortest] = [promDuration(periodMs), promDuration(shortestMs)];
  const summed = (name: string) => `sum_over_time(${name}${own}[${period}])`;
  const share = numberText(budgetRatio(slo.objective));
  const burn = `slo:period_burn_rate:ratio`;
  return [
    {
      record: series.ratio(period),
      expr: `${summed(series.errors(shortest))} / (${summed(series.events(shortest))} > 0) >= 0`,
      labels,
    },
    { record: burn, expr: `${series.ratio(period)}${own} / ${share}`, labels },
    { record: "slo:period_error_budget_remaining:ratio", expr: `1 - ${burn}${own}`, labels },
  ];
}

/** What the SLO is, as series that a dashboard can join. */
export function metaRecordings(
  slo: Slo,
  periodMs: number,
  shortestMs: number,
  labels: Readonly<Record<string, string>>,
  own: string,
): RecordingRule[] {
  const share = budgetRatio(slo.objective);
  const constant = (record: string, value: number, more: Readonly<Record<string, string>> = {}) => ({
    record,
    expr: `vector(${numberText(value)})`,
    labels: { ...labels, ...more },
  });
  return [
    constant("slo:objective:ratio", 1 - share),
    constant("slo:error_budget:ratio", share),
    constant("slo:time_period:days", periodMs / 86_400_000),
    {
      record: "slo:current_burn_rate:ratio",
      expr: `${series.ratio(promDuration(shortestMs))}${own} / ${numberText(share)}`,
      labels,
    },
    constant("quarterdeck_slo_info", 1, {
      objective: `${slo.objective}`,
      window: promDuration(periodMs),
      user_facing: String(slo.userFacing),
    }),
  ];
}
