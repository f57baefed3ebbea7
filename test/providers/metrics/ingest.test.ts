import { describe, expect, it } from "vitest";
import { parseExposition } from "../../../src/providers/metrics/exposition.ts";
import { ingest, kindOf, type Page, seriesPerTargetMax } from "../../../src/providers/metrics/ingest.ts";

const at = new Date("2026-11-01T12:00:00Z");
const secondsAgo = (sec: number): Date => new Date(at.getTime() - sec * 1000);
const since = (date: Date): number => date.getTime() / 1000;

const page = (text: string, change: Partial<Page> = {}): Page => ({
  source: "local",
  target: "http://a/metrics",
  exposition: parseExposition(text, "prometheus"),
  at,
  targetLabels: {},
  keep: () => true,
  known: new Map(),
  targetSeenAt: null,
  roundBeforeAt: null,
  ...change,
});
const counter = (value: number, more = "") => `# TYPE x_total counter\nx_total ${value}\n${more}`;
const hash = ingest(page(counter(1))).series[0]?.hash ?? "";
const knownAt = (lastValue: number, sec: number) =>
  new Map([[hash, { id: "1", lastValue, lastAt: secondsAgo(sec) }]]);
const valuesOf = (input: Page) =>
  ingest(input)
    .series.find(({ name }) => name === "x_total")
    ?.points.map(({ value }) => value);

describe("the first sample of a counter", () => {
  it("is a baseline when nobody knows since when it counts", () => {
    expect(valuesOf(page(counter(1_000_000)))).toEqual([]);
    expect(
      valuesOf(
        page(counter(7, `process_start_time_seconds ${since(secondsAgo(90_000))}\n`), {
          roundBeforeAt: secondsAgo(15),
        }),
      ),
    ).toEqual([]);
    expect(valuesOf(page(counter(7), { roundBeforeAt: secondsAgo(15) }))).toEqual([]);
  });

  it("counts whole when its target was read shortly before without it", () => {
    expect(valuesOf(page(counter(3), { targetSeenAt: secondsAgo(15) }))).toEqual([3]);
  });

  it("is a baseline when its target was last read long ago", () => {
    expect(valuesOf(page(counter(3), { targetSeenAt: secondsAgo(301) }))).toEqual([]);
  });

  it("counts whole when its process began after the scraper's last round", () => {
    const text = counter(3, `process_start_time_seconds ${since(secondsAgo(10))}\n`);
    expect(valuesOf(page(text, { roundBeforeAt: secondsAgo(15) }))).toEqual([3]);
    expect(valuesOf(page(text, { roundBeforeAt: secondsAgo(5) }))).toEqual([]);
    expect(valuesOf(page(text))).toEqual([]);
  });
});

describe("a known counter", () => {
  it("adds what it rose by, and its whole value after a fall", () => {
    expect(valuesOf(page(counter(110), { known: knownAt(100, 15) }))).toEqual([10]);
    expect(valuesOf(page(counter(100), { known: knownAt(100, 15) }))).toEqual([0]);
    expect(valuesOf(page(counter(4), { known: knownAt(100, 15) }))).toEqual([4]);
  });

  it("adds its whole value when its process is younger than the last sample, also without a fall", () => {
    const text = counter(110, `process_start_time_seconds ${since(secondsAgo(5))}\n`);
    expect(valuesOf(page(text, { known: knownAt(100, 15) }))).toEqual([110]);
  });

  it("lays what came in over a gap evenly over it, not on now", () => {
    const points = ingest(page(counter(160), { known: knownAt(100, 600) })).series[0]?.points ?? [];
    expect(points).toHaveLength(10);
    expect(points.every(({ value }) => value === 6)).toBe(true);
    expect(points[0]?.at).toEqual(secondsAgo(540));
    expect(points.at(-1)?.at).toEqual(at);
    expect(ingest(page(counter(160), { known: knownAt(100, 300) })).series[0]?.points).toHaveLength(1);
  });

  it("is left alone when the page is not newer than what is known", () => {
    expect(ingest(page(counter(110), { known: knownAt(100, 0) })).series).toEqual([]);
    expect(ingest(page(counter(110), { known: knownAt(100, -5) })).series).toEqual([]);
  });
});

describe("a page", () => {
  it("keeps only the families asked for, and nothing that is not finite", () => {
    const kept = ingest(page("a 1\nb 2\nc NaN\nd +Inf\n", { keep: (name) => name !== "b" }));
    expect(kept.series.map(({ name }) => name)).toEqual(["a"]);
  });

  it("gets its target's labels; its own of the same name are moved aside", () => {
    const [series] = ingest(
      page('a{version="x",empty=""} 1\n', { targetLabels: { version: "v42", instance: "h:1" } }),
    ).series;
    expect(series?.labels).toEqual({ exported_version: "x", version: "v42", instance: "h:1" });
  });

  it("keeps series of two targets apart, and finds the same one again whatever the order of labels", () => {
    const one = ingest(page('a{b="1",c="2"} 1\n')).series[0]?.hash;
    expect(ingest(page('a{c="2",b="1"} 1\n')).series[0]?.hash).toBe(one);
    expect(ingest(page('a{b="1",c="2"} 1\n', { target: "http://b/metrics" })).series[0]?.hash).not.toBe(one);
  });

  it("takes no more series than the limit, and says how many it left out", () => {
    const text = Array.from({ length: seriesPerTargetMax + 2 }, (_, i) => `a{i="${i}"} 1\n`).join("");
    const result = ingest(page(text));
    expect(result.series).toHaveLength(seriesPerTargetMax);
    expect(result.dropped).toBe(2);
  });
});

describe("kindOf", () => {
  const types = new Map([
    ["c_total", "counter"],
    ["om", "counter"],
    ["h", "histogram"],
    ["s", "summary"],
    ["g", "gauge"],
    ["odd_total", "gauge"],
    ["u_total", "untyped"],
  ]);

  it("reads the type declared for the family", () => {
    expect(
      ["c_total", "om_total", "h_bucket", "h_count", "h_sum", "s_count", "s_sum"].map((name) =>
        kindOf(name, types),
      ),
    ).toEqual(Array(7).fill("counter"));
    expect(["g", "s", "odd_total", "unknown"].map((name) => kindOf(name, types))).toEqual(
      Array(4).fill("gauge"),
    );
  });

  it("goes by the name where no type is declared", () => {
    expect(["u_total", "free_total", "free_bucket"].map((name) => kindOf(name, types))).toEqual(
      Array(3).fill("counter"),
    );
    expect(kindOf("free_count", types)).toBe("gauge");
  });
});
