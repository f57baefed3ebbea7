import { type Kysely, type Migration, sql } from "kysely";

const runbookTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table runbook_verifications (
      id uuid primary key default gen_random_uuid(), runbook text not null, team text not null, person text not null,
      note text, at timestamptz not null);
    create index runbook_verifications_newest on runbook_verifications (runbook, at desc);
    create table runbook_marks (
      id uuid primary key default gen_random_uuid(), runbook text not null,
      kind text not null check (kind in ('helped','outdated')), team text not null, person text not null,
      note text, at timestamptz not null);
    create index runbook_marks_of on runbook_marks (runbook, at);
  `.execute(db);
};

export const runbookMigrations: Record<string, Migration> = {
  "2026-11-23T1600-runbooks": { up: runbookTables },
};
