import type { GaugeAggregate, LabelMatcher, LabelMatchers, Selector } from "./contract.ts";

/** Pure: our questions in PromQL. Source: prometheus.io, "Querying basics". */

const quoted = (text: string): string => JSON.stringify(text);

function matcherText(name: string, matcher: LabelMatcher): string {
  if (typeof matcher === "string") return `${name}=${quoted(matcher)}`;
  if ("not" in matcher) return `${name}!=${quoted(matcher.not)}`;
  if ("matches" in matcher) return `${name}=~${quoted(matcher.matches)}`;
  return `${name}!~${quoted(matcher.notMatches)}`;
}

/** `service="shop",version=~"v4.*"`. */
export const matchersText = (labels: LabelMatchers): string =>
  Object.entries(labels)
    .map(([name, matcher]) => matcherText(name, matcher))
    .join(",");

export const selectorText = ({ metric, labels }: Selector): string => {
  const matchers = matchersText(labels);
  return matchers === "" ? metric : `${metric}{${matchers}}`;
};

/** Seconds as a duration; Prometheus takes milliseconds, no fractions. */
export const durationText = (sec: number): string =>
  Number.isInteger(sec) ? `${sec}s` : `${Math.round(sec * 1000)}ms`;

/** `5m`, `1h`, `3d`: a span in its largest whole unit, as names of recording rules have it. */
export const rangeText = (sec: number): string => {
  for (const [unit, unitSec] of [
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60],
  ] as const)
    if (sec % unitSec === 0) return `${sec / unitSec}${unit}`;
  return durationText(sec);
};

const grouped = (aggregate: string, by: readonly string[], expression: string): string =>
  by.length === 0 ? `${aggregate}(${expression})` : `${aggregate} by (${by.join(", ")}) (${expression})`;

/** What counters rose by. Rise before sum: a sum of counters that reset is no counter. */
export const increaseText = (selector: Selector, windowSec: number, by: readonly string[]): string =>
  grouped("sum", by, `increase(${selectorText(selector)}[${durationText(windowSec)}])`);

const overTime: Record<GaugeAggregate, string> = {
  avg: "avg_over_time",
  sum: "avg_over_time",
  min: "min_over_time",
  max: "max_over_time",
};

export const gaugeText = (
  selector: Selector,
  aggregate: GaugeAggregate,
  windowSec: number,
  by: readonly string[],
): string =>
  grouped(aggregate, by, `${overTime[aggregate]}(${selectorText(selector)}[${durationText(windowSec)}])`);

/** How many samples there were (`count`), or what they add up to (`sum`). */
export const gaugeSumText = (
  what: "count" | "sum",
  selector: Selector,
  windowSec: number,
  by: readonly string[],
): string => grouped("sum", by, `${what}_over_time(${selectorText(selector)}[${durationText(windowSec)}])`);

/**
 * Seconds since the epoch of the newest sample: exact while it is fresh, else to a hundredth of the window.
 * `timestamp()` gives a sample's own time for a plain selector only.
 */
export const newestText = (selector: Selector, windowSec: number, by: readonly string[]): string =>
  `${grouped("max", by, `timestamp(${selectorText(selector)})`)} or ${grouped("max", by, `max_over_time(${timesText(selector, windowSec)})`)}`;

/** Seconds since the epoch of the oldest sample, to a hundredth of the window. */
export const oldestText = (selector: Selector, windowSec: number): string =>
  `min(min_over_time(${timesText(selector, windowSec)}))`;

const timesText = (selector: Selector, windowSec: number): string =>
  `timestamp(${selectorText(selector)})[${durationText(windowSec)}:${durationText(Math.max(1, Math.floor(windowSec / 100)))}]`;

export const expressionText = (text: string, labels: LabelMatchers, windowSec: number): string =>
  text
    .replaceAll("$window", durationText(windowSec))
    .replaceAll("$range", rangeText(windowSec))
    .replaceAll("$labels", () => matchersText(labels));
