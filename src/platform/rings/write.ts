import { sql } from "kysely";
import type { Trx } from "../db/database.ts";
import type { Lane } from "../db/tables.ts";

/**
 * A ring: `job` is to run for `ref` when it is due. The row is the truth; the queue only wakes a worker for it.
 * There is one row per (job, ref): ringing again moves it, and a worker that is at it runs once more.
 */
export interface Ring {
  job: string;
  ref: string;
  lane: Lane;
  /** Default: at once. */
  dueAt?: Date | undefined;
  /** Keep an earlier due time if there is one; default: this one replaces it. */
  keepEarlier?: boolean | undefined;
}

/** Channel that relays listen on; notified once per transaction. */
export const ringChannel = "quarterdeck_rings";

export async function writeRings(trx: Trx, rings: readonly Ring[], now: Date): Promise<void> {
  if (rings.length === 0) return;
  const last = new Map(rings.map((ring) => [`${ring.job}\u0000${ring.ref}`, ring]));
  // Sorted, so that two transactions ringing the same rows lock them in one order.
  const rows = [...last.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, ring]) => ring);
  await trx
    .insertInto("rings")
    .values(
      rows.map((ring) => ({
        job: ring.job,
        ref: ring.ref,
        lane: ring.lane,
        due_at: ring.dueAt ?? now,
        created_at: now,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(["job", "ref"]).doUpdateSet({
        due_at: (eb) =>
          rows.every((ring) => ring.keepEarlier)
            ? sql`least(rings.due_at, excluded.due_at)`
            : eb.ref("excluded.due_at"),
        lane: (eb) => eb.ref("excluded.lane"),
        version: sql`rings.version + 1`,
        attempts: 0,
        rung_at: null,
      }),
    )
    .execute();
  await sql`select pg_notify(${ringChannel}, '')`.execute(trx);
}
