/** The SQL of mutes. */
import type { Selectable } from "kysely";
import type { Db, Trx } from "../../platform/db/database.ts";
import type { Mute, Ticket } from "./model.ts";
import { type TicketTables, ticketTables } from "./store.ts";

function muteFrom(row: Selectable<TicketTables["ticket_mutes"]>): Mute {
  return {
    id: row.id,
    service: row.service,
    groupId: row.group_id,
    ticket: row.ticket,
    until: row.until,
    reason: row.reason,
    withPages: row.with_pages,
    by: row.muted_by,
  };
}

/** Mutes in force for any of these services or causes. One that holds pages too comes first. */
export async function mutesOf(
  db: Db | Trx,
  things: { services: readonly (string | null)[]; groupIds: readonly string[] },
  now: Date,
): Promise<Mute[]> {
  const services = things.services.filter((name) => name !== null);
  if (services.length + things.groupIds.length === 0) return [];
  const rows = await ticketTables(db)
    .selectFrom("ticket_mutes")
    .selectAll()
    .where("ended_at", "is", null)
    .where("until", ">", now)
    .where((eb) =>
      eb.or([
        ...(things.groupIds.length === 0 ? [] : [eb("group_id", "in", things.groupIds)]),
        ...(services.length === 0 ? [] : [eb("service", "in", services)]),
      ]),
    )
    .orderBy("with_pages", "desc")
    .orderBy("until", "desc")
    .execute();
  return rows.map(muteFrom);
}

/** Mutes in force for a ticket: of any cause or service on it. */
export function ticketMutes(db: Db | Trx, ticket: Ticket, now: Date): Promise<Mute[]> {
  const services = [ticket.service, ...ticket.parts.map(({ service }) => service)];
  const groupIds = [ticket.groupId, ...ticket.parts.map(({ groupId }) => groupId)];
  return mutesOf(db, { services: [...new Set(services)], groupIds: [...new Set(groupIds)] }, now);
}

/** A mute of one of many services hides nothing of the others; one of the ticket itself hides it. */
export function isMuted(ticket: Ticket, mutes: readonly Mute[]): boolean {
  if (mutes.some(({ groupId }) => groupId !== null)) return true;
  const services = new Set([ticket.service, ...ticket.parts.map(({ service }) => service)]);
  return [...services].every((name) => name !== null && mutes.some(({ service }) => service === name));
}

/** The mute of exactly this target that has not ended, locked. */
export async function lockMute(
  trx: Trx,
  target: { service: string } | { groupId: string } | { id: string },
): Promise<Mute | undefined> {
  let query = ticketTables(trx).selectFrom("ticket_mutes").selectAll().where("ended_at", "is", null);
  if ("id" in target) query = query.where("id", "=", target.id);
  else
    query =
      "service" in target
        ? query.where("service", "=", target.service)
        : query.where("group_id", "=", target.groupId);
  const row = await query.forUpdate().executeTakeFirst();
  return row && muteFrom(row);
}

export async function insertMute(trx: Trx, mute: Mute, now: Date): Promise<void> {
  await ticketTables(trx)
    .insertInto("ticket_mutes")
    .values({
      id: mute.id,
      service: mute.service,
      group_id: mute.groupId,
      ticket: mute.ticket,
      until: mute.until,
      reason: mute.reason,
      with_pages: mute.withPages,
      muted_by: mute.by,
      muted_at: now,
      ended_at: null,
      ended_by: null,
    })
    .execute();
}

export async function endMute(trx: Trx, id: string, by: string | null, now: Date): Promise<void> {
  await ticketTables(trx)
    .updateTable("ticket_mutes")
    .set({ ended_at: now, ended_by: by })
    .where("id", "=", id)
    .execute();
}
