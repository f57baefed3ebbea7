/** A budget in rows and columns, the same for chat, console and terminal. Pure. */
import { formatDuration } from "../../platform/commands/time.ts";
import type { Budget, SloReading } from "./types.ts";
import { burnText, percentText } from "./words.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** How long what is left lasts at the pace of now; a calendar window's budget is whole again before some ends. */
export function lastsText({ exhaustion, renewsAt, remaining }: SloReading, at: Date): string {
  if (remaining !== null && remaining <= 0) return "spent";
  if (!exhaustion) return "unknown";
  switch (exhaustion.when) {
    case "never":
      return "no end";
    case "exhausted":
      return "spent";
    case "in":
      return renewsAt && at.getTime() + exhaustion.ms >= renewsAt.getTime()
        ? "past its end"
        : roundedSpan(exhaustion.ms);
  }
}

/** `25m`, `29h`, `12d`: one unit is as much as such an estimate holds. */
function roundedSpan(ms: number): string {
  const unitMs = ms >= 3 * dayMs ? dayMs : ms >= 3 * hourMs ? hourMs : minuteMs;
  const letter = { [dayMs]: "d", [hourMs]: "h", [minuteMs]: "m" }[unitMs];
  const count = Math.round(ms / unitMs);
  return count < 1 ? "under 1m" : count > 3_660 ? "years" : `${count}${letter}`;
}

export const leftText = ({ remaining }: SloReading): string =>
  remaining === null ? "unknown" : percentText(remaining);

export const windowTextOf = ({ windowText, windowMs }: SloReading): string =>
  windowText ?? formatDuration(windowMs);

/** `5m 0.4x, 1h 0.2x`: the burn of every window its rows name. */
export const burnsText = ({ burns = [] }: SloReading): string =>
  burns
    .map(({ windowMs, burn }) => `${formatDuration(windowMs)} ${burn === null ? "?" : burnText(burn)}`)
    .join(", ");

export const tableHead = ["SLO", "goal", "left", "burn", "lasts"] as const;

export function tableRows({ readings, at }: Budget): string[][] {
  return readings.map((reading) => [
    reading.slo,
    `${reading.objectivePercent} %`,
    leftText(reading),
    reading.burn === undefined ? "unknown" : burnText(reading.burn),
    lastsText(reading, at),
  ]);
}

/** Columns as wide as their widest, for a fixed-width font. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
