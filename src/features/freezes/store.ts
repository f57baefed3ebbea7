import { type ColumnType, type Selectable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import { numberOf } from "../../platform/ids.ts";
import type { Freeze, FreezeId, Override, Place, Scope, Who } from "./model.ts";

type Timestamp = ColumnType<Date, Date | string, Date | string>;

interface FreezeTables {
  freezes: {
    id: FreezeId;
    number: number;
    key: string;
    calendar: string | null;
    scope: ColumnType<Scope, string, string>;
    environments: string[] | null;
    from_at: Timestamp;
    until_at: Timestamp;
    reason: string;
    started_team: string | null;
    started_by: string | null;
    ended_at: Timestamp | null;
    ended_team: string | null;
    ended_by: string | null;
    end_reason: string | null;
    channels: string[];
  };
  freeze_overrides: {
    id: string;
    service: string;
    environment: string;
    until_at: Timestamp;
    reason: string;
    by_team: string;
    by_person: string;
    at: Timestamp;
    covers: string[];
  };
}

/** A freeze as it is kept: numbered, and told in these channels. */
export interface KeptFreeze extends Freeze {
  readonly id: FreezeId;
  /** Slack ids. */
  readonly channels: readonly string[];
  readonly end?: { readonly at: Date; readonly by: Who; readonly reason: string } | undefined;
}

const freezeOf = (row: Selectable<FreezeTables["freezes"]>): KeptFreeze => ({
  key: row.key,
  id: row.id,
  scope: row.scope,
  environments: row.environments,
  from: row.from_at,
  until: row.until_at,
  reason: row.reason,
  by:
    row.calendar === null
      ? { is: "person", who: { team: row.started_team ?? "-", person: row.started_by ?? "quarterdeck" } }
      : { is: "calendar", name: row.calendar },
  channels: row.channels,
  end:
    row.ended_at === null
      ? undefined
      : {
          at: row.ended_at,
          by: { team: row.ended_team ?? "-", person: row.ended_by ?? "quarterdeck" },
          reason: row.end_reason ?? "",
        },
});

const of = (db: Db | Trx) => tables<FreezeTables>(db);

/** Freezes are started one after the other, so that two of the same scope do not each miss the other. */
export async function lockFreezes(trx: Trx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('freezes', 0))`.execute(trx);
}

export async function insertFreeze(trx: Trx, freeze: KeptFreeze): Promise<void> {
  const { by } = freeze;
  await of(trx)
    .insertInto("freezes")
    .values({
      id: freeze.id,
      number: numberOf(freeze.id),
      key: freeze.key,
      calendar: by.is === "calendar" ? by.name : null,
      scope: JSON.stringify(freeze.scope),
      environments: freeze.environments === null ? null : [...freeze.environments],
      from_at: freeze.from,
      until_at: freeze.until,
      reason: freeze.reason,
      started_team: by.is === "person" ? by.who.team : null,
      started_by: by.is === "person" ? by.who.person : null,
      ended_at: null,
      ended_team: null,
      ended_by: null,
      end_reason: null,
      channels: [...freeze.channels],
    })
    .execute();
}

/** A span of the calendar that was numbered before, whether it was ended or not. */
export async function findByKey(trx: Trx, key: string): Promise<KeptFreeze | undefined> {
  const row = await of(trx).selectFrom("freezes").selectAll().where("key", "=", key).executeTakeFirst();
  return row && freezeOf(row);
}

export async function findFreeze(db: Db | Trx, id: string): Promise<KeptFreeze | undefined> {
  const row = await of(db)
    .selectFrom("freezes")
    .selectAll()
    .where("id", "=", id as FreezeId)
    .executeTakeFirst();
  return row && freezeOf(row);
}

export async function lockFreeze(trx: Trx, id: string): Promise<KeptFreeze | undefined> {
  const row = await of(trx)
    .selectFrom("freezes")
    .selectAll()
    .where("id", "=", id as FreezeId)
    .forUpdate()
    .executeTakeFirst();
  return row && freezeOf(row);
}

/** Those that nobody ended, the latest end first; also ones whose time is over and that no worker has ended yet. */
export async function openFreezes(db: Db | Trx): Promise<KeptFreeze[]> {
  const rows = await of(db)
    .selectFrom("freezes")
    .selectAll()
    .where("ended_at", "is", null)
    .orderBy("until_at", "desc")
    .execute();
  return rows.map(freezeOf);
}

export async function endFreeze(
  trx: Trx,
  id: FreezeId,
  end: { at: Date; by: Who; reason: string },
): Promise<void> {
  await of(trx)
    .updateTable("freezes")
    .set({ ended_at: end.at, ended_team: end.by.team, ended_by: end.by.person, end_reason: end.reason })
    .where("id", "=", id)
    .execute();
}

/** The calendar says something else of a span than it did, or says it again. */
export async function rewriteFreeze(trx: Trx, freeze: KeptFreeze): Promise<void> {
  await of(trx)
    .updateTable("freezes")
    .set({
      scope: JSON.stringify(freeze.scope),
      environments: freeze.environments === null ? null : [...freeze.environments],
      until_at: freeze.until,
      reason: freeze.reason,
      channels: [...freeze.channels],
      ended_at: null,
      ended_team: null,
      ended_by: null,
      end_reason: null,
    })
    .where("id", "=", freeze.id)
    .execute();
}

export async function insertOverride(trx: Trx, override: Override): Promise<void> {
  await of(trx)
    .insertInto("freeze_overrides")
    .values({
      id: override.id,
      service: override.service,
      environment: override.environment,
      until_at: override.until,
      reason: override.reason,
      by_team: override.by.team,
      by_person: override.by.person,
      at: override.at,
      covers: [...override.covers],
    })
    .execute();
}

/** In force at a moment, of one place or of all; the latest end first. */
export async function overridesAt(db: Db | Trx, at: Date, place?: Place): Promise<Override[]> {
  let query = of(db).selectFrom("freeze_overrides").selectAll().where("until_at", ">", at);
  if (place) query = query.where("service", "=", place.service).where("environment", "=", place.environment);
  const rows = await query.orderBy("until_at", "desc").execute();
  return rows.map((row) => ({
    id: row.id,
    service: row.service,
    environment: row.environment,
    until: row.until_at,
    reason: row.reason,
    by: { team: row.by_team, person: row.by_person },
    at: row.at,
    covers: row.covers,
  }));
}
