export interface BackfilledSeries {
  name: string;
  labels: Readonly<Record<string, string>>;
  /** Value at a moment, in seconds since the epoch; undefined: no sample. */
  value: (atSec: number) => number | undefined;
}

/** OpenMetrics text with a time behind each value, as `promtool tsdb create-blocks-from openmetrics` reads it. */
export function backfillText(
  type: "counter" | "gauge",
  series: readonly BackfilledSeries[],
  timesSec: readonly number[],
): string {
  const families = new Map<string, BackfilledSeries[]>();
  for (const one of series) families.set(one.name, [...(families.get(one.name) ?? []), one]);
  const lines: string[] = [];
  for (const [name, all] of families) {
    lines.push(`# TYPE ${type === "counter" ? name.replace(/_total$/, "") : name} ${type}`);
    for (const { labels, value } of all) {
      const matchers = Object.entries(labels)
        .map(([label, text]) => `${label}=${JSON.stringify(text)}`)
        .join(",");
      for (const atSec of timesSec) {
        const at = value(atSec);
        if (at !== undefined) lines.push(`${name}{${matchers}} ${at} ${atSec}`);
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Moments of the last `spanSec`: every `coarseSec`, the last `fineForSec` every `fineSec`, and `aheadSec` to come. */
export function momentsBefore(
  nowSec: number,
  spans: { spanSec: number; coarseSec: number; fineForSec: number; fineSec: number; aheadSec: number },
): number[] {
  const { spanSec, coarseSec, fineForSec, fineSec, aheadSec } = spans;
  const moments: number[] = [];
  for (
    let at = nowSec - spanSec;
    at <= nowSec + aheadSec;
    at += nowSec - at > fineForSec ? coarseSec : fineSec
  )
    moments.push(at);
  return moments;
}
