import type { Catalog } from "../catalog/schema.ts";
import { keepNames } from "./audit/names.ts";
import type { Database, Db } from "./db/database.ts";
import type { Log } from "./log.ts";
import type { Actor } from "./people.ts";

const refreshEveryMs = 1_000;

export interface Catalogs {
  /** The catalog in force, as last read. Throws before the first one was put in force. */
  current(): Catalog;
  digest(): string;
  /** Puts a catalog in force; the same one again changes nothing. */
  put(catalog: Catalog, digest: string, source: string, actor: Actor): Promise<void>;
  /** Reads the row again. */
  refresh(): Promise<void>;
  start(): void;
  stop(): void;
  /** Called after each switch, also of another process. */
  onSwitch(listener: () => void): void;
}

/** One catalog for all roles: the row in force decides, each process follows its digest within a second. */
export function createCatalogs(db: Db, database: () => Database, log: Log): Catalogs {
  let inForce: { digest: string; catalog: Catalog } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const listeners: (() => void)[] = [];

  const refresh = async (): Promise<void> => {
    const row = await db.selectFrom("catalog_in_force").select("digest").executeTakeFirst();
    if (!row || row.digest === inForce?.digest) return;
    const { content } = await db
      .selectFrom("catalogs")
      .select("content")
      .where("digest", "=", row.digest)
      .executeTakeFirstOrThrow();
    inForce = { digest: row.digest, catalog: content as Catalog };
    for (const listener of listeners) listener();
  };

  return {
    current() {
      if (!inForce)
        throw new Error(
          "No catalog is in force yet. Set CATALOG_PATH to its folder; `quarterdeck lint` checks it.",
        );
      return inForce.catalog;
    },
    digest: () => inForce?.digest ?? "none",
    async put(catalog, digest, source, actor) {
      await database().tx(async (tx) => {
        await keepNames(tx.trx, catalog, tx.now);
        const before = await tx.trx
          .selectFrom("catalog_in_force")
          .select("digest")
          .forUpdate()
          .executeTakeFirst();
        if (before?.digest === digest) return;
        await tx.trx
          .insertInto("catalogs")
          .values({
            digest,
            content: JSON.stringify(catalog),
            source,
            loaded_by: actor.person,
            loaded_at: tx.now,
          })
          .onConflict((conflict) => conflict.column("digest").doNothing())
          .execute();
        await tx.trx
          .insertInto("catalog_in_force")
          .values({ id: 1, digest, since: tx.now })
          .onConflict((conflict) => conflict.column("id").doUpdateSet({ digest, since: tx.now }))
          .execute();
        tx.audit({
          actor,
          action: "catalog.loaded",
          subject: digest.slice(0, 12),
          before: before?.digest,
          after: digest,
          detail: { source },
        });
      });
      await refresh();
    },
    refresh,
    start() {
      // Both roles of one process ask for it.
      timer ??= setInterval(
        () =>
          void refresh().catch((error: unknown) =>
            log.warn({ err: error }, "the catalog could not be read again"),
          ),
        refreshEveryMs,
      );
      timer.unref();
    },
    stop: () => clearInterval(timer),
    onSwitch: (listener) => void listeners.push(listener),
  };
}
