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

/** Channel that relays listen on. */
export const ringChannel = "quarterdeck_rings";

/**
 * Stands in a statement's FROM: it is answered before its commit reaches the disk. For hints alone (handed over,
 * leased, done): what a crash of Postgres takes of them is done once more, which every handler allows.
 */
export const looseCommit = sql`(select set_config('synchronous_commit', 'off', true))`;

/** Writes the rows; {@link createBell} tells the relays once they are committed. */
export async function writeRings(trx: Trx, rings: readonly Ring[], now: Date): Promise<void> {
  if (rings.length === 0) return;
  const last = new Map(rings.map((ring) => [`${ring.job}\u0000${ring.ref}`, ring]));
  // Sorted, so that two transactions ringing the same rows lock them in one order.
  const rows = [...last.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { job, ref, lane, dueAt = now }]) => ({ job, ref, lane, due_at: dueAt }));
  const mayKeepEarlier = [...last.values()].every((ring) => ring.keepEarlier);
  await sql`
      insert into rings (job, ref, lane, due_at, created_at)
      select job, ref, lane, due_at, ${now}::timestamptz
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as given (job text, ref text, lane text, due_at timestamptz)
      on conflict (job, ref) do update set
        due_at = case when ${mayKeepEarlier}::boolean then least(rings.due_at, excluded.due_at) else excluded.due_at end,
        lane = excluded.lane, version = rings.version + 1, attempts = 0, rung_at = null`.execute(trx);
}
