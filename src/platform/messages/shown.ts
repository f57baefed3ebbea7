/** Cards and what was said under them, read back for pages: what is wanted, whether Slack shows it yet or not. */
import type { Db } from "../db/database.ts";
import type { Wanted } from "./say.ts";

export interface KeptMessage extends Wanted {
  key: string;
  createdAt: Date;
  updatedAt: Date;
}

/** Posts by their keys; what there is none of is left out. */
export async function messagesOf(db: Db, keys: readonly string[]): Promise<ReadonlyMap<string, KeptMessage>> {
  if (keys.length === 0) return new Map();
  const rows = await db
    .selectFrom("messages")
    .select(["key", "wanted", "created_at", "updated_at"])
    .where("key", "in", [...keys])
    .where("kind", "=", "post")
    .execute();
  return new Map(rows.map((row) => [row.key, keptOf(row)] as const));
}

/** What was said in the thread of a card, the oldest first; the newest `limit` of it. */
export async function threadOf(db: Db, key: string, limit: number): Promise<readonly KeptMessage[]> {
  const rows = await db
    .selectFrom("messages")
    .select(["key", "wanted", "created_at", "updated_at"])
    .where("parent", "=", key)
    .where("kind", "=", "post")
    .orderBy("created_at", "desc")
    .limit(limit)
    .execute();
  return rows.map(keptOf).reverse();
}

const keptOf = (row: { key: string; wanted: unknown; created_at: Date; updated_at: Date }): KeptMessage => ({
  ...(row.wanted as Wanted),
  key: row.key,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});
