/** Tickets of a time as one line each, for counting. The SQL of it. */
import { sql } from "kysely";
import type { Db } from "../../platform/db/database.ts";
import type { Rule } from "./decide.ts";
import type { Judgement, TicketId } from "./model.ts";

/** What became of a ticket; one per card. */
export interface TicketRecord {
  id: TicketId;
  groupId: string;
  /** Null: the catalog knows no service for it. */
  service: string | null;
  team: string;
  /** The rule that fires. */
  name: string;
  openedAt: Date;
  closedAt: Date | null;
  /** Milliseconds it lasted; null while it is open. */
  lastedMs: number | null;
  closedBecause: "resolved" | "person" | "merged" | null;
  isTaken: boolean;
  mark: Judgement | null;
  wasPaged: boolean;
  decision: Rule;
  /** Its service is only observed. */
  isObserved: boolean;
  /** It would have paged, were it not only observed. */
  wouldPage: boolean;
  /** Hook sources that told of it. */
  sources: readonly string[];
}

/** More than this are not counted; the newest are. */
const recordsMax = 50_000;

/** Opened in [from, to), the newest first. Those that turned out to be part of another are left out: that one is the card. */
export async function ticketRecords(db: Db, from: Date, to: Date): Promise<readonly TicketRecord[]> {
  const { rows } = await sql<Omit<TicketRecord, "lastedMs"> & { since: Date }>`
    select id, group_id as "groupId", service, team, name, opened_at as "openedAt", closed_at as "closedAt", since,
      closed_because as "closedBecause", taken_by is not null as "isTaken", mark, was_paged as "wasPaged",
      decision->>'rule' as decision, is_observed as "isObserved",
      coalesce((decision->>'wouldPage')::boolean, false) as "wouldPage", sources
    from tickets where opened_at >= ${from} and opened_at < ${to} and closed_because is distinct from 'merged'
    order by opened_at desc, id limit ${recordsMax}`.execute(db);
  return rows.map(({ since, ...row }) => ({
    ...row,
    lastedMs: row.closedAt === null ? null : row.closedAt.getTime() - since.getTime(),
  }));
}
