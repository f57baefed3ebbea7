/** Which groups of alerts stand on which ticket. The SQL of it. */
import { sql } from "kysely";
import type { Db, Trx } from "../../platform/db/database.ts";
import type { JoinReason } from "./causes.ts";
import type { Choice } from "./decide.ts";
import type { TicketId } from "./model.ts";
import type { Joined } from "./whole.ts";

/** One settles causes of an environment at a time: two that open at once would not see each other. */
export async function lockCauses(trx: Trx, environment: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`quarterdeck.causes.${environment}`}, 0))`.execute(
    trx,
  );
}

/** Puts a group on a ticket, or notes what was decided for it there. */
export async function setMember(
  trx: Trx,
  ticket: TicketId,
  member: {
    groupId: string;
    service: string | null;
    because: JoinReason | "first";
    via: string | null;
    decision: Choice | undefined;
  },
  now: Date,
): Promise<void> {
  const { groupId, service, because, via, decision } = member;
  await sql`
    insert into ticket_groups (group_id, ticket, service, joined_at, because, via, decision)
    values (${groupId}, ${ticket}, ${service}, ${now}, ${because}, ${via}, ${decision ? JSON.stringify(decision) : null})
    on conflict (group_id, ticket) do update set
      decision = coalesce(excluded.decision, ticket_groups.decision), left_at = null`.execute(trx);
}

/** Moves all groups of a ticket that turned out to be a part of another. */
export async function moveMembers(
  trx: Trx,
  from: TicketId,
  to: TicketId,
  because: JoinReason,
  via: string | null,
  now: Date,
): Promise<void> {
  await sql`
    insert into ticket_groups (group_id, ticket, service, joined_at, because, via, decision)
    select group_id, ${to}, service, ${now}, ${because}, ${via}, decision from ticket_groups
    where ticket = ${from} and left_at is null
    on conflict (group_id, ticket) do update set left_at = null`.execute(trx);
  await sql`update ticket_groups set left_at = ${now} where ticket = ${from} and left_at is null`.execute(
    trx,
  );
}

/** Groups of a ticket in the order they joined. */
export async function membersOf(db: Db | Trx, ticket: TicketId): Promise<Joined[]> {
  const { rows } = await sql<Joined>`
    select group_id as "groupId", because, via from ticket_groups where ticket = ${ticket} and left_at is null
    order by joined_at, group_id`.execute(db);
  return rows;
}

/** What was decided for each group of a ticket. */
export async function decisionsOf(
  db: Db | Trx,
  ticket: string,
): Promise<
  { service: string | null; because: JoinReason | "first"; via: string | null; decision: Choice | null }[]
> {
  const { rows } = await sql<{
    service: string | null;
    because: JoinReason | "first";
    via: string | null;
    decision: Choice | null;
  }>`select service, because, via, decision from ticket_groups where ticket = ${ticket} and left_at is null
    order by joined_at, group_id`.execute(db);
  return rows;
}

/** Those of these groups that stand on an open ticket. */
export async function placedGroups(trx: Trx, groupIds: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    select m.group_id as id from ticket_groups m join tickets t on t.id = m.ticket and t.state = 'open'
    where m.left_at is null and m.group_id = any(${groupIds}::bigint[])`.execute(trx);
  return new Set(rows.map(({ id }) => id));
}

/** Services on open tickets that do not page, for asking again whether users hurt by now. */
export async function unpagedMembers(
  db: Db,
): Promise<{ service: string; groupId: string; users: Choice["numbers"]["users"] | null }[]> {
  const { rows } = await sql<{ service: string; groupId: string; users: Choice["numbers"]["users"] | null }>`
    select m.service, m.group_id as "groupId", m.decision->'numbers'->>'users' as users
    from ticket_groups m join tickets t on t.id = m.ticket
    where t.state = 'open' and t.paged_at is null and m.left_at is null and m.service is not null
      and coalesce(m.decision->>'rule', '') <> 'other-environment'
    order by m.service`.execute(db);
  return rows;
}

/** Groups of the open tickets a mute is about. */
export async function groupsUnder(
  trx: Trx,
  mute: { service: string | null; groupId: string | null },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct m.group_id as id from ticket_groups m join tickets t on t.id = m.ticket and t.state = 'open'
    where m.left_at is null and (m.service = ${mute.service} or m.ticket in (
      select ticket from ticket_groups where group_id = ${mute.groupId}::bigint and left_at is null))`.execute(
    trx,
  );
  return rows.map(({ id }) => id);
}
