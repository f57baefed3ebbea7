import { sql } from "kysely";
import type { Db } from "../db/database.ts";
import type { Log } from "../log.ts";
import { looseCommit } from "../rings/write.ts";

/** Entries chained by one statement, so that the head is not locked for long. */
const rowsPerTurn = 500;
/** How long it gathers before it chains: what is added meanwhile costs one statement together. */
const gatherMs = 10;
/** How often it looks by itself: for entries of processes that do not chain. */
const everyMs = 1_000;

/**
 * Chains what waits, until nothing does. The commit need not reach the disk: what waits is there already, and what a
 * crash of Postgres takes of the chain's end is chained again. Seals, which do reach it, take the chain before them along.
 */
export async function chainPending(db: Db): Promise<number> {
  for (let chained = 0; ; ) {
    const { rows } = await sql<{
      n: number;
    }>`select audit_chain(${rowsPerTurn}) as n from ${looseCommit} as loose`.execute(db);
    chained += rows[0]?.n ?? 0;
    if ((rows[0]?.n ?? 0) < rowsPerTurn) return chained;
  }
}

export interface Chainer {
  /** There is something to chain. Returns at once. */
  kick(): void;
  start(): void;
  stop(): Promise<void>;
}

/** Chains while its process lives, one statement at a time; what is added meanwhile is taken together by the next. */
export function createChainer(parts: { db: Db; log: Log; onChained?: (entries: number) => void }): Chainer {
  let isOn = false;
  let isWanted = false;
  let underWay: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const run = async (): Promise<void> => {
    while (isWanted && isOn) {
      await new Promise((resolve) => setTimeout(resolve, gatherMs));
      isWanted = false;
      try {
        const chained = await chainPending(parts.db);
        if (chained > 0) parts.onChained?.(chained);
      } catch (error) {
        parts.log.warn(
          { err: error },
          "the audit's new entries could not be chained; tried again in a second",
        );
        isWanted = false;
      }
    }
  };
  const kick = () => {
    if (!isOn) return;
    isWanted = true;
    underWay ??= run().finally(() => {
      underWay = undefined;
      if (isWanted) kick();
    });
  };
  return {
    kick,
    start: () => {
      isOn = true;
      timer ??= setInterval(kick, everyMs).unref();
      kick();
    },
    stop: async () => {
      isOn = false;
      clearInterval(timer);
      timer = undefined;
      await underWay;
    },
  };
}
