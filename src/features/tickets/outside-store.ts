/** What is known of tickets at their providers. The SQL of it. */
import { type Selectable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Ticket, TicketId } from "./model.ts";
import { nothingOutside, type Outside } from "./outside.ts";

interface OutsideTables {
  ticket_outside: {
    ticket: string;
    agreed: "open" | "closed" | null;
    assignee: string | null;
    tried_at: Date | null;
    error: string | null;
    failing_since: Date | null;
    retry_at: Date | null;
    closed_by: string | null;
    is_kept_open: boolean;
    told_taken: string | null;
    read_at: Date | null;
    changed_at: Date;
  };
  ticket_systems: { name: string; away_until: Date };
}
const own = (db: Db | Trx) => tables<OutsideTables>(db);

const outsideFrom = (row: Selectable<OutsideTables["ticket_outside"]>): Outside => ({
  ticket: row.ticket as TicketId,
  agreed: row.agreed,
  assignee: row.assignee,
  triedAt: row.tried_at,
  error: row.error,
  failingSince: row.failing_since,
  retryAt: row.retry_at,
  closedBy: row.closed_by,
  isKeptOpen: row.is_kept_open,
  toldTaken: row.told_taken,
});

export async function readOutside(db: Db | Trx, ticket: TicketId): Promise<Outside> {
  const row = await own(db)
    .selectFrom("ticket_outside")
    .selectAll()
    .where("ticket", "=", ticket)
    .executeTakeFirst();
  return row ? outsideFrom(row) : nothingOutside(ticket);
}

export async function writeOutside(db: Db | Trx, outside: Outside, now: Date): Promise<void> {
  const row = {
    agreed: outside.agreed,
    assignee: outside.assignee,
    tried_at: outside.triedAt,
    error: outside.error,
    failing_since: outside.failingSince,
    retry_at: outside.retryAt,
    closed_by: outside.closedBy,
    is_kept_open: outside.isKeptOpen,
    told_taken: outside.toldTaken,
    changed_at: now,
  };
  await own(db)
    .insertInto("ticket_outside")
    .values({ ticket: outside.ticket, ...row, read_at: null })
    .onConflict((conflict) => conflict.column("ticket").doUpdateSet(row))
    .execute();
}

/** Tickets of a provider whose side there is behind, the oldest first. */
export async function pendingTickets(
  db: Db,
  provider: string,
  now: Date,
  limit: number,
): Promise<readonly TicketId[]> {
  const { rows } = await sql<{ id: TicketId }>`
    select t.id from tickets t left join ticket_outside o on o.ticket = t.id
    where t.provider = ${provider} and t.wanted_version > t.published_version
      and (o.retry_at is null or o.retry_at <= ${now})
    order by t.opened_at, length(t.id), t.id limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}

/** Tickets whose side there has been behind since before then, whoever keeps them. */
export async function behindSince(
  db: Db,
  before: Date,
  limit: number,
): Promise<readonly { id: TicketId; provider: string }[]> {
  const { rows } = await sql<{ id: TicketId; provider: string }>`
    select id, provider from tickets where wanted_version > published_version and changed_at < ${before}
    order by opened_at limit ${limit}`.execute(db);
  return rows;
}

/** When the next ticket that was refused is tried again; undefined when none waits. */
export async function nextRetryAt(db: Db, provider: string): Promise<Date | undefined> {
  const { rows } = await sql<{ at: Date | null }>`
    select min(o.retry_at) as at from tickets t join ticket_outside o on o.ticket = t.id
    where t.provider = ${provider} and t.wanted_version > t.published_version`.execute(db);
  return rows[0]?.at ?? undefined;
}

/** Until when a provider asked to be left alone. */
export async function awayUntil(db: Db, provider: string): Promise<Date | undefined> {
  const row = await own(db)
    .selectFrom("ticket_systems")
    .select("away_until")
    .where("name", "=", provider)
    .executeTakeFirst();
  return row?.away_until;
}

export async function stayAway(db: Db, provider: string, until: Date): Promise<void> {
  await own(db)
    .insertInto("ticket_systems")
    .values({ name: provider, away_until: until })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ away_until: until }))
    .execute();
}

/** The ticket a provider's key belongs to. */
export async function ticketByKey(
  db: Db,
  providers: readonly string[],
  key: string,
): Promise<TicketId | undefined> {
  const { rows } = await sql<{ id: TicketId }>`
    select id from tickets where external_key = ${key} and provider = any(${[...providers]}::text[])
    order by opened_at desc limit 1`.execute(db);
  return rows[0]?.id;
}

/** Whether its cause stands on another ticket that is open: then this one cannot open again. */
export async function hasOpenSuccessor(
  trx: Trx,
  ticket: Pick<Ticket, "id" | "groupId" | "mergedInto">,
): Promise<boolean> {
  if (ticket.mergedInto !== null) return true;
  const { rows } = await sql`
    select 1 from tickets o where o.state = 'open' and o.id <> ${ticket.id} and (o.group_id = ${ticket.groupId}
      or exists (select 1 from ticket_groups m where m.ticket = o.id and m.left_at is null
        and m.group_id in (select group_id from ticket_groups where ticket = ${ticket.id}))) limit 1`.execute(
    trx,
  );
  return rows.length > 0;
}

/** Tickets with a side outside that are open, or closed since then; those looked at longest ago first. */
export async function leastRead(
  db: Db,
  providers: readonly string[],
  closedSince: Date,
  limit: number,
): Promise<readonly TicketId[]> {
  const { rows } = await sql<{ id: TicketId }>`
    select t.id from tickets t join ticket_outside o on o.ticket = t.id
    where t.provider = any(${[...providers]}::text[]) and t.external_key is not null and o.agreed is not null
      and (t.state = 'open' or t.closed_at >= ${closedSince})
    order by o.read_at nulls first, t.opened_at limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}

export async function markRead(db: Db, ticket: TicketId, now: Date): Promise<void> {
  await own(db).updateTable("ticket_outside").set({ read_at: now }).where("ticket", "=", ticket).execute();
}

/** Tickets whose side outside is behind, by provider. */
export async function countPending(db: Db): Promise<readonly { provider: string; count: number }[]> {
  const { rows } = await sql<{ provider: string; n: string }>`
    select provider, count(*) as n from tickets where wanted_version > published_version group by provider`.execute(
    db,
  );
  return rows.map(({ provider, n }) => ({ provider, count: Number(n) }));
}
