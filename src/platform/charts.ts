/**
 * Line charts as PNG for cards, readable at the width of a phone and on light and dark alike.
 *
 * The drawing libraries load with the first chart, so what draws nothing never pays for them. Two things they force
 * on the whole process: chart.js keeps one registry of chart parts, and the canvas one list of fonts. Both are
 * filled on use, under names of our own, and filling them again changes nothing.
 */
import { createRequire } from "node:module";
import type { Chart as ChartClass } from "chart.js";
import { axisTimes, findGaps, tickText } from "./charts/layout.ts";
import { annotations, backdrop, labelBand } from "./charts/marks.ts";
import type { ChartSeries, ChartSpec } from "./charts/spec.ts";
import { cut, font, ink, looks, withUnit } from "./charts/style.ts";

export type { ChartMarker, ChartPoint, ChartSeries, ChartSpec } from "./charts/spec.ts";

/** More lines than this cannot be told apart on a phone. */
export const seriesMax = 4;

const size = { width: 640, height: 380, pixelRatio: 2 } as const;
/** About what the axis and the padding take of the width on each side. */
const plotMargin = 50;

/**
 * Draws the chart. Without any data the picture says so. Takes 50 to 200 ms of processor time.
 *
 * @returns a PNG, 1280 × 760 pixels, drawn for a width of 640
 * @throws RangeError when `fromMs` is not before `toMs` or there are more than `seriesMax` series
 */
export async function renderLineChart(spec: ChartSpec): Promise<Buffer> {
  if (!(spec.fromMs < spec.toMs)) throw new RangeError("chart: fromMs must be before toMs");
  if (spec.series.length > seriesMax) {
    throw new RangeError(`chart: ${spec.series.length} series, at most ${seriesMax} can be told apart`);
  }
  const { Chart, createCanvas } = await loadLibraries();
  const canvas = createCanvas(size.width, size.height);
  // The library asks for a browser's canvas and uses only what this one has too.
  const target = canvas as unknown as ConstructorParameters<typeof ChartClass>[0];
  const chart = new Chart(target, configuration(spec));
  try {
    return await canvas.encode("png");
  } finally {
    chart.destroy();
  }
}

async function loadLibraries() {
  const [chartjs, { createCanvas, GlobalFonts }] = await Promise.all([
    import("chart.js"),
    import("@napi-rs/canvas"),
  ]);
  const { Chart, Legend, LinearScale, LineController, LineElement, PointElement, Title } = chartjs;
  Chart.register(LineController, LineElement, PointElement, LinearScale, Legend, Title);
  if (!GlobalFonts.has(font)) {
    const resolve = createRequire(import.meta.url).resolve;
    for (const file of ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"]) {
      GlobalFonts.registerFromPath(resolve(`dejavu-fonts-ttf/ttf/${file}`), font);
    }
  }
  return { Chart, createCanvas };
}

type Line = { x: number; y: number | null };
type Configuration = ConstructorParameters<typeof ChartClass<"line", Line[]>>[1];

function configuration(spec: ChartSpec): Configuration {
  const { fromMs, toMs } = spec;
  const { gaps, lines } = findGaps(spec);
  const hasData = lines.some((line) => line.some(({ y }) => y !== null));
  const ticks = axisTimes(fromMs, toMs);
  const small = { family: font, size: 17 };
  let others = 0;
  return {
    type: "line",
    data: {
      datasets: spec.series.map((series, i) => {
        const look =
          looks[series.role][series.role === "other" ? others++ % looks.other.length : 0] ?? looks.other[0];
        const data = lines[i] ?? [];
        return {
          label: legendText(series, data, spec.unit),
          data,
          borderColor: look.color,
          backgroundColor: look.color,
          borderWidth: look.width,
          borderDash: [...look.dash],
          // A point between two gaps has no line to be seen by.
          pointRadius: ({ dataIndex: at }: { dataIndex: number }) =>
            (data[at - 1]?.y ?? null) === null && (data[at + 1]?.y ?? null) === null ? 3 : 0,
          spanGaps: false,
          tension: 0,
        };
      }),
    },
    options: {
      responsive: false,
      animation: false,
      events: [],
      devicePixelRatio: size.pixelRatio,
      normalized: true,
      parsing: false,
      layout: { padding: { left: 12, right: 30, top: 8, bottom: 8 } },
      scales: {
        x: {
          type: "linear",
          min: fromMs,
          max: toMs,
          border: { color: ink.grid },
          grid: { display: false },
          afterBuildTicks: (axis) => {
            axis.ticks = ticks.map((value) => ({ value }));
          },
          ticks: {
            color: ink.faint,
            font: small,
            maxRotation: 0,
            autoSkip: false,
            callback: (value) => tickText(Number(value), toMs - fromMs, spec.zone ?? "UTC"),
          },
          title: {
            display: true,
            text: spec.zone ?? "UTC",
            align: "end",
            color: ink.faint,
            font: { family: font, size: 14 },
          },
        },
        // Nothing but room for the markers' labels, above the lines and not over them.
        markers: {
          type: "linear",
          axis: "x",
          position: "top",
          border: { display: false },
          grid: { display: false },
          ticks: { display: false },
          afterFit: (axis) => {
            axis.height = labelBand(spec, size.width - 2 * plotMargin);
          },
        },
        y: {
          type: "linear",
          beginAtZero: true,
          // A flat line at 0 still wants an axis.
          suggestedMax: Math.max(spec.limit?.value ?? 0, hasData ? 0 : 1) || undefined,
          ...(spec.valueMax === undefined ? { grace: "18%" } : { max: spec.valueMax }),
          border: { display: false },
          grid: { color: ink.grid },
          ticks: {
            display: hasData,
            color: ink.faint,
            font: small,
            maxTicksLimit: 5,
            callback: (value) => withUnit(Number(value), spec.unit),
          },
        },
      },
      plugins: {
        title: {
          display: true,
          text: cut(spec.title, 48),
          align: "start",
          color: ink.text,
          font: { family: font, size: 21, weight: "bold" },
          padding: { top: 4, bottom: 6 },
        },
        legend: {
          display: spec.series.length > 0,
          align: "start",
          labels: {
            color: ink.text,
            font: { family: font, size: 18 },
            boxWidth: 34,
            boxHeight: 0,
            padding: 12,
          },
        },
      },
    },
    plugins: [backdrop(gaps, hasData), annotations(spec)],
  };
}

/** The newest value stands beside the name: on a phone that is what is read first. */
function legendText({ label }: ChartSeries, data: readonly Line[], unit: string): string {
  const last = data.findLast(({ y }) => y !== null)?.y;
  return `${cut(label, 18)}  ${last === undefined || last === null ? "no data" : withUnit(Number(last.toPrecision(Math.abs(last) < 10 ? 2 : 3)), unit)}`;
}
