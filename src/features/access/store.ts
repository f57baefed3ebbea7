import { type ColumnType, type Selectable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import {
  type Basis,
  type Grant,
  type GrantId,
  type GrantState,
  isOver,
  jobs,
  nextStep,
  openStates,
} from "./model.ts";
import type { Terms } from "./terms.ts";

type Time = ColumnType<Date, Date, Date>;
type Json<T> = ColumnType<T, string, string>;

export interface AccessTables {
  access_grants: {
    id: string;
    seq: number;
    team: string;
    person: string;
    person_id: string;
    asked_by_team: string;
    asked_by: string;
    asked_by_id: string;
    resource: string;
    role: string;
    service: string | null;
    channel: string;
    terms: Json<Terms & { memberships?: readonly string[] }>;
    accounts: Json<Record<string, string>>;
    before: Json<Record<string, string>> | null;
    reason: string;
    asked_ms: ColumnType<string, number, number>;
    not_after: Time | null;
    start_at: Time | null;
    extends: string | null;
    total_before_ms: ColumnType<string, number, number>;
    asked_before: number;
    requested_at: Time;
    decided_at: Time | null;
    claimed_at: Time | null;
    over_at: Time | null;
    basis: Json<Basis>;
    by_hand: Json<string[]>;
    state: GrantState["is"];
    detail: Json<unknown>;
    due_at: Time | null;
  };
}

export const accessTables = (db: Db | Trx) => tables<AccessTables>(db);

/** Members of a state that are times; the row keeps them as ISO text. */
const timeKeys = new Set([
  "at",
  "since",
  "decideBy",
  "remindAt",
  "escalateAt",
  "claimFrom",
  "claimBy",
  "endsAt",
  "dueAt",
  "startedAt",
  "revealedAt",
  "lastsUntil",
]);

const stateFrom = (is: string, detail: unknown): GrantState =>
  JSON.parse(JSON.stringify({ ...(detail as object), is }), (key, value: unknown) =>
    timeKeys.has(key) && typeof value === "string" ? new Date(value) : value,
  ) as GrantState;

/** Grants on record since before there were other systems than Postgres name its group roles. */
const termsFrom = ({ memberships, ...terms }: Terms & { memberships?: readonly string[] }): Terms =>
  memberships === undefined ? terms : { ...terms, access: { grantRole: memberships } };

function grantFrom(row: Selectable<AccessTables["access_grants"]>): Grant {
  return {
    id: row.id as GrantId,
    seq: row.seq,
    requester: { team: row.team, person: row.person },
    personId: row.person_id,
    accounts: row.accounts,
    before: row.before,
    askedBy: { team: row.asked_by_team, person: row.asked_by },
    askedById: row.asked_by_id,
    resource: row.resource,
    role: row.role,
    service: row.service,
    channel: row.channel,
    terms: termsFrom(row.terms),
    reason: row.reason,
    askedMs: Number(row.asked_ms),
    notAfter: row.not_after,
    startAt: row.start_at,
    extends: row.extends as GrantId | null,
    totalBeforeMs: Number(row.total_before_ms),
    askedBefore: row.asked_before,
    requestedAt: row.requested_at,
    decidedAt: row.decided_at,
    claimedAt: row.claimed_at,
    overAt: row.over_at,
    basis: row.basis,
    byHand: row.by_hand,
    state: stateFrom(row.state, row.detail),
  };
}

/** Writes the whole grant: new, or over the row that is locked. */
export async function writeGrant(trx: Trx, grant: Grant, now: Date): Promise<void> {
  const { is, ...detail } = grant.state;
  const row = {
    id: grant.id,
    seq: grant.seq,
    team: grant.requester.team,
    person: grant.requester.person,
    person_id: grant.personId,
    accounts: JSON.stringify(grant.accounts),
    before: grant.before && JSON.stringify(grant.before),
    asked_by_team: grant.askedBy.team,
    asked_by: grant.askedBy.person,
    asked_by_id: grant.askedById,
    resource: grant.resource,
    role: grant.role,
    service: grant.service,
    channel: grant.channel,
    terms: JSON.stringify(grant.terms),
    reason: grant.reason,
    asked_ms: grant.askedMs,
    not_after: grant.notAfter,
    start_at: grant.startAt,
    extends: grant.extends,
    total_before_ms: grant.totalBeforeMs,
    asked_before: grant.askedBefore,
    requested_at: grant.requestedAt,
    decided_at: grant.decidedAt,
    claimed_at: grant.claimedAt,
    over_at: isOver(grant) ? (grant.overAt ?? now) : null,
    basis: JSON.stringify(grant.basis),
    by_hand: JSON.stringify(grant.byHand),
    state: is,
    detail: JSON.stringify(detail),
    due_at: nextStep(grant, now)?.dueAt ?? null,
  };
  await accessTables(trx)
    .insertInto("access_grants")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
    .execute();
}

export async function readGrant(
  db: Db | Trx,
  id: string,
  options: { lock: boolean } = { lock: false },
): Promise<Grant | undefined> {
  const query = accessTables(db).selectFrom("access_grants").selectAll().where("id", "=", id);
  const row = await (options.lock ? query.forUpdate() : query).executeTakeFirst();
  return row && grantFrom(row);
}

/** One request at a time for the same person, resource and role; held until the transaction ends. */
export async function lockAsking(trx: Trx, personId: string, resource: string, role: string): Promise<void> {
  const key = `access ${personId} ${resource} ${role}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(trx);
}

export interface GrantFilter {
  states?: readonly GrantState["is"][] | undefined;
  personId?: string | undefined;
  resource?: string | undefined;
  role?: string | undefined;
  service?: string | undefined;
  /** Of these services alone; left out: of all. */
  services?: readonly string[] | undefined;
  extends?: GrantId | undefined;
  requestedSince?: Date | undefined;
  limit: number;
}

/** Newest first. */
export async function listGrants(db: Db | Trx, filter: GrantFilter): Promise<Grant[]> {
  let query = accessTables(db).selectFrom("access_grants").selectAll();
  if (filter.states) query = query.where("state", "in", [...filter.states]);
  if (filter.personId !== undefined) query = query.where("person_id", "=", filter.personId);
  if (filter.resource !== undefined) query = query.where("resource", "=", filter.resource);
  if (filter.role !== undefined) query = query.where("role", "=", filter.role);
  if (filter.service !== undefined) query = query.where("service", "=", filter.service);
  if (filter.services) query = query.where(sql<boolean>`service = any(${[...filter.services]}::text[])`);
  if (filter.extends !== undefined) query = query.where("extends", "=", filter.extends);
  if (filter.requestedSince) query = query.where("requested_at", ">=", filter.requestedSince);
  const rows = await query
    .orderBy("requested_at", "desc")
    .orderBy("id", "desc")
    .limit(filter.limit)
    .execute();
  return rows.map(grantFrom);
}

export async function countRequests(
  db: Db | Trx,
  filter: { askedById?: string; personId?: string; resource?: string; since: Date },
): Promise<number> {
  let query = accessTables(db)
    .selectFrom("access_grants")
    .select((eb) => eb.fn.countAll<string>().as("n"))
    .where("requested_at", ">=", filter.since);
  if (filter.askedById !== undefined) query = query.where("asked_by_id", "=", filter.askedById);
  if (filter.personId !== undefined) query = query.where("person_id", "=", filter.personId);
  if (filter.resource !== undefined) query = query.where("resource", "=", filter.resource);
  return Number((await query.executeTakeFirstOrThrow()).n);
}

/** How long people took to decide on a role, median in milliseconds, and of how many. */
export async function decisionTimes(
  db: Db,
  resource: string,
  role: string,
  since: Date,
): Promise<{ count: number; medianMs: number }> {
  const { rows } = await sql<{ count: number; median: number | null }>`
    select count(*)::int as count, percentile_cont(0.5) within group
      (order by extract(epoch from decided_at - requested_at) * 1000)::float8 as median
    from access_grants where resource = ${resource} and role = ${role} and decided_at > requested_at
      and basis->>'is' = 'approval' and requested_at >= ${since}`.execute(db);
  return { count: rows[0]?.count ?? 0, medianMs: rows[0]?.median ?? 0 };
}

/** Grants of `approverId` that `personId` approved since then: they approve each other. */
export async function approvedInReturn(
  db: Db | Trx,
  approverId: string,
  personId: string,
  since: Date,
): Promise<GrantId[]> {
  const { rows } = await sql<{ id: GrantId }>`
    select id from access_grants where person_id = ${approverId} and requested_at >= ${since}
      and detail->'approvals' @> ${JSON.stringify([{ personId }])}::jsonb order by requested_at desc limit 5`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

/** What is due, with the job of its next step, and has no ring that will come in time. */
export async function unrungGrants(
  db: Db,
  now: Date,
  limit: number,
): Promise<readonly { id: GrantId; job: string }[]> {
  const soon = new Date(now.getTime() + 60_000);
  const { rows } = await sql<{ id: GrantId; job: string }>`
    select due.id, due.job from (
      select id, due_at, case state when 'granting' then ${jobs.grant} when 'active' then ${jobs.end}
        when 'revoking' then ${jobs.end} else ${jobs.wait} end as job
      from access_grants where due_at <= ${now}) as due
    where not exists (select 1 from rings where rings.job = due.job and rings.ref = due.id and rings.due_at <= ${soon})
    order by due.due_at limit ${limit}`.execute(db);
  return rows;
}

/** Somebody with something open under one rule. */
export interface Holder {
  /** Slack id. */
  person: string;
  /** The same for all whose rule lets the same people ask. */
  rule: string;
  grants: readonly GrantId[];
}

export async function openHolders(db: Db): Promise<Holder[]> {
  const { rows } = await sql<Holder>`
    select person, rule, array_agg(id order by requested_at, id) as grants
    from (select id, team, person, person_id, requested_at,
            concat(terms->'requesters', terms->'requesterPeople') as rule
          from access_grants where over_at is null and state = any(${[...openStates]}::text[])) as open
    group by team, person, person_id, rule order by person, rule`.execute(db);
  return rows;
}

export async function countStates(
  db: Db,
  lateBefore: Date,
): Promise<{ active: number; waiting: number; overdue: number }> {
  const { rows } = await sql<{ active: number; waiting: number; overdue: number }>`
    select count(*) filter (where state = 'active')::int as active,
      count(*) filter (where state = 'requested')::int as waiting,
      count(*) filter (where (state = 'revoking' and (detail->>'dueAt')::timestamptz < ${lateBefore})
        or (state = 'active' and due_at < ${lateBefore}))::int as overdue
    from access_grants where over_at is null`.execute(db);
  return rows[0] ?? { active: 0, waiting: 0, overdue: 0 };
}
