import type { Catalog } from "../catalog/schema.ts";
import { keepNames } from "./audit/names.ts";
import { holdIfLoosening, type Loosened, type Offered } from "./catalog-proposals.ts";
import type { Database, Db, Tx } from "./db/database.ts";
import type { Log } from "./log.ts";
import type { Actor } from "./people.ts";

const refreshEveryMs = 1_000;

export interface Catalogs {
  /** The catalog in force, as last read. Throws before the first one was put in force. */
  current(): Catalog;
  digest(): string;
  /**
   * Puts a catalog in force, unless it gives rights that the one in force does not: then it waits for its owners. The
   * first one of an installation waits for nobody.
   */
  offer(catalog: Catalog, digest: string, source: string, actor: Actor): Promise<Offered>;
  /** Puts a catalog in force, whatever it gives; the same one again changes nothing. */
  put(catalog: Catalog, digest: string, source: string, actor: Actor): Promise<void>;
  /** Reads the row again. */
  refresh(): Promise<void>;
  start(): void;
  stop(): void;
  /** Called after each switch, also of another process. */
  onSwitch(listener: () => void): void;
}

/** One catalog for all roles: the row in force decides, each process follows its digest within a second. */
export function createCatalogs(db: Db, database: () => Database, log: Log, loosened: Loosened): Catalogs {
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
    async offer(catalog, digest, source, actor) {
      const offered = await database().tx(async (tx): Promise<Offered> => {
        await keepNames(tx.trx, catalog, tx.now);
        const before = await lockInForce(tx);
        if (before?.digest === digest) return { state: "in-force" };
        const held = await holdIfLoosening(tx, loosened, before, { catalog, digest, source, actor });
        if (held) return held;
        await putInForce(tx, before?.digest, { catalog, digest, source, actor });
        return { state: "in-force" };
      });
      await refresh();
      return offered;
    },
    async put(catalog, digest, source, actor) {
      await database().tx(async (tx) => {
        await keepNames(tx.trx, catalog, tx.now);
        const before = await lockInForce(tx);
        if (before?.digest === digest) return;
        await putInForce(tx, before?.digest, { catalog, digest, source, actor });
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

/** The catalog in force, which nobody else changes until this transaction ends. */
export async function lockInForce(tx: Tx): Promise<{ digest: string; catalog: Catalog } | undefined> {
  const row = await tx.trx.selectFrom("catalog_in_force").select("digest").forUpdate().executeTakeFirst();
  if (!row) return undefined;
  const { content } = await tx.trx
    .selectFrom("catalogs")
    .select("content")
    .where("digest", "=", row.digest)
    .executeTakeFirstOrThrow();
  return { digest: row.digest, catalog: content as Catalog };
}

/** Under {@link lockInForce}. `before`: digest of the one that was locked. */
export async function putInForce(
  tx: Tx,
  before: string | undefined,
  next: { catalog: Catalog; digest: string; source: string; actor: Actor },
): Promise<void> {
  const { catalog, digest, source, actor } = next;
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
    before,
    after: digest,
    detail: { source },
  });
}
