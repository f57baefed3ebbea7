import { ProviderError } from "../errors.ts";
import {
  type CountAnswer,
  type CountBin,
  type CountQuery,
  type LabelMatchers,
  type MetricsProvider,
  type QueryOptions,
  type Reading,
  rangePointsMax,
  type Selector,
  type Series,
  type SignalQuery,
  type SpanCounts,
  type SpansAnswer,
} from "./contract.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { mergeBuckets } from "./quantile.ts";
import type { Bins, MetricSource, SourceOptions, Tally } from "./source.ts";

/** What a query measured: the parts by name, before anything is divided. */
interface Measured {
  tallies: Readonly<Record<"main" | "part", Tally | null>>;
  samples: ReadonlyMap<string | null, number> | null;
  /** False for an expression, whose samples nobody sees. */
  hasTimes: boolean;
}

/** The same answers from any {@link MetricSource}: they differ in where numbers come from, not in what they mean. */
export function createMetricsProvider(source: MetricSource): MetricsProvider {
  return {
    instant: async (query, options) => {
      const bins = checkedBins(
        new Date(options.at.getTime() - options.windowSec * 1000),
        options.windowSec,
        1,
      );
      const measured = await measure(source, query, bins, options, false, false);
      const staleBefore = new Date(options.at.getTime() - source.staleAfterSec * 1000);
      const groups = groupsOf(measured);
      if (groups.length === 0) groups.push(null);
      return groups.map((group) => readingOf(query, bins, measured, group, staleBefore));
    },

    range: async (query, options) => {
      const bins = binsOf(options.from, options.to, options.stepSec);
      const measured = await measure(source, query, bins, options, false, false);
      const series = groupsOf(measured).map(
        (group): Series => ({
          group,
          points: Array.from({ length: bins.count }, (_, bin) => {
            const outcome = outcomeIn(query, bins, measured, group, bin);
            return { at: binStart(bins, bin + 1), value: outcome.value };
          }),
        }),
      );
      return { series, partial: partialOf(measured) };
    },

    counts: async (query, options) => {
      const binSec = options.binSec ?? (options.to.getTime() - options.from.getTime()) / 1000;
      const bins = binsOf(options.from, options.to, binSec);
      const measured = await measure(source, query, bins, options, true, true);
      return countsOf(query, bins, measured);
    },

    buckets: async (histogram, { at, windowSec, labels = {}, signal }) => {
      const bins = checkedBins(new Date(at.getTime() - windowSec * 1000), windowSec, 1);
      const buckets = { metric: `${histogram.metric}_bucket`, labels: histogram.labels };
      const [tally] = await source.increments([withLabels(buckets, labels)], bins, {
        by: undefined,
        signal,
        isExact: false,
        withBuckets: true,
        withOldest: false,
      });
      return mergeBuckets((tally?.rows ?? []).map((row) => ({ le: row.le ?? "", count: row.value })));
    },

    spans: async (query, { to, spansSec, withOldest = false, isEstimate = false, labels = {}, signal }) => {
      const asked = { by: undefined, signal, withOldest, isEstimate };
      const found = source.spans
        ? await source.spans(query, labels, to, spansSec, asked)
        : await Promise.all(
            spansSec.map(async (sec) => {
              const bins = checkedBins(new Date(to.getTime() - sec * 1000), sec, 1);
              const { tallies } = await measure(source, query, bins, { labels, signal }, true, withOldest);
              return { main: tallies.main, part: tallies.part };
            }),
          );
      return spansOf(query, spansSec, found);
    },
  };
}

async function measure(
  source: MetricSource,
  query: SignalQuery,
  bins: Bins,
  options: QueryOptions,
  isExact: boolean,
  withOldest: boolean,
): Promise<Measured> {
  const asked: SourceOptions = { by: options.by, signal: options.signal };
  const labels = options.labels ?? {};
  const expression = (text: string) => source.expression(text, labels, bins, asked);
  if ("promql" in query && query.promql) {
    if (!("value" in query.promql)) {
      const [main, part] = await Promise.all([expression(query.promql.total), expression(query.promql.bad)]);
      return { tallies: { main, part }, samples: null, hasTimes: false };
    }
    return {
      tallies: { main: await expression(query.promql.value), part: null },
      samples: null,
      hasTimes: false,
    };
  }
  const counted = (selectors: readonly Selector[], withBuckets: boolean) =>
    source.increments(
      selectors.map((selector) => withLabels(selector, labels)),
      bins,
      { ...asked, isExact, withBuckets, withOldest },
    );
  switch (query.kind) {
    case "ratio": {
      const [main = null, part = null] = await counted([query.total, partSelector(query)], false);
      return { tallies: { main, part }, samples: null, hasTimes: true };
    }
    case "quantile":
    case "slower-than": {
      const buckets = { metric: `${query.histogram.metric}_bucket`, labels: query.histogram.labels };
      const [main = null] = await counted([buckets], true);
      return { tallies: { main, part: null }, samples: null, hasTimes: true };
    }
    case "rate": {
      const [main = null] = await counted([query.counter], false);
      return { tallies: { main, part: null }, samples: null, hasTimes: true };
    }
    case "availability": {
      const { count, sum } = await source.gaugeSums(withLabels(query.gauge, labels), bins, asked);
      return { tallies: { main: count, part: sum }, samples: null, hasTimes: true };
    }
    case "expression":
      throw new Error("An expression without PromQL was measured");
    case "gauge": {
      const main = await source.gauges(withLabels(query.gauge, labels), query.aggregate, bins, asked);
      return { tallies: { main, part: null }, samples: main.samples, hasTimes: true };
    }
  }
}

function readingOf(
  query: SignalQuery,
  bins: Bins,
  measured: Measured,
  group: string | null,
  staleBefore: Date,
): Reading {
  const newestSampleAt = measured.tallies.main?.newestSampleAt.get(group) ?? null;
  const outcome = outcomeIn(query, bins, measured, group, 0);
  const base = {
    group,
    samples: measured.samples
      ? (measured.samples.get(group) ?? 0)
      : measured.hasTimes
        ? outcome.events
        : null,
    newestSampleAt,
    partial: partialOf(measured),
  };
  if (outcome.value !== null && newestSampleAt !== null && newestSampleAt < staleBefore)
    return {
      ...base,
      value: null,
      reason: "stale",
      message: `The newest sample is of ${newestSampleAt.toISOString()}`,
    };
  if (outcome.value === null)
    return { ...base, value: null, reason: outcome.reason, message: outcome.message };
  return { ...base, value: outcome.value, reason: null, isAtLeast: outcome.isAtLeast };
}

function countsOf(query: CountQuery, bins: Bins, measured: Measured): CountAnswer {
  const found: CountBin[] = [];
  const invalid = new Set<string>();
  for (let bin = 0; bin < bins.count; bin += 1)
    for (const group of groupsOf(measured)) {
      const outcome = outcomeIn(query, bins, measured, group, bin);
      if (outcome.value === null && outcome.reason === "invalid") invalid.add(outcome.message);
      else if (outcome.events !== null)
        found.push({
          from: binStart(bins, bin),
          to: binStart(bins, bin + 1),
          group,
          bad: outcome.bad ?? 0,
          total: outcome.events,
        });
    }
  return {
    bins: found,
    oldestSampleAt: measured.tallies.main?.oldestSampleAt ?? null,
    newestSampleAt: measured.tallies.main?.newestSampleAt ?? new Map(),
    partial: partialOf(measured),
    invalid: invalid.size > 0 ? [...invalid].join("; ") : null,
  };
}

function spansOf(
  query: CountQuery,
  spansSec: readonly number[],
  found: readonly { main: Tally | null; part: Tally | null }[],
): SpansAnswer {
  const oldest = found.flatMap(({ main }) => main?.oldestSampleAt?.getTime() ?? []);
  const said = new Set(found.flatMap(({ main, part }) => [main?.partial ?? [], part?.partial ?? []].flat()));
  return {
    spans: spansSec.map((windowSec, index): SpanCounts => {
      const { main = null, part = null } = found[index] ?? {};
      const outcome = outcomeOf(query, { main: main?.rows ?? [], part: part?.rows ?? [], windowSec });
      if (outcome.value === null && outcome.reason === "invalid")
        return { counts: null, invalid: outcome.message };
      const { events, bad } = outcome;
      return { counts: events === null ? null : { bad: bad ?? 0, total: events }, invalid: null };
    }),
    oldestSampleAt: oldest.length > 0 ? new Date(Math.min(...oldest)) : null,
    partial: said.size > 0 ? [...said].join("; ") : null,
  };
}

function outcomeIn(
  query: SignalQuery,
  bins: Bins,
  measured: Measured,
  group: string | null,
  bin: number,
): Outcome {
  const rowsOf = (tally: Tally | null) =>
    (tally?.rows ?? []).filter((row) => row.bin === bin && row.group === group);
  return outcomeOf(query, {
    main: rowsOf(measured.tallies.main),
    part: rowsOf(measured.tallies.part),
    windowSec: bins.binSec,
  });
}

function groupsOf(measured: Measured): (string | null)[] {
  const groups = new Set((measured.tallies.main?.rows ?? []).map((row) => row.group));
  return [...groups].sort((a, b) => (a ?? "").localeCompare(b ?? ""));
}

function partialOf({ tallies }: Measured): string | null {
  const said = new Set([tallies.main?.partial, tallies.part?.partial].filter((text) => text != null));
  return said.size > 0 ? [...said].join("; ") : null;
}

export function partSelector(query: Extract<SignalQuery, { kind: "ratio" }>): Selector {
  const part = query.bad ?? query.good;
  if (part) return part;
  throw new ProviderError(
    "rejected",
    "The ratio names neither bad nor good events",
    "Declare one of bad and good in the signal",
  );
}

export function withLabels(selector: Selector, labels: LabelMatchers): Selector {
  // The selector's own come last: a signal may look at another service than its own.
  return { metric: selector.metric, labels: { ...labels, ...selector.labels } };
}

function binsOf(from: Date, to: Date, binSec: number): Bins {
  const spanSec = (to.getTime() - from.getTime()) / 1000;
  return checkedBins(from, binSec, Math.floor(spanSec / binSec + 1e-9));
}

function checkedBins(from: Date, binSec: number, count: number): Bins {
  const isSound = !Number.isNaN(from.getTime()) && Number.isFinite(binSec) && binSec >= 1 && count >= 1;
  if (!isSound)
    throw new ProviderError(
      "rejected",
      "The range of the question is empty or backwards",
      "from must lie before to by a step at least, and a step is a second at least",
    );
  if (count > rangePointsMax)
    throw new ProviderError(
      "rejected",
      `${count} points are more than ${rangePointsMax}`,
      "Ask for a shorter range or a longer step",
    );
  return { from, binSec, count };
}

const binStart = (bins: Bins, bin: number): Date => new Date(bins.from.getTime() + bin * bins.binSec * 1000);
