import { type ColumnType, type Generated, type Insertable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { GroupIdentity } from "./grouping.ts";
import { type KeptAlert, type Severity, type Unreadable, untitled } from "./model.ts";
import type { AlertLink } from "./webhooks/links.ts";

type Time = ColumnType<Date, Date, Date>;
type Json<T> = ColumnType<T, string, string>;

export interface AlertTables {
  alert_deliveries: {
    id: Generated<string>;
    source: string;
    team: string;
    received_at: Time;
    body: Buffer;
    /** Those its reader needs; never a secret. */
    headers: Json<Readonly<Record<string, string>>> | null;
    /** The sender's own id; one row for each source and id. */
    delivery_id: string | null;
    problems: Json<readonly Unreadable[]> | null;
    folded_at: Time | null;
  };
  alert_groups: {
    id: Generated<string>;
    key: string;
    service: string | null;
    environment: string;
    name: string;
    note: string | null;
    hidden_key: string | null;
    hidden_count: Generated<number>;
    created_at: Time;
    changed_at: Time;
    firing_at: Time | null;
  };
  alerts: {
    source: string;
    fingerprint: string;
    group_id: string;
    status: "firing" | "resolved";
    labels: Json<Record<string, string>>;
    annotations: Json<Record<string, string>>;
    title: string | null;
    links: Json<readonly AlertLink[]>;
    link: string | null;
    severity: Severity;
    severity_text: string | null;
    starts_at: Time;
    latest_starts_at: Time;
    ended_at: Time | null;
    first_seen_at: Time;
    last_seen_at: Time;
    received_count: number;
    stale_at: Time | null;
  };
  alert_problems: {
    source: string;
    field: string;
    day: string;
    seen_count: number;
    first_at: Time;
    last_at: Time;
  };
  alert_totals: { source: string; outcome: string; seen: string; last_at: Time };
}

export const alertTables = (db: Db | Trx) => tables<AlertTables>(db);

export type NewDelivery = Insertable<AlertTables["alert_deliveries"]>;

export interface Delivery {
  id: string;
  source: string;
  received_at: Date;
  body: Buffer;
  headers: Readonly<Record<string, string>> | null;
}

/**
 * Keeps deliveries; answers of each whether it is new. One that came before, by its source and the sender's own id,
 * is kept no second time; rows go in in one order, so that two transactions never wait for each other in a circle.
 */
export async function insertDeliveries(trx: Trx, rows: readonly NewDelivery[]): Promise<boolean[]> {
  const keyOf = (row: { source: string; delivery_id?: string | null | undefined }) =>
    JSON.stringify([row.source, row.delivery_id]);
  const sorted = rows.every((row) => row.delivery_id === null)
    ? rows
    : [...rows].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  const written = await alertTables(trx)
    .insertInto("alert_deliveries")
    .values(sorted)
    .onConflict((conflict) =>
      conflict.columns(["source", "delivery_id"]).where("delivery_id", "is not", null).doNothing(),
    )
    .returning(["source", "delivery_id"])
    .execute();
  const fresh = new Set(written.filter((row) => row.delivery_id !== null).map(keyOf));
  // The first of those with one id was written, if any was.
  return rows.map((row) => row.delivery_id === null || fresh.delete(keyOf(row)));
}

/** Oldest deliveries not folded yet, locked, at most so many and so many bytes (one at least). */
export async function takeDeliveries(trx: Trx, rowsMax: number, bytesMax: number): Promise<Delivery[]> {
  const { rows } = await sql<{ id: string; bytes: number }>`
    select id, octet_length(body) as bytes from alert_deliveries where folded_at is null
    order by id limit ${rowsMax} for update skip locked`.execute(trx);
  let bytes = 0;
  const ids = rows
    .filter((row, index) => {
      bytes += row.bytes;
      return index === 0 || bytes <= bytesMax;
    })
    .map((row) => row.id);
  if (ids.length === 0) return [];
  return alertTables(trx)
    .selectFrom("alert_deliveries")
    .select(["id", "source", "received_at", "body", "headers"])
    .where("id", "in", ids)
    .orderBy("id")
    .execute();
}

export async function markFolded(trx: Trx, ids: readonly string[], now: Date): Promise<void> {
  await sql`update alert_deliveries set folded_at = ${now} where id = any(${ids}::bigint[])`.execute(trx);
}

/** Takes a delivery out of the line, with the reason; its body stays for people. */
export async function keepAside(
  trx: Trx,
  id: string,
  problems: readonly Unreadable[],
  now: Date,
): Promise<void> {
  await alertTables(trx)
    .updateTable("alert_deliveries")
    .set({ folded_at: now, problems: JSON.stringify(problems) })
    .where("id", "=", id)
    .execute();
}

/** Ids by key; a group known before takes the names the catalog in force gives it. */
export async function upsertGroups(
  trx: Trx,
  groups: readonly GroupIdentity[],
  now: Date,
): Promise<Map<string, string>> {
  const sorted = [...groups].sort((one, other) => (one.key < other.key ? -1 : 1));
  const { rows } = await sql<{ id: string; key: string }>`
    insert into alert_groups (key, service, environment, name, note, created_at, changed_at)
    select g.key, g.service, g.environment, g.name, g.note, ${now}, ${now}
    from jsonb_to_recordset(${JSON.stringify(sorted)}::jsonb) as g(key text, service text, environment text, name text, note text)
    order by g.key
    on conflict (key) do update set note = excluded.note, changed_at = excluded.changed_at
    returning id, key`.execute(trx);
  return new Map(rows.map((row) => [row.key, row.id]));
}

/** A kept alert with the group it was filed under. */
export type Filed = KeptAlert & { groupId: string };

/** The alerts as kept, locked, by `source` and `fingerprint`. */
export async function lockAlerts(
  trx: Trx,
  keys: readonly { source: string; fingerprint: string }[],
): Promise<Filed[]> {
  const rows = await alertTables(trx)
    .selectFrom("alerts")
    .selectAll()
    .where(
      sql<boolean>`(source, fingerprint) in (select source, fingerprint from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as k(source text, fingerprint text))`,
    )
    .orderBy("source")
    .orderBy("fingerprint")
    .forUpdate()
    .execute();
  return rows.map((row) => ({
    source: row.source,
    fingerprint: row.fingerprint,
    groupId: row.group_id,
    status: row.status,
    labels: row.labels,
    annotations: row.annotations,
    title: row.title ?? untitled,
    links: row.links,
    link: row.link,
    severity: row.severity,
    severityText: row.severity_text,
    startsAt: row.starts_at,
    latestStartsAt: row.latest_starts_at,
    endedAt: row.ended_at,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    receivedCount: row.received_count,
  }));
}

/** Writes alerts in one statement; an alert heard of again is not stale. */
export async function writeAlerts(trx: Trx, alerts: readonly Filed[]): Promise<void> {
  if (alerts.length === 0) return;
  const rows = [...alerts].sort((one, other) =>
    `${one.source}\u0000${one.fingerprint}` < `${other.source}\u0000${other.fingerprint}` ? -1 : 1,
  );
  await sql`
    insert into alerts (source, fingerprint, group_id, status, labels, annotations, title, links, link, severity, severity_text, starts_at,
      latest_starts_at, ended_at, first_seen_at, last_seen_at, received_count, stale_at)
    select a."source", a."fingerprint", a."groupId", a."status", a."labels", a."annotations", a."title", a."links", a."link", a."severity",
      a."severityText", a."startsAt", a."latestStartsAt", a."endedAt", a."firstSeenAt", a."lastSeenAt", a."receivedCount", null
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as a("source" text, "fingerprint" text, "groupId" bigint,
      "status" text, "labels" jsonb, "annotations" jsonb, "title" text, "links" jsonb, "link" text, "severity" text, "severityText" text,
      "startsAt" timestamptz, "latestStartsAt" timestamptz, "endedAt" timestamptz, "firstSeenAt" timestamptz, "lastSeenAt" timestamptz, "receivedCount" int)
    on conflict (source, fingerprint) do update set group_id = excluded.group_id, status = excluded.status,
      labels = excluded.labels, annotations = excluded.annotations, title = excluded.title, links = excluded.links, link = excluded.link, severity = excluded.severity,
      severity_text = excluded.severity_text, starts_at = excluded.starts_at, latest_starts_at = excluded.latest_starts_at, ended_at = excluded.ended_at,
      last_seen_at = excluded.last_seen_at, received_count = excluded.received_count, stale_at = null`.execute(
    trx,
  );
}

/** What a sender did not list: its group fires on although all that is listed here may be resolved. */
export async function setHidden(
  trx: Trx,
  groupIds: readonly string[],
  hiddenKey: string,
  hiddenCount: number,
): Promise<void> {
  await sql`update alert_groups set hidden_key = ${hiddenKey}, hidden_count = ${hiddenCount} where id = any(${groupIds}::bigint[])`.execute(
    trx,
  );
}

/** The sender listed all of its group again. Answers the groups this changes. */
export async function clearHidden(trx: Trx, hiddenKey: string): Promise<string[]> {
  const { rows } = await sql<{
    id: string;
  }>`update alert_groups set hidden_count = 0 where hidden_key = ${hiddenKey} and hidden_count > 0 returning id`.execute(
    trx,
  );
  return rows.map((row) => row.id);
}

export async function addTotals(
  trx: Trx,
  totals: ReadonlyMap<string, Record<string, number>>,
  now: Date,
): Promise<void> {
  const rows = [...totals].flatMap(([source, byOutcome]) =>
    Object.entries(byOutcome).map(([outcome, seen]) => ({ source, outcome, seen })),
  );
  if (rows.length === 0) return;
  await sql`insert into alert_totals (source, outcome, seen, last_at)
    select source, outcome, seen, ${now} from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as t(source text, outcome text, seen bigint)
    order by source, outcome
    on conflict (source, outcome) do update set seen = alert_totals.seen + excluded.seen, last_at = excluded.last_at`.execute(
    trx,
  );
}

/** Marks firing alerts not heard of since `before`. Answers their groups. */
export async function markStale(trx: Trx, before: Date, now: Date, rowsMax: number): Promise<string[]> {
  const { rows } = await sql<{ group_id: string }>`
    update alerts set stale_at = ${now} where (source, fingerprint) in (
      select source, fingerprint from alerts where status = 'firing' and stale_at is null and last_seen_at < ${before}
      order by source, fingerprint limit ${rowsMax} for update skip locked)
    returning group_id`.execute(trx);
  return [...new Set(rows.map((row) => row.group_id))];
}

/** A cause as it stands: who it is filed with and its alerts, counted. */
export interface AlertGroup {
  id: string;
  service: string | null;
  environment: string;
  name: string;
  note: string | null;
  /** Alerts that fire but were not listed by the sender. */
  hiddenCount: number;
  firingCount: number;
  resolvedCount: number;
  staleCount: number;
  receivedCount: number;
  /** Since when it fires, by when that was heard of; null while it does not. */
  firingAt: Date | null;
  /** Hook sources that told of it. */
  sources: readonly string[];
  /** Worst of those that fire, else of all. */
  severity: Severity;
  severityText: string | null;
  /** When the first of those that fire began; null when none does. */
  firingSince: Date | null;
  /** When the last one to fire began; null when none ever did. */
  newestStartsAt: Date | null;
  /** When the last one ended; null when none did. */
  endedAt: Date | null;
  lastSeenAt: Date | null;
  /** Words and link of the newest alert, a firing one first. */
  annotations: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  link: string | null;
}

const rank = sql`case severity when 'critical' then 0 when 'error' then 1 when 'warning' then 2 else 3 end`;

/** The cause that an alert of a source is part of, by any of these fingerprints; undefined when none is known. */
export async function groupIdOf(
  db: Db | Trx,
  source: string,
  fingerprints: readonly string[],
): Promise<string | undefined> {
  const row = await alertTables(db)
    .selectFrom("alerts")
    .select("group_id")
    .where("source", "=", source)
    .where("fingerprint", "in", [...fingerprints])
    .limit(1)
    .executeTakeFirst();
  return row?.group_id;
}

export async function readGroup(db: Db | Trx, id: string): Promise<AlertGroup | undefined> {
  return (await readGroups(db, [id]))[0];
}

/** Several causes at once, in the order of their ids; those that are not kept are left out. */
export async function readGroups(db: Db | Trx, ids: readonly string[]): Promise<AlertGroup[]> {
  const { rows } = await sql<AlertGroup>`
    select g.id, g.service, g.environment, g.name, g.note, g.hidden_count as "hiddenCount", g.firing_at as "firingAt", c.*,
      coalesce(w.severity, 'info') as severity, w.severity_text as "severityText",
      coalesce(n.annotations, '{}') as annotations, coalesce(n.labels, '{}') as labels, n.link
    from alert_groups g
    cross join lateral (
      select count(*) filter (where status = 'firing')::int as "firingCount",
        count(*) filter (where status = 'resolved')::int as "resolvedCount",
        count(*) filter (where status = 'firing' and stale_at is not null)::int as "staleCount",
        coalesce(sum(received_count), 0)::int as "receivedCount",
        coalesce(array_agg(distinct source) filter (where source is not null), '{}') as sources,
        min(starts_at) filter (where status = 'firing') as "firingSince", max(latest_starts_at) as "newestStartsAt",
        max(ended_at) as "endedAt", max(last_seen_at) as "lastSeenAt"
      from alerts where group_id = g.id) c
    left join lateral (select severity, severity_text from alerts where group_id = g.id
      order by status = 'firing' desc, ${rank} limit 1) w on true
    left join lateral (select annotations, labels, link from alerts where group_id = g.id
      order by status = 'firing' desc, ${rank}, starts_at desc, fingerprint limit 1) n on true
    where g.id = any(${ids}::bigint[]) order by g.id`.execute(db);
  return rows;
}

/** Causes that fire in an environment, the longest known first. */
export async function firingGroupIds(db: Db | Trx, environment: string, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from alert_groups where firing_at is not null and environment = ${environment}
    order by firing_at, id limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}

/** Notes since when each of these causes fires, or that it does no longer. */
export async function markFiring(trx: Trx, groupIds: readonly string[], now: Date): Promise<void> {
  await sql`
    update alert_groups g set firing_at = case when f.fires then coalesce(g.firing_at, ${now}::timestamptz) end
    from (select id, hidden_count > 0 or exists (select 1 from alerts a where a.group_id = alert_groups.id and a.status = 'firing') as fires
      from alert_groups where id = any(${groupIds}::bigint[])) f
    where g.id = f.id and f.fires <> (g.firing_at is not null)`.execute(trx);
}

export async function lockGroup(trx: Trx, id: string): Promise<void> {
  await sql`select 1 from alert_groups where id = ${id} for update`.execute(trx);
}
