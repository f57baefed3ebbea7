import { type Kysely, type Migration, sql } from "kysely";

const rollbacksTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table rollbacks (
      id text primary key, number integer not null unique, service text not null, environment text not null,
      from_version text not null, to_version text not null, team text not null, person text not null, reason text,
      channel text not null, started_at timestamptz not null, catalog_digest text not null, recorded jsonb not null,
      state text not null check (state in ('moving','back')), back_at timestamptz,
      bad_deploy_id text, deploy_id text, failing jsonb, parity jsonb, recovery jsonb);
    create index rollbacks_newest on rollbacks (service, number desc);
  `.execute(db);
};

const wayBack = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table rollbacks add column way text check (way in ('snapshot','version')),
      add column surroundings jsonb, add column restored_ms integer`.execute(db);
};

export const rollbacksMigrations: Record<string, Migration> = {
  "2026-11-23T1230-rollbacks": { up: rollbacksTables },
  "2026-11-25T1311-rollback-way": { up: wayBack },
};
