/** Who moves a service's traffic: one rollout or rollback at a time, and how often it changed hands. */
import { sql } from "kysely";
import { type Db, type Trx, type Tx, tables } from "../../platform/db/database.ts";
import type { Who } from "./model.ts";
import { ringNext } from "./queue-store.ts";
import type { RolloutTables } from "./tables.ts";

export interface Holder {
  /** `R-12` */
  readonly holder: string;
  readonly what: "rollout" | "rollback";
  readonly by: Who;
  readonly since: Date;
}

export interface Place {
  readonly service: string;
  readonly environment: string;
}

export type Claimed =
  | { readonly ok: true; readonly turn: number }
  | { readonly ok: false; readonly holder: Holder };

/**
 * Takes the service's traffic; answers who has it when it is taken. Whoever comes second waits for the first's
 * commit. `turn` counts claims: one more than {@link turnOf} said when nobody had it in between.
 */
export async function claimTraffic(tx: Tx, place: Place, claim: Omit<Holder, "since">): Promise<Claimed> {
  const taken = {
    holder: claim.holder,
    what: claim.what,
    team: claim.by.team,
    person: claim.by.person,
    since: tx.now,
  };
  const claimed = await tables<RolloutTables>(tx.trx)
    .insertInto("traffic_holders")
    .values({ service: place.service, environment: place.environment, turn: 1, ...taken })
    .onConflict((conflict) =>
      conflict
        .columns(["service", "environment"])
        .doUpdateSet({ ...taken, turn: sql`traffic_holders.turn + 1` })
        .where("traffic_holders.holder", "is", null),
    )
    .returning("turn")
    .executeTakeFirst();
  if (claimed) return { ok: true, turn: claimed.turn };
  const holder = await holderOf(tx.trx, place);
  if (!holder) throw new Error(`the traffic of ${place.service} was given back this moment; try again`);
  return { ok: false, holder };
}

export async function holderOf(db: Db | Trx, place: Place): Promise<Holder | undefined> {
  const row = await rowOf(db, place);
  if (row?.holder == null) return undefined;
  return {
    holder: row.holder,
    what: row.what === "rollback" ? "rollback" : "rollout",
    by: { team: row.team, person: row.person },
    since: row.since,
  };
}

/** Whether nobody has moved the service's traffic since it was given back at that moment. */
export async function isUntouchedSince(db: Db | Trx, place: Place, at: Date): Promise<boolean> {
  const row = await rowOf(db, place);
  return row !== undefined && row.holder === null && row.since <= at;
}

/** How often the service's traffic was claimed so far. */
export async function turnOf(db: Db | Trx, place: Place): Promise<number> {
  return (await rowOf(db, place))?.turn ?? 0;
}

const rowOf = (db: Db | Trx, { service, environment }: Place) =>
  tables<RolloutTables>(db)
    .selectFrom("traffic_holders")
    .selectAll()
    .where("service", "=", service)
    .where("environment", "=", environment)
    .executeTakeFirst();

/** Gives the traffic back, and tells whoever is queued for it. */
export async function releaseTraffic(tx: Tx, holder: string): Promise<void> {
  const freed = await tables<RolloutTables>(tx.trx)
    .updateTable("traffic_holders")
    .set({ holder: null, since: tx.now })
    .where("holder", "=", holder)
    .returning(["service", "environment"])
    .execute();
  for (const place of freed) await ringNext(tx, place);
}
