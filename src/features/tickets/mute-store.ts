/** The SQL of mutes. */
import type { Selectable } from "kysely";
import type { Db, Trx } from "../../platform/db/database.ts";
import type { Mute } from "./model.ts";
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

/** Mutes in force for a cause: of the cause itself or its service. One that holds pages too comes first. */
export async function mutesOf(
  db: Db | Trx,
  thing: { service: string | null; groupId: string | null },
  now: Date,
): Promise<Mute[]> {
  const rows = await ticketTables(db)
    .selectFrom("ticket_mutes")
    .selectAll()
    .where("ended_at", "is", null)
    .where("until", ">", now)
    .where((eb) =>
      eb.or([
        ...(thing.groupId === null ? [] : [eb("group_id", "=", thing.groupId)]),
        ...(thing.service === null ? [] : [eb("service", "=", thing.service)]),
      ]),
    )
    .orderBy("with_pages", "desc")
    .orderBy("until", "desc")
    .execute();
  return rows.map(muteFrom);
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

/** Groups of the open tickets a mute is about. */
export async function groupsUnder(trx: Trx, mute: Pick<Mute, "service" | "groupId">): Promise<string[]> {
  let query = ticketTables(trx).selectFrom("tickets").select("group_id").where("state", "=", "open");
  query =
    mute.groupId === null
      ? query.where("service", "=", mute.service)
      : query.where("group_id", "=", mute.groupId);
  return (await query.execute()).map((row) => row.group_id);
}
