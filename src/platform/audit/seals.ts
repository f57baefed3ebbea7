/** Seals and what they seal, in and out of the database. */
import type { KeyObject } from "node:crypto";
import { sql } from "kysely";
import type { Db, Trx } from "../db/database.ts";
import { genesisHash } from "./chain.ts";
import { leafHash, MerkleRoot } from "./merkle.ts";
import { entriesPerSealMax, noSealHash, readSeal, type Seal, sealHash, sealText, signSeal } from "./seal.ts";

/** How long nothing may be added before a seal says that nothing was. */
const signOfLifeMs = 10 * 60_000;

export interface KeptSeal {
  seal: Seal;
  /** As it was signed and is archived. */
  text: string;
  archivedAt: Date | null;
}

const columns = ["body", "archived_at"] as const;
const kept = (row: { body: string; archived_at: Date | null }): KeptSeal => ({
  seal: readSeal(row.body),
  text: row.body,
  archivedAt: row.archived_at,
});

export async function newestSeal(db: Db | Trx): Promise<KeptSeal | undefined> {
  const row = await db
    .selectFrom("audit_seals")
    .select(columns)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && kept(row);
}

/** The seal that an entry is under; undefined while it has none. */
export async function sealOver(db: Db, seq: number): Promise<KeptSeal | undefined> {
  const row = await db
    .selectFrom("audit_seals")
    .select(columns)
    .where("seq", ">=", String(seq))
    .where("count", ">", 0)
    .orderBy("seq")
    .limit(1)
    .executeTakeFirst();
  const found = row && kept(row);
  return found && found.seal.seq - found.seal.count < seq ? found : undefined;
}

/** Seals by number, from `from` on, at most `max`. */
export async function sealsFrom(db: Db | Trx, from: number, max: number): Promise<KeptSeal[]> {
  const rows = await db
    .selectFrom("audit_seals")
    .select(columns)
    .where("number", ">=", String(from))
    .orderBy("number")
    .limit(max)
    .execute();
  return rows.map(kept);
}

/** Bytes of chained entries `from` to `to`, both included, in order. */
export async function bodiesOf(db: Db | Trx, from: number, to: number): Promise<string[]> {
  const rows = await db
    .selectFrom("audit_chained")
    .select("body")
    .where("seq", ">=", String(from))
    .where("seq", "<=", String(to))
    .orderBy("seq")
    .execute();
  return rows.map(({ body }) => body);
}

/**
 * Seals the next entries, at most {@link entriesPerSealMax}; with none, says so every ten minutes. Locks the chain's
 * head: one at a time seals, and nothing is chained meanwhile.
 *
 * @returns the seal, or undefined when there is nothing to say yet
 */
export async function sealNext(db: Db, key: KeyObject, now: () => Date): Promise<KeptSeal | undefined> {
  return db.transaction().execute(async (trx) => {
    const head = await trx
      .selectFrom("audit_head")
      .select(["seq", "hash"])
      .where("id", "=", 1)
      .forUpdate()
      .executeTakeFirstOrThrow();
    const { log, held_at } = await trx
      .selectFrom("audit_log")
      .select(["log", "held_at"])
      .executeTakeFirstOrThrow();
    if (held_at) return undefined;
    const last = await newestSeal(trx);
    const after = last?.seal.seq ?? 0;
    const seq = Math.min(Number(head.seq), after + entriesPerSealMax);
    const at = now();
    if (seq === after && last && at.getTime() - Date.parse(last.seal.at) < signOfLifeMs) return undefined;
    const bodies = seq === after ? [] : await bodiesOf(trx, after + 1, seq);
    if (bodies.length !== seq - after)
      throw Object.assign(
        new Error(`The audit lacks entries between ${after + 1} and ${seq}: it is not sealed.`),
        {
          hint: "`quarterdeck audit verify` names the first.",
        },
      );
    const root = new MerkleRoot();
    for (const body of bodies) root.add(leafHash(body));
    const seal = signSeal(
      {
        log,
        number: (last?.seal.number ?? 0) + 1,
        seq,
        count: bodies.length,
        root: root.root().toString("hex"),
        head: (await hashAt(trx, seq)).toString("hex"),
        at: at.toISOString(),
        previous: last ? sealHash(last.text) : noSealHash,
      },
      key,
    );
    const text = sealText(seal);
    await trx
      .insertInto("audit_seals")
      .values({
        number: String(seal.number),
        seq: String(seq),
        count: seal.count,
        at,
        body: text,
        archived_at: null,
      })
      .execute();
    return { seal, text, archivedAt: null };
  });
}

/** Chain hash of an entry; before the first, the hash that the chain begins with. */
async function hashAt(trx: Trx, seq: number): Promise<Buffer> {
  const row = await trx
    .selectFrom("audit_chained")
    .select("hash")
    .where("seq", "=", String(seq))
    .executeTakeFirst();
  if (row) return row.hash;
  if (seq === 0) return genesisHash;
  // The part that ended here has left; the seal that it ended with says the hash.
  const seal = await trx
    .selectFrom("audit_seals")
    .select("body")
    .where("seq", "=", String(seq))
    .limit(1)
    .executeTakeFirst();
  if (!seal) throw new Error(`unreachable: entry ${seq} is neither in the chain nor at a seal's end`);
  return Buffer.from(readSeal(seal.body).head, "hex");
}

/** Seals that the archive does not have yet: how many, and since when the oldest waits. */
export async function notArchived(db: Db): Promise<{ seals: number; since: Date | null }> {
  const { rows } = await sql<{ seals: string; since: Date | null }>`
    select count(*) as seals, min(at) as since from audit_seals where archived_at is null`.execute(db);
  return { seals: Number(rows[0]?.seals ?? 0), since: rows[0]?.since ?? null };
}
