/** Tickets kept in Quarterdeck's own database: what is used until a ticket system is declared. */
import type { Kysely } from "kysely";
import { type Db, tables } from "../../platform/db/database.ts";
import { ProviderError } from "../errors.ts";
import type { ExternalTicket, Ticketing } from "./contract.ts";

interface BuiltinTables {
  builtin_tickets: {
    marker: string;
    state: "open" | "closed";
    title: string;
    body: string;
    owner: string;
    severity: string;
    note: string | null;
    changed_at: Date;
  };
}

type Row = Pick<BuiltinTables["builtin_tickets"], "marker" | "state" | "title">;

const shown = ({ marker, state, title }: Row): ExternalTicket => ({
  key: marker,
  url: null,
  state,
  title,
  assignee: null,
});

export function createBuiltinTicketing(db: Db, now: () => Date): Ticketing {
  const own: Kysely<BuiltinTables> = tables<BuiltinTables>(db);
  const columns = ["marker", "state", "title"] as const;
  const change = async (key: string, set: Partial<BuiltinTables["builtin_tickets"]>): Promise<void> => {
    const changed = await own
      .updateTable("builtin_tickets")
      .set({ ...set, changed_at: now() })
      .where("marker", "=", key)
      .executeTakeFirst();
    if (changed.numUpdatedRows === 0n) throw missing(key);
  };
  const mustRead = async (key: string): Promise<void> => {
    if ((await read(key)) === undefined) throw missing(key);
  };
  const read = async (key: string): Promise<ExternalTicket | undefined> => {
    const row = await own
      .selectFrom("builtin_tickets")
      .select(columns)
      .where("marker", "=", key)
      .executeTakeFirst();
    return row && shown(row);
  };
  return {
    check: async () => "kept in Quarterdeck's own database",
    lookLagMs: 0,
    async create(content, marker) {
      await own
        .insertInto("builtin_tickets")
        .values({ marker, state: "open", ...content, note: null, changed_at: now() })
        .onConflict((conflict) => conflict.column("marker").doNothing())
        .execute();
      return shown(
        await own
          .selectFrom("builtin_tickets")
          .select(columns)
          .where("marker", "=", marker)
          .executeTakeFirstOrThrow(),
      );
    },
    update: (key, content) => change(key, { ...content, state: "open" }),
    async close(key, note) {
      if ((await read(key))?.state !== "closed") await change(key, { state: "closed", note: note.text });
    },
    // Our own card says it; here nobody reads along.
    comment: mustRead,
    assign: mustRead,
    read,
  };
}

const missing = (key: string): ProviderError =>
  new ProviderError(
    "not_found",
    `There is no ticket ${key} in the built-in store.`,
    "It may have been pruned; it is opened anew when the alert fires again.",
  );
