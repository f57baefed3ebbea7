import { type Kysely, type Migration, sql } from "kysely";

const alertTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table alert_deliveries (
      id bigint generated always as identity primary key, source text not null, team text not null,
      received_at timestamptz not null, body bytea not null, problems jsonb, folded_at timestamptz);
    -- A body is read once and dropped soon: compressing it costs intake more than it saves.
    alter table alert_deliveries alter column body set storage external;
    create index alert_deliveries_waiting on alert_deliveries (id) where folded_at is null;
    create table alert_groups (
      id bigint generated always as identity primary key, key text not null unique, service text,
      environment text not null, name text not null, note text, hidden_key text, hidden_count integer not null default 0,
      created_at timestamptz not null, changed_at timestamptz not null);
    create index alert_groups_hidden on alert_groups (hidden_key) where hidden_count > 0;
    create table alerts (
      source text not null, fingerprint text not null, group_id bigint not null,
      status text not null check (status in ('firing','resolved')), labels jsonb not null, annotations jsonb not null,
      link text, severity text not null, severity_text text, starts_at timestamptz not null,
      latest_starts_at timestamptz not null, ended_at timestamptz,
      first_seen_at timestamptz not null, last_seen_at timestamptz not null, received_count integer not null,
      stale_at timestamptz, primary key (source, fingerprint));
    create index alerts_group on alerts (group_id);
    create index alerts_silent on alerts (last_seen_at) where status = 'firing' and stale_at is null;
    create table alert_problems (
      source text not null, field text not null, day date not null, seen_count integer not null,
      first_at timestamptz not null, last_at timestamptz not null, primary key (source, field, day));
    create table alert_totals (source text not null, outcome text not null, seen bigint not null,
      last_at timestamptz not null, primary key (source, outcome));
  `.execute(db);
};

const senders = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table alert_deliveries add column headers jsonb, add column delivery_id text;
    create unique index alert_deliveries_once on alert_deliveries (source, delivery_id) where delivery_id is not null;
    alter table alerts add column title text, add column links jsonb not null default '[]';
    create table hook_events (
      id bigint generated always as identity primary key, source text not null, event jsonb not null,
      received_at timestamptz not null);
    create index hook_events_received on hook_events (received_at);
  `.execute(db);
};

/** Since when a cause fires, and every change of an alert: what the newest state alone cannot tell. */
const alertHistory = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table alert_groups add column firing_at timestamptz;
    update alert_groups g set firing_at = changed_at
      where hidden_count > 0 or exists (select 1 from alerts a where a.group_id = g.id and a.status = 'firing');
    create index alert_groups_firing on alert_groups (environment, firing_at) where firing_at is not null;
    create table alert_changes (
      id bigint generated always as identity primary key, source text not null, fingerprint text not null,
      group_id bigint not null, status text not null check (status in ('firing','resolved')),
      severity text not null, severity_text text, at timestamptz not null, seen_at timestamptz not null);
    create index alert_changes_seen on alert_changes (seen_at);
    create index alert_changes_group on alert_changes (group_id, seen_at);
  `.execute(db);
};

/** Subscriptions that senders asked to have confirmed, and how that went. */
const subscriptions = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table hook_subscriptions (
      delivery_id bigint primary key, source text not null, topic text not null,
      state text not null check (state in ('asked','confirmed','failed')), subscription text, problem text,
      asked_at timestamptz not null, ended_at timestamptz);
    create index hook_subscriptions_asked on hook_subscriptions (asked_at);
  `.execute(db);
};

export const alertMigrations: Record<string, Migration> = {
  "2026-11-23T1010-alerts": { up: alertTables },
  "2026-11-25T0930-alerts-senders": { up: senders },
  "2026-11-25T0930-alert-history": { up: alertHistory },
  "2026-11-25T1000-alerts-subscriptions": { up: subscriptions },
};
