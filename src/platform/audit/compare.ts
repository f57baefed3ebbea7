/** Whether the database still is the one that the archive was written from. */
import { sql } from "kysely";
import type { Db } from "../db/database.ts";
import { kindByLetter } from "../ids.ts";
import { type Archive, archiveDays, sealName, sealNumberOf, sealsPrefix } from "./archive.ts";
import { readSeal, type Seal } from "./seal.ts";
import { newestSeal } from "./seals.ts";

export type Comparison =
  | { is: "same" }
  /** The archive goes on from where this database ends. */
  | { is: "older"; ours: number; archived: number }
  /** The archive has another seal where this database has its own: it went on after it was older. */
  | { is: "forked"; at: number; archived: number }
  /** The archive lost a seal that it had and must still keep: moved, or not mounted. */
  | { is: "lost"; seal: number }
  /** The archive has seals of another log. */
  | { is: "foreign"; log: string };

/** Reads the archive's seals from our newest on: one small request while nothing is wrong. */
export async function compareWithArchive(db: Db, archive: Archive, now: Date): Promise<Comparison> {
  const newest = await newestSeal(db);
  const ours = newest?.seal.number ?? 0;
  const archived = await newestNumber(archive, ours);
  const textOf = async (number: number) => (await archive.get(sealName(number)))?.toString("utf8");
  if (newest) {
    const there = await textOf(ours);
    if (there !== undefined && there !== newest.text)
      return otherLog(there, newest.seal) ?? { is: "forked", at: ours, archived: archived ?? ours };
    if (there === undefined) {
      // Ours is still to be archived; what was archived last must be there, and ours.
      const before = newest.archivedAt ? newest : await lastArchived(db);
      const text = before && (before === newest ? undefined : await textOf(before.seal.number));
      if (before && text === undefined && mustBeThere(before.seal, now))
        return { is: "lost", seal: before.seal.number };
      if (before && text !== undefined && text !== before.text) {
        const at = before.seal.number;
        return otherLog(text, newest.seal) ?? { is: "forked", at, archived: archived ?? at };
      }
    }
  }
  if (archived === undefined) return { is: "same" };
  // A database without any seal has no log of its own yet.
  const foreign = newest && otherLog((await textOf(archived)) ?? "", newest.seal);
  return foreign ?? { is: "older", ours, archived };
}

const mustBeThere = (seal: Seal, now: Date): boolean =>
  now.getTime() - Date.parse(seal.at) < archiveDays * 86_400_000;

/** What is no seal at all is not known to be another log's. */
function otherLog(text: string, ours: Seal): Comparison | undefined {
  try {
    const { log } = readSeal(text);
    return log === ours.log ? undefined : { is: "foreign", log };
  } catch {
    return undefined;
  }
}

/** Highest number of a seal that comes after `after`. */
async function newestNumber(archive: Archive, after: number): Promise<number | undefined> {
  let newest: number | undefined;
  for await (const name of archive.list(sealsPrefix, sealName(after))) newest = sealNumberOf(name) ?? newest;
  return newest;
}

async function lastArchived(db: Db): Promise<{ seal: Seal; text: string } | undefined> {
  const row = await db
    .selectFrom("audit_seals")
    .select("body")
    .where("archived_at", "is not", null)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && { seal: readSeal(row.body), text: row.body };
}

/** Why nothing may be written there, or undefined where it may. */
export function wrongArchive(found: Comparison, place: string): string | undefined {
  switch (found.is) {
    case "lost":
      return `the archive (${place}) lost seal ${found.seal} that it had: is it the right one, and mounted?`;
    case "foreign":
      return `the archive (${place}) belongs to another installation (log ${found.log})`;
    default:
      return undefined;
  }
}

/** What people are told; undefined while nothing is to be held. */
export function holdReason(found: Comparison, place: string): string | undefined {
  switch (found.is) {
    case "same":
    case "lost":
    case "foreign":
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
