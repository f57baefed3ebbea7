import { type Kysely, type Migration, sql } from "kysely";

/** How long rows stay: see the room's retention in index.ts. */
const freezesTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table freezes (
      id text primary key, number integer not null, key text not null unique, calendar text, scope jsonb not null,
      environments text[], from_at timestamptz not null, until_at timestamptz not null check (until_at > from_at),
      reason text not null, started_team text, started_by text, ended_at timestamptz, ended_team text, ended_by text,
      end_reason text, channels text[] not null default '{}',
      check ((calendar is null) = (started_by is not null)));
    create index freezes_standing on freezes (until_at) where ended_at is null;
    create table freeze_overrides (
      id uuid primary key, service text not null, environment text not null, until_at timestamptz not null,
      reason text not null, by_team text not null, by_person text not null, at timestamptz not null,
      covers text[] not null);
    create index freeze_overrides_place on freeze_overrides (service, environment, until_at);
  `.execute(db);
};

export const freezesMigrations: Record<string, Migration> = {
  "2026-11-25T1310-freezes": { up: freezesTables },
};
