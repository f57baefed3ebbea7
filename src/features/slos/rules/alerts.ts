/**
 * Alerting rules of one SLO: multi-window, multi-burn-rate. A row holds while both its windows are past
 * burn × (1 − objective); rows of one severity are one alert. Pure.
 * Source: Google SRE Workbook, chapter 5 "Alerting on SLOs".
 */
import type { AlertingRow, Slo } from "../../../catalog/schema.ts";
import { budgetRatio } from "../../../catalog/slo-rows.ts";
import type { AlertingRule } from "../rules.ts";
import { alertNames, numberText, promDuration, series, templateText } from "./names.ts";

export interface AlertContext {
  readonly labels: Readonly<Record<string, string>>;
  /** Matcher of the SLO's own recorded series. */
  readonly own: string;
  /** `99.9 % over 30d`. */
  readonly promise: string;
  /** Annotations that lead to what to do. */
  readonly links: Readonly<Record<string, string>>;
}

/** Words that our own intake, and most routes of Alertmanager, read as page and as ticket. */
const severityWord = { page: "critical", ticket: "warning" } as const;

/** At most one alert that pages and one that opens a ticket. An SLO that no user feels has only the latter. */
export function burnAlerts(slo: Slo, context: AlertContext): AlertingRule[] {
  const { own } = context;
  const share = budgetRatio(slo.objective);
  const pages = slo.userFacing ? slo.alerting.filter(({ severity }) => severity === "page") : [];
  const tickets = slo.alerting.filter((row) => !pages.includes(row));
  const holds = ({ short, long, burn }: AlertingRow): string =>
    [short, long]
      .map((windowMs) => `${series.ratio(promDuration(windowMs))}${own} > ${numberText(burn * share)}`)
      .join(" and ");
  // Of few events one bad one is past any limit: a page needs several, with fewer it is a ticket.
  const counted = (row: AlertingRow, compare: ">=" | "<"): string =>
    `(${holds(row)} and ${series.errors(promDuration(row.long))}${own} * ${numberText(row.long / 1_000)} ${compare} ${slo.minBad})`;

  const alert = (severity: AlertingRow["severity"], conditions: readonly string[], limits: string) => ({
    alert: alertNames.burn,
    expr: conditions.join("\nor\n"),
    labels: { ...context.labels, severity: severityWord[severity] },
    annotations: {
      summary: templateText(`${slo.service} burns the error budget of ${slo.name} (${context.promise})`),
      description: [
        `{{ $value | humanizePercentage }} of events were bad in a short window.`,
        templateText(limits),
        ...(slo.description === undefined ? [] : [templateText(`Promised: ${slo.description}.`)]),
      ].join(" "),
      ...context.links,
    },
  });
  const fewWords = pages.length > 0 ? `a page's limit with fewer than ${slo.minBad} bad events` : "";
  const ticketWords = [rowWords(tickets), fewWords].filter((words) => words !== "").join("; or ");
  return [
    ...(pages.length > 0
      ? [
          alert(
            "page",
            pages.map((row) => counted(row, ">=")),
            `Pages at ${rowWords(pages)}, from ${slo.minBad} bad events on.`,
          ),
        ]
      : []),
    alert(
      "ticket",
      [...tickets.map((row) => `(${holds(row)})`), ...pages.map((row) => counted(row, "<"))],
      `A ticket at ${ticketWords}.`,
    ),
  ];
}

/** Missing metrics are no sign of health: after a while they are an alert of their own. */
export function missingAlert(
  slo: Slo,
  shortestMs: number,
  forMs: number,
  context: AlertContext,
): AlertingRule {
  const [events, errors] = (
    slo.slices
      ? [
          series.sliceEvents(promDuration(slo.slices.length)),
          series.sliceErrors(promDuration(slo.slices.length)),
        ]
      : [series.events(promDuration(shortestMs)), series.errors(promDuration(shortestMs))]
  ).map((name) => `${name}${context.own}`);
  return {
    alert: alertNames.missing,
    // Without traffic the series is there and 0; that is no alert.
    expr: `absent(${events})\nor\n(${events} > 0 unless ${errors})`,
    for: promDuration(forMs),
    labels: { ...context.labels, severity: severityWord.ticket },
    annotations: {
      summary: templateText(`${slo.service}: the metrics of ${slo.name} are missing`),
      description: templateText(
        `No answer whether ${context.promise} holds: no series, or no bad and good events to tell apart. Until they are back nothing says how users are.`,
      ),
      ...context.links,
    },
  };
}

/** `burn 14.4x over 1h and 5m, 6x over 6h and 30m`. */
const rowWords = (rows: readonly AlertingRow[]): string =>
  rows.length === 0
    ? ""
    : `burn ${rows.map(({ burn, long, short }) => `${numberText(burn)}x over ${promDuration(long)} and ${promDuration(short)}`).join(", ")}`;
