import { type ColumnType, type Generated, type Selectable, sql } from "kysely";
import type { MarkerKind } from "../../catalog/schema.ts";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Marker, NewMarker } from "./model.ts";

type Timestamp = ColumnType<Date, Date | string, Date | string>;

interface MarkerTables {
  markers: {
    id: string;
    key: string;
    service: string;
    environment: string;
    kind: MarkerKind;
    version: string;
    from_version: string | null;
    /** Postgres' numeric comes as text. */
    percent: ColumnType<string | null, number | null, number | null>;
    thing: string;
    at: Timestamp;
    recorded_at: Timestamp;
  };
  marker_deliveries: {
    id: Generated<string>;
    marker: string;
    sink: string;
    attempts: Generated<number>;
    called_at: Timestamp | null;
    done_at: Timestamp | null;
    given_up_at: Timestamp | null;
    external_id: string | null;
    error: string | null;
    created_at: Timestamp;
  };
}

/** One marker at one system outside. */
export interface Delivery {
  readonly id: string;
  readonly marker: Marker;
  /** Name of the catalog's instance. */
  readonly sink: string;
  /** Calls so far. */
  readonly attempts: number;
  readonly createdAt: Date;
  /** Taken, or given up. */
  readonly isOver: boolean;
}

const of = (db: Db | Trx) => tables<MarkerTables>(db);

const markerOf = (row: Omit<Selectable<MarkerTables["markers"]>, "key" | "recorded_at">): Marker => ({
  id: row.id,
  service: row.service,
  environment: row.environment,
  kind: row.kind,
  version: row.version,
  from: row.from_version,
  percent: row.percent === null ? null : Number(row.percent),
  thing: row.thing,
  at: row.at,
});

/** False when one of that key is kept already. */
export async function insertMarker(
  trx: Trx,
  marker: NewMarker & { id: string; key: string },
  now: Date,
): Promise<boolean> {
  const done = await of(trx)
    .insertInto("markers")
    .values({
      id: marker.id,
      key: marker.key,
      service: marker.service,
      environment: marker.environment,
      kind: marker.kind,
      version: marker.version,
      from_version: marker.from ?? null,
      percent: marker.percent ?? null,
      thing: marker.thing,
      at: marker.at,
      recorded_at: now,
    })
    .onConflict((conflict) => conflict.column("key").doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** Of one place in [from, to], oldest first; of more than `limit` the newest. */
export async function markersBetween(
  db: Db | Trx,
  place: { service: string; environment: string },
  span: { from: Date; to: Date },
  limit: number,
): Promise<Marker[]> {
  const rows = await of(db)
    .selectFrom("markers")
    .selectAll()
    .where("service", "=", place.service)
    .where("environment", "=", place.environment)
    .where("at", ">=", span.from)
    .where("at", "<=", span.to)
    .orderBy("at", "desc")
    .orderBy("recorded_at", "desc")
    .limit(limit)
    .execute();
  return rows.map(markerOf).reverse();
}

/** The newest of each place and kind since then: as many series as places have kinds. */
export async function newestMarkers(db: Db, since: Date): Promise<Marker[]> {
  const rows = await of(db)
    .selectFrom("markers")
    .selectAll()
    .distinctOn(["service", "environment", "kind"])
    .where("at", ">=", since)
    .orderBy("service")
    .orderBy("environment")
    .orderBy("kind")
    .orderBy("at", "desc")
    .execute();
  return rows.map(markerOf);
}

export async function insertDelivery(
  trx: Trx,
  delivery: { id: string; marker: string; sink: string },
  now: Date,
): Promise<void> {
  await of(trx)
    .insertInto("marker_deliveries")
    .values({ ...delivery, created_at: now })
    .execute();
}

export async function readDelivery(db: Db | Trx, id: string): Promise<Delivery | undefined> {
  const row = await of(db)
    .selectFrom("marker_deliveries as delivery")
    .innerJoin("markers as marker", "marker.id", "delivery.marker")
    .selectAll("marker")
    .select([
      "delivery.id as delivery_id",
      "delivery.sink",
      "delivery.attempts",
      "delivery.created_at",
      "delivery.done_at",
      "delivery.given_up_at",
    ])
    .where("delivery.id", "=", id)
    .executeTakeFirst();
  return (
    row && {
      id: row.delivery_id,
      marker: markerOf(row),
      sink: row.sink,
      attempts: row.attempts,
      createdAt: row.created_at,
      isOver: row.done_at !== null || row.given_up_at !== null,
    }
  );
}

/** The intent: counted before the call, so that one a crash swallowed counts too. Answers the calls so far. */
export async function countAttempt(trx: Trx, id: string, now: Date): Promise<number> {
  const row = await of(trx)
    .updateTable("marker_deliveries")
    .set({ attempts: sql`attempts + 1`, called_at: now })
    .where("id", "=", id)
    .returning("attempts")
    .executeTakeFirstOrThrow();
  return row.attempts;
}

export async function writeOutcome(
  trx: Trx,
  id: string,
  outcome: { doneAt: Date; externalId: string | null } | { error: string; givenUpAt: Date | null },
): Promise<void> {
  await of(trx)
    .updateTable("marker_deliveries")
    .set(
      "doneAt" in outcome
        ? { done_at: outcome.doneAt, external_id: outcome.externalId, error: null }
        : { error: outcome.error.slice(0, 500), given_up_at: outcome.givenUpAt },
    )
    .where("id", "=", id)
    .where("done_at", "is", null)
    .execute();
}

/** How many a system did not take, since a moment. */
export async function countLost(db: Db | Trx, sink: string, since: Date): Promise<number> {
  const row = await of(db)
    .selectFrom("marker_deliveries")
    .select((eb) => eb.fn.countAll<string>().as("n"))
    .where("sink", "=", sink)
    .where("given_up_at", ">=", since)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

/** Ids of those that wait and are rung by nobody. */
export async function strandedDeliveries(db: Db, job: string, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from marker_deliveries where done_at is null and given_up_at is null
      and not exists (select 1 from rings where job = ${job} and ref = marker_deliveries.id::text)
    order by created_at limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}

export async function countDeliveries(
  db: Db,
): Promise<{ labels: { sink: string; state: "waiting" | "given-up" }; value: number }[]> {
  const rows = await of(db)
    .selectFrom("marker_deliveries")
    .select((eb) => [
      "sink",
      eb.fn.countAll<string>().filterWhere("given_up_at", "is", null).as("waiting"),
      eb.fn.countAll<string>().filterWhere("given_up_at", "is not", null).as("lost"),
    ])
    .where("done_at", "is", null)
    .groupBy("sink")
    .execute();
  return rows.flatMap(({ sink, waiting, lost }) => [
    { labels: { sink, state: "waiting" as const }, value: Number(waiting) },
    { labels: { sink, state: "given-up" as const }, value: Number(lost) },
  ]);
}
