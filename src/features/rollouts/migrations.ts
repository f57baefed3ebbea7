import { type Kysely, type Migration, sql } from "kysely";

const rolloutsTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table rollouts (
      id text primary key, number integer not null unique, service text not null, environment text not null,
      from_version text not null, to_version text not null, started_team text not null, started_by text not null,
      started_at timestamptz not null, deadline_at timestamptz not null, channel text not null, change_id text,
      catalog_digest text not null, plan jsonb not null, way_back jsonb not null,
      state text not null check (state in
        ('starting','promoting','pausing','step','paused','watching','reverting','reverted','promoted')),
      step_index integer, since timestamptz, until timestamptz, pause jsonb, because jsonb,
      seq integer not null, decided jsonb not null, failing jsonb, verdict jsonb, marks jsonb not null,
      deploy_id text, parity jsonb, recovery jsonb, ended_at timestamptz);
    create unique index rollouts_one_in_flight on rollouts (service, environment) where ended_at is null;
    create index rollouts_newest on rollouts (service, number desc);
    create table rollout_samples (
      rollout_id text not null references rollouts on delete cascade, signal text not null,
      start_at timestamptz not null, end_at timestamptz not null,
      canary_bad double precision, canary_total double precision,
      stable_bad double precision, stable_total double precision,
      canary_value double precision, stable_value double precision,
      primary key (rollout_id, signal, start_at));
    create index rollout_samples_end on rollout_samples (end_at);
    create table rollout_effects (
      key text primary key, owner text not null, service text not null, wanted jsonb not null,
      intent_at timestamptz not null, attempts integer not null, last_error text,
      done_at timestamptz, read_back jsonb);
    create index rollout_effects_owner on rollout_effects (owner);
    create index rollout_effects_intent on rollout_effects (intent_at);
    create table traffic_holders (
      service text not null, environment text not null, turn integer not null, holder text, what text not null,
      team text not null, person text not null, since timestamptz not null, primary key (service, environment));
  `.execute(db);
};

const drift = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table rollouts add column drift jsonb`.execute(db);
};

const queue = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table rollout_queue (
      id text primary key, number integer not null unique, service text not null, environment text not null,
      version text not null, change_id text, options jsonb not null, team text not null, person text not null,
      door text not null, channel text not null, behind text not null, queued_at timestamptz not null,
      expires_at timestamptz not null,
      state text not null check (state in ('queued','started','cancelled','expired','refused')),
      ended_at timestamptz, outcome text);
    create index rollout_queue_waiting on rollout_queue (service, environment, number) where state = 'queued';
  `.execute(db);
};

const putBack = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table rollouts add column put_back jsonb`.execute(db);
};

const wayBack = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table rollouts add column surroundings jsonb, add column restored_ms integer`.execute(db);
};

const judged = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table rollouts add column judged jsonb`.execute(db);
};

/** Pages list the newest of all, and all in flight. */
const listing = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create index rollouts_number on rollouts (number desc);
    create index rollouts_in_flight on rollouts (number desc) where ended_at is null;
  `.execute(db);
};

export const rolloutsMigrations: Record<string, Migration> = {
  "2026-11-23T1220-rollouts": { up: rolloutsTables },
  "2026-11-25T1300-rollout-drift": { up: drift },
  "2026-11-25T1310-rollout-queue": { up: queue },
  "2026-11-25T1311-rollout-way-back": { up: wayBack },
  "2026-11-25T1345-rollout-put-back": { up: putBack },
  "2026-11-25T1350-rollout-judged": { up: judged },
  "2026-11-25T1810-rollout-listing": { up: listing },
};
