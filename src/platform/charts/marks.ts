/** What is drawn around the lines: ground and gaps under them, markers and the limit over them. */
import type { Chart, Plugin } from "chart.js";
import { placeLabels } from "./layout.ts";
import type { ChartSpec } from "./spec.ts";
import { cut, font, ink, markerColors, withUnit } from "./style.ts";

/** Ground, gaps and the words where there is nothing to see: everything under the lines. */
export function backdrop(
  gaps: readonly { fromMs: number; toMs: number }[],
  hasData: boolean,
): Plugin<"line"> {
  return {
    id: "quarterdeck-backdrop",
    beforeDraw({ ctx, chartArea: { left, right, top, bottom }, scales, width, height }) {
      ctx.save();
      ctx.fillStyle = ink.ground;
      ctx.fillRect(0, 0, width, height);
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      if (!hasData) {
        ctx.fillStyle = ink.text;
        ctx.font = `24px "${font}"`;
        ctx.fillText("no data yet", (left + right) / 2, (top + bottom) / 2);
      }
      ctx.font = `16px "${font}"`;
      for (const { fromMs, toMs } of hasData ? gaps : []) {
        const x = scales.x?.getPixelForValue(fromMs) ?? left;
        const gapWidth = (scales.x?.getPixelForValue(toMs) ?? left) - x;
        ctx.fillStyle = ink.gap;
        ctx.fillRect(x, top, gapWidth, bottom - top);
        ctx.fillStyle = ink.faint;
        if (gapWidth > ctx.measureText("no data").width + 10)
          ctx.fillText("no data", x + gapWidth / 2, bottom - 16);
      }
      ctx.restore();
    },
  };
}

const rowHeight = 23;
const rowsMax = 3;
const labelCharsMax = 16;

/** Height to keep free above the lines for the labels; their widths are not measured yet, so they are estimated. */
export function labelBand({ markers = [], fromMs, toMs }: ChartSpec, width: number): number {
  const wanted = markers.map(({ atMs, label }) => ({
    x: ((atMs - fromMs) / (toMs - fromMs)) * width,
    width: [...cut(label, labelCharsMax)].length * 11 + 10,
  }));
  const rows = placeLabels(wanted, 0, width, rowsMax).map((place) => (place ? place.row + 1 : rowsMax));
  return 8 + Math.max(0, ...rows) * rowHeight;
}

/** Markers and the limit: their lines over everything, their words last. */
export function annotations({ markers = [], limit, fromMs, toMs, unit }: ChartSpec): Plugin<"line"> {
  return {
    id: "quarterdeck-annotations",
    afterDatasetsDraw({ ctx, chartArea: { left, right, top, bottom }, scales }) {
      ctx.save();
      ctx.textAlign = "left";
      ctx.textBaseline = "middle";
      ctx.font = `16px "${font}"`;
      const bandTop = scales.markers?.top ?? top;
      const shown = markers.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
      const wanted = shown.map(({ atMs, label }) => ({
        x: scales.x?.getPixelForValue(atMs) ?? left,
        width: ctx.measureText(cut(label, labelCharsMax)).width + 10,
      }));
      const rows = Math.max(1, Math.floor((top - bandTop) / rowHeight));
      const placed = placeLabels(wanted, left, right + 24, rows);
      for (const [i, { kind }] of shown.entries()) {
        const x = wanted[i]?.x ?? left;
        const lineTop = bandTop + (placed[i]?.row ?? rows) * rowHeight;
        ctx.strokeStyle = markerColors[kind];
        ctx.lineWidth = kind === "deploy" ? 2 : 1.5;
        stroke(ctx, [x, lineTop], [x, bottom], kind === "step" ? [3, 4] : []);
      }
      const y = limit && scales.y?.getPixelForValue(limit.value);
      if (limit && y !== undefined && y >= top && y <= bottom) {
        ctx.strokeStyle = ink.limit;
        ctx.lineWidth = 1.5;
        stroke(ctx, [left, y], [right, y], [4, 4]);
        words(ctx, cut(`${limit.label} ${withUnit(limit.value, unit)}`, 30), left + 4, y - 13, ink.limit);
      }
      for (const [i, { kind, label }] of shown.entries()) {
        const place = placed[i];
        const middle = bandTop + (place?.row ?? 0) * rowHeight + 11;
        if (place) words(ctx, cut(label, labelCharsMax), place.left + 5, middle, markerColors[kind]);
      }
      ctx.restore();
    },
  };
}

type Context = Chart["ctx"];

/** Words on a piece of ground of their own, so that no line runs through them. */
function words(ctx: Context, text: string, left: number, middle: number, color: string): void {
  ctx.fillStyle = ink.ground;
  ctx.fillRect(left - 3, middle - 10, ctx.measureText(text).width + 6, 20);
  ctx.fillStyle = color;
  ctx.fillText(text, left, middle);
}

function stroke(
  ctx: Context,
  from: readonly [number, number],
  to: readonly [number, number],
  dash: number[],
): void {
  ctx.beginPath();
  ctx.setLineDash(dash);
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}
