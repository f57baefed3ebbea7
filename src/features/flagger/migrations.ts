import { type Kysely, type Migration, sql } from "kysely";

const flaggerTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table flagger_runs (
      id text primary key, number integer not null unique,
      source text not null, namespace text not null, canary text not null, checksum text not null,
      service text not null, environment text not null, version text not null, channel text not null,
      phase text not null, weight_percent integer, started_at timestamptz not null, heard_at timestamptz not null,
      ended_at timestamptz, ending text check (ending in ('promoted','failed','superseded','lost')),
      opened jsonb not null, asked jsonb not null, rollback jsonb, standing jsonb,
      is_paged boolean not null, seq integer not null);
    create unique index flagger_runs_one_going on flagger_runs (source, namespace, canary) where ended_at is null;
    create index flagger_runs_canary on flagger_runs (source, namespace, canary, number desc);
    create index flagger_runs_service on flagger_runs (service, number desc);
  `.execute(db);
};

export const flaggerMigrations: Record<string, Migration> = {
  "2026-11-25T1320-flagger": { up: flaggerTables },
};
