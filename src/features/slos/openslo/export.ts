/**
 * SLOs of the catalog as OpenSLO v1 documents. What OpenSLO has no place for, and what it cannot say exactly (seconds,
 * two windows of one row), stands in annotations of our own prefix beside its nearest form. Pure.
 * Source: github.com/OpenSLO/OpenSLO, "Specification" (openslo/v1).
 */
import { createHash } from "node:crypto";
import { metricLabelsOf } from "../../../catalog/lookup.ts";
import type {
  AlertingRow,
  Catalog,
  Indicator,
  LabelMatcher,
  Selector,
  Slo,
  SloSlices,
} from "../../../catalog/schema.ts";
import { formatDuration } from "../../../platform/commands/time.ts";
import { expressionText, selectorText } from "../../../providers/metrics/promql.ts";
import { boundMatcher } from "../rules/expressions.ts";
import { openSloDuration } from "./durations.ts";

/** Annotations of ours; each is believed on import only while the document still says the same. */
export const annotation = {
  name: "quarterdeck/name",
  service: "quarterdeck/service",
  indicator: "quarterdeck/indicator",
  serviceLabels: "quarterdeck/service-labels",
  window: "quarterdeck/window",
  slices: "quarterdeck/slices",
  rows: "quarterdeck/rows",
  provider: "quarterdeck/provider",
  owner: "quarterdeck/owner",
  dependencies: "quarterdeck/dependencies",
  policy: "quarterdeck/policy",
  userFacing: "quarterdeck/user-facing",
  minBad: "quarterdeck/min-bad",
} as const;

type Labels = Readonly<Record<string, LabelMatcher>>;
export interface ExportedDocument {
  readonly apiVersion: "openslo/v1";
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: object;
}

/** Each service once, its SLOs, and whom they tell. Empty when there is none. */
export function exportOpenSlo(catalog: Catalog, service?: string): ExportedDocument[] {
  const slos = catalog.slos.filter((slo) => service === undefined || slo.service === service);
  const services = [...new Set(slos.map((slo) => slo.service))];
  return [
    ...services.map((name) => document("Service", rfc1123(name), {})),
    ...slos.flatMap((slo) => documentsOf(slo, metricLabelsOf(catalog, slo.service))),
    ...(slos.length > 0
      ? [
          document("AlertNotificationTarget", "quarterdeck", {
            description: "Quarterdeck decides who is told",
            target: "webhook",
          }),
        ]
      : []),
  ];
}

const document = (
  kind: string,
  name: string,
  spec: object,
  annotations?: Record<string, string>,
): ExportedDocument => ({
  apiVersion: "openslo/v1",
  kind,
  metadata: { name, ...(annotations ? { annotations } : {}) },
  spec,
});

/** An SLO, a policy and a condition for each of its rows. */
function documentsOf(slo: Slo, serviceLabels: Labels): ExportedDocument[] {
  const name = rfc1123(slo.name);
  const rows = slo.alerting.map((row, index) => ({ row, name: rfc1123(`${slo.name}-row-${index + 1}`) }));
  return [
    document(
      "SLO",
      name,
      {
        ...(slo.description === undefined ? {} : { description: slo.description }),
        service: rfc1123(slo.service),
        indicator: { metadata: { name }, spec: sliSpec(slo.indicator, serviceLabels) },
        timeWindow: [timeWindow(slo.window)],
        budgetingMethod: slo.slices ? "Timeslices" : "Occurrences",
        objectives: [{ targetPercent: slo.objective, ...(slo.slices ? timeSlices(slo.slices) : {}) }],
        alertPolicies: rows.map((row) => ({ alertPolicyRef: row.name })),
      },
      annotationsOf(slo, serviceLabels),
    ),
    ...rows.flatMap((row) => [
      document("AlertPolicy", row.name, {
        alertWhenBreaching: true,
        alertWhenResolved: true,
        alertWhenNoData: true,
        conditions: [{ conditionRef: row.name }],
        notificationTargets: [{ targetRef: "quarterdeck" }],
      }),
      document("AlertCondition", row.name, conditionSpec(row.row)),
    ]),
  ];
}

function annotationsOf(slo: Slo, serviceLabels: Labels): Record<string, string> {
  return {
    ...(rfc1123(slo.name) === slo.name ? {} : { [annotation.name]: slo.name }),
    ...(rfc1123(slo.service) === slo.service ? {} : { [annotation.service]: slo.service }),
    [annotation.indicator]: JSON.stringify(slo.indicator),
    [annotation.serviceLabels]: JSON.stringify(serviceLabels),
    [annotation.window]: JSON.stringify(slo.window),
    ...(slo.slices ? { [annotation.slices]: JSON.stringify(slo.slices) } : {}),
    [annotation.rows]: JSON.stringify(
      slo.alerting.map(({ severity, long, short, burn }) => ({ severity, long, short, burn })),
    ),
    ...(slo.provider === undefined ? {} : { [annotation.provider]: slo.provider }),
    ...(slo.owner === undefined ? {} : { [annotation.owner]: slo.owner }),
    ...(slo.dependencies.length === 0 ? {} : { [annotation.dependencies]: slo.dependencies.join(",") }),
    [annotation.policy]: slo.policy,
    [annotation.userFacing]: String(slo.userFacing),
    [annotation.minBad]: String(slo.minBad),
  };
}

/** The indicator's queries, with the service's labels in them: others know no service. */
export function sliSpec(indicator: Indicator, labels: Labels): object {
  const source = (query: string) => ({ metricSource: { type: "Prometheus", spec: { query } } });
  const with_ = ({ metric, labels: own }: Selector): string =>
    selectorText({ metric, labels: { ...labels, ...own } });
  const counter = (selector: Selector) => source(`sum(${with_(selector)})`);
  switch (indicator.kind) {
    case "ratio":
      return {
        ratioMetric: {
          counter: true,
          ...(indicator.good ? { good: counter(indicator.good) } : {}),
          ...(indicator.bad ? { bad: counter(indicator.bad) } : {}),
          total: counter(indicator.total),
        },
      };
    case "latency": {
      const { metric, labels: own } = indicator.histogram;
      return {
        ratioMetric: {
          counter: true,
          good: counter({
            metric: `${metric}_bucket`,
            labels: { ...own, le: boundMatcher(indicator.threshold) },
          }),
          total: counter({ metric: `${metric}_count`, labels: own }),
        },
      };
    }
    case "availability":
      return { ratioMetric: { raw: source(`avg(${with_(indicator.gauge)})`), rawType: "success" } };
    case "promql": {
      const counted = (text: string) => source(expressionText(text, labels, exampleRangeSec));
      return {
        ratioMetric: {
          counter: false,
          ...(indicator.good ? { good: counted(indicator.good) } : {}),
          ...(indicator.bad ? { bad: counted(indicator.bad) } : {}),
          total: counted(indicator.total),
        },
      };
    }
  }
}

/** Range written in queries that count over any. */
const exampleRangeSec = 300;

export function timeWindow(window: Slo["window"]): object {
  if ("rolling" in window) return { duration: openSloDuration(window.rolling), isRolling: true };
  const [day = "", time = "00:00"] = window.start.split("T");
  const unit = { day: "1d", week: "1w", month: "1M", quarter: "1Q", year: "1Y" }[window.calendar];
  return {
    duration: unit,
    calendar: { startTime: `${day} ${time}:00`, timeZone: window.zone },
    isRolling: false,
  };
}

export function timeSlices({ length, goodPercent }: SloSlices): {
  timeSliceTarget: number;
  timeSliceWindow: number | string;
} {
  return {
    timeSliceTarget: Number((goodPercent / 100).toPrecision(12)),
    timeSliceWindow: length % 60_000 === 0 ? openSloDuration(length) : length / 60_000,
  };
}

export function conditionSpec({ severity, long, short, burn }: AlertingRow): object {
  return {
    description: `Burn above ${burn}x over both ${formatDuration(long)} and ${formatDuration(short)}`,
    severity,
    condition: {
      kind: "burnrate",
      op: "gt",
      threshold: burn,
      lookbackWindow: openSloDuration(long),
      alertAfter: "1m",
    },
  };
}

/** Lower-case letters, digits and dashes, at most 63; a name that must change gets a mark, so that no two meet. */
export function rfc1123(name: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return name;
  const mark = createHash("sha256").update(name).digest("hex").slice(0, 6);
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return `${plain.slice(0, 56).replace(/-+$/, "")}-${mark}`;
}
