import { type ColumnType, type Insertable, type Selectable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import { type Id, numberOf } from "../../platform/ids.ts";
import type { Canary, Run } from "./model.ts";

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type Json<T> = ColumnType<T, string, string>;

interface FlaggerTables {
  flagger_runs: {
    id: Id<"rollout">;
    number: number;
    source: string;
    namespace: string;
    canary: string;
    checksum: string;
    service: string;
    environment: string;
    version: string;
    channel: string;
    phase: string;
    weight_percent: number | null;
    started_at: Timestamp;
    heard_at: Timestamp;
    ended_at: Timestamp | null;
    ending: NonNullable<Run["ending"]> | null;
    opened: Json<Run["opened"]>;
    asked: Json<Run["asked"]>;
    rollback: Json<NonNullable<Run["rollback"]>> | null;
    standing: Json<NonNullable<Run["standing"]>> | null;
    is_paged: boolean;
    seq: number;
  };
}

const flagger = (db: Db | Trx) => tables<FlaggerTables>(db);
const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

const rowOf = (run: Run): Insertable<FlaggerTables["flagger_runs"]> => ({
  id: run.id,
  number: numberOf(run.id),
  source: run.source,
  namespace: run.namespace,
  canary: run.name,
  checksum: run.checksum,
  service: run.service,
  environment: run.environment,
  version: run.version,
  channel: run.channel,
  phase: run.phase,
  weight_percent: run.weightPercent ?? null,
  started_at: run.startedAt,
  heard_at: run.heardAt,
  ended_at: run.endedAt ?? null,
  ending: run.ending ?? null,
  opened: JSON.stringify(run.opened),
  asked: JSON.stringify(run.asked),
  rollback: json(run.rollback),
  standing: json(run.standing),
  is_paged: run.isPaged,
  seq: run.seq,
});

const runOf = (row: Selectable<FlaggerTables["flagger_runs"]>): Run => ({
  id: row.id,
  source: row.source,
  namespace: row.namespace,
  name: row.canary,
  checksum: row.checksum,
  service: row.service,
  environment: row.environment,
  version: row.version,
  channel: row.channel,
  phase: row.phase,
  weightPercent: row.weight_percent ?? undefined,
  startedAt: row.started_at,
  heardAt: row.heard_at,
  endedAt: row.ended_at ?? undefined,
  ending: row.ending ?? undefined,
  opened: row.opened,
  asked: row.asked,
  rollback: row.rollback ?? undefined,
  standing: row.standing ?? undefined,
  isPaged: row.is_paged,
  seq: row.seq,
});

/** One webhook of a canary after the other; held until the transaction ends. */
export async function lockCanary(trx: Trx, { source, namespace, name }: Canary): Promise<void> {
  const key = `flagger/${source}/${namespace}/${name}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(trx);
}

export async function insertRun(trx: Trx, run: Run): Promise<void> {
  await flagger(trx).insertInto("flagger_runs").values(rowOf(run)).execute();
}

export async function writeRun(trx: Trx, run: Run): Promise<void> {
  const { id, ...rest } = rowOf(run);
  await flagger(trx).updateTable("flagger_runs").set(rest).where("id", "=", id).execute();
}

/** The newest run of a canary, going or over. */
export async function newestRun(
  db: Db | Trx,
  { source, namespace, name }: Pick<Canary, "source" | "namespace" | "name">,
): Promise<Run | undefined> {
  const row = await flagger(db)
    .selectFrom("flagger_runs")
    .selectAll()
    .where("source", "=", source)
    .where("namespace", "=", namespace)
    .where("canary", "=", name)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && runOf(row);
}

export async function findRun(db: Db | Trx, id: string): Promise<Run | undefined> {
  const row = await flagger(db)
    .selectFrom("flagger_runs")
    .selectAll()
    .where("id", "=", id as Id<"rollout">)
    .executeTakeFirst();
  return row && runOf(row);
}

export async function lockRun(trx: Trx, id: string): Promise<Run | undefined> {
  const found = await findRun(trx, id);
  if (!found) return undefined;
  await lockCanary(trx, found);
  return findRun(trx, id);
}

/** Newest first. */
export async function listRuns(
  db: Db | Trx,
  filter: { service?: string | undefined; isGoing?: boolean; limit: number },
): Promise<Run[]> {
  let query = flagger(db).selectFrom("flagger_runs").selectAll();
  if (filter.service !== undefined) query = query.where("service", "=", filter.service);
  if (filter.isGoing) query = query.where("ended_at", "is", null);
  return (await query.orderBy("number", "desc").limit(filter.limit).execute()).map(runOf);
}

export async function countRuns(db: Db): Promise<{ labels: { state: string }; value: number }[]> {
  const rows = await flagger(db)
    .selectFrom("flagger_runs")
    .select((eb) => [
      eb.fn.coalesce("ending", sql<string>`'going'`).as("state"),
      eb.fn.countAll<string>().as("n"),
    ])
    .groupBy("state")
    .execute();
  return rows.map(({ state, n }) => ({ labels: { state: state ?? "going" }, value: Number(n) }));
}
