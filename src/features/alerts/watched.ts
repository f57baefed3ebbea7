/** What tells that alerts come: the oldest that waits, and watchdogs, whose coming is all they say. */
import { watchdogOf } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Db, Tx } from "../../platform/db/database.ts";
import type { ReadDelivery } from "./model.ts";
import { alertTables } from "./store.ts";

/** Rung for each declared watchdog that came, by its name. */
export const watchdogCame = "alerts.watchdog";

/** When the oldest delivery came in that is not folded; null when none waits. */
export async function waitingSince(db: Db): Promise<Date | null> {
  const row = await alertTables(db)
    .selectFrom("alert_deliveries")
    .select("received_at")
    .where("folded_at", "is", null)
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  return row?.received_at ?? null;
}

/** Tells of the watchdogs in a delivery and answers the rest: what must keep firing is no trouble and gets no ticket. */
export function withoutWatchdogs(tx: Tx, catalog: Catalog, source: string, read: ReadDelivery): ReadDelivery {
  const alerts = read.alerts.filter(({ labels, status }) => {
    const watchdog = watchdogOf(catalog, source, labels);
    if (watchdog && status === "firing") tx.emit(watchdogCame, watchdog.name);
    return watchdog === undefined;
  });
  return alerts.length === read.alerts.length ? read : { ...read, alerts };
}
