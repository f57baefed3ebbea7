/**
 * Every change of traffic in two phases: the intent is recorded, the engine is called with its idempotency key, what
 * it reads back is compared with what was wanted, and the result is recorded in the transaction that draws the
 * consequence. Whoever finds an intent without a result calls again: each effect says what is wanted, so a repeat
 * changes nothing.
 */
import { sql } from "kysely";
import { type Database, type Db, type Trx, type Tx, tables } from "../../platform/db/database.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { TrafficSnapshot, TrafficState } from "../../providers/traffic/contract.ts";
import type { RolloutTables } from "./tables.ts";
import { type Aim, trafficDeadlineMs } from "./target.ts";

export type Wanted =
  | { readonly do: "set-weight"; readonly version: string; readonly percent: number }
  | { readonly do: "restore"; readonly snapshot: TrafficSnapshot };

export interface Effect {
  /** Idempotency key; once per effect, ever: `R-12:3:set-weight`. */
  readonly key: string;
  /** Id of the thing that wants it. */
  readonly owner: string;
  readonly service: string;
  readonly wanted: Wanted;
}

export type EffectResult =
  | { readonly is: "done"; readonly readBack: TrafficState }
  /** Somebody decided otherwise before the engine was called. */
  | { readonly is: "superseded" }
  | { readonly is: "failed"; readonly error: ProviderError };

export interface Effects {
  /**
   * Brings it about outside. `stillWanted` is asked under the owner's lock in the transaction that records the
   * intent. Recording the result is the caller's, with {@link recordEffect}.
   */
  apply(aim: Aim, effect: Effect, stillWanted: (tx: Tx) => Promise<boolean>): Promise<EffectResult>;
}

export function createEffects(database: Database): Effects {
  return {
    async apply(aim, effect, stillWanted) {
      const isWanted = await database.tx(async (tx) => {
        if (!(await stillWanted(tx))) return false;
        await recordIntent(tx.trx, effect, tx.now);
        return true;
      });
      if (!isWanted) return { is: "superseded" };
      try {
        const readBack = await call(aim, effect);
        assertReadBack(effect, readBack);
        return { is: "done", readBack };
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        await noteError(database.db, effect.key, error);
        return { is: "failed", error };
      }
    },
  };
}

async function recordIntent(trx: Trx, { key, owner, service, wanted }: Effect, now: Date): Promise<void> {
  await tables<RolloutTables>(trx)
    .insertInto("rollout_effects")
    .values({ key, owner, service, wanted: JSON.stringify(wanted), intent_at: now, attempts: 1 })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet({ attempts: sql`rollout_effects.attempts + 1` }),
    )
    .execute();
}

function call({ engine, target }: Aim, { key, wanted }: Effect): Promise<TrafficState> {
  const within = { deadlineMs: trafficDeadlineMs };
  switch (wanted.do) {
    case "set-weight":
      return wanted.percent === 100
        ? engine.promote(target, wanted.version, key, within)
        : engine.setWeight(target, wanted.version, wanted.percent, key, within);
    case "restore":
      return engine.revert(target, wanted.snapshot, key, within);
  }
}

function assertReadBack({ service, wanted }: Effect, { versions }: TrafficState): void {
  const due =
    wanted.do === "restore"
      ? wanted.snapshot.versions
      : [{ version: wanted.version, weightPercent: wanted.percent }];
  for (const { version, weightPercent } of due) {
    const found = versions.find((one) => one.version === version)?.weightPercent ?? 0;
    if (found === weightPercent) continue;
    throw new ProviderError(
      "conflict",
      `${service}: ${version} should have ${weightPercent} % and reads back ${found} %`,
      "Something else moves this traffic; find out what and stop it.",
    );
  }
}

async function noteError(db: Db, key: string, error: ProviderError): Promise<void> {
  await tables<RolloutTables>(db)
    .updateTable("rollout_effects")
    .set({ last_error: `${error.code}: ${error.message}`.slice(0, 500) })
    .where("key", "=", key)
    .execute();
}

/** The result, written with what follows from it. Answers false when it was recorded before. */
export async function recordEffect(tx: Tx, key: string, readBack: TrafficState): Promise<boolean> {
  const done = await tables<RolloutTables>(tx.trx)
    .updateTable("rollout_effects")
    .set({ done_at: tx.now, read_back: JSON.stringify(readBack), last_error: null })
    .where("key", "=", key)
    .where("done_at", "is", null)
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

/** Whether the engine was asked for it, however that ended. */
export async function isIntended(db: Db | Trx, key: string): Promise<boolean> {
  const row = await tables<RolloutTables>(db)
    .selectFrom("rollout_effects")
    .select("key")
    .where("key", "=", key)
    .executeTakeFirst();
  return row !== undefined;
}

export async function isDone(db: Db | Trx, key: string): Promise<boolean> {
  const row = await tables<RolloutTables>(db)
    .selectFrom("rollout_effects")
    .select("done_at")
    .where("key", "=", key)
    .executeTakeFirst();
  return row?.done_at != null;
}
