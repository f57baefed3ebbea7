import { type Kysely, type Migration, sql } from "kysely";

const watchTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table watch_rings (
      lane text primary key check (lane in ('urgent','normal','bulk')), rang_at timestamptz not null);
    create table watch_state (
      id integer primary key check (id = 1), looked_at timestamptz not null, listening_since timestamptz not null,
      findings jsonb not null, silent_why text, slack_asked_at timestamptz, slack_error text,
      slack_is_rejected boolean not null default false, slack_valid_at timestamptz, beat_at timestamptz,
      beat_error text);
    create table watch_troubles (
      condition text primary key, state text not null check (state in ('well','suspect','trouble','easing')),
      since timestamptz not null, well_since timestamptz);
    create table watch_alarms (
      id uuid primary key default gen_random_uuid(), condition text not null, saw text not null,
      opened_at timestamptz not null, ended_at timestamptz, told jsonb not null default '{}',
      is_told boolean not null default false, tried_at timestamptz);
    create index watch_alarms_untold on watch_alarms (opened_at) where not is_told;
    create unique index watch_alarms_standing on watch_alarms (condition) where ended_at is null;
    create table watch_dogs (
      name text primary key, declared_at timestamptz not null, last_at timestamptz, missing_since timestamptz);
  `.execute(db);
};

export const watchMigrations: Record<string, Migration> = {
  "2026-11-25T1000-watch": { up: watchTables },
};
