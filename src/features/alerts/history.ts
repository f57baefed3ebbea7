/** Every change of an alert as it was heard of, for lists, quality and replay. The SQL of it. */
import { sql } from "kysely";
import type { Db, Trx } from "../../platform/db/database.ts";
import type { Severity } from "./model.ts";
import type { Filed } from "./store.ts";

/** An alert that began to fire or resolved. */
export interface AlertChange {
  source: string;
  fingerprint: string;
  groupId: string;
  status: "firing" | "resolved";
  severity: Severity;
  severityText: string | null;
  /** When it began or ended, by its sender. */
  at: Date;
  /** When it was heard of. */
  seenAt: Date;
}

/** What differs between two states of the same alert; undefined when it neither began nor ended. */
export function changeOf(before: Filed | undefined, after: Filed): AlertChange | undefined {
  // A peer that reports the same episode a little later is no second beginning.
  if (before?.status === after.status) return undefined;
  const { source, fingerprint, groupId, status, severity, severityText } = after;
  return {
    source,
    fingerprint,
    groupId,
    status,
    severity,
    severityText,
    at: status === "firing" ? after.startsAt : (after.endedAt ?? after.lastSeenAt),
    seenAt: after.lastSeenAt,
  };
}

export async function addChanges(trx: Trx, changes: readonly AlertChange[]): Promise<void> {
  if (changes.length === 0) return;
  await sql`
    insert into alert_changes (source, fingerprint, group_id, status, severity, severity_text, at, seen_at)
    select c."source", c."fingerprint", c."groupId", c."status", c."severity", c."severityText", c."at", c."seenAt"
    from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) as c("source" text, "fingerprint" text, "groupId" bigint,
      "status" text, "severity" text, "severityText" text, "at" timestamptz, "seenAt" timestamptz)`.execute(
    trx,
  );
}

/** One alert in a list. */
export interface ListedAlert {
  source: string;
  fingerprint: string;
  service: string | null;
  name: string;
  status: "firing" | "resolved";
  severity: Severity;
  severityText: string | null;
  labels: Readonly<Record<string, string>>;
  link: string | null;
  startsAt: Date;
  endedAt: Date | null;
  isStale: boolean;
}

export interface AlertFilter {
  groupIds?: readonly string[] | undefined;
  service?: string | undefined;
  /** Heard of since then. */
  since?: Date | undefined;
}

const matching = ({ groupIds, service, since }: AlertFilter) => sql`
  (${groupIds ?? null}::bigint[] is null or a.group_id = any(${groupIds ?? null}::bigint[]))
  and (${service ?? null}::text is null or g.service = ${service ?? null})
  and (${since ?? null}::timestamptz is null or a.last_seen_at >= ${since ?? null})`;

/** Alerts, the firing first, the newest first. */
export async function listAlerts(
  db: Db | Trx,
  filter: AlertFilter,
  page: { limit: number; offset: number },
): Promise<ListedAlert[]> {
  const { rows } = await sql<ListedAlert>`
    select a.source, a.fingerprint, g.service, g.name, a.status, a.severity, a.severity_text as "severityText", a.labels,
      a.link, a.starts_at as "startsAt", a.ended_at as "endedAt", a.stale_at is not null as "isStale"
    from alerts a join alert_groups g on g.id = a.group_id where ${matching(filter)}
    order by a.status, a.starts_at desc, a.source, a.fingerprint limit ${page.limit} offset ${page.offset}`.execute(
    db,
  );
  return rows;
}

/** An alert that fires on instances of one version. */
export interface FiringOn {
  /** What its sender calls it. */
  name: string;
  severity: Severity;
  version: string;
}

/** Alerts of a service that fire now and whose label says one of these versions; stale ones are left out. */
export async function firingOn(
  db: Db | Trx,
  ask: { service: string; environment: string; label: string; versions: readonly string[] },
): Promise<FiringOn[]> {
  const { rows } = await sql<FiringOn>`
    select coalesce(a.labels ->> 'alertname', a.title, g.name) as name, a.severity, a.labels ->> ${ask.label}::text as version
    from alerts a join alert_groups g on g.id = a.group_id
    where a.status = 'firing' and a.stale_at is null and g.service = ${ask.service}
      and g.environment = ${ask.environment} and a.labels ->> ${ask.label}::text = any(${ask.versions})
    order by name, version`.execute(db);
  return rows;
}

export async function countAlerts(db: Db | Trx, filter: AlertFilter): Promise<number> {
  const { rows } = await sql<{ n: string }>`
    select count(*) as n from alerts a join alert_groups g on g.id = a.group_id where ${matching(filter)}`.execute(
    db,
  );
  return Number(rows[0]?.n ?? 0);
}

/** A change with what its alert says of itself, for replay. */
export type ToldChange = AlertChange & { labels: Readonly<Record<string, string>> };

/** Changes since a moment, in the order they were heard of. */
export async function changesSince(db: Db | Trx, since: Date, limit: number): Promise<ToldChange[]> {
  const { rows } = await sql<ToldChange>`
    select c.source, c.fingerprint, c.group_id as "groupId", c.status, c.severity, c.severity_text as "severityText",
      c.at, c.seen_at as "seenAt", coalesce(a.labels, '{}') as labels
    from alert_changes c left join alerts a on a.source = c.source and a.fingerprint = c.fingerprint
    where c.seen_at >= ${since} order by c.seen_at, c.id limit ${limit}`.execute(db);
  return rows;
}

/** How often a rule fired, and on how many days each of its alerts did. */
export interface Firings {
  service: string | null;
  name: string;
  firings: number;
  /** Pairs of an alert and a day. */
  distinct: number;
}

/** Of what was heard of in [from, to); days are those of the zone. */
export async function firingsOf(db: Db, from: Date, to: Date, zone: string): Promise<readonly Firings[]> {
  const { rows } = await sql<{ service: string | null; name: string; firings: string; distinct: string }>`
    select g.service, g.name, count(*) as firings,
      count(distinct (c.source, c.fingerprint, (c.seen_at at time zone ${zone})::date)) as distinct
    from alert_changes c join alert_groups g on g.id = c.group_id
    where c.status = 'firing' and c.seen_at >= ${from} and c.seen_at < ${to}
    group by g.service, g.name`.execute(db);
  return rows.map((row) => ({ ...row, firings: Number(row.firings), distinct: Number(row.distinct) }));
}
