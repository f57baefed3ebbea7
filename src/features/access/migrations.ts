import { type Kysely, type Migration, sql } from "kysely";

const accessTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table access_grants (
      id text primary key, seq integer not null, team text not null, person text not null, person_id text not null,
      asked_by_team text not null, asked_by text not null, asked_by_id text not null, resource text not null,
      role text not null, service text, channel text not null, terms jsonb not null, reason text not null,
      asked_ms bigint not null check (asked_ms > 0), not_after timestamptz, start_at timestamptz, extends text,
      total_before_ms bigint not null, asked_before integer not null, requested_at timestamptz not null,
      decided_at timestamptz, claimed_at timestamptz, over_at timestamptz, by_hand jsonb not null,
      state text not null check (state in
        ('requested','approved','granting','active','revoking','ended','denied','lapsed','withdrawn')),
      detail jsonb not null, due_at timestamptz);
    create unique index access_one_open on access_grants (person_id, resource, role)
      where extends is null and state in ('requested','approved','granting','active');
    create unique index access_one_extension on access_grants (extends)
      where state in ('requested','approved','granting','active');
    create index access_due on access_grants (due_at) where due_at is not null;
    create index access_open on access_grants (state) where over_at is null;
    create index access_person on access_grants (person_id, requested_at);
    create index access_resource on access_grants (resource, requested_at);
  `.execute(db);
};

const granteeColumns = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table access_grants add column accounts jsonb not null default '{}', add column before jsonb
  `.execute(db);
};

const basisColumn = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table access_grants add column basis jsonb not null default '{"is":"approval"}'
  `.execute(db);
};

const endingTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table access_grants add column shared_key text;
    create index access_shared on access_grants (shared_key) where shared_key is not null and over_at is null;
    create table access_turns (key text primary key, holder uuid not null, until_at timestamptz not null);
    create table access_outside (
      instance text not null, object text not null, words text not null, can_login boolean not null,
      first_seen timestamptz not null, gone_at timestamptz, primary key (instance, object));
  `.execute(db);
};

const reviewTable = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table access_reviews (
      grant_id text primary key, taker_id text not null, taken_at timestamptz not null, due_at timestamptz not null,
      tell_at timestamptz, reviewed_at timestamptz, team text, person text, person_id text, words text);
    create index access_reviews_owed on access_reviews (taker_id, taken_at);
  `.execute(db);
};

/** Those that are not over are few among all there were; lists are of the newest. */
const listing = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create index access_not_over on access_grants (requested_at desc, id desc)
      where state in ('requested','approved','granting','active','revoking')`.execute(db);
};

export const accessMigrations: Record<string, Migration> = {
  "2026-11-23T1050-access": { up: accessTables },
  "2026-11-25T1715-access-grantee": { up: granteeColumns },
  "2026-11-25T1741-access-basis": { up: basisColumn },
  "2026-11-25T1751-access-ending": { up: endingTables },
  "2026-11-25T1755-access-reviews": { up: reviewTable },
  "2026-11-25T1812-access-listing": { up: listing },
};
