import { type Kysely, type Migration, sql } from "kysely";

/**
 * How long rows stay: raw samples `rawKeepMs`, roll-ups and unused series `rollupKeepMs` (see samples.ts), by
 * `pruneSamples`; targets as long as their scraper knows them.
 */
const metricsTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table metric_scrapers (
      source text primary key, holder text, lease_until timestamptz, round_at timestamptz);
    create table metric_targets (
      source text not null, url text not null, last_ok_at timestamptz, failing_since timestamptz, error text,
      keep_digest text, primary key (source, url));
    create table metric_series (
      id bigint generated always as identity primary key, source text not null, target text not null, name text not null,
      labels jsonb not null, labels_hash text not null unique, kind text not null check (kind in ('counter','gauge')),
      last_value double precision not null, last_at timestamptz not null, first_at timestamptz not null);
    create index metric_series_name on metric_series (source, name);
    create index metric_series_target on metric_series (source, target);
    create table metric_samples_raw (
      series_id bigint not null references metric_series on delete cascade, at timestamptz not null,
      value double precision not null, primary key (series_id, at));
    create index metric_samples_raw_at on metric_samples_raw using brin (at);
    create table metric_samples_1m (
      series_id bigint not null references metric_series on delete cascade, at timestamptz not null,
      sum double precision not null, n integer not null, min double precision not null, max double precision not null,
      newest timestamptz not null, primary key (series_id, at)) with (fillfactor = 80);
    create index metric_samples_1m_at on metric_samples_1m using brin (at);
    create table metric_samples_1h (
      series_id bigint not null references metric_series on delete cascade, at timestamptz not null,
      sum double precision not null, n integer not null, min double precision not null, max double precision not null,
      newest timestamptz not null, primary key (series_id, at)) with (fillfactor = 80);
    create index metric_samples_1h_at on metric_samples_1h using brin (at);
  `.execute(db);
};

export const metricsMigrations: Record<string, Migration> = {
  "2026-11-23T1000-metrics": { up: metricsTables },
};
