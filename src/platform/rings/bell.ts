import { sql } from "kysely";
import type { Db } from "../db/database.ts";
import { looseCommit, ringChannel } from "./write.ts";

/**
 * Tells the relays that rings were committed. Not part of their transactions: Postgres lets one notifying
 * transaction commit at a time, so that all writers would wait for each other's disk. Many rings share a message;
 * one that is lost costs a second, since relays look by themselves that often.
 */
export function createBell(db: Db): { ring(): void } {
  let isUnderWay = false;
  let isWanted = false;
  const tell = async (): Promise<void> => {
    isUnderWay = true;
    while (isWanted) {
      isWanted = false;
      await sql`select pg_notify(${ringChannel}, '') from ${looseCommit} as loose`
        .execute(db)
        .catch(() => undefined);
    }
    isUnderWay = false;
  };
  return {
    ring() {
      isWanted = true;
      if (!isUnderWay) void tell();
    },
  };
}
