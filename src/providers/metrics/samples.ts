import type { ColumnType, GeneratedAlways, Kysely, Transaction } from "kysely";
import { sql } from "kysely";
import type { ScrapedSeries } from "./ingest.ts";

type Timestamp = ColumnType<Date, Date, Date>;

interface RollupRow {
  series_id: string;
  at: Timestamp;
  /** Counters: what was added in the minute or hour from `at` on. Gauges: sum of the samples. */
  sum: number;
  n: number;
  min: number;
  max: number;
  /** Time of the newest sample within. */
  newest: Timestamp;
}

export interface MetricsTables {
  metric_scrapers: {
    source: string;
    holder: string | null;
    lease_until: Timestamp | null;
    round_at: Timestamp | null;
  };
  metric_targets: {
    source: string;
    url: string;
    last_ok_at: Timestamp | null;
    failing_since: Timestamp | null;
    error: string | null;
    /** What was kept of the target's last page; when that changes, a series not seen before need not be new. */
    keep_digest: string | null;
  };
  metric_series: {
    id: GeneratedAlways<string>;
    source: string;
    target: string;
    name: string;
    labels: ColumnType<Record<string, string>, string, never>;
    labels_hash: string;
    kind: "counter" | "gauge";
    /** As scraped last: what the next scrape's increment is taken from. */
    last_value: number;
    last_at: Timestamp;
    first_at: Timestamp;
  };
  /** Counters: what was added since the sample before. Gauges: the value. */
  metric_samples_raw: { series_id: string; at: Timestamp; value: number };
  metric_samples_1m: RollupRow;
  metric_samples_1h: RollupRow;
}

export type MetricsDb = Kysely<MetricsTables>;
type MetricsTrx = Transaction<MetricsTables>;

/** Raw samples answer for edges finer than a minute, and only near the present. */
export const rawKeepMs = 6 * 3_600_000;
/** The longest SLO window the catalog takes. */
export const rollupKeepMs = 35 * 86_400_000;

export interface KnownSeries {
  id: string;
  lastValue: number;
  lastAt: Date;
}

/** Series of one target by hash. */
export async function knownSeries(
  db: MetricsDb,
  source: string,
  target: string,
): Promise<Map<string, KnownSeries>> {
  const rows = await db
    .selectFrom("metric_series")
    .select(["id", "labels_hash", "last_value", "last_at"])
    .where("source", "=", source)
    .where("target", "=", target)
    .execute();
  return new Map(
    rows.map((row) => [row.labels_hash, { id: row.id, lastValue: row.last_value, lastAt: row.last_at }]),
  );
}

/** Writes one target's page: series, samples, both roll-ups; all or nothing, in the caller's transaction. */
export async function writeSamples(
  trx: MetricsTrx,
  source: string,
  target: string,
  scraped: readonly ScrapedSeries[],
): Promise<void> {
  if (scraped.length === 0) return;
  const ids = await seriesIds(trx, source, target, scraped);
  const points = scraped.flatMap((series) =>
    series.points.map((point) => ({ id: ids.get(series.hash) ?? "", at: point.at, value: point.value })),
  );
  const columns = sql`unnest(${points.map((point) => point.id)}::bigint[], ${points.map((point) => point.at)}::timestamptz[], ${points.map((point) => point.value)}::double precision[])`;
  await sql`insert into metric_samples_raw (series_id, at, value) select * from ${columns} on conflict do nothing`.execute(
    trx,
  );
  for (const [table, unit] of [
    ["metric_samples_1m", "minute"],
    ["metric_samples_1h", "hour"],
  ] as const)
    await sql`
      insert into ${sql.table(table)} as t (series_id, at, sum, n, min, max, newest)
      select p.id, date_trunc(${unit}, p.at, 'UTC'), sum(p.value), count(*), min(p.value), max(p.value), max(p.at)
      from ${columns} as p(id, at, value) group by 1, 2 order by 1, 2
      on conflict (series_id, at) do update set sum = t.sum + excluded.sum, n = t.n + excluded.n,
        min = least(t.min, excluded.min), max = greatest(t.max, excluded.max), newest = greatest(t.newest, excluded.newest)`.execute(
      trx,
    );
}

async function seriesIds(
  trx: MetricsTrx,
  source: string,
  target: string,
  scraped: readonly ScrapedSeries[],
): Promise<Map<string, string>> {
  const { rows } = await sql<{ hash: string; id: string }>`
    insert into metric_series as s (source, target, name, labels, labels_hash, kind, last_value, last_at, first_at)
    select ${source}, ${target}, p.name, p.labels::jsonb, p.hash, p.kind, p.value, p.at, p.at
    from unnest(${scraped.map((series) => series.name)}::text[], ${scraped.map((series) => JSON.stringify(series.labels))}::text[],
      ${scraped.map((series) => series.hash)}::text[], ${scraped.map((series) => series.kind)}::text[],
      ${scraped.map((series) => series.lastValue)}::double precision[], ${scraped.map((series) => series.at)}::timestamptz[])
      as p(name, labels, hash, kind, value, at)
    order by p.hash
    on conflict (labels_hash) do update set last_value = excluded.last_value, last_at = excluded.last_at
    returning labels_hash as hash, id`.execute(trx);
  return new Map(rows.map((row) => [row.hash, row.id]));
}

/**
 * Removes what has been kept long enough; deletes `rowsMax` rows of each table at most, so that no run takes long.
 *
 * @returns rows removed; as many as `rowsMax` of one table means: call again
 */
export async function pruneSamples(
  db: MetricsDb,
  now: Date,
  rowsMax = 50_000,
): Promise<Record<"raw" | "minutes" | "hours" | "series", number>> {
  const prune = async (
    table: "metric_samples_raw" | "metric_samples_1m" | "metric_samples_1h",
    keepMs: number,
  ): Promise<number> => {
    const before = new Date(now.getTime() - keepMs);
    const { numAffectedRows } = await sql`
      delete from ${sql.table(table)} where ctid = any(array(select ctid from ${sql.table(table)} where at < ${before} limit ${rowsMax}))`.execute(
      db,
    );
    return Number(numAffectedRows ?? 0);
  };
  const raw = await prune("metric_samples_raw", rawKeepMs);
  const minutes = await prune("metric_samples_1m", rollupKeepMs);
  // The hour at the border still covers minutes that are kept.
  const hours = await prune("metric_samples_1h", rollupKeepMs + 3_600_000);
  const { numDeletedRows } = await db
    .deleteFrom("metric_series")
    .where("last_at", "<", new Date(now.getTime() - rollupKeepMs - 3_600_000))
    .executeTakeFirst();
  return { raw, minutes, hours, series: Number(numDeletedRows) };
}
