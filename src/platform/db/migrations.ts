import { type Kysely, type Migration, sql } from "kysely";
import { auditMigrations, grantAuditRights } from "../audit/migrations.ts";
import { namesMigrations } from "../audit/names.ts";
import { proposalMigrations } from "../catalog-proposals.ts";
import { groupMigrations } from "../slack/group-changes.ts";

/** The app role: may read and write state, may only append to the audit. */
export const appRole = "quarterdeck_app";

const platformTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table rings (
      id uuid primary key default gen_random_uuid(), job text not null, ref text not null,
      lane text not null check (lane in ('urgent','normal','bulk')), due_at timestamptz not null,
      version integer not null default 1, attempts integer not null default 0, lease_until timestamptz,
      rung_at timestamptz, last_error text, created_at timestamptz not null default now(), unique (job, ref));
    create index rings_due on rings (due_at);
    create table inbox (
      id uuid primary key, kind text not null, dedup text not null unique, payload jsonb not null, team text not null,
      person text not null, received_at timestamptz not null, effect_at timestamptz, done_at timestamptz, answer jsonb);
    create index inbox_received on inbox (received_at);
    create table messages (
      key text primary key, kind text not null check (kind in ('post','ephemeral')), channel text not null, person text,
      parent text, reply_to text, wanted jsonb not null, wanted_version integer not null,
      shown_version integer not null default 0, urgent boolean not null, posted_channel text, ts text,
      posting_at timestamptz, chart_digest text, chart_file text, chart_at timestamptz, error text,
      created_at timestamptz not null, updated_at timestamptz not null);
    create index messages_place on messages (posted_channel, ts);
    create table slack_budget (
      key text primary key, tokens double precision not null, updated_at timestamptz not null, blocked_until timestamptz);
    create table audit (
      seq bigint primary key, at timestamptz not null, team text not null, person text not null, action text not null,
      subject text not null, service text, body text not null, hash bytea not null);
    create index audit_subject on audit (subject, seq);
    create index audit_service on audit (service, seq);
    create index audit_person on audit (person, seq);
    create table audit_head (id integer primary key check (id = 1), seq bigint not null, hash bytea not null);
    insert into audit_head values (1, 0, decode(repeat('00', 32), 'hex'));
    create function audit_is_append_only() returns trigger language plpgsql as
      $f$ begin raise exception 'the audit is append-only' using errcode = 'insufficient_privilege'; end $f$;
    create trigger audit_no_change before update or delete on audit
      for each row execute function audit_is_append_only();
    create trigger audit_no_truncate before truncate on audit execute function audit_is_append_only();
    create table catalogs (
      digest text primary key, content jsonb not null, source text not null, loaded_by text not null,
      loaded_at timestamptz not null);
    create table catalog_in_force (
      id integer primary key check (id = 1), digest text not null references catalogs, since timestamptz not null);
    create table sessions (
      id_hash text primary key, team text not null, person text not null, csrf text not null,
      created_at timestamptz not null, seen_at timestamptz not null, expires_at timestamptz not null,
      revoked_at timestamptz);
    create table sign_in_links (
      token_hash text primary key, team text not null, person text not null, next text not null,
      expires_at timestamptz not null, used_at timestamptz);
    create table hook_tokens (
      id text primary key, source text not null, team text not null, token_hash text not null unique,
      created_at timestamptz not null, created_by text not null, revoked_at timestamptz, last_used_at timestamptz);
    create table public_ids (kind text primary key, last integer not null);
    create table secrets (
      id text primary key, sealed bytea not null, purpose text not null, created_at timestamptz not null,
      expires_at timestamptz not null);
    create table workers (id text primary key, role text not null, seen_at timestamptz not null);
  `.execute(db);
};

const operatorTokens = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table operator_tokens (
      id text primary key, team text not null, person text not null, token_hash text not null unique,
      created_at timestamptz not null, created_by text not null, expires_at timestamptz not null,
      revoked_at timestamptz, last_used_at timestamptz);
    create index operator_tokens_person on operator_tokens (team, person);
  `.execute(db);
};

const messagesBehind = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table messages add column behind_since timestamptz;
    create index messages_behind on messages (urgent, behind_since) where shown_version < wanted_version;
  `.execute(db);
};

const confirmedSessions = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table sessions add column confirmed_at timestamptz;
    create index sessions_person on sessions (team, person) where revoked_at is null;
  `.execute(db);
};

const sessionGroups = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table sessions add column groups jsonb`.execute(db);
};

/** Pages read what was said under a card, and look for what changed. */
const messagesRead = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create index messages_parent on messages (parent, created_at) where parent is not null;
    create index messages_updated on messages (updated_at);
  `.execute(db);
};

const apiTokens = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table api_tokens (
      id text primary key, team text not null, person text not null, token_hash text not null unique,
      scopes text[] not null, teams text[], note text not null, created_at timestamptz not null,
      created_by text not null, expires_at timestamptz not null, revoked_at timestamptz, last_used_at timestamptz);
    create index api_tokens_person on api_tokens (team, person);
  `.execute(db);
};

export const platformMigrations: Record<string, Migration> = {
  "2026-11-23T0000-platform": { up: platformTables },
  "2026-11-23T0100-operator-tokens": { up: operatorTokens },
  "2026-11-25T0930-messages-behind": { up: messagesBehind },
  "2026-11-25T1710-confirmed-sessions": { up: confirmedSessions },
  "2026-11-25T1740-messages-read": { up: messagesRead },
  ...namesMigrations,
  ...proposalMigrations,
  ...groupMigrations,
  ...auditMigrations,
  "2026-11-25T1720-session-groups": { up: sessionGroups },
  "2026-11-25T1800-api-tokens": { up: apiTokens },
};

/**
 * Gives the app role what it needs on everything in `public`, and takes back what it must not have: changing the
 * audit. Run after every migration, so a new table is never forgotten and never too open.
 */
export async function grantAppRights(db: Kysely<unknown>): Promise<void> {
  const exists = await sql<{ one: number }>`select 1 as one from pg_roles where rolname = ${appRole}`.execute(
    db,
  );
  if (exists.rows.length === 0) return;
  const role = sql.id(appRole);
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db);
  // The queue gathers bulk additions in temporary tables.
  await sql`grant connect, temporary on database ${sql.id(rows[0]?.name ?? "")} to ${role}`.execute(db);
  await sql`grant usage on schema public to ${role}`.execute(db);
  await sql`grant select, insert, update, delete on all tables in schema public to ${role}`.execute(db);
  await sql`grant usage, select on all sequences in schema public to ${role}`.execute(db);
  await grantAuditRights(db, appRole);
  for (const table of ["quarterdeck_migration", "quarterdeck_migration_lock"])
    await sql`revoke insert, update, delete on ${sql.table(table)} from ${role}`.execute(db);
  // The queue makes a sequence per queue by itself; nothing in its schema is state of ours.
  await sql`grant usage, create on schema bullmq to ${role}`.execute(db);
  await sql`grant select, insert, update, delete on all tables in schema bullmq to ${role}`.execute(db);
  // Sequences that the queue made while running belong to the app role already; only the owner's own are granted.
  const sequences = await sql<{
    name: string;
  }>`select sequencename as name from pg_sequences where schemaname = 'bullmq' and sequenceowner = current_user`.execute(
    db,
  );
  for (const { name } of sequences.rows)
    await sql`grant usage, select, update on sequence ${sql.id("bullmq", name)} to ${role}`.execute(db);
  await sql`grant execute on all functions in schema bullmq to ${role}`.execute(db);
}
