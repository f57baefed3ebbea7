import { createHash } from "node:crypto";
import type { ChartSpec } from "../charts.ts";
import type { Rerun } from "../rings/runner.ts";
import type { Block } from "./blocks.ts";
import type { Parts, Row } from "./projector.ts";
import type { Wanted } from "./say.ts";

/** The message wants a chart other than the one it shows. */
export const wantsChart = (row: Row): boolean => {
  const { chart } = row.wanted as Wanted;
  return row.kind === "post" && chart !== undefined && row.chart_digest !== digestOf(chart);
};

/** A chart is not drawn anew more often than this for one message. */
const chartEveryMs = 4_000;

/** The blocks with the drawn chart before the buttons. */
export function withChart(
  blocks: readonly Block[],
  file: string | null,
  chart: ChartSpec | undefined,
): Block[] {
  if (!file || !chart) return [...blocks];
  const image: Block = { type: "image", slack_file: { id: file }, alt_text: chart.title };
  const at = blocks.findIndex((block) => block.type === "actions");
  return at < 0 ? [...blocks, image] : [...blocks.slice(0, at), image, ...blocks.slice(at)];
}

const digestOf = (chart: ChartSpec): string =>
  createHash("sha256").update(JSON.stringify(chart)).digest("hex");

/** Draws and uploads after the card is up; trouble is logged and the card stays as it is. */
export async function showChart(parts: Parts, row: Row, chart: ChartSpec): Promise<Rerun> {
  const now = parts.clock.now();
  const drawAgainAt = new Date((row.chart_at?.getTime() ?? 0) + chartEveryMs);
  if (drawAgainAt > now) return { again: drawAgainAt };
  const drawn = await drawAndUpload(parts, chart).catch((error: unknown) => {
    parts.log.warn(
      { err: error, key: row.key },
      "a chart could not be drawn or uploaded; the card stands without it",
    );
    return undefined;
  });
  await parts.db
    .updateTable("messages")
    .set((eb) => ({
      chart_digest: digestOf(chart),
      chart_at: now,
      ...(drawn ? { chart_file: drawn, wanted_version: eb("wanted_version", "+", 1) } : {}),
    }))
    .where("key", "=", row.key)
    .execute();
  return drawn ? { again: parts.clock.now() } : undefined;
}

async function drawAndUpload(parts: Parts, chart: ChartSpec): Promise<string> {
  const png = await parts.renderChart(chart);
  const slot = await parts.slack.call<{ upload_url: string; file_id: string }>("files.getUploadURLExternal", {
    filename: "chart.png",
    length: png.length,
    alt_txt: chart.title,
  });
  await parts.slack.upload(slot.upload_url, png, "chart.png");
  await parts.slack.call("files.completeUploadExternal", {
    files: [{ id: slot.file_id, title: chart.title }],
  });
  return slot.file_id;
}
