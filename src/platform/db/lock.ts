import { sql } from "kysely";
import { Turns } from "../turns.ts";
import type { Database } from "./database.ts";

/** Runs work alone by its key; `in_use` when another process does such work now: nothing was done, try again. */
export type WithLock = <T>(
  key: string,
  work: () => Promise<T>,
) => Promise<{ is: "done"; value: T } | { is: "in_use" }>;

/**
 * A lock over all processes, for work outside that reads, merges and writes a whole. It is held by a transaction that
 * writes nothing, so that it goes with its process; within this one those who wait take turns and hold no connection.
 */
export function createLock(database: Pick<Database, "db">): WithLock {
  const turns = new Turns();
  return (key, work) =>
    turns.take(key, () =>
      database.db.transaction().execute(async (trx) => {
        const { rows } = await sql<{
          taken: boolean;
        }>`select pg_try_advisory_xact_lock(hashtextextended(${key}, 0)) as taken`.execute(trx);
        return rows[0]?.taken ? { is: "done", value: await work() } : { is: "in_use" };
      }),
    );
}
