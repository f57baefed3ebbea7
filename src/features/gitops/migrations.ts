import { type Kysely, type Migration, sql } from "kysely";

const gitopsTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table gitops_stops (
      thing text primary key, service text not null, environment text not null, owner jsonb not null,
      channel text not null, parent text not null, wanted_at timestamptz not null, stopped_at timestamptz,
      due_at timestamptz not null, ended_at timestamptz,
      ending text check (ending in ('resumed','theirs','idle','handed-over','not-stopped')),
      kind text, source jsonb, error text, attempts integer not null, is_paged boolean not null);
    create index gitops_stops_open on gitops_stops (due_at) where ended_at is null;
  `.execute(db);
};

const proposal = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table gitops_stops add column proposal jsonb`.execute(db);
};

const turnedOn = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table gitops_stops add column turned_on integer not null default 0`.execute(db);
};

export const gitopsMigrations: Record<string, Migration> = {
  "2026-11-25T1340-gitops": { up: gitopsTables },
  "2026-11-25T1400-gitops-proposal": { up: proposal },
  "2026-11-25T1630-gitops-turned-on": { up: turnedOn },
};
