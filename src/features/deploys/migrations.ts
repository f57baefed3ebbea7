import { type Kysely, type Migration, sql } from "kysely";

const deploysTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table deploys (
      id text primary key, number integer not null, service text not null, environment text not null,
      version text not null, previous text, by text not null, source text not null, reference text not null, url text,
      outcome text not null check (outcome in ('unknown','good','bad')), at timestamptz not null,
      recorded_at timestamptz not null, judged_at timestamptz,
      unique (service, environment, version, reference));
    create index deploys_newest on deploys (service, environment, at desc, number desc);
    create table deploy_posts (
      id uuid primary key default gen_random_uuid(), source text not null, team text not null, body text not null,
      problem text not null, received_at timestamptz not null);
    create index deploy_posts_received on deploy_posts (received_at);
  `.execute(db);
};

/** Settings and flags beside versions; what is there already is versions. */
const changeKind = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table deploys add column change text not null default 'deploy' check (change in ('deploy','config','flag'));
    alter table deploys drop constraint deploys_service_environment_version_reference_key;
    alter table deploys add constraint deploys_once unique (service, environment, change, version, reference);
    create index deploys_at on deploys (at desc);
  `.execute(db);
};

const dataMigration = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table deploys add column migration jsonb`.execute(db);
};

export const deploysMigrations: Record<string, Migration> = {
  "2026-11-23T1210-deploys": { up: deploysTables },
  "2026-11-25T0930-deploys-change": { up: changeKind },
  "2026-11-25T1240-deploys-migration": { up: dataMigration },
};
