import { describe, expect, it } from "vitest";
import { matcherOf } from "../../../src/providers/metrics/matching.ts";
import {
  durationText,
  expressionText,
  increaseText,
  selectorText,
} from "../../../src/providers/metrics/promql.ts";

describe("PromQL text", () => {
  it("spells every kind of matcher, quoting what is inside", () => {
    const labels = { a: 'x"y\\', b: { not: "z" }, c: { matches: "5.." }, d: { notMatches: "2..|3.." } };
    expect(selectorText({ metric: "m", labels })).toBe('m{a="x\\"y\\\\",b!="z",c=~"5..",d!~"2..|3.."}');
    expect(selectorText({ metric: "m", labels: {} })).toBe("m");
  });

  it("takes the increase before the sum, grouped or not", () => {
    expect(increaseText({ metric: "m", labels: {} }, 300, [])).toBe("sum(increase(m[300s]))");
    expect(increaseText({ metric: "m", labels: {} }, 300, ["version", "le"])).toBe(
      "sum by (version, le) (increase(m[300s]))",
    );
  });

  it("puts window and labels into an expression of the catalog, taking nothing in them as a pattern", () => {
    const text = "sum(rate(m{$labels}[$window])) / sum(rate(n{$labels}[$window]))";
    expect(expressionText(text, { service: "$&" }, 60)).toBe(
      'sum(rate(m{service="$&"}[60s])) / sum(rate(n{service="$&"}[60s]))',
    );
  });

  it("writes fractions of a second as milliseconds", () => {
    expect(durationText(90)).toBe("90s");
    expect(durationText(0.25)).toBe("250ms");
  });
});

describe("matcherOf", () => {
  it("reads matchers as Prometheus does: anchored, a missing label is empty", () => {
    expect(matcherOf({ code: { matches: "5.." } })({ code: "500" })).toBe(true);
    expect(matcherOf({ code: { matches: "5" } })({ code: "500" })).toBe(false);
    expect(matcherOf({ code: { matches: "4..|5.." } })({ code: "5000" })).toBe(false);
    expect(matcherOf({ code: { notMatches: "5.." } })({})).toBe(true);
    expect(matcherOf({ code: "" })({})).toBe(true);
    expect(matcherOf({ code: { not: "" } })({})).toBe(false);
    expect(matcherOf({ a: "1", b: "2" })({ a: "1", b: "3" })).toBe(false);
  });
});
