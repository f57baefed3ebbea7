/** Where things go on a chart: pure arithmetic, apart from the drawing. */

interface Point {
  readonly atMs: number;
  readonly value: number | null;
}

export interface Spans {
  /** Stretches in which no series has data. */
  readonly gaps: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** The points of each series with a null wherever the line must break. */
  readonly lines: readonly { x: number; y: number | null }[][];
}

/**
 * Breaks lines where a value is null or no number, or where points are further apart than `gapAfterMs`, and finds
 * the stretches that no line covers.
 */
export function findGaps(spec: {
  readonly fromMs: number;
  readonly toMs: number;
  readonly series: readonly { readonly points: readonly Point[] }[];
  readonly gapAfterMs?: number;
}): Spans {
  const { fromMs, toMs } = spec;
  const gapAfterMs = spec.gapAfterMs ?? 3 * usualDistance(spec.series);
  const covered: { fromMs: number; toMs: number }[] = [];
  const lines = spec.series.map(({ points }) => {
    const line: { x: number; y: number | null }[] = [];
    let before: number | null = null;
    for (const { atMs: x, value } of points) {
      if (x < fromMs || x > toMs) continue;
      const y = value !== null && Number.isFinite(value) ? value : null;
      if (y !== null && before !== null && x - before > gapAfterMs) {
        line.push({ x: before + 1, y: null });
        before = null;
      }
      line.push({ x, y });
      if (y !== null) covered.push({ fromMs: before ?? x, toMs: x });
      before = y === null ? null : x;
    }
    return line;
  });
  covered.sort((a, b) => a.fromMs - b.fromMs);
  const gaps: { fromMs: number; toMs: number }[] = [];
  let reachedMs = fromMs;
  for (const span of [...covered, { fromMs: toMs, toMs }]) {
    if (span.fromMs - reachedMs > gapAfterMs) gaps.push({ fromMs: reachedMs, toMs: span.fromMs });
    reachedMs = Math.max(reachedMs, span.toMs);
  }
  return { gaps, lines };
}

/** Median distance of neighbouring points over all series; Infinity where there are none. */
function usualDistance(series: readonly { readonly points: readonly Point[] }[]): number {
  const distances = series
    .flatMap(({ points }) => points.slice(1).map(({ atMs }, i) => atMs - (points[i]?.atMs ?? 0)))
    .filter((ms) => ms > 0)
    .sort((a, b) => a - b);
  return distances[Math.floor(distances.length / 2)] ?? Number.POSITIVE_INFINITY;
}

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;
/** Distances of time ticks, in milliseconds: those a clock face has. */
const tickSteps: readonly number[] = [
  ...[5_000, 10_000, 15_000, 30_000],
  ...[1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => minutes * minuteMs),
  ...[1, 2, 7, 14].map((days) => days * dayMs),
];

/** At most six round times for an axis; on a phone more run into each other. */
export function axisTimes(fromMs: number, toMs: number): number[] {
  const ticksMax = 6;
  const step =
    tickSteps.find((ms) => (toMs - fromMs) / ms <= ticksMax - 1) ??
    Math.ceil((toMs - fromMs) / 5 / dayMs) * dayMs;
  const first = Math.ceil(fromMs / step) * step;
  return Array.from({ length: Math.floor((toMs - first) / step) + 1 }, (_, i) => first + i * step);
}

/** `14:05`, with seconds on a span of minutes, with the day on a span of days. */
export function tickText(ms: number, spanMs: number, zone: string): string {
  const options: Intl.DateTimeFormatOptions =
    spanMs > 3 * dayMs
      ? { day: "numeric", month: "short" }
      : spanMs > dayMs
        ? { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }
        : {
            hour: "2-digit",
            minute: "2-digit",
            hourCycle: "h23",
            ...(spanMs <= 4 * minuteMs && { second: "2-digit" }),
          };
  return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone }).format(ms);
}

/**
 * Puts labels beside their lines in as few rows as they need without covering each other; null where there is no
 * room in any row. A label stands right of its line, or left of it at the right edge.
 */
export function placeLabels(
  wanted: readonly { readonly x: number; readonly width: number }[],
  left: number,
  right: number,
  rowsMax: number,
): ({ readonly left: number; readonly row: number } | null)[] {
  const taken: { from: number; to: number }[][] = Array.from({ length: rowsMax }, () => []);
  return wanted.map(({ x, width }) => {
    const from = Math.max(left, x + 2 + width <= right ? x + 2 : x - 2 - width);
    const row = taken.findIndex((spans) =>
      spans.every((span) => from + width <= span.from || from >= span.to),
    );
    if (row === -1) return null;
    taken[row]?.push({ from, to: from + width });
    return { left: from, row };
  });
}
