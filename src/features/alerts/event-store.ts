/** Events of hooks, kept with the source that told them. */
import { sql } from "kysely";
import type { Db, Trx } from "../../platform/db/database.ts";
import { type ReadEvent, reviveEvent } from "./events.ts";

export interface ToldEvent {
  source: string;
  event: ReadEvent;
  receivedAt: Date;
}

/** Keeps events in the order given; answers their ids in that order. */
export async function writeEvents(trx: Trx, told: readonly ToldEvent[]): Promise<string[]> {
  if (told.length === 0) return [];
  const rows = told.map(({ source, event, receivedAt }, nth) => ({ nth, source, event, at: receivedAt }));
  const { rows: written } = await sql<{ id: string }>`
    insert into hook_events (source, event, received_at)
    select e.source, e.event, e.at
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as e(nth int, source text, event jsonb, at timestamptz)
    order by e.nth returning id`.execute(trx);
  return written.map(({ id }) => id).sort((one, other) => Number(BigInt(one) - BigInt(other)));
}

export async function eventOf(db: Db | Trx, id: string): Promise<ToldEvent | undefined> {
  const { rows } = await sql<{ source: string; event: ReadEvent; received_at: Date }>`
    select source, event, received_at from hook_events where id = ${id}`.execute(db);
  const [row] = rows;
  return row && { source: row.source, event: reviveEvent(row.event), receivedAt: row.received_at };
}
