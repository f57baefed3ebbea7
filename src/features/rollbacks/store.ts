import { type ColumnType, type Selectable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import { type Id, numberOf } from "../../platform/ids.ts";
import type { TrafficSnapshot } from "../../providers/traffic/contract.ts";
import type { Failing, ParityNote, Recovery, Surroundings } from "../rollouts/index.ts";
import type { Rollback, Way } from "./model.ts";

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type Json<T> = ColumnType<T, string, string>;

export interface RollbackTables {
  rollbacks: {
    id: Id<"rollout">;
    number: number;
    service: string;
    environment: string;
    from_version: string;
    to_version: string;
    team: string;
    person: string;
    reason: string | null;
    channel: string;
    started_at: Timestamp;
    catalog_digest: string;
    recorded: Json<TrafficSnapshot>;
    state: "moving" | "back";
    back_at: Timestamp | null;
    bad_deploy_id: Id<"deploy"> | null;
    deploy_id: Id<"deploy"> | null;
    failing: Json<Failing> | null;
    parity: Json<ParityNote> | null;
    recovery: Json<Recovery> | null;
    restored_ms: number | null;
    surroundings: Json<Surroundings> | null;
    way: Way | null;
  };
}

type Row = Selectable<RollbackTables["rollbacks"]>;

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

const changing = (rollback: Rollback) => ({
  state: rollback.state.is,
  back_at: rollback.state.is === "back" ? rollback.state.at : null,
  deploy_id: rollback.deployId ?? null,
  failing: json(rollback.failing),
  parity: json(rollback.parity),
  recovery: json(rollback.recovery),
  restored_ms: rollback.recovery?.restoredMs ?? null,
});

export async function insertRollback(trx: Trx, rollback: Rollback): Promise<void> {
  await tables<RollbackTables>(trx)
    .insertInto("rollbacks")
    .values({
      id: rollback.id,
      number: numberOf(rollback.id),
      service: rollback.service,
      environment: rollback.environment,
      from_version: rollback.from,
      to_version: rollback.to,
      team: rollback.by.team,
      person: rollback.by.person,
      reason: rollback.reason ?? null,
      channel: rollback.channel,
      started_at: rollback.startedAt,
      catalog_digest: rollback.catalogDigest,
      recorded: JSON.stringify(rollback.recorded),
      way: rollback.way,
      surroundings: json(rollback.surroundings),
      bad_deploy_id: rollback.badDeployId ?? null,
      ...changing(rollback),
    })
    .execute();
}

export async function writeRollback(trx: Trx, rollback: Rollback): Promise<void> {
  await tables<RollbackTables>(trx)
    .updateTable("rollbacks")
    .set(changing(rollback))
    .where("id", "=", rollback.id)
    .execute();
}

function rollbackOf(row: Row): Rollback {
  return {
    id: row.id,
    service: row.service,
    environment: row.environment,
    from: row.from_version,
    to: row.to_version,
    by: { team: row.team, person: row.person },
    reason: row.reason ?? undefined,
    channel: row.channel,
    startedAt: row.started_at,
    catalogDigest: row.catalog_digest,
    recorded: row.recorded,
    way: row.way ?? "snapshot",
    surroundings: row.surroundings ?? undefined,
    state: row.state === "back" && row.back_at ? { is: "back", at: row.back_at } : { is: "moving" },
    badDeployId: row.bad_deploy_id ?? undefined,
    deployId: row.deploy_id ?? undefined,
    failing: row.failing ?? undefined,
    parity: row.parity ?? undefined,
    recovery: row.recovery ?? undefined,
  };
}

export async function findRollback(db: Db | Trx, id: string): Promise<Rollback | undefined> {
  const row = await tables<RollbackTables>(db)
    .selectFrom("rollbacks")
    .selectAll()
    .where("id", "=", id as Id<"rollout">)
    .executeTakeFirst();
  return row && rollbackOf(row);
}

export async function lockRollback(trx: Trx, id: string): Promise<Rollback | undefined> {
  const row = await tables<RollbackTables>(trx)
    .selectFrom("rollbacks")
    .selectAll()
    .where("id", "=", id as Id<"rollout">)
    .forUpdate()
    .executeTakeFirst();
  return row && rollbackOf(row);
}

/** Newest first. */
export async function listRollbacks(
  db: Db | Trx,
  filter: { service?: string; environment?: string; state?: "moving" | "back"; limit: number },
): Promise<Rollback[]> {
  let query = tables<RollbackTables>(db).selectFrom("rollbacks").selectAll();
  if (filter.service !== undefined) query = query.where("service", "=", filter.service);
  if (filter.environment !== undefined) query = query.where("environment", "=", filter.environment);
  if (filter.state !== undefined) query = query.where("state", "=", filter.state);
  return (await query.orderBy("number", "desc").limit(filter.limit).execute()).map(rollbackOf);
}

/** Median seconds from the start of a rollback until users were well, of those started since; null: none was. */
export async function restoreSeconds(db: Db, since: Date): Promise<number | null> {
  const row = await tables<RollbackTables>(db)
    .selectFrom("rollbacks")
    .select(sql<number | null>`percentile_cont(0.5) within group (order by restored_ms) / 1000`.as("median"))
    .where("restored_ms", "is not", null)
    .where("started_at", ">=", since)
    .executeTakeFirst();
  return row?.median ?? null;
}

export async function countStates(db: Db): Promise<{ labels: { state: string }; value: number }[]> {
  const rows = await tables<RollbackTables>(db)
    .selectFrom("rollbacks")
    .select((eb) => ["state", eb.fn.countAll<string>().as("n")])
    .groupBy("state")
    .execute();
  return rows.map(({ state, n }) => ({ labels: { state }, value: Number(n) }));
}
