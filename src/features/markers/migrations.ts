import { type Kysely, type Migration, sql } from "kysely";

/** How long rows stay: see the room's retention in index.ts. */
const markerTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table markers (
      id uuid primary key, key text not null unique, service text not null, environment text not null,
      kind text not null check (kind in ('started','step','promoted','reverted','rolled-back','deployed')),
      version text not null, from_version text, percent numeric(5,2), thing text not null, at timestamptz not null,
      recorded_at timestamptz not null);
    create index markers_place on markers (service, environment, at);
    create index markers_newest on markers (service, environment, kind, at desc);
    create table marker_deliveries (
      id uuid primary key default gen_random_uuid(), marker uuid not null references markers on delete cascade,
      sink text not null, attempts integer not null default 0, called_at timestamptz, done_at timestamptz,
      given_up_at timestamptz, external_id text, error text, created_at timestamptz not null, unique (marker, sink));
    create index marker_deliveries_waiting on marker_deliveries (created_at)
      where done_at is null and given_up_at is null;
    create index marker_deliveries_lost on marker_deliveries (sink, given_up_at) where given_up_at is not null;
  `.execute(db);
};

/** One row per system: whether it is being called, and until when it is left alone. */
const sinkTable = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table marker_sinks (
      sink text primary key, busy_since timestamptz, busy_until timestamptz not null, silences integer not null default 0);
  `.execute(db);
};

export const markersMigrations: Record<string, Migration> = {
  "2026-11-25T1330-markers": { up: markerTables },
  "2026-11-25T1620-marker-sinks": { up: sinkTable },
};
