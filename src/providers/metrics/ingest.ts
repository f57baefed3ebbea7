import { createHash } from "node:crypto";
import type { Exposition } from "./exposition.ts";
import { counterIncrements } from "./increase.ts";
import type { KnownSeries } from "./samples.ts";

/** One series as it goes into the tables. */
export interface ScrapedSeries {
  name: string;
  labels: Readonly<Record<string, string>>;
  hash: string;
  kind: "counter" | "gauge";
  lastValue: number;
  at: Date;
  /** Counters: increments; gauges: the value. None for a counter's baseline. */
  points: readonly { at: Date; value: number }[];
}

export interface Page {
  source: string;
  /** The page's address. */
  target: string;
  exposition: Exposition;
  at: Date;
  /** Put on each series; a label of the same name on the page becomes `exported_<name>`, as in Prometheus. */
  targetLabels: Readonly<Record<string, string>>;
  keep: (name: string) => boolean;
  known: ReadonlyMap<string, KnownSeries>;
  /** When this target was read last and the same families were kept; null when it never was. */
  targetSeenAt: Date | null;
  /** When the scraper made its last round, over whatever targets it had. */
  roundBeforeAt: Date | null;
}

/** Longer than this between two samples, and the increment is spread over the gap. Prometheus' own lookback. */
export const gapMs = 300_000;
const partMs = 60_000;
const partsMax = 60;

/** Series kept of one page at most. */
export const seriesPerTargetMax = 5_000;

export interface Ingested {
  series: readonly ScrapedSeries[];
  /** Series beyond {@link seriesPerTargetMax}, left out. */
  dropped: number;
}

/**
 * Pure: what a page adds to what is known. The first sample of a counter counts whole if its target was read shortly
 * before without it, or its process began after the scraper's last round; else it is a baseline, as nobody knows when
 * all that was counted. A fall, or a process younger than the last sample, is a restart from 0.
 */
export function ingest(page: Page): Ingested {
  const startedMs = processStartMs(page.exposition);
  const kept = page.exposition.samples.filter(
    (sample) => page.keep(sample.name) && Number.isFinite(sample.value),
  );
  const byHash = new Map<string, ScrapedSeries>();
  let dropped = 0;
  for (const sample of kept) {
    const labels = mergedLabels(sample.labels, page.targetLabels);
    const hash = hashOf([page.source, page.target], sample.name, labels);
    if (byHash.has(hash)) continue;
    if (byHash.size >= seriesPerTargetMax) {
      dropped += 1;
      continue;
    }
    const kind = kindOf(sample.name, page.exposition.types);
    const base = { name: sample.name, labels, hash, kind, lastValue: sample.value, at: page.at };
    const known = page.known.get(hash);
    // A page read twice, or a clock that stepped back: nothing new.
    if (known && known.lastAt >= page.at) continue;
    byHash.set(hash, {
      ...base,
      points:
        kind === "gauge"
          ? [{ at: page.at, value: sample.value }]
          : counterPoints(sample.value, known, page, startedMs),
    });
  }
  return { series: [...byHash.values()], dropped };
}

function counterPoints(
  value: number,
  known: KnownSeries | undefined,
  page: Page,
  startedMs: number | null,
): { at: Date; value: number }[] {
  const now = { atMs: page.at.getTime(), value };
  const isRestarted = known !== undefined && startedMs !== null && startedMs > known.lastAt.getTime();
  const { increments } = known
    ? counterIncrements([
        { atMs: known.lastAt.getTime(), value: known.lastValue, createdMs: 0 },
        { ...now, createdMs: isRestarted ? startedMs : 0 },
      ])
    : counterIncrements([now], bornMs(page, startedMs));
  return increments.flatMap(({ fromMs, atMs, value: added }) =>
    spread(isRestarted ? Math.max(fromMs, startedMs) : fromMs, atMs, added),
  );
}

function bornMs(page: Page, startedMs: number | null): number | undefined {
  const seenMs = page.targetSeenAt?.getTime();
  if (seenMs !== undefined && page.at.getTime() - seenMs <= gapMs) return seenMs;
  const roundMs = page.roundBeforeAt?.getTime();
  if (startedMs === null || roundMs === undefined) return undefined;
  return startedMs >= roundMs && startedMs < page.at.getTime() ? startedMs : undefined;
}

/** After a gap what was counted meanwhile is not a spike of now: it is laid evenly over the gap. */
function spread(fromMs: number, atMs: number, value: number): { at: Date; value: number }[] {
  if (atMs - fromMs <= gapMs) return [{ at: new Date(atMs), value }];
  const parts = Math.min(partsMax, Math.ceil((atMs - fromMs) / partMs));
  return Array.from({ length: parts }, (_, i) => ({
    at: new Date(Math.round(fromMs + ((atMs - fromMs) * (i + 1)) / parts)),
    value: value / parts,
  }));
}

/** Whether values only rise. The type stands at the family's name; OpenMetrics counters and histograms add a suffix. */
export function kindOf(name: string, types: ReadonlyMap<string, string>): "counter" | "gauge" {
  const own = types.get(name);
  if (own === "counter") return "counter";
  if (own !== undefined && own !== "untyped" && own !== "unknown" && own !== "histogram" && own !== "summary")
    return "gauge";
  const [, base = name, suffix] = /^(.*)_(total|bucket|count|sum)$/.exec(name) ?? [];
  const family = types.get(base);
  if (family === "counter" || family === "histogram") return "counter";
  if (family === "summary") return suffix ? "counter" : "gauge";
  // Without a type the name has to do.
  return family === undefined && (suffix === "total" || suffix === "bucket") ? "counter" : "gauge";
}

function processStartMs(exposition: Exposition): number | null {
  const sample = exposition.samples.find(({ name }) => name === "process_start_time_seconds");
  return sample && Number.isFinite(sample.value) ? sample.value * 1000 : null;
}

function mergedLabels(
  own: Readonly<Record<string, string>>,
  target: Readonly<Record<string, string>>,
): Record<string, string> {
  const moved = Object.entries(own).map(
    ([name, value]) => [name in target ? `exported_${name}` : name, value] as const,
  );
  // An empty label is no label.
  return Object.fromEntries([...moved, ...Object.entries(target)].filter(([, value]) => value !== ""));
}

function hashOf(origin: readonly string[], name: string, labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([...origin, name, sorted]))
    .digest("hex");
}
