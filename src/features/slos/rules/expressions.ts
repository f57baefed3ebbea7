/**
 * An SLO's indicator in PromQL: all events and bad events per second, over any window. Pure. Rates are taken per
 * series and then summed, since a sum of counters that restart is no counter; long windows are weighed by events.
 * Source: prometheus.io, "Query functions" and "Recording rules".
 */
import type { Indicator, LabelMatcher, Selector } from "../../../catalog/schema.ts";
import { expressionText, selectorText } from "../../../providers/metrics/promql.ts";
import { numberText, promDuration } from "./names.ts";

/** Matchers put on every selector that does not set the label itself. */
export type ServiceLabels = Readonly<Record<string, LabelMatcher>>;

export interface Rates {
  /** Events per second; nothing while there are no series, 0 without traffic. */
  readonly events: string;
  /** Bad events per second; 0 while no bad event was ever counted, nothing when it cannot be told. */
  readonly errors: string;
}

export function ratesOf(indicator: Indicator, labels: ServiceLabels, windowMs: number): Rates {
  const window = promDuration(windowMs);
  const over = (read: string, { metric, labels: own }: Selector): string =>
    `sum(${read}(${selectorText({ metric, labels: { ...labels, ...own } })}[${window}]))`;
  const rate = (selector: Selector): string => over("rate", selector);
  switch (indicator.kind) {
    case "ratio": {
      const events = rate(indicator.total);
      // A counter with a label for its outcome has no series before the first such outcome.
      const orNone = (selector: Selector) => `(${rate(selector)} or 0 * ${events})`;
      if (indicator.bad) return { events, errors: orNone(indicator.bad) };
      return { events, errors: `clamp_min(${events} - ${orNone(indicator.good as Selector)}, 0)` };
    }
    case "latency": {
      const { metric, labels: own } = indicator.histogram;
      const events = rate({ metric: `${metric}_count`, labels: own });
      // Without such a bucket nothing is known: an `or 0` here would call every event slow.
      const fast = rate({
        metric: `${metric}_bucket`,
        labels: { ...own, le: boundMatcher(indicator.threshold) },
      });
      return { events, errors: `clamp_min(${events} - ${fast}, 0)` };
    }
    case "availability": {
      const [seen, up] = ["count_over_time", "sum_over_time"].map((read) => over(read, indicator.gauge));
      const each = numberText(windowMs / 1_000);
      return { events: `${seen} / ${each}`, errors: `clamp_min(${seen} - ${up}, 0) / ${each}` };
    }
    case "promql": {
      // These count events over the window; without an aggregation of their own their series are added up.
      const counted = (text: string) => `sum(${expressionText(text, labels, windowMs / 1_000)})`;
      const each = numberText(windowMs / 1_000);
      const total = counted(indicator.total);
      const orNone = (text: string) => `(${counted(text)} or 0 * ${total})`;
      return {
        events: `${total} / ${each}`,
        errors: indicator.bad
          ? `${orNone(indicator.bad)} / ${each}`
          : `clamp_min(${total} - ${orNone(indicator.good ?? "")}, 0) / ${each}`,
      };
    }
  }
}

/** A bucket's bound as Prometheus may write it: 3.x says 1.0 where earlier ones said 1; from a million on 1e+06. */
export function boundMatcher(bound: number): LabelMatcher {
  const plain = String(bound);
  const exponent = bound.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  const forms = [
    plain,
    ...(Number.isInteger(bound) ? [`${plain}.0`] : []),
    ...(bound >= 1e6 ? [exponent] : []),
  ];
  return forms.length === 1
    ? plain
    : { matches: forms.map((form) => form.replaceAll(/[.+]/g, "\\$&")).join("|") };
}
