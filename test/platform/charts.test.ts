import { createCanvas, loadImage } from "@napi-rs/canvas";
import { describe, expect, it } from "vitest";
import type { ChartSeries, ChartSpec } from "../../src/platform/charts.ts";
import { renderLineChart, seriesMax } from "../../src/platform/charts.ts";

const startMs = Date.UTC(2026, 2, 1, 14);
const at = (minutes: number) => startMs + minutes * 60_000;
const series = (role: ChartSeries["role"], valueAt: (minute: number) => number | null): ChartSeries => ({
  label: role,
  role,
  points: Array.from({ length: 41 }, (_, i) => ({ atMs: at(i), value: valueAt(i) })),
});
const canary = series("canary", () => 8);
const stable = series("stable", () => 2);
const spec = (change: Partial<ChartSpec> = {}): ChartSpec => ({
  title: "shop · errors",
  unit: "%",
  fromMs: at(0),
  toMs: at(40),
  series: [canary, stable],
  ...change,
});

/** What a reader of the PNG sees: its size, and how many pixels of a part of it are near a colour. */
async function look(png: Buffer) {
  const image = await loadImage(png);
  const context = createCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const count = (color: string, box: readonly [number, number, number, number] = [0, 0, 1, 1]): number => {
    const [x, y, w, h] = [
      box[0] * image.width,
      box[1] * image.height,
      box[2] * image.width,
      box[3] * image.height,
    ];
    const { data } = context.getImageData(x, y, w, h);
    const [r, g, b] = [1, 3, 5].map((i) => Number.parseInt(color.slice(i, i + 2), 16));
    let found = 0;
    for (let i = 0; i < data.length; i += 4) {
      const isNear = [r, g, b].every((part, k) => Math.abs((data[i + k] ?? 0) - (part ?? 0)) < 12);
      if (isNear) found += 1;
    }
    return found;
  };
  return { width: image.width, height: image.height, count };
}
const orange = "#ffb454";
const blue = "#7cb7ff";
const ground = "#1c2230";
/** Middle of the plot from side to side: no title, legend or labels. */
const plot = [0.15, 0.35, 0.75, 0.45] as const;

describe("renderLineChart", () => {
  it("draws canary and stable in their own colours on a ground of its own", async () => {
    const png = await renderLineChart(spec());
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    const { width, height, count } = await look(png);
    expect([width, height]).toEqual([1280, 760]);
    expect(count(orange, plot)).toBeGreaterThan(1000);
    expect(count(blue, plot)).toBeGreaterThan(500);
    for (const corner of [
      [0, 0],
      [0.99, 0],
      [0, 0.98],
      [0.99, 0.98],
    ] as const) {
      expect(count(ground, [...corner, 0.005, 0.01])).toBeGreaterThan(30);
    }
  });

  it("takes a chart that was kept as JSON", async () => {
    const kept: ChartSpec = JSON.parse(
      JSON.stringify(spec({ markers: [{ atMs: at(5), label: "1 %", kind: "step" }] })),
    );
    expect((await look(await renderLineChart(kept))).count(orange, plot)).toBeGreaterThan(1000);
  });

  it("leaves a gap where there is no data, also where points are just missing", async () => {
    const hasGap = (minute: number) => minute > 10 && minute < 30;
    const nulls = series("canary", (minute) => (hasGap(minute) ? null : 8));
    const absent = { ...canary, points: canary.points.filter((_, i) => !hasGap(i)) };
    const middle = [0.45, 0.35, 0.15, 0.45] as const;
    expect(
      (await look(await renderLineChart(spec({ series: [canary] })))).count(orange, middle),
    ).toBeGreaterThan(100);
    for (const broken of [nulls, absent]) {
      const { count } = await look(await renderLineChart(spec({ series: [broken] })));
      expect(count(orange, middle)).toBe(0);
      expect(count("#272f40", middle)).toBeGreaterThan(1000);
    }
  });

  it("shows a lone point that has no line to be seen by", async () => {
    const lone = series("canary", (minute) => (minute === 20 ? 8 : null));
    const { count } = await look(await renderLineChart(spec({ series: [lone] })));
    expect(count(orange, plot)).toBeGreaterThan(20);
  });

  it("draws markers and the limit over the plot", async () => {
    const before = await look(await renderLineChart(spec()));
    const { count } = await look(
      await renderLineChart(
        spec({
          markers: [{ atMs: at(20), label: "payments v9", kind: "deploy" }],
          limit: { value: 5, label: "ceiling" },
        }),
      ),
    );
    expect(before.count("#c8a3ff") + before.count("#ff7b7b")).toBe(0);
    expect(count("#c8a3ff", plot)).toBeGreaterThan(500);
    expect(count("#ff7b7b", plot)).toBeGreaterThan(200);
  });

  it("says that there is no data yet instead of drawing an empty frame", async () => {
    const text = "#e9edf5";
    const middle = [0.3, 0.4, 0.4, 0.25] as const;
    const none = { ...canary, points: [] };
    for (const empty of [[], [none], [series("canary", () => null)], [series("canary", () => Number.NaN)]]) {
      const { count } = await look(await renderLineChart(spec({ series: empty })));
      expect(count(text, middle)).toBeGreaterThan(200);
    }
    expect((await look(await renderLineChart(spec()))).count(text, middle)).toBe(0);
  });

  it("draws an all-zero line, a huge value, a long title and text that is no Latin", async () => {
    for (const odd of [
      spec({ series: [series("stable", () => 0)] }),
      spec({ series: [series("stable", () => 1e15)], unit: "" }),
      spec({ title: "Ошибки · σφάλματα ".repeat(20), zone: "Asia/Kathmandu" }),
    ]) {
      expect((await look(await renderLineChart(odd))).count(blue)).toBeGreaterThan(100);
    }
  });

  it("refuses more lines than can be told apart and a span that is none", async () => {
    const many = Array.from({ length: seriesMax + 1 }, () => stable);
    await expect(renderLineChart(spec({ series: many }))).rejects.toThrow(/5 series, at most 4/);
    await expect(renderLineChart(spec({ toMs: at(0) }))).rejects.toThrow(/fromMs must be before toMs/);
    await expect(renderLineChart(spec({ toMs: Number.NaN }))).rejects.toThrow(RangeError);
  });
});
