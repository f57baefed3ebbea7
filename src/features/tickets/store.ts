import { type ColumnType, type Selectable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Severity } from "../alerts/index.ts";
import type { Choice } from "./decide.ts";
import type { Judgement, Ticket, TicketId } from "./model.ts";

type Time = ColumnType<Date, Date, Date>;

export interface TicketTables {
  tickets: {
    id: string;
    group_id: string;
    service: string | null;
    environment: string;
    team: string;
    name: string;
    state: "open" | "closed";
    severity: Severity;
    severity_text: string | null;
    note: string | null;
    summary: string | null;
    link: string | null;
    channel: string;
    since: Time;
    opened_at: Time;
    changed_at: Time;
    follows: string | null;
    firing_count: number;
    hidden_count: number;
    resolved_count: number;
    stale_count: number;
    received_count: number;
    last_seen_at: Time | null;
    taken_by: string | null;
    taken_at: Time | null;
    mark: Judgement | null;
    marked_by: string | null;
    marked_at: Time | null;
    paged_at: Time | null;
    was_paged: boolean;
    decision: ColumnType<Choice, string, string>;
    closed_at: Time | null;
    closed_by: string | null;
    closed_because: "resolved" | "person" | null;
    closed_note: string | null;
    is_quiet: boolean;
    provider: string;
    external_key: string | null;
    external_url: string | null;
    wanted_version: number;
    published_version: number;
  };
  ticket_mutes: {
    id: string;
    service: string | null;
    group_id: string | null;
    ticket: string | null;
    until: Time;
    reason: string;
    with_pages: boolean;
    muted_by: string;
    muted_at: Time;
    ended_at: Time | null;
    ended_by: string | null;
  };
}

export const ticketTables = (db: Db | Trx) => tables<TicketTables>(db);

function ticketFrom(row: Selectable<TicketTables["tickets"]>): Ticket {
  return {
    id: row.id as TicketId,
    groupId: row.group_id,
    service: row.service,
    environment: row.environment,
    team: row.team,
    name: row.name,
    state: row.state,
    severity: row.severity,
    severityText: row.severity_text,
    note: row.note,
    summary: row.summary,
    link: row.link,
    channel: row.channel,
    since: row.since,
    openedAt: row.opened_at,
    changedAt: row.changed_at,
    follows: row.follows as TicketId | null,
    firingCount: row.firing_count,
    hiddenCount: row.hidden_count,
    resolvedCount: row.resolved_count,
    staleCount: row.stale_count,
    receivedCount: row.received_count,
    lastSeenAt: row.last_seen_at,
    takenBy: row.taken_by,
    takenAt: row.taken_at,
    mark: row.mark,
    markedBy: row.marked_by,
    markedAt: row.marked_at,
    pagedAt: row.paged_at,
    wasPaged: row.was_paged,
    decision: row.decision,
    closedAt: row.closed_at,
    closedBy: row.closed_by,
    closedBecause: row.closed_because,
    closedNote: row.closed_note,
    isQuiet: row.is_quiet,
    provider: row.provider,
    externalKey: row.external_key,
    externalUrl: row.external_url,
    wantedVersion: row.wanted_version,
    publishedVersion: row.published_version,
  };
}

/** Writes the whole ticket: new, or over the row that is locked. What the provider's side did is written apart. */
export async function writeTicket(trx: Trx, ticket: Ticket): Promise<void> {
  const row = {
    id: ticket.id,
    group_id: ticket.groupId,
    service: ticket.service,
    environment: ticket.environment,
    team: ticket.team,
    name: ticket.name,
    state: ticket.state,
    severity: ticket.severity,
    severity_text: ticket.severityText,
    note: ticket.note,
    summary: ticket.summary,
    link: ticket.link,
    channel: ticket.channel,
    since: ticket.since,
    opened_at: ticket.openedAt,
    changed_at: ticket.changedAt,
    follows: ticket.follows,
    firing_count: ticket.firingCount,
    hidden_count: ticket.hiddenCount,
    resolved_count: ticket.resolvedCount,
    stale_count: ticket.staleCount,
    received_count: ticket.receivedCount,
    last_seen_at: ticket.lastSeenAt,
    taken_by: ticket.takenBy,
    taken_at: ticket.takenAt,
    mark: ticket.mark,
    marked_by: ticket.markedBy,
    marked_at: ticket.markedAt,
    paged_at: ticket.pagedAt,
    was_paged: ticket.wasPaged,
    decision: JSON.stringify(ticket.decision),
    closed_at: ticket.closedAt,
    closed_by: ticket.closedBy,
    closed_because: ticket.closedBecause,
    closed_note: ticket.closedNote,
    is_quiet: ticket.isQuiet,
    wanted_version: ticket.wantedVersion,
  };
  await ticketTables(trx)
    .insertInto("tickets")
    .values({
      ...row,
      provider: ticket.provider,
      external_key: null,
      external_url: null,
      published_version: 0,
    })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
    .execute();
}

export async function readTicket(
  db: Db | Trx,
  id: string,
  options: { lock: boolean } = { lock: false },
): Promise<Ticket | undefined> {
  const query = ticketTables(db).selectFrom("tickets").selectAll().where("id", "=", id);
  const row = await (options.lock ? query.forUpdate() : query).executeTakeFirst();
  return row && ticketFrom(row);
}

/** The newest ticket of a cause, open or closed. */
export async function newestTicket(
  db: Db | Trx,
  groupId: string,
  options: { lock: boolean },
): Promise<Ticket | undefined> {
  const query = ticketTables(db)
    .selectFrom("tickets")
    .selectAll()
    .where("group_id", "=", groupId)
    .orderBy("opened_at", "desc")
    .limit(1);
  const row = await (options.lock ? query.forUpdate() : query).executeTakeFirst();
  return row && ticketFrom(row);
}

const severityRank = sql`case severity when 'critical' then 0 when 'error' then 1 when 'warning' then 2 else 3 end`;

export interface TicketFilter {
  service?: string | undefined;
  /** Taken by this person. */
  takenBy?: string | undefined;
  /** Closed ones since then too; left out: open ones alone. */
  closedSince?: Date | undefined;
  limit: number;
}

/** Open ones first, paged before the rest, the worst and newest first. */
export async function listTickets(db: Db | Trx, filter: TicketFilter): Promise<Ticket[]> {
  let query = ticketTables(db).selectFrom("tickets").selectAll();
  if (filter.service !== undefined) query = query.where("service", "=", filter.service);
  if (filter.takenBy !== undefined) query = query.where("taken_by", "=", filter.takenBy);
  const { closedSince } = filter;
  query =
    closedSince === undefined
      ? query.where("state", "=", "open")
      : query.where((eb) => eb.or([eb("state", "=", "open"), eb("closed_at", ">=", closedSince)]));
  const rows = await query
    .orderBy(sql`state = 'closed'`)
    .orderBy(sql`paged_at is null`)
    .orderBy(severityRank)
    .orderBy("opened_at", "desc")
    .limit(filter.limit)
    .execute();
  return rows.map(ticketFrom);
}

export async function countTickets(db: Db, filter: Omit<TicketFilter, "limit">): Promise<number> {
  let query = ticketTables(db)
    .selectFrom("tickets")
    .select((eb) => eb.fn.countAll<string>().as("n"));
  if (filter.service !== undefined) query = query.where("service", "=", filter.service);
  const { closedSince } = filter;
  query =
    closedSince === undefined
      ? query.where("state", "=", "open")
      : query.where((eb) => eb.or([eb("state", "=", "open"), eb("closed_at", ">=", closedSince)]));
  return Number((await query.executeTakeFirstOrThrow()).n);
}

/** Open, firing tickets that do not page, for asking again whether users hurt by now. */
export async function unpagedTickets(
  db: Db,
): Promise<{ service: string; groupId: string; users: Choice["numbers"]["users"] }[]> {
  const { rows } = await sql<{ service: string; groupId: string; users: Choice["numbers"]["users"] }>`
    select service, group_id as "groupId", decision->'numbers'->>'users' as users from tickets
    where state = 'open' and service is not null and paged_at is null and decision->>'rule' <> 'other-environment'
    order by service`.execute(db);
  return rows;
}
