/**
 * Counts over many spans that end together, in few questions to Prometheus: one for the samples of the short spans,
 * one for the rest.
 */
import type { CountQuery, LabelMatchers, Selector } from "./contract.ts";
import type { PromAnswer, PromSeries } from "./prometheus-api.ts";
import { expressionText, gaugeSumText, increaseText, oldestText } from "./promql.ts";
import { partSelector, withLabels } from "./provider.ts";
import type { BinRow, Tally } from "./source.ts";

/** The label that tells the parts of a united question apart. */
export const keyLabel = "quarterdeck_part";

/** What is counted, as selectors where it can be read from samples. */
export function selectorsOf(query: CountQuery, labels: LabelMatchers): Selector[] {
  switch (query.kind) {
    case "ratio":
      return [withLabels(query.total, labels), withLabels(partSelector(query), labels)];
    case "slower-than":
      return [
        withLabels({ metric: `${query.histogram.metric}_bucket`, labels: query.histogram.labels }, labels),
      ];
    case "availability":
      return [withLabels(query.gauge, labels)];
    case "expression":
      return [];
  }
}

/** One expression of every span's main and part, each with a label that says which it is; `oldest` for the first. */
export function unitedText(
  query: CountQuery,
  labels: LabelMatchers,
  spansSec: readonly number[],
  withOldest: boolean,
  prefix = "",
): string {
  const selectors = selectorsOf(query, labels);
  const [first] = selectors;
  const partsOf = (sec: number): string[] => {
    switch (query.kind) {
      case "ratio":
        return selectors.map((selector) => increaseText(selector, sec, []));
      case "slower-than":
        return selectors.map((selector) => increaseText(selector, sec, ["le"]));
      case "availability":
        return (["count", "sum"] as const).flatMap((what) =>
          first ? [gaugeSumText(what, first, sec, [])] : [],
        );
      case "expression":
        return [query.promql.total, query.promql.bad].map(
          (text) => `sum(${expressionText(text, labels, sec)})`,
        );
    }
  };
  const parts = spansSec.flatMap((sec, span) =>
    partsOf(sec).map((text, part) => keyed(text, `${prefix}${span} ${part}`)),
  );
  if (first && withOldest) parts.push(keyed(oldestText(first, Math.max(...spansSec)), `${prefix}oldest`));
  return parts.join(" or ");
}

const keyed = (expression: string, key: string): string =>
  `label_replace(${expression}, "${keyLabel}", "${key}", "", "")`;

/** The answer to {@link unitedText}, taken apart. */
export function partedTallies(
  answer: PromAnswer,
  spansCount: number,
  partial: string | null,
): { main: Tally; part: Tally | null }[] {
  const rows = (series: readonly PromSeries[]): BinRow[] =>
    series.map(({ labels, points }) => ({
      bin: 0,
      group: null,
      le: labels.le ?? null,
      // A series of which nothing is left was NaN: that is not the same as no series.
      value: points[0]?.value ?? Number.NaN,
    }));
  const of = (key: string) => answer.series.filter(({ labels }) => labels[keyLabel] === key);
  const oldestSec = of("oldest")[0]?.points[0]?.value;
  const tally = (key: string): Tally => ({
    rows: rows(of(key)),
    newestSampleAt: new Map(),
    oldestSampleAt: oldestSec === undefined ? null : new Date(oldestSec * 1000),
    partial,
  });
  return Array.from({ length: spansCount }, (_, span) => ({
    main: tally(`${span} 0`),
    part: tally(`${span} 1`),
  }));
}
