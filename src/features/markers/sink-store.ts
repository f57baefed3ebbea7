/** Which systems are being called, and which did not answer: one call at a time, and none for a while after a silence. */
import { sql } from "kysely";
import { type Trx, tables } from "../../platform/db/database.ts";

interface SinkTables {
  marker_sinks: {
    sink: string;
    /** Null: nobody calls it, and it is left alone until `busy_until`. */
    busy_since: Date | null;
    busy_until: Date;
    /** Times in a row it did not answer. */
    silences: number;
  };
}

const of = (trx: Trx) => tables<SinkTables>(trx);

/** Takes the turn to call it; answers when to ask again where somebody has it or it is left alone. */
export async function claimSink(trx: Trx, sink: string, now: Date, until: Date): Promise<Date | undefined> {
  const claimed = await of(trx)
    .insertInto("marker_sinks")
    .values({ sink, busy_since: now, busy_until: until, silences: 0 })
    .onConflict((conflict) =>
      conflict
        .column("sink")
        .doUpdateSet({ busy_since: now, busy_until: until })
        .where("marker_sinks.busy_until", "<=", now),
    )
    .returning("sink")
    .executeTakeFirst();
  if (claimed) return undefined;
  const row = await of(trx)
    .selectFrom("marker_sinks")
    .select(["busy_since", "busy_until"])
    .where("sink", "=", sink)
    .executeTakeFirst();
  return busyAgain(row ?? { busy_since: now, busy_until: now }, now);
}

const soonMs = 1_000;

/** A call that began just now is over soon; one that hangs is waited for until it must have ended. */
function busyAgain(row: { busy_since: Date | null; busy_until: Date }, now: Date): Date {
  const isFresh = row.busy_since !== null && now.getTime() - row.busy_since.getTime() < soonMs;
  return isFresh ? new Date(now.getTime() + soonMs) : row.busy_until;
}

/** It answered, whatever it said. */
export async function sinkAnswered(trx: Trx, sink: string, now: Date): Promise<void> {
  await of(trx)
    .updateTable("marker_sinks")
    .set({ busy_since: null, busy_until: now, silences: 0 })
    .where("sink", "=", sink)
    .execute();
}

/** It did not answer: counted, and left alone until the moment `untilOf` says for that many silences in a row. */
export async function sinkSilent(
  trx: Trx,
  sink: string,
  now: Date,
  untilOf: (silences: number) => Date,
): Promise<void> {
  const row = await of(trx)
    .updateTable("marker_sinks")
    .set({ busy_since: null, busy_until: now, silences: sql`silences + 1` })
    .where("sink", "=", sink)
    .returning("silences")
    .executeTakeFirst();
  if (row)
    await of(trx)
      .updateTable("marker_sinks")
      .set({ busy_until: untilOf(row.silences) })
      .where("sink", "=", sink)
      .execute();
}
