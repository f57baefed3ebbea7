import type { MetricsProvider, Selector } from "./contract.ts";
import { exactTallies, lateTargets, type RawSeries } from "./exact.ts";
import { type PromAnswer, PrometheusApi, type PrometheusApiOptions } from "./prometheus-api.ts";
import { PrometheusBatch } from "./prometheus-batch.ts";
import { partedTallies, selectorsOf, unitedText } from "./prometheus-spans.ts";
import {
  durationText,
  expressionText,
  gaugeSumText,
  gaugeText,
  increaseText,
  newestText,
  oldestText,
  selectorText,
} from "./promql.ts";
import { createMetricsProvider } from "./provider.ts";
import type { BinRow, Bins, GaugeTally, MetricSource, Tally } from "./source.ts";

export interface PrometheusOptions extends PrometheusApiOptions {
  /** Newest sample older than this: stale. Prometheus' own lookback is 300. */
  staleAfterSec?: number;
}

/** Prometheus' lookback, in seconds. Source: prometheus.io, `--query.lookback-delta`. */
const lookbackSec = 300;
/** Up to this span counts are made of the samples themselves; past it Prometheus' own `increase` is near enough. */
const exactSpanSecMax = 3_600;

/** Metrics from Prometheus' HTTP API (2.33 or later, Thanos, Mimir). Every question names its time. */
export function createPrometheusProvider(options: PrometheusOptions): MetricsProvider {
  return createMetricsProvider(createPrometheusSource(options));
}

export function createPrometheusSource(options: PrometheusOptions): MetricSource {
  const api = new PrometheusApi(options);
  const batch = new PrometheusBatch(api);

  const binned = (expression: string, bins: Bins, signal: AbortSignal | undefined): Promise<PromAnswer> => {
    // Ranges are closed on the right: a millisecond earlier makes them half-open as ours are.
    const [first, last] = [endOf(bins, 0), endOf(bins, bins.count - 1)];
    return bins.count === 1
      ? api.query(expression, first, signal)
      : api.queryRange(expression, first, last, bins.binSec, signal);
  };

  const newest = async (
    selector: Selector,
    bins: Bins,
    by: string | undefined,
    signal: AbortSignal | undefined,
  ) => {
    const spanSec = Math.max(bins.binSec * bins.count, lookbackSec);
    const answer = await api.query(
      newestText(selector, spanSec, by ? [by] : []),
      endOf(bins, bins.count - 1),
      signal,
    );
    return {
      warnings: answer.warnings,
      byGroup: new Map(
        answer.series.flatMap(({ labels, points }) =>
          points.slice(-1).map((point) => [groupOf(labels, by), new Date(point.value * 1000)] as const),
        ),
      ),
    };
  };

  const estimated = async (
    selector: Selector,
    bins: Bins,
    asked: {
      by: string | undefined;
      signal: AbortSignal | undefined;
      withBuckets: boolean;
      withOldest: boolean;
    },
  ): Promise<Tally> => {
    const { by, signal, withBuckets, withOldest } = asked;
    const labels = [...(by ? [by] : []), ...(withBuckets ? ["le"] : [])];
    const end = endOf(bins, bins.count - 1);
    const [answer, times, oldest] = await Promise.all([
      binned(increaseText(selector, bins.binSec, labels), bins, signal),
      newest(selector, bins, by, signal),
      withOldest ? api.query(oldestText(selector, bins.binSec * bins.count), end, signal) : null,
    ]);
    const oldestSec = oldest?.series[0]?.points[0]?.value;
    return {
      rows: rowsOf(answer, bins, by),
      newestSampleAt: times.byGroup,
      oldestSampleAt: oldestSec === undefined ? null : new Date(oldestSec * 1000),
      partial: partialOf([...answer.warnings, ...times.warnings, ...(oldest?.warnings ?? [])]),
    };
  };

  /** The samples themselves; bins of any width before `end` are made of them. */
  const sampled = async (
    selectors: readonly Selector[],
    end: Date,
    longestSec: number,
    by: string | undefined,
    signal: AbortSignal | undefined,
    withBuckets: boolean,
  ): Promise<(bins: Bins) => Tally[]> => {
    const spanSec = Math.ceil(longestSec) + lookbackSec;
    const raw = (selector: Selector) =>
      api.query(`${selectorText(selector)}[${durationText(spanSec)}]`, end, signal);
    const answers = await Promise.all(selectors.map(raw));
    const series = answers.map((answer) =>
      answer.series.map(
        ({ labels, points }): RawSeries => ({
          target: targetOf(labels),
          group: groupOf(labels, by),
          le: withBuckets ? (labels.le ?? null) : null,
          points,
        }),
      ),
    );
    const bornMs = await startTimes(
      lateTargets(series.flat(), end.getTime() - spanSec * 1000),
      end,
      spanSec,
      signal,
    );
    const warnings = answers.flatMap((answer) => answer.warnings);
    return (bins) =>
      exactTallies(series, bornMs, bins).map((tally) => ({ ...tally, partial: partialOf(warnings) }));
  };

  const exact = async (
    selectors: readonly Selector[],
    bins: Bins,
    by: string | undefined,
    signal: AbortSignal | undefined,
    withBuckets: boolean,
  ): Promise<Tally[]> => {
    const spanSec = bins.binSec * bins.count;
    const made = await sampled(selectors, endOf(bins, bins.count - 1), spanSec, by, signal, withBuckets);
    return made(bins);
  };

  /** A process younger than the range has counted all it shows within it. */
  const startTimes = async (
    targets: readonly string[],
    at: Date,
    spanSec: number,
    signal: AbortSignal | undefined,
  ): Promise<Map<string, number>> => {
    if (targets.length === 0) return new Map();
    const instances = targets.map((target) => escaped(target.slice(target.indexOf(" ") + 1)));
    const selector: Selector = {
      metric: "process_start_time_seconds",
      labels: { instance: { matches: instances.join("|") } },
    };
    const answer = await api.query(
      `last_over_time(${selectorText(selector)}[${durationText(spanSec)}])`,
      at,
      signal,
    );
    return new Map(
      answer.series.flatMap(({ labels, points }) =>
        points.map((point) => [targetOf(labels), point.value * 1000] as const),
      ),
    );
  };

  return {
    staleAfterSec: options.staleAfterSec ?? lookbackSec,

    increments: (selectors, bins, asked) =>
      asked.isExact && bins.binSec * bins.count <= exactSpanSecMax
        ? exact(selectors, bins, asked.by, asked.signal, asked.withBuckets)
        : Promise.all(selectors.map((selector) => estimated(selector, bins, asked))),

    gauges: async (selector, aggregate, bins, { by, signal }): Promise<GaugeTally> => {
      const labels = by ? [by] : [];
      const end = endOf(bins, bins.count - 1);
      const [answer, times, counted] = await Promise.all([
        binned(gaugeText(selector, aggregate, bins.binSec, labels), bins, signal),
        newest(selector, bins, by, signal),
        api.query(gaugeSumText("count", selector, bins.binSec * bins.count, labels), end, signal),
      ]);
      return {
        rows: rowsOf(answer, bins, by),
        newestSampleAt: times.byGroup,
        oldestSampleAt: null,
        partial: partialOf([...answer.warnings, ...times.warnings, ...counted.warnings]),
        samples: new Map(
          counted.series.map((series) => [groupOf(series.labels, by), series.points[0]?.value ?? 0]),
        ),
      };
    },

    gaugeSums: async (selector, bins, { by, signal }) => {
      const labels = by ? [by] : [];
      const end = endOf(bins, bins.count - 1);
      const [count, sum, times, oldest] = await Promise.all([
        binned(gaugeSumText("count", selector, bins.binSec, labels), bins, signal),
        binned(gaugeSumText("sum", selector, bins.binSec, labels), bins, signal),
        newest(selector, bins, by, signal),
        api.query(oldestText(selector, bins.binSec * bins.count), end, signal),
      ]);
      const oldestSec = oldest.series[0]?.points[0]?.value;
      const tallyOf = (answer: PromAnswer): Tally => ({
        rows: rowsOf(answer, bins, by),
        newestSampleAt: times.byGroup,
        oldestSampleAt: oldestSec === undefined ? null : new Date(oldestSec * 1000),
        partial: partialOf([...answer.warnings, ...times.warnings, ...oldest.warnings]),
      });
      return { count: tallyOf(count), sum: tallyOf(sum) };
    },

    spans: async (query, labels, to, spansSec, { signal, withOldest, isEstimate }) => {
      const isCounter = query.kind === "ratio" || query.kind === "slower-than";
      const isShort = (sec: number) => isCounter && !isEstimate && sec <= exactSpanSecMax;
      const short = spansSec.filter(isShort);
      const long = spansSec.filter((sec) => !isShort(sec));
      const end = new Date(to.getTime() - 1);
      const [answer, made] = await Promise.all([
        long.length > 0
          ? isEstimate
            ? batch.ask(end, (prefix) => unitedText(query, labels, long, withOldest, prefix))
            : api.query(unitedText(query, labels, long, withOldest), end, signal, { isBrief: true })
          : null,
        short.length > 0
          ? sampled(
              selectorsOf(query, labels),
              end,
              Math.max(...short),
              undefined,
              signal,
              query.kind === "slower-than",
            )
          : null,
      ]);
      const parted = answer ? partedTallies(answer, long.length, partialOf(answer.warnings)) : [];
      return spansSec.map((sec) => {
        const found = parted[long.indexOf(sec)];
        if (found) return found;
        const [main, part] =
          made?.({ from: new Date(to.getTime() - sec * 1000), binSec: sec, count: 1 }) ?? [];
        if (!main) throw new Error("A span was not asked for");
        return { main, part: part ?? null };
      });
    },

    expression: async (text, labels, bins, { by, signal }) => {
      const answer = await binned(expressionText(text, labels, bins.binSec), bins, signal);
      return {
        rows: rowsOf(answer, bins, by),
        newestSampleAt: new Map(),
        oldestSampleAt: null,
        partial: partialOf(answer.warnings),
      };
    },
  };
}

function rowsOf(answer: PromAnswer, bins: Bins, by: string | undefined): BinRow[] {
  const firstMs = endOf(bins, 0).getTime();
  return answer.series.flatMap(({ labels, points }): BinRow[] => {
    const common = { group: groupOf(labels, by), le: labels.le ?? null };
    // A series of which nothing is left was NaN: that is not the same as no series.
    if (points.length === 0 && bins.count === 1) return [{ bin: 0, ...common, value: Number.NaN }];
    return points.map((point) => ({
      bin: Math.round((point.atMs - firstMs) / (bins.binSec * 1000)),
      ...common,
      value: point.value,
    }));
  });
}

const groupOf = (labels: Readonly<Record<string, string>>, by: string | undefined): string | null =>
  by === undefined ? null : (labels[by] ?? "");

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const targetOf = (labels: Readonly<Record<string, string>>): string =>
  `${labels.job ?? ""} ${labels.instance ?? ""}`;

/** A millisecond before the bin's end. */
const endOf = (bins: Bins, bin: number): Date =>
  new Date(bins.from.getTime() + (bin + 1) * bins.binSec * 1000 - 1);

const partialOf = (warnings: readonly string[]): string | null =>
  warnings.length > 0 ? `Prometheus warns: ${[...new Set(warnings)].join("; ")}` : null;
