import type { ColumnType, Insertable, Selectable } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Stop } from "./model.ts";

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type Json<T> = ColumnType<T, string, string>;

interface GitopsTables {
  gitops_stops: {
    thing: string;
    service: string;
    environment: string;
    owner: Json<Stop["owner"]>;
    channel: string;
    parent: string;
    wanted_at: Timestamp;
    stopped_at: Timestamp | null;
    due_at: Timestamp;
    ended_at: Timestamp | null;
    ending: NonNullable<Stop["ending"]> | null;
    kind: string | null;
    source: Json<NonNullable<Stop["source"]>> | null;
    error: string | null;
    attempts: number;
    is_paged: boolean;
    turned_on: number;
    proposal: Json<NonNullable<Stop["proposal"]>> | null;
  };
}

const gitops = (db: Db | Trx) => tables<GitopsTables>(db);

const rowOf = (stop: Stop): Insertable<GitopsTables["gitops_stops"]> => ({
  thing: stop.thing,
  service: stop.service,
  environment: stop.environment,
  owner: JSON.stringify(stop.owner),
  channel: stop.channel,
  parent: stop.parent,
  wanted_at: stop.wantedAt,
  stopped_at: stop.stoppedAt ?? null,
  due_at: stop.dueAt,
  ended_at: stop.endedAt ?? null,
  ending: stop.ending ?? null,
  kind: stop.kind ?? null,
  source: stop.source === undefined ? null : JSON.stringify(stop.source),
  error: stop.error ?? null,
  attempts: stop.attempts,
  is_paged: stop.isPaged,
  turned_on: stop.turnedOn,
  proposal: stop.proposal === undefined ? null : JSON.stringify(stop.proposal),
});

const stopOf = (row: Selectable<GitopsTables["gitops_stops"]>): Stop => ({
  thing: row.thing,
  service: row.service,
  environment: row.environment,
  owner: row.owner,
  channel: row.channel,
  parent: row.parent,
  wantedAt: row.wanted_at,
  stoppedAt: row.stopped_at ?? undefined,
  dueAt: row.due_at,
  endedAt: row.ended_at ?? undefined,
  ending: row.ending ?? undefined,
  kind: row.kind ?? undefined,
  source: row.source ?? undefined,
  error: row.error ?? undefined,
  attempts: row.attempts,
  isPaged: row.is_paged,
  turnedOn: row.turned_on,
  proposal: row.proposal ?? undefined,
});

/** Answers false when the thing has its stop already. */
export async function insertStop(trx: Trx, stop: Stop): Promise<boolean> {
  const done = await gitops(trx)
    .insertInto("gitops_stops")
    .values(rowOf(stop))
    .onConflict((conflict) => conflict.column("thing").doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function writeStop(trx: Trx, stop: Stop): Promise<void> {
  const { thing, ...rest } = rowOf(stop);
  await gitops(trx).updateTable("gitops_stops").set(rest).where("thing", "=", thing).execute();
}

export async function findStop(db: Db | Trx, thing: string): Promise<Stop | undefined> {
  const row = await gitops(db)
    .selectFrom("gitops_stops")
    .selectAll()
    .where("thing", "=", thing)
    .executeTakeFirst();
  return row && stopOf(row);
}

export async function lockStop(trx: Trx, thing: string): Promise<Stop | undefined> {
  const row = await gitops(trx)
    .selectFrom("gitops_stops")
    .selectAll()
    .where("thing", "=", thing)
    .forUpdate()
    .executeTakeFirst();
  return row && stopOf(row);
}

/** Not ended, the first to end first. */
export async function openStops(db: Db | Trx, limit: number, service?: string): Promise<Stop[]> {
  let query = gitops(db).selectFrom("gitops_stops").selectAll().where("ended_at", "is", null);
  if (service !== undefined) query = query.where("service", "=", service);
  return (await query.orderBy("due_at").limit(limit).execute()).map(stopOf);
}

export async function countOpen(db: Db): Promise<number> {
  const row = await gitops(db)
    .selectFrom("gitops_stops")
    .select((eb) => eb.fn.countAll<string>().as("n"))
    .where("ended_at", "is", null)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}
