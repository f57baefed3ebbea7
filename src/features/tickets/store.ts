import { type ColumnType, type Selectable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Severity } from "../alerts/index.ts";
import type { OpenCause } from "./causes.ts";
import type { Choice } from "./decide.ts";
import type { Judgement, Ticket, TicketId, TicketPart } from "./model.ts";
import type { Suspect } from "./suspects.ts";
import { hitsOfParts } from "./whole.ts";

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
    closed_because: "resolved" | "person" | "merged" | null;
    closed_note: string | null;
    parts: ColumnType<readonly TicketPart[], string, string>;
    shared_via: string | null;
    suspects: ColumnType<readonly Suspect[], string, string>;
    flips: ColumnType<readonly string[], string, string>;
    is_flapping: boolean;
    merged_into: string | null;
    is_observed: boolean;
    said_at: Time | null;
    joined_at: Time | null;
    sources: ColumnType<readonly string[], string, string>;
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
    parts: row.parts,
    sharedVia: row.shared_via,
    suspects: row.suspects,
    flips: row.flips,
    isFlapping: row.is_flapping,
    mergedInto: row.merged_into as TicketId | null,
    isObserved: row.is_observed,
    saidAt: row.said_at,
    joinedAt: row.joined_at ?? row.opened_at,
    sources: row.sources,
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
    parts: JSON.stringify(ticket.parts),
    shared_via: ticket.sharedVia,
    suspects: JSON.stringify(ticket.suspects),
    flips: JSON.stringify(ticket.flips),
    is_flapping: ticket.isFlapping,
    merged_into: ticket.mergedInto,
    is_observed: ticket.isObserved,
    said_at: ticket.saidAt,
    joined_at: ticket.joinedAt,
    sources: JSON.stringify(ticket.sources),
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

/** The newest ticket a group of alerts stands on, open or closed. */
export async function newestTicket(
  db: Db | Trx,
  groupId: string,
  options: { lock: boolean },
): Promise<Ticket | undefined> {
  // A release before this one opens tickets without a row in ticket_groups.
  const { rows } = await sql<{ id: string }>`
    select t.id from tickets t left join ticket_groups m on m.ticket = t.id and m.group_id = ${groupId}
    where (t.group_id = ${groupId} or m.group_id is not null) and (m.left_at is null)
      and t.closed_because is distinct from 'merged'
    order by coalesce(m.joined_at, t.opened_at) desc limit 1`.execute(db);
  return rows[0] && readTicket(db, rows[0].id, options);
}

/** Open tickets of an environment, as what a newcomer may join. */
export async function openCauses(trx: Trx, environment: string): Promise<OpenCause[]> {
  const rows = await ticketTables(trx)
    .selectFrom("tickets")
    .select(["id", "parts", "joined_at", "opened_at", "paged_at", "sources"])
    .where("state", "=", "open")
    .where("environment", "=", environment)
    .orderBy("opened_at")
    .execute();
  return rows.map((row) => ({
    id: row.id as TicketId,
    services: hitsOfParts(row.parts),
    sources: row.sources,
    since: hitsOfParts(row.parts)
      .map(({ since }) => since)
      .reduce((earliest, since) => (since < earliest ? since : earliest), row.opened_at),
    joinedAt: row.joined_at ?? row.opened_at,
    openedAt: row.opened_at,
    isPaged: row.paged_at !== null,
  }));
}

const severityRank = sql`case severity when 'critical' then 0 when 'error' then 1 when 'warning' then 2 else 3 end`;

export interface TicketFilter {
  service?: string | undefined;
  /** Of these services alone; left out: of all. */
  services?: readonly string[] | undefined;
  /** Taken by this person. */
  takenBy?: string | undefined;
  /** Closed ones since then too; left out: open ones alone. */
  closedSince?: Date | undefined;
  limit: number;
}

/** It stands for the ticket, or joined it. */
const isAbout = (service: string) =>
  sql<boolean>`(tickets.service = ${service} or tickets.parts @> ${JSON.stringify([{ service }])}::jsonb)`;

/** Open ones first, paged before the rest, the worst and newest first. */
export async function listTickets(db: Db | Trx, filter: TicketFilter): Promise<Ticket[]> {
  let query = ticketTables(db).selectFrom("tickets").selectAll();
  if (filter.service !== undefined) query = query.where(isAbout(filter.service));
  if (filter.services) query = query.where(sql<boolean>`service = any(${[...filter.services]}::text[])`);
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
  if (filter.service !== undefined) query = query.where(isAbout(filter.service));
  const { closedSince } = filter;
  query =
    closedSince === undefined
      ? query.where("state", "=", "open")
      : query.where((eb) => eb.or([eb("state", "=", "open"), eb("closed_at", ">=", closedSince)]));
  return Number((await query.executeTakeFirstOrThrow()).n);
}

/** Open tickets that fire, that nobody took, that do not page and of which nothing was said since; at most 50. */
export async function untakenTickets(db: Db, before: Date): Promise<TicketId[]> {
  const rows = await ticketTables(db)
    .selectFrom("tickets")
    .select("id")
    .where("state", "=", "open")
    .where("taken_by", "is", null)
    .where("paged_at", "is", null)
    .where("is_quiet", "=", false)
    .where("is_flapping", "=", false)
    .where((eb) => eb(eb.fn.coalesce("said_at", "opened_at"), "<=", before))
    .orderBy("opened_at")
    .limit(50)
    .execute();
  return rows.map(({ id }) => id as TicketId);
}
