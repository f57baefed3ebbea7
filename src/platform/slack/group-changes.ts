/**
 * A Slack user group gives rights, and Slack tells nobody here when its people change. So each read is compared with
 * the one before, whichever process made that; a difference is audited with ids and announced.
 */
import { randomUUID } from "node:crypto";
import { type Kysely, type Migration, sql } from "kysely";
import type { Database } from "../db/database.ts";
import { systemActor } from "../people.ts";

/** Its ref is the change's id. */
export const groupChangeEvent = "group.changed";

const groupTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table usergroup_members (
      team text not null, usergroup text not null, members text[] not null, read_at timestamptz not null,
      primary key (team, usergroup));
    create table usergroup_changes (
      id uuid primary key, team text not null, usergroup text not null, added text[] not null, removed text[] not null,
      at timestamptz not null);
  `.execute(db);
};

export const groupMigrations: Record<string, Migration> = {
  "2026-11-25T1744-usergroups": { up: groupTables },
};

/** What a read of a group brought. `readAt`: when it began; one that began before what is known is too old to count. */
export interface GroupRead {
  team: string;
  group: string;
  users: readonly string[];
  readAt: Date;
}

export async function noteGroupRead(
  database: Database,
  { team, group, users, readAt }: GroupRead,
): Promise<void> {
  const members = [...new Set(users)].sort();
  const known = await database.db
    .selectFrom("usergroup_members")
    .select(["members", "read_at"])
    .where("team", "=", team)
    .where("usergroup", "=", group)
    .executeTakeFirst();
  if (known && (known.read_at >= readAt || isSame(known.members, members))) return;
  await database.tx(async (tx) => {
    // The first read is what later ones are compared with.
    const { numInsertedOrUpdatedRows: inserted } = await tx.trx
      .insertInto("usergroup_members")
      .values({ team, usergroup: group, members, read_at: readAt })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (inserted) return;
    const before = await tx.trx
      .selectFrom("usergroup_members")
      .select(["members", "read_at"])
      .where("team", "=", team)
      .where("usergroup", "=", group)
      .forUpdate()
      .executeTakeFirstOrThrow();
    if (before.read_at >= readAt || isSame(before.members, members)) return;
    await tx.trx
      .updateTable("usergroup_members")
      .set({ members, read_at: readAt })
      .where("team", "=", team)
      .where("usergroup", "=", group)
      .execute();
    const id = randomUUID();
    const added = members.filter((person) => !before.members.includes(person));
    const removed = before.members.filter((person) => !members.includes(person));
    await tx.trx
      .insertInto("usergroup_changes")
      .values({ id, team, usergroup: group, added, removed, at: tx.now })
      .execute();
    tx.audit({
      actor: systemActor,
      action: groupChangeEvent,
      subject: group,
      detail: { team, added, removed, since: before.read_at.toISOString() },
      correlation: id,
    });
    tx.emit(groupChangeEvent, id);
  });
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((person, index) => person === other[index]);
