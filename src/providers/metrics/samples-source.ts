import { sql } from "kysely";
import type { Clock } from "../../platform/clock.ts";
import { ProviderError } from "../errors.ts";
import type { GaugeAggregate, Selector } from "./contract.ts";
import { matcherOf } from "./matching.ts";
import { type MetricsDb, rawKeepMs } from "./samples.ts";
import { type Level, type Segment, segmentsOf } from "./segments.ts";
import type { BinRow, Bins, GaugeTally, MetricSource, SourceOptions, Tally } from "./source.ts";

export interface SamplesSourceOptions {
  db: MetricsDb;
  clock: Clock;
  /** Name of the scrape instance. */
  source: string;
  /** Newest sample older than this: stale. */
  staleAfterSec: number;
  /** Each question ends by then, in milliseconds. */
  deadlineMs: number;
}

interface Found {
  id: string;
  target: string;
  group: string | null;
  le: string | null;
}

interface Cell {
  series_id: string;
  bin: number;
  sum: number;
  n: number;
  min: number;
  max: number;
  newest: Date;
  oldest: Date;
}

/** Series that one selector may fit at most. */
const seriesMax = 20_000;

/** What the scraper wrote, as a {@link MetricSource}. Sums are made in SQL, per series; here they are only grouped. */
export function createSamplesSource(options: SamplesSourceOptions): MetricSource {
  const { db, source, clock } = options;

  /** Postgres' own limit, in a transaction of the question: nothing goes on after the caller gave up. */
  const within = async <T>(
    signal: AbortSignal | undefined,
    work: (db: MetricsDb) => Promise<T>,
  ): Promise<T> => {
    const hint = "Ask for a shorter range, or look at what keeps Postgres busy";
    if (signal?.aborted)
      throw new ProviderError("timeout", "The question about samples was given up", hint, signal.reason);
    let giveUp: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      giveUp = () =>
        reject(new ProviderError("timeout", "The question about samples was given up", hint, signal?.reason));
      signal?.addEventListener("abort", giveUp, { once: true });
    });
    const asking = db.transaction().execute(async (trx) => {
      await sql`select set_config('statement_timeout', ${String(Math.ceil(options.deadlineMs))}, true)`.execute(
        trx,
      );
      return await work(trx);
    });
    try {
      return await Promise.race([asking, aborted]);
    } catch (error) {
      if (error instanceof ProviderError) throw error;
      const isTimeout = (error as { code?: string }).code === "57014";
      throw isTimeout
        ? new ProviderError("timeout", "Reading samples took too long", hint, error)
        : new ProviderError(
            "unreachable",
            "Samples could not be read from Postgres",
            "Look at Postgres; the question may be asked again",
            error,
          );
    } finally {
      if (giveUp) signal?.removeEventListener("abort", giveUp);
    }
  };

  const find = async (
    trx: MetricsDb,
    selector: Selector,
    by: string | undefined,
  ): Promise<Map<string, Found>> => {
    const fits = matcherOf(selector.labels);
    const rows = await trx
      .selectFrom("metric_series")
      .select(["id", "target", "labels"])
      .where("source", "=", source)
      .where("name", "=", selector.metric)
      .execute();
    const found = rows.filter((row) => fits(row.labels));
    if (found.length > seriesMax)
      throw new ProviderError(
        "rejected",
        `${selector.metric} fits ${found.length} series, more than ${seriesMax}`,
        "Narrow the signal's labels",
      );
    return new Map(
      found.map((row) => [
        row.id,
        {
          id: row.id,
          target: row.target,
          group: by === undefined ? null : (row.labels[by] ?? ""),
          le: row.labels.le ?? null,
        },
      ]),
    );
  };

  const tally = async (trx: MetricsDb, selector: Selector, bins: Bins, by: string | undefined) => {
    const series = await find(trx, selector, by);
    const segments = segmentsOf(bins, new Date(clock.now().getTime() - rawKeepMs));
    const cells = series.size === 0 ? [] : await readCells(trx, [...series.keys()], segments, bins);
    const newest = new Map<string | null, Date>();
    let oldest: Date | null = null;
    for (const cell of cells) {
      const group = series.get(cell.series_id)?.group ?? null;
      if ((newest.get(group)?.getTime() ?? 0) < cell.newest.getTime()) newest.set(group, cell.newest);
      if (oldest === null || cell.oldest < oldest) oldest = cell.oldest;
    }
    const partial = await failing(trx, new Set([...series.values()].map(({ target }) => target)));
    return { series, cells, newestSampleAt: newest, oldestSampleAt: oldest, partial };
  };

  /** Targets that gave these series and do not answer now. */
  const failing = async (trx: MetricsDb, targets: ReadonlySet<string>): Promise<string | null> => {
    const rows = await trx
      .selectFrom("metric_targets")
      .selectAll()
      .where("source", "=", source)
      .where("failing_since", "is not", null)
      .orderBy("url")
      .execute();
    const ours = rows.filter((row) => targets.has(row.url));
    const [first] = ours;
    if (!first) return null;
    return `${ours.length} of ${targets.size} targets cannot be read, ${first.url} since ${first.failing_since?.toISOString()}: ${first.error}`;
  };

  return {
    staleAfterSec: options.staleAfterSec,

    increments: (selectors, bins, { by, signal, withBuckets }) =>
      within(signal, async (trx) => {
        const answers: Tally[] = [];
        for (const selector of selectors) {
          const { series, cells, ...rest } = await tally(trx, selector, bins, by);
          const sums = new Map<string, BinRow>();
          for (const cell of cells) {
            const { group = null, le = null } = series.get(cell.series_id) ?? {};
            const bound = withBuckets ? le : null;
            const key = JSON.stringify([cell.bin, group, bound]);
            sums.set(key, { bin: cell.bin, group, le: bound, value: (sums.get(key)?.value ?? 0) + cell.sum });
          }
          answers.push({ ...rest, rows: [...sums.values()] });
        }
        return answers;
      }),

    gauges: (selector, aggregate, bins, { by, signal }) =>
      within(signal, async (trx): Promise<GaugeTally> => {
        const { series, cells, ...rest } = await tally(trx, selector, bins, by);
        const values = new Map<string, { bin: number; group: string | null; values: number[] }>();
        const samples = new Map<string | null, number>();
        for (const cell of cells) {
          const group = series.get(cell.series_id)?.group ?? null;
          const key = JSON.stringify([cell.bin, group]);
          const at = values.get(key) ?? { bin: cell.bin, group, values: [] };
          at.values.push(ofSeries(aggregate, cell));
          values.set(key, at);
          samples.set(group, (samples.get(group) ?? 0) + cell.n);
        }
        return {
          ...rest,
          samples,
          rows: [...values.values()].map(({ bin, group, values: all }) => ({
            bin,
            group,
            le: null,
            value: overSeries(aggregate, all),
          })),
        };
      }),

    gaugeSums: (selector, bins, { by, signal }) =>
      within(signal, async (trx) => {
        const { series, cells, ...rest } = await tally(trx, selector, bins, by);
        const rowsOf = (part: (cell: Cell) => number): BinRow[] =>
          cells.map((cell) => ({
            bin: cell.bin,
            group: series.get(cell.series_id)?.group ?? null,
            le: null,
            value: part(cell),
          }));
        return {
          count: { ...rest, rows: rowsOf(({ n }) => n) },
          sum: { ...rest, rows: rowsOf(({ sum }) => sum) },
        };
      }),

    expression: async (_text, _labels, _bins, _options: SourceOptions) => {
      throw new ProviderError(
        "rejected",
        `The scrape instance ${source} knows no PromQL`,
        "Declare the signal by metric and labels, or name a Prometheus instance as its provider",
      );
    },
  };
}

const tableOf: Record<Level, string> = {
  raw: "metric_samples_raw",
  "1m": "metric_samples_1m",
  "1h": "metric_samples_1h",
};

async function readCells(
  trx: MetricsDb,
  ids: readonly string[],
  segments: readonly Segment[],
  bins: Bins,
): Promise<Cell[]> {
  const parts = segments.map(({ level, from, to }) =>
    level === "raw"
      ? sql`select series_id, at, value as sum, 1 as n, value as min, value as max, at as newest
            from metric_samples_raw where series_id = any(${ids}::bigint[]) and at >= ${from} and at < ${to}`
      : sql`select series_id, at, sum, n, min, max, newest
            from ${sql.table(tableOf[level])} where series_id = any(${ids}::bigint[]) and at >= ${from} and at < ${to}`,
  );
  // One bin may have been widened to whole minutes at its ends.
  const bin =
    bins.count === 1
      ? sql`0`
      : sql`floor((extract(epoch from p.at) - ${bins.from.getTime() / 1000}::numeric) / ${bins.binSec}::numeric)::int`;
  const { rows } = await sql<Cell>`
    select p.series_id::text as series_id, ${bin} as bin, sum(p.sum) as sum, sum(p.n)::int as n, min(p.min) as min, max(p.max) as max,
      max(p.newest) as newest, min(p.at) as oldest
    from (${sql.join(parts, sql` union all `)}) p group by 1, 2`.execute(trx);
  return rows.filter((row) => row.bin >= 0 && row.bin < bins.count);
}

function ofSeries(aggregate: GaugeAggregate, cell: Cell): number {
  switch (aggregate) {
    case "avg":
    case "sum":
      return cell.sum / cell.n;
    case "min":
      return cell.min;
    case "max":
      return cell.max;
  }
}

function overSeries(aggregate: GaugeAggregate, values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  switch (aggregate) {
    case "avg":
      return sum / values.length;
    case "sum":
      return sum;
    case "min":
      return Math.min(...values);
    case "max":
      return Math.max(...values);
  }
}
