/** Whether the database still is the one that the archive was written from. */
import { sql } from "kysely";
import type { Db } from "../db/database.ts";
import { kindByLetter } from "../ids.ts";
import { type Archive, sealName, sealNumberOf, sealsPrefix } from "./archive.ts";
import { newestSeal } from "./seals.ts";

export type Comparison =
  | { is: "same" }
  /** The archive goes on from where this database ends. */
  | { is: "older"; ours: number; archived: number }
  /** The archive has another seal where this database has its own: it went on after it was older. */
  | { is: "forked"; at: number; archived: number }
  /** The archive lost a seal that it had. */
  | { is: "lost"; seal: number };

/** Reads the archive's seals from our newest on: one small request while nothing is wrong. */
export async function compareWithArchive(db: Db, archive: Archive): Promise<Comparison> {
  const newest = await newestSeal(db);
  const ours = newest?.seal.number ?? 0;
  const archived = await newestNumber(archive, ours);
  if (newest) {
    const there = (await archive.get(sealName(ours)))?.toString("utf8");
    if (there !== undefined && there !== newest.text)
      return { is: "forked", at: ours, archived: archived ?? ours };
    if (there === undefined && newest.archivedAt) return { is: "lost", seal: ours };
    // Ours is still to be archived; what was archived last must be there, and ours.
    if (there === undefined) {
      const before = await lastArchived(db);
      const text = before && (await archive.get(sealName(before.number)))?.toString("utf8");
      if (before && text === undefined) return { is: "lost", seal: before.number };
      if (before && text !== before.text)
        return { is: "forked", at: before.number, archived: archived ?? before.number };
    }
  }
  return archived === undefined ? { is: "same" } : { is: "older", ours, archived };
}

/** Highest number of a seal that comes after `after`. */
async function newestNumber(archive: Archive, after: number): Promise<number | undefined> {
  let newest: number | undefined;
  for await (const name of archive.list(sealsPrefix, sealName(after))) newest = sealNumberOf(name) ?? newest;
  return newest;
}

async function lastArchived(db: Db): Promise<{ number: number; text: string } | undefined> {
  const row = await db
    .selectFrom("audit_seals")
    .select(["number", "body"])
    .where("archived_at", "is not", null)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && { number: Number(row.number), text: row.body };
}

/** What people are told, or undefined while all is well. */
export function holdReason(found: Comparison, place: string): string | undefined {
  switch (found.is) {
    case "same":
    case "lost":
      return undefined;
    case "older":
      return `the archive (${place}) has seals up to ${found.archived}, this database up to ${found.ours}: it was restored to an older state`;
    case "forked":
      return `seal ${found.at} of the archive (${place}) is not the one of this database: it was restored to an older state and went on`;
  }
}

/**
 * Ids that are given out while it is held begin so far behind the last one known: alerts make tickets meanwhile, and
 * those that the archive tells of have names already.
 */
const idsAhead = 1_000;

/** Answers whether it was not held before. */
export async function hold(db: Db, why: string, now: Date): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable("audit_log")
      .set({ held_at: now, held_why: why })
      .where("held_at", "is", null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await trx
      .insertInto("public_ids")
      .values(Object.values(kindByLetter).map((kind) => ({ kind, last: idsAhead })))
      .onConflict((conflict) =>
        conflict.column("kind").doUpdateSet({ last: sql`public_ids.last + ${idsAhead}` }),
      )
      .execute();
    return true;
  });
}

export async function noteCompared(db: Db, now: Date): Promise<void> {
  await sql`update audit_log set compared_at = ${now} where id = 1`.execute(db);
}
