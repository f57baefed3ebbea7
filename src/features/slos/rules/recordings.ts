/** Recording rules of one SLO. Pure. */
import type { Slo, SloSlices } from "../../../catalog/schema.ts";
import { budgetRatio } from "../../../catalog/slo-rows.ts";
import { windowText } from "../../../catalog/slo-windows.ts";
import type { RecordingRule } from "../rules.ts";
import { type Rates, ratesOf, type ServiceLabels } from "./expressions.ts";
import { numberText, promDuration, series } from "./names.ts";

/** Each window's rates, and their ratio. What is no number is not stored: one NaN would spoil every sum over it. */
export function windowRecordings(
  slo: Slo,
  windowsMs: readonly number[],
  serviceLabels: ServiceLabels,
  labels: Readonly<Record<string, string>>,
  own: string,
): RecordingRule[] {
  const ratesIn = (windowMs: number): Rates =>
    slo.slices
      ? sliceRates(slo.slices.length, windowMs, own)
      : ratesOf(slo.indicator, serviceLabels, windowMs);
  return [
    ...(slo.slices ? sliceRecordings(slo, slo.slices, serviceLabels, labels, own) : []),
    ...windowsMs.flatMap((windowMs) => {
      const window = promDuration(windowMs);
      const { events, errors } = ratesIn(windowMs);
      return [
        { record: series.events(window), expr: `${events} >= 0`, labels },
        { record: series.errors(window), expr: `${errors} >= 0`, labels },
        {
          record: series.ratio(window),
          expr: ratioOf(series.errors(window), series.events(window), own),
          labels,
        },
      ];
    }),
  ];
}

const ratioOf = (errors: string, events: string, own: string): string =>
  `${errors}${own} / (${events}${own} > 0) >= 0`;

/** Whether the last slice of time was bad: too few of its events were good. One without events is none. */
function sliceRecordings(
  slo: Slo,
  slices: SloSlices,
  serviceLabels: ServiceLabels,
  labels: Readonly<Record<string, string>>,
  own: string,
): RecordingRule[] {
  const length = promDuration(slices.length);
  const { events, errors } = ratesOf(slo.indicator, serviceLabels, slices.length);
  const [eventsName, errorsName] = [series.sliceEvents(length), series.sliceErrors(length)];
  const badAbove = numberText((100 - slices.goodPercent) / 100);
  return [
    { record: eventsName, expr: `${events} >= 0`, labels },
    { record: errorsName, expr: `${errors} >= 0`, labels },
    {
      record: series.sliceIsBad(length),
      expr: `(${ratioOf(errorsName, eventsName, own)}) > bool ${badAbove}`,
      labels,
    },
  ];
}

/** Slices instead of events: as many per second as fit, bad by their share. */
function sliceRates(sliceMs: number, windowMs: number, own: string): Rates {
  const perSec = numberText(1_000 / sliceMs);
  const bad = `avg_over_time(${series.sliceIsBad(promDuration(sliceMs))}${own}[${promDuration(windowMs)}])`;
  return { events: `0 * ${bad} + ${perSec}`, errors: `${bad} * ${perSec}` };
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
      window: windowText(slo.window, promDuration),
      user_facing: String(slo.userFacing),
    }),
  ];
}
