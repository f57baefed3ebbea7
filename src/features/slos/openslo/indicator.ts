/** An OpenSLO indicator as one of the catalog's: plain counters where it names such, PromQL otherwise. Pure. */
import type { Indicator, LabelMatcher, Selector } from "../../../catalog/schema.ts";
import type { DocumentOf } from "./document.ts";
import type { MetricSource, SliSpec } from "./forms.ts";
import { countedOverWindow, counterOf, selectorOf } from "./queries.ts";

export interface ReadIndicator {
  /** Undefined when it cannot be carried over; the last note says why. */
  readonly indicator: Indicator | undefined;
  /** Metrics instance that the documents name. */
  readonly provider: string | undefined;
  /** Fields under the indicator's spec. */
  readonly notes: readonly { path: string; message: string }[];
}

/** Compares a threshold metric with its objective: which of its values are good. */
export interface Threshold {
  readonly op: "lte" | "gte" | "lt" | "gt";
  readonly value: number;
}

type Sources = ReadonlyMap<string, DocumentOf<"DataSource">>;

export function readIndicator(
  spec: SliSpec,
  threshold: Threshold | undefined,
  sources: Sources,
): ReadIndicator {
  const notes: { path: string; message: string }[] = [];
  const providers = new Set<string>();
  const query = (path: string, { metricSource }: { metricSource: MetricSource }): string | undefined => {
    const { metricSourceRef: ref, type } = metricSource;
    const at = `${path}.metricSource`;
    const system = type ?? sources.get(ref ?? "")?.spec.type;
    if (ref !== undefined) providers.add(ref);
    if (system !== undefined && system.toLowerCase() !== "prometheus") {
      notes.push({ path: `${at}.type`, message: `is ${system}, and only Prometheus can be asked` });
      return undefined;
    }
    if (system === undefined)
      notes.push({
        path: `${at}.metricSourceRef`,
        message: `names ${ref}, which is in no document here; it was taken for a Prometheus`,
      });
    const text = metricSource.spec.query;
    if (typeof text === "string" && text.trim() !== "") return text;
    notes.push({ path: `${at}.spec.query`, message: "is missing; it is the PromQL to ask" });
    return undefined;
  };
  const indicator = spec.ratioMetric
    ? ofRatio(spec.ratioMetric, query, notes)
    : ofThreshold(spec, threshold, query, notes);
  const [provider, other] = providers;
  if (other !== undefined)
    notes.push({
      path: "metricSource",
      message: `names ${[...providers].join(" and ")}; an SLO asks one metrics instance, ${provider}`,
    });
  return { indicator, provider, notes };
}

type Query = (path: string, source: { metricSource: MetricSource }) => string | undefined;
type Notes = { path: string; message: string }[];

function ofRatio(
  ratio: NonNullable<SliSpec["ratioMetric"]>,
  query: Query,
  notes: Notes,
): Indicator | undefined {
  if (ratio.raw) return ofRaw(ratio.raw, ratio.rawType ?? "success", query, notes);
  const total = ratio.total && query("ratioMetric.total", ratio.total);
  const part = ratio.good ? "good" : "bad";
  const counted = ratio[part] && query(`ratioMetric.${part}`, ratio[part]);
  if (total === undefined || counted === undefined) return undefined;
  const selectors = [counterOf(total), counterOf(counted)] as const;
  const [all, some] = selectors;
  if (ratio.counter !== false && all && some) {
    const latency = part === "good" ? latencyOf(all, some) : undefined;
    return latency ?? { kind: "ratio", total: all, [part]: some };
  }
  const [totalText, partText] = [countedOverWindow(total), countedOverWindow(counted)];
  for (const [path, text] of [
    ["total", totalText],
    [part, partText],
  ] as const)
    if (text === undefined)
      notes.push({
        path: `ratioMetric.${path}.metricSource.spec.query`,
        message:
          ratio.counter === false
            ? "has no range to count over, and counter: false says that it is no counter; write the query with a range such as [5m]"
            : "is not a plain counter, and has no range that can be made any window",
      });
  if (totalText === undefined || partText === undefined) return undefined;
  notes.push({
    path: "ratioMetric",
    message: "became PromQL with $window for each range and increase for rate; check that it counts events",
  });
  return { kind: "promql", total: totalText, [part]: partText };
}

/** `X_bucket` of `X_count` with one bound and otherwise the same labels. */
function latencyOf(total: Selector, good: Selector): Indicator | undefined {
  const base = /^(.+)_count$/.exec(total.metric)?.[1];
  if (base === undefined || good.metric !== `${base}_bucket`) return undefined;
  const { le, ...labels } = good.labels;
  const bound = boundOf(le);
  if (bound === undefined || !sameLabels(labels, total.labels)) return undefined;
  return { kind: "latency", histogram: { metric: base, labels }, threshold: bound };
}

/** A bound given as a number, or as the ways Prometheus may write one. */
function boundOf(le: LabelMatcher | undefined): number | undefined {
  if (le === undefined) return undefined;
  const forms =
    typeof le === "string"
      ? [le]
      : "matches" in le
        ? le.matches.replaceAll("\\", "").replace("(.0)?", "").split("|")
        : [];
  const bounds = new Set(
    forms.map((form) => (/^[0-9.]+(e\+?[0-9]+)?$/.test(form) ? Number(form) : Number.NaN)),
  );
  const [bound] = bounds;
  return bounds.size === 1 && bound !== undefined && bound > 0 && Number.isFinite(bound) ? bound : undefined;
}

const sameLabels = (one: Selector["labels"], other: Selector["labels"]): boolean =>
  JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());

/** A ready-made ratio has no events: each of its samples weighs alike. */
function ofRaw(
  raw: { metricSource: MetricSource },
  rawType: "success" | "failure",
  query: Query,
  notes: Notes,
): Indicator | undefined {
  const text = query("ratioMetric.raw", raw);
  if (text === undefined) return undefined;
  const inner = /^avg\s*\(([\s\S]*)\)$/.exec(text.trim())?.[1] ?? text;
  const gauge = selectorOf(inner);
  if (gauge === undefined) {
    notes.push({
      path: "ratioMetric.raw.metricSource.spec.query",
      message: "is not a plain series; record it under a name of its own",
    });
    return undefined;
  }
  notes.push({
    path: "ratioMetric.raw",
    message: "is a ready-made ratio: each sample counts as one event, whatever traffic it stands for",
  });
  if (rawType === "success") return { kind: "availability", gauge };
  return {
    kind: "promql",
    total: `sum(count_over_time(${inner.trim()}[$window]))`,
    bad: `sum(sum_over_time(${inner.trim()}[$window]))`,
  };
}

const operators = { lte: "<=", gte: ">=", lt: "<", gt: ">" } as const;

/** Minutes instead of events: those in which the value is on the good side. */
function ofThreshold(
  spec: SliSpec,
  threshold: Threshold | undefined,
  query: Query,
  notes: Notes,
): Indicator | undefined {
  const text = spec.thresholdMetric && query("thresholdMetric", spec.thresholdMetric);
  if (text === undefined || threshold === undefined) return undefined;
  notes.push({
    path: "thresholdMetric",
    message: "became PromQL that counts minutes: good ones have the value on the good side",
  });
  const each = `(${text.trim()})`;
  return {
    kind: "promql",
    total: `sum(count_over_time(${each}[$window:1m]))`,
    good: `sum(sum_over_time((${each} ${operators[threshold.op]} bool ${threshold.value})[$window:1m]))`,
  };
}
