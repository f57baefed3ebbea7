/**
 * Prometheus rules of the catalog's SLOs: recording rules per window, the budget of the whole window, alerts for
 * page and ticket, an alert for missing metrics. Pure. `rules/` holds each kind.
 * Source of the format: prometheus.io, "Recording rules" and "Alerting rules".
 */
import { metricLabelsOf, service as serviceOf, team as teamOf } from "../../catalog/lookup.ts";
import type { Catalog, Slo } from "../../catalog/schema.ts";
import { burnMax } from "../../catalog/slo-rows.ts";
import { nominalWindowMs, windowText } from "../../catalog/slo-windows.ts";
import { burnAlerts, missingAlert } from "./rules/alerts.ts";
import { promDuration, sloLabel } from "./rules/names.ts";
import { metaRecordings, periodRecordings, windowRecordings } from "./rules/recordings.ts";

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly (RecordingRule | AlertingRule)[];
}

/** A part of an SLO that no rule can express, and why. */
export interface RefusedRow {
  /** `slos.shop-availability.alerting.0`. */
  readonly field: string;
  readonly why: string;
}

export interface SloRules {
  readonly groups: readonly RuleGroup[];
  readonly refused: readonly RefusedRow[];
}

export interface RulesScope {
  /** One service's SLOs alone. */
  readonly service?: string | undefined;
  /** Address of the console, for links to runbooks. */
  readonly publicUrl?: string | undefined;
}

/** Longest time between two evaluations, and how often a short window is evaluated within its length. */
const intervalMaxMs = 30_000;
const evaluationsPerWindow = 4;
const intervalMinMs = 250;
/** The whole window moves slowly and is costly to sum. Prometheus takes a sample as current for five minutes. */
const periodIntervalMs = 120_000;
const dayMs = 86_400_000;

/** Two groups per SLO: what alerts need, evaluated in order at one moment, and the slower budget. */
export function rulesOf(catalog: Catalog, scope: RulesScope = {}): SloRules {
  const slos = catalog.slos.filter(({ service }) => scope.service === undefined || service === scope.service);
  return {
    groups: slos.flatMap((slo) => groupsOf(catalog, slo, scope)),
    refused: slos.flatMap(refusedRows),
  };
}

/** Rows whose limit no error ratio can pass: every event bad burns 1/(1 − objective), and not more. */
export function refusedRows(slo: Slo): RefusedRow[] {
  const highest = burnMax(slo.objective);
  return slo.alerting.flatMap(({ burn }, index) =>
    burn < highest
      ? []
      : [
          {
            field: `slos.${slo.name}.alerting.${index}`,
            why: `can never fire: at ${slo.objective} % the burn rate stays under ${highest}, and it asks for more than ${burn}; lower burn or raise objective`,
          },
        ],
  );
}

function groupsOf(catalog: Catalog, slo: Slo, { publicUrl }: RulesScope): RuleGroup[] {
  const service = serviceOf(catalog, slo.service);
  const team = teamOf(catalog, service?.team ?? "")?.name;
  const labels = { [sloLabel]: slo.name, service: slo.service, ...(team ? { team } : {}) };
  const own = `{${sloLabel}=${JSON.stringify(slo.name)}}`;
  const windowsMs = [...new Set(slo.alerting.flatMap(({ short, long }) => [short, long]))].sort(
    (a, b) => a - b,
  );
  const shortestMs = windowsMs[0] ?? 0;
  const periodMs = nominalWindowMs(slo.window);
  const intervalMs = Math.max(intervalMinMs, Math.min(intervalMaxMs, shortestMs / evaluationsPerWindow));
  const runbook = service?.runbooks[0];
  const context = {
    labels,
    own,
    promise: `${slo.objective} % over ${windowText(slo.window, promDuration)}`,
    links: {
      ...(runbook === undefined ? {} : { runbook }),
      ...(runbook === undefined || publicUrl === undefined
        ? {}
        : { runbook_url: `${publicUrl.replace(/\/$/, "")}/runbooks/${runbook}` }),
    },
  };
  const serviceLabels = metricLabelsOf(catalog, slo.service);
  // A window as long as the SLO's own is recorded already.
  const longestMs = windowsMs.at(-1) ?? 0;
  return [
    {
      name: `quarterdeck-slo-${slo.name}`,
      interval: promDuration(intervalMs),
      rules: [
        ...windowRecordings(slo, windowsMs, serviceLabels, labels, own),
        ...burnAlerts(slo, context),
        missingAlert(slo, shortestMs, Math.max(shortestMs, intervalMs * 2), context),
      ],
    },
    {
      name: `quarterdeck-budget-${slo.name}`,
      interval: promDuration(periodMs >= dayMs ? Math.max(periodIntervalMs, intervalMs) : intervalMs),
      rules: [
        // No range of Prometheus begins with the month: a calendar window's budget is not for rules to tell.
        ...("rolling" in slo.window
          ? periodRecordings(slo, periodMs, shortestMs, labels, own).slice(longestMs === periodMs ? 1 : 0)
          : []),
        ...metaRecordings(slo, periodMs, shortestMs, labels, own),
      ],
    },
  ];
}
