import { randomUUID } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { Database } from "./db/database.ts";
import { GroupCommit } from "./group.ts";
import { writeRings } from "./rings/write.ts";

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
  door: "slack" | "terminal" | "console";
  channel: string;
  thread?: string | undefined;
  messageTs?: string | undefined;
  /** Slack's address for an answer to this person alone. Pruned with the row. */
  responseUrl?: string | undefined;
}

export const inboxJob = "inbox.handle";

export interface Inbox {
  /** Commits the row and its ring, then answers its id; a repeated delivery gets the first one's. */
  receive(incoming: Incoming): Promise<{ id: string; isNew: boolean }>;
}

export function createInbox(database: Database, clock: Clock): Inbox {
  const group = new GroupCommit<Incoming, { id: string; isNew: boolean }>(
    async (items) =>
      database.db.transaction().execute(async (trx) => {
        const now = clock.now();
        const rows = items.map((item) => ({
          id: randomUUID(),
          kind: item.kind,
          dedup: item.dedup,
          payload: JSON.stringify(item.payload),
          team: item.team,
          person: item.person,
          received_at: now,
        }));
        const firstOf = new Map(rows.map((row) => [row.dedup, row] as const).reverse());
        const unique = [...firstOf.values()].sort((a, b) => (a.dedup < b.dedup ? -1 : 1));
        const inserted = await trx
          .insertInto("inbox")
          .values(unique)
          .onConflict((conflict) => conflict.column("dedup").doNothing())
          .returning(["id", "dedup"])
          .execute();
        const ids = new Map(inserted.map((row) => [row.dedup, row.id]));
        const known = unique.filter((row) => !ids.has(row.dedup)).map((row) => row.dedup);
        const before =
          known.length === 0
            ? []
            : await trx.selectFrom("inbox").select(["id", "dedup"]).where("dedup", "in", known).execute();
        const earlier = new Map(before.map((row) => [row.dedup, row.id]));
        await writeRings(
          trx,
          inserted.map((row) => ({ job: inboxJob, ref: row.id, lane: "urgent" as const })),
          now,
        );
        return rows.map((row) => {
          const id = ids.get(row.dedup);
          return id === undefined
            ? { id: earlier.get(row.dedup) as string, isNew: false }
            : { id, isNew: row.id === id };
        });
      }),
    { itemsMax: 200, groupsAtOnce: 2 },
  );
  return { receive: (incoming) => group.add(incoming) };
}
