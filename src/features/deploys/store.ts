import { type ColumnType, type Selectable, sql } from "kysely";
import type { DataMigration } from "../../catalog/schema.ts";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Id } from "../../platform/ids.ts";
import type { ChangeKind, Deploy, DeployOutcome, RanMigration } from "./types.ts";

type Timestamp = ColumnType<Date, Date | string, Date | string>;

export interface DeployTables {
  deploys: {
    id: string;
    number: number;
    service: string;
    environment: string;
    change: ColumnType<ChangeKind, ChangeKind | undefined, ChangeKind>;
    version: string;
    previous: string | null;
    by: string;
    source: string;
    reference: string;
    url: string | null;
    outcome: DeployOutcome;
    at: Timestamp;
    recorded_at: Timestamp;
    judged_at: Timestamp | null;
    migration: ColumnType<DataMigration | null, string | null | undefined, string | null>;
  };
  deploy_posts: {
    id: ColumnType<string, string | undefined, string>;
    source: string;
    team: string;
    body: string;
    problem: string;
    received_at: Timestamp;
  };
}

type Row = Selectable<DeployTables["deploys"]>;

const deployOf = (row: Row): Deploy => ({
  id: row.id as Id<"deploy">,
  service: row.service,
  environment: row.environment,
  change: row.change,
  version: row.version,
  previous: row.previous ?? undefined,
  by: row.by,
  source: row.source,
  url: row.url ?? undefined,
  outcome: row.outcome,
  at: row.at,
  migration: row.migration ?? undefined,
});

/** Deploys of one service and environment are written one after the other, so that two do not each miss the other. */
export async function lockDeploysOf(trx: Trx, service: string, environment: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`deploys:${service}@${environment}`}, 0))`.execute(
    trx,
  );
}

export async function insertDeploy(
  trx: Trx,
  deploy: Deploy & { reference: string; number: number },
  now: Date,
): Promise<void> {
  const { id, number, service, environment, change, version, previous, by } = deploy;
  const { source, reference, url, outcome, at, migration } = deploy;
  await tables<DeployTables>(trx)
    .insertInto("deploys")
    .values({
      id,
      number,
      service,
      environment,
      change,
      version,
      previous: previous ?? null,
      by,
      source,
      reference,
      url: url ?? null,
      outcome,
      at,
      recorded_at: now,
      judged_at: outcome === "unknown" ? null : now,
      migration: migration === undefined ? null : JSON.stringify(migration),
    })
    .execute();
}

export async function findByReference(
  db: Db | Trx,
  key: { service: string; environment: string; change: ChangeKind; version: string; reference: string },
): Promise<Deploy | undefined> {
  const row = await tables<DeployTables>(db)
    .selectFrom("deploys")
    .selectAll()
    .where("service", "=", key.service)
    .where("environment", "=", key.environment)
    .where("change", "=", key.change)
    .where("version", "=", key.version)
    .where("reference", "=", key.reference)
    .executeTakeFirst();
  return row && deployOf(row);
}

export async function findDeploy(db: Db | Trx, id: string): Promise<Deploy | undefined> {
  const row = await tables<DeployTables>(db)
    .selectFrom("deploys")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  return row && deployOf(row);
}

/** Answers the outcome before, locked. */
export async function changeOutcome(
  trx: Trx,
  id: string,
  outcome: DeployOutcome,
  now: Date,
): Promise<(Deploy & { before: DeployOutcome }) | undefined> {
  const db = tables<DeployTables>(trx);
  const row = await db.selectFrom("deploys").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
  if (!row) return undefined;
  await db.updateTable("deploys").set({ outcome, judged_at: now }).where("id", "=", id).execute();
  return { ...deployOf(row), before: row.outcome };
}

/** Newest first; of every kind unless `change` names one. */
export async function listDeploys(
  db: Db | Trx,
  filter: {
    services?: readonly string[];
    environment?: string;
    change?: ChangeKind;
    version?: string;
    since?: Date;
    before?: Date;
    limit: number;
  },
): Promise<Deploy[]> {
  let query = tables<DeployTables>(db).selectFrom("deploys").selectAll();
  if (filter.services !== undefined) query = query.where("service", "in", filter.services);
  if (filter.change !== undefined) query = query.where("change", "=", filter.change);
  if (filter.environment !== undefined) query = query.where("environment", "=", filter.environment);
  if (filter.version !== undefined) query = query.where("version", "=", filter.version);
  if (filter.since) query = query.where("at", ">=", filter.since);
  if (filter.before) query = query.where("at", "<=", filter.before);
  const rows = await query.orderBy("at", "desc").orderBy("number", "desc").limit(filter.limit).execute();
  return rows.map(deployOf);
}

export async function currentDeploy(
  db: Db | Trx,
  service: string,
  environment: string,
): Promise<Deploy | undefined> {
  const row = await tables<DeployTables>(db)
    .selectFrom("deploys")
    .selectAll()
    .where("service", "=", service)
    .where("environment", "=", environment)
    .where("change", "=", "deploy")
    .where("outcome", "!=", "bad")
    .orderBy("at", "desc")
    .orderBy("number", "desc")
    .executeTakeFirst();
  return row && deployOf(row);
}

/** One deploy per version whose newest verdict is good, the newest first. */
export async function goodDeploys(db: Db | Trx, service: string, environment: string): Promise<Deploy[]> {
  const rows = await tables<DeployTables>(db)
    .selectFrom("deploys")
    .selectAll()
    .distinctOn("version")
    .where("service", "=", service)
    .where("environment", "=", environment)
    .where("change", "=", "deploy")
    .where("outcome", "!=", "unknown")
    .orderBy("version")
    .orderBy("judged_at", "desc")
    .orderBy("number", "desc")
    .execute();
  return rows
    .filter((row) => row.outcome === "good")
    .sort((a, b) => b.at.getTime() - a.at.getTime() || b.number - a.number)
    .map(deployOf);
}

export async function writeMigration(trx: Trx, id: string, migration: DataMigration): Promise<void> {
  await tables<DeployTables>(trx)
    .updateTable("deploys")
    .set({ migration: JSON.stringify(migration) })
    .where("id", "=", id)
    .execute();
}

/** What was told last of a version's migration, in whatever environment. */
export async function toldMigration(
  db: Db | Trx,
  service: string,
  version: string,
): Promise<DataMigration | undefined> {
  const row = await tables<DeployTables>(db)
    .selectFrom("deploys")
    .select("migration")
    .where("service", "=", service)
    .where("version", "=", version)
    .where("change", "=", "deploy")
    .where("migration", "is not", null)
    .orderBy("recorded_at", "desc")
    .orderBy("number", "desc")
    .executeTakeFirst();
  return row?.migration ?? undefined;
}

/** Of other versions, since this one first went out there; newest first, each id once. */
export async function migrationsSince(
  db: Db | Trx,
  service: string,
  environment: string,
  version: string,
): Promise<RanMigration[]> {
  const here = tables<DeployTables>(db)
    .selectFrom("deploys")
    .where("service", "=", service)
    .where("environment", "=", environment)
    .where("change", "=", "deploy");
  const first = await here.select("at").where("version", "=", version).orderBy("at").executeTakeFirst();
  if (!first) return [];
  const rows = await here
    .select(["id", "version", "at", "migration"])
    .where("version", "!=", version)
    .where("migration", "is not", null)
    .where("at", ">=", first.at)
    .orderBy("at", "desc")
    .orderBy("number", "desc")
    .execute();
  const byId = new Map<string, RanMigration>();
  for (const row of rows) {
    if (row.migration === null || byId.has(row.migration.id)) continue;
    byId.set(row.migration.id, {
      ...row.migration,
      deploy: row.id as Id<"deploy">,
      version: row.version,
      at: row.at,
    });
  }
  return [...byId.values()];
}

export async function keepPost(
  trx: Trx,
  post: { source: string; team: string; body: string; problem: string; receivedAt: Date },
): Promise<void> {
  const { receivedAt, ...rest } = post;
  await tables<DeployTables>(trx)
    .insertInto("deploy_posts")
    .values({ ...rest, received_at: receivedAt })
    .execute();
}

/** What kept posts of a source could not be read or placed for, and how often; the newest first. */
export async function countProblems(
  db: Db | Trx,
  source: string,
): Promise<readonly { problem: string; seen: number }[]> {
  const rows = await tables<DeployTables>(db)
    .selectFrom("deploy_posts")
    .select((eb) => ["problem", eb.fn.countAll<string>().as("seen")])
    .where("source", "=", source)
    .groupBy("problem")
    .orderBy((eb) => eb.fn.max("received_at"), "desc")
    .limit(500)
    .execute();
  return rows.map(({ problem, seen }) => ({ problem, seen: Number(seen) }));
}

export async function countOutcomes(db: Db): Promise<{ labels: { outcome: string }; value: number }[]> {
  const rows = await tables<DeployTables>(db)
    .selectFrom("deploys")
    .select((eb) => ["outcome", eb.fn.countAll<string>().as("n")])
    .where("change", "=", "deploy")
    .groupBy("outcome")
    .execute();
  return rows.map(({ outcome, n }) => ({ labels: { outcome }, value: Number(n) }));
}
