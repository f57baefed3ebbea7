import { type Kysely, type Migration, sql } from "kysely";

/** How long rows stay: see the room's retention in index.ts. */
const pagingTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table pages (
      id uuid primary key default gen_random_uuid(), dedup_key text not null,
      state text not null check (state in ('open','acknowledged','resolved')), team text not null, service text,
      subject text not null, headline text not null, channel text not null, parent text, verbs jsonb not null,
      opened_at timestamptz not null, opened_by text not null, reminders integer not null default 0,
      reminded_at timestamptz, acknowledged_at timestamptz, acknowledged_by text, resolved_at timestamptz,
      resolved_by text);
    create unique index pages_standing on pages (dedup_key) where state <> 'resolved';
    create index pages_subject on pages (subject, opened_at);
    create index pages_service on pages (service, opened_at);
    create table page_wakes (
      page_id uuid not null references pages on delete cascade, person text not null, slack_user text not null,
      at timestamptz not null, because text not null, failed_at timestamptz, primary key (page_id, person));
    create index page_wakes_user on page_wakes (slack_user, at);
    create table oncall_overrides (
      id uuid primary key default gen_random_uuid(), team text not null, person text not null,
      from_at timestamptz not null, until_at timestamptz not null check (until_at > from_at), made_by text not null,
      made_at timestamptz not null);
    create index oncall_overrides_team on oncall_overrides (team, until_at);
  `.execute(db);
};

/** Sources of the alerts behind a page; a page is found by its key when it is over, too. */
const pageOrigin = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table pages add column from_sources text[] not null default '{}';
    create index pages_key on pages (dedup_key, opened_at);
  `.execute(db);
};

/** Pages at paging providers, and how far up a page went. */
const pageOutside = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table page_outside (
      id uuid primary key default gen_random_uuid(), page_id uuid not null references pages on delete cascade,
      pager text not null, wanted text not null check (wanted in ('triggered','acknowledged','resolved')),
      sent text check (sent in ('triggered','acknowledged','resolved')), external_id text,
      attempts integer not null default 0, called_at timestamptz, sent_at timestamptz, seen_at timestamptz,
      failing_since timestamptz, error text, created_at timestamptz not null, unique (page_id, pager));
    create index page_outside_waiting on page_outside (created_at) where sent is distinct from wanted;
    create index page_outside_external on page_outside (external_id) where external_id is not null;
    alter table pages add column climbed integer not null default 0, add column climbed_at timestamptz;
  `.execute(db);
};

/** The line a provider was told: its own incident is known by it when it comes back. */
const toldLine = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table page_outside add column told_line text`.execute(db);
};

/** Those that wait are few among all there were. */
const openPages = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create index pages_open on pages (opened_at) where state = 'open'`.execute(db);
};

export const pagingMigrations: Record<string, Migration> = {
  "2026-11-23T1400-paging": { up: pagingTables },
  "2026-11-25T0930-page-origin": { up: pageOrigin },
  "2026-11-25T1010-page-outside": { up: pageOutside },
  "2026-11-25T1040-told-line": { up: toldLine },
  "2026-11-25T1811-pages-open": { up: openPages },
};
