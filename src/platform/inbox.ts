import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Clock } from "./clock.ts";
import type { Database, Db } from "./db/database.ts";
import { GroupCommit } from "./group.ts";
import type { Actor } from "./people.ts";

/** What a person sent, kept before it is answered: Slack sends commands and clicks once. */
export interface Incoming {
  kind: "command" | "action" | "mention" | "view";
  /** The same delivery twice has the same text here. */
  dedup: string;
  team: string;
  person: string;
  payload: IncomingPayload;
}

export interface IncomingPayload {
  /** What is to be done, in the words of the command line. */
  line: string;
  door: "slack" | "terminal" | "console" | "api";
  channel: string;
  thread?: string | undefined;
  messageTs?: string | undefined;
  /** Slack's address for an answer to this person alone. Pruned with the row. */
  responseUrl?: string | undefined;
  /** ISO 8601, of the console session: see {@link Actor.confirmedAt}. Never taken from what somebody sent. */
  confirmedAt?: string | undefined;
  /** Of the console session: see {@link Actor.groups}. */
  groups?: readonly string[] | undefined;
}

/** Who acts by an inbox row. */
export const actorOf = (
  row: { id: string; team: string; person: string },
  payload: IncomingPayload,
): Actor => ({
  team: row.team,
  person: row.person,
  door: payload.door,
  inboxId: row.id,
  confirmedAt: payload.confirmedAt === undefined ? undefined : new Date(payload.confirmedAt),
  groups: payload.groups,
});

export const inboxJob = "inbox.handle";

export interface Inbox {
  /** Commits the row and its ring, then answers its id; a repeated delivery gets the first one's. */
  receive(incoming: Incoming): Promise<{ id: string; isNew: boolean }>;
}

/** Rows of one statement, which is one commit. */
const rowsMax = 200;

export function createInbox(database: Database, clock: Clock): Inbox {
  const group = new GroupCommit<Incoming, { id: string; isNew: boolean }>(
    async (items) => {
      const kept = await keep(database.db, items, clock.now());
      database.wakeRelays();
      return kept;
    },
    { itemsMax: rowsMax, groupsAtOnce: 2 },
  );
  return { receive: (incoming) => group.add(incoming) };
}

/** Rows and rings in one statement: one way to Postgres and back, and one commit, before anybody is acknowledged. */
async function keep(
  db: Db,
  items: readonly Incoming[],
  now: Date,
): Promise<readonly { id: string; isNew: boolean }[]> {
  const rows = items.map((item) => ({ ...item, id: randomUUID() }));
  // The same delivery twice in one group is one row: the first.
  const unique = [...new Map(rows.map((row) => [row.dedup, row] as const).reverse()).values()];
  const { rows: inserted } = await sql<{ id: string; dedup: string }>`
    with kept as (
      insert into inbox (id, kind, dedup, payload, team, person, received_at)
      select id, kind, dedup, payload, team, person, ${now}::timestamptz
      from jsonb_to_recordset(${JSON.stringify(unique)}::jsonb)
        as given (id uuid, kind text, dedup text, payload jsonb, team text, person text)
      order by dedup on conflict (dedup) do nothing returning id, dedup),
    rung as (
      insert into rings (job, ref, lane, due_at, created_at)
      select ${inboxJob}, id, 'urgent', ${now}::timestamptz, ${now}::timestamptz from kept)
    select id, dedup from kept`.execute(db);
  const ids = new Map(inserted.map((row) => [row.dedup, row.id]));
  const known = unique.filter((row) => !ids.has(row.dedup)).map((row) => row.dedup);
  const before =
    known.length === 0
      ? []
      : await db.selectFrom("inbox").select(["id", "dedup"]).where("dedup", "in", known).execute();
  const earlier = new Map(before.map((row) => [row.dedup, row.id]));
  return rows.map((row) => {
    const id = ids.get(row.dedup);
    return id === undefined
      ? { id: earlier.get(row.dedup) as string, isNew: false }
      : { id, isNew: row.id === id };
  });
}
