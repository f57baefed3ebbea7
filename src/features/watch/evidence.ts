/** What can be seen of Quarterdeck in its own rows: nothing here is a flag that somebody sets. */
import { sql } from "kysely";
import type { Db } from "../../platform/db/database.ts";
import type { Evidence, Lane } from "./model.ts";
import { readState } from "./store.ts";

/** Runs of a page's step that failed one after the other before its step counts as late: about half a minute. */
const failedMin = 6;

export interface EvidenceParts {
  db: Db;
  now: () => Date;
  databaseNow: () => Promise<Date>;
  /** When the oldest delivery came in that is not folded; null when none waits. */
  deliverySince: () => Promise<Date | null>;
}

/** Throws when Postgres does not answer. */
export async function readEvidence({
  db,
  now,
  databaseNow,
  deliverySince,
}: EvidenceParts): Promise<Evidence> {
  const theirs = await databaseNow();
  const at = now();
  const [{ rows }, rings, state, delivery] = await Promise.all([
    sql<{
      worker_at: Date | null;
      page_step_since: Date | null;
      urgent_since: Date | null;
      message_since: Date | null;
    }>`select
      (select max(seen_at) from workers) as worker_at,
      (select min(case when attempts >= ${failedMin} then ${at}::timestamptz - interval '1 minute' else due_at end) from rings
        where job like 'paging.%' and (lease_until is null or lease_until < ${at})
          and (due_at <= ${at} or attempts >= ${failedMin})) as page_step_since,
      (select min(coalesce(behind_since, updated_at)) from messages
        where urgent and shown_version < wanted_version) as urgent_since,
      (select min(coalesce(behind_since, updated_at)) from messages
        where shown_version < wanted_version) as message_since`.execute(db),
    sql<{ lane: Lane; rang_at: Date }>`select lane, rang_at from watch_rings`.execute(db),
    readState(db),
    deliverySince(),
  ]);
  const rangAt: Record<Lane, Date | null> = { urgent: null, normal: null, bulk: null };
  for (const { lane, rang_at } of rings.rows) rangAt[lane] = rang_at;
  const seen = rows[0];
  return {
    at,
    clockOffMs: at.getTime() - theirs.getTime(),
    deliverySince: delivery,
    rangAt,
    workerAt: seen?.worker_at ?? null,
    pageStepSince: seen?.page_step_since ?? null,
    urgentSince: seen?.urgent_since ?? null,
    messageSince: seen?.message_since ?? null,
    slack: state?.slack ?? null,
  };
}
