import { type Kysely, type Migration, sql } from "kysely";

const ticketTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table tickets (
      id text primary key, group_id bigint not null, service text, environment text not null, team text not null,
      name text not null, state text not null check (state in ('open','closed')), severity text not null,
      severity_text text, note text, summary text, link text, channel text not null,
      since timestamptz not null, opened_at timestamptz not null, changed_at timestamptz not null, follows text,
      firing_count integer not null, hidden_count integer not null, resolved_count integer not null,
      stale_count integer not null, received_count integer not null, last_seen_at timestamptz,
      taken_by text, taken_at timestamptz, mark text check (mark in ('actioned','noise')), marked_by text,
      marked_at timestamptz, paged_at timestamptz, was_paged boolean not null default false, decision jsonb not null,
      closed_at timestamptz, closed_by text, closed_because text, closed_note text, is_quiet boolean not null default false,
      provider text not null, external_key text, external_url text, wanted_version integer not null default 1,
      published_version integer not null default 0);
    create unique index tickets_one_open on tickets (group_id) where state = 'open';
    create index tickets_group on tickets (group_id, opened_at);
    create index tickets_open on tickets (service) where state = 'open';
    create index tickets_taken on tickets (taken_by) where state = 'open';
    create table ticket_mutes (
      id uuid primary key, service text, group_id bigint, ticket text, until timestamptz not null, reason text not null,
      with_pages boolean not null, muted_by text not null, muted_at timestamptz not null, ended_at timestamptz, ended_by text);
    create unique index ticket_mutes_service on ticket_mutes (service) where ended_at is null and service is not null;
    create unique index ticket_mutes_group on ticket_mutes (group_id) where ended_at is null and group_id is not null;
    create table builtin_tickets (
      marker text primary key, state text not null check (state in ('open','closed')), title text not null,
      body text not null, owner text not null, severity text not null, note text, changed_at timestamptz not null);
  `.execute(db);
};

/** What is known of a ticket at its provider; which provider asked to be left alone. */
const ticketsOutside = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table ticket_outside (
      ticket text primary key, agreed text check (agreed in ('open','closed')), assignee text, tried_at timestamptz,
      error text, failing_since timestamptz, retry_at timestamptz, closed_by text,
      is_kept_open boolean not null default false, told_taken text, read_at timestamptz,
      changed_at timestamptz not null);
    create table ticket_systems (name text primary key, away_until timestamptz not null);
    create index tickets_behind on tickets (provider, opened_at) where wanted_version > published_version;
    create index tickets_external on tickets (external_key) where external_key is not null;
  `.execute(db);
};

/** Several groups of alerts on one ticket, what may have caused it, and how often it turned. */
const ticketCauses = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table tickets add column parts jsonb not null default '[]', add column shared_via text,
      add column suspects jsonb not null default '[]', add column flips jsonb not null default '[]',
      add column is_flapping boolean not null default false, add column merged_into text,
      add column is_observed boolean not null default false, add column said_at timestamptz,
      add column joined_at timestamptz, add column sources jsonb not null default '[]';
    create table ticket_groups (
      group_id bigint not null, ticket text not null, service text, joined_at timestamptz not null, because text not null,
      via text, decision jsonb, left_at timestamptz, primary key (group_id, ticket));
    create index ticket_groups_ticket on ticket_groups (ticket);
    insert into ticket_groups (group_id, ticket, service, joined_at, because, decision)
      select group_id, id, service, opened_at, 'first', decision from tickets;
    update tickets set parts = jsonb_build_array(jsonb_build_object('groupId', group_id::text, 'service', service,
      'name', name, 'firingCount', firing_count + hidden_count, 'since', since, 'because', 'first', 'via', null));
    create index tickets_parts on tickets using gin (parts jsonb_path_ops);
  `.execute(db);
};

export const ticketMigrations: Record<string, Migration> = {
  "2026-11-23T1020-tickets": { up: ticketTables },
  "2026-11-25T1010-tickets-outside": { up: ticketsOutside },
  "2026-11-25T0940-ticket-causes": { up: ticketCauses },
};
