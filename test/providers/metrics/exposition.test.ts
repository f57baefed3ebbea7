import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ExpositionError,
  formatOf,
  parseExposition,
  parseMetricNumber,
} from "../../../src/providers/metrics/exposition.ts";

const thrown = (
  text: string,
  format: "prometheus" | "openmetrics" = "prometheus",
  max?: number,
): ExpositionError => {
  try {
    parseExposition(text, format, max);
  } catch (error) {
    if (error instanceof ExpositionError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("Prometheus text 0.0.4", () => {
  it("reads names, labels, values, times and types", () => {
    const text = [
      "# HELP http_requests_total Requests.",
      "# TYPE http_requests_total counter",
      'http_requests_total{method="post",code="200"} 1027 1395066363000',
      'http_requests_total{method="post",code="400",}    3',
      "",
      "# a comment",
      "no_labels 12.47",
      "empty_braces{} 1e3",
      'spaced { a = "b" } -Inf',
      'bucket{le="+Inf"} NaN',
      "",
    ].join("\n");
    const { samples, types } = parseExposition(text, "prometheus");
    expect(samples).toEqual([
      {
        name: "http_requests_total",
        labels: { method: "post", code: "200" },
        value: 1027,
        timestampMs: 1395066363000,
      },
      { name: "http_requests_total", labels: { method: "post", code: "400" }, value: 3 },
      { name: "no_labels", labels: {}, value: 12.47 },
      { name: "empty_braces", labels: {}, value: 1000 },
      { name: "spaced", labels: { a: "b" }, value: Number.NEGATIVE_INFINITY },
      { name: "bucket", labels: { le: "+Inf" }, value: Number.NaN },
    ]);
    expect(types.get("http_requests_total")).toBe("counter");
  });

  it("undoes the escapes and keeps braces, commas and hashes inside quotes", () => {
    const { samples } = parseExposition('m{path="C:\\\\d\\n\\"x\\"",q="a},b # c=1"} 1\n', "prometheus");
    expect(samples[0]?.labels).toEqual({ path: 'C:\\d\n"x"', q: "a},b # c=1" });
  });

  it("gives back any label value that was escaped by the rules", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) => {
        const clean = value.replaceAll("\r", "");
        const escaped = clean.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
        const { samples } = parseExposition(`m{l="${escaped}"} 1\n`, "prometheus");
        expect(samples[0]?.labels.l).toBe(clean);
      }),
    );
  });

  it("refuses a text cut off in its last line, where 12 may be half of 1234", () => {
    const error = thrown("a 1\nb 12");
    expect(error).toMatchObject({ code: "truncated", line: 2 });
    expect(error.hint).toContain("scrape timeout");
  });

  it("names the line it cannot read", () => {
    for (const bad of [
      "<html>",
      "m{a=b} 1",
      'm{a="1" b="2"} 1',
      'm{a="1',
      "m one",
      "m",
      "m 1 2 3",
      'm{a="1",a="2"} 1',
      "m 0x10",
    ]) {
      expect(thrown(`ok 1\n${bad}\n`)).toMatchObject({ code: "malformed", line: 2 });
    }
  });

  it("stops at the limit of samples", () => {
    expect(parseExposition("a 1\nb 2\n", "prometheus", 2).samples).toHaveLength(2);
    expect(thrown("a 1\nb 2\nc 3\n", "prometheus", 2).code).toBe("too-many-samples");
  });

  it("reads an empty text as no samples", () => {
    expect(parseExposition("", "prometheus").samples).toEqual([]);
  });

  it("does not let a label named like an object's own parts do harm", () => {
    const { samples } = parseExposition('m{__proto__="x",constructor="y"} 1\n', "prometheus");
    expect(samples[0]?.labels.constructor).toBe("y");
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe("OpenMetrics", () => {
  const text = [
    "# TYPE http_requests counter",
    "# UNIT http_requests requests",
    'http_requests_total{code="200"} 1027 1395066363.5 # {trace_id="abc"} 0.67 1395066363.1',
    'http_requests_created{code="200"} 1395060000.25',
    "# EOF",
    "",
  ];

  it("reads times as seconds and passes over exemplars", () => {
    const { samples, types } = parseExposition(text.join("\n"), "openmetrics");
    expect(samples).toEqual([
      { name: "http_requests_total", labels: { code: "200" }, value: 1027, timestampMs: 1395066363500 },
      { name: "http_requests_created", labels: { code: "200" }, value: 1395060000.25 },
    ]);
    expect(types.get("http_requests")).toBe("counter");
  });

  it("refuses a text without # EOF as truncated and one that goes on after it", () => {
    expect(thrown(`${text.slice(0, 3).join("\n")}\n`, "openmetrics").code).toBe("truncated");
    expect(thrown("# EOF\na 1\n", "openmetrics").code).toBe("malformed");
    expect(parseExposition("a 1\n# EOF", "openmetrics").samples).toHaveLength(1);
  });

  it("is told from Prometheus text by the content type", () => {
    expect(formatOf("application/openmetrics-text; version=1.0.0; charset=utf-8")).toBe("openmetrics");
    expect(formatOf("text/plain; version=0.0.4")).toBe("prometheus");
    expect(formatOf(undefined)).toBe("prometheus");
  });
});

describe("parseMetricNumber", () => {
  it("reads the words Go writes for what is no finite number, and nothing else", () => {
    expect(parseMetricNumber("+Inf")).toBe(Number.POSITIVE_INFINITY);
    expect(parseMetricNumber("-Inf")).toBe(Number.NEGATIVE_INFINITY);
    expect(parseMetricNumber("NaN")).toBeNaN();
    expect(parseMetricNumber("-1.5e-3")).toBe(-0.0015);
    for (const text of ["", " ", "0x10", "1_000", "one", "1 2"])
      expect(parseMetricNumber(text)).toBeUndefined();
  });
});
