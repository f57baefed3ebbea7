import { type Generated, type Selectable, sql } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { PagerState } from "../../providers/pagers/contract.ts";
import type { Outside } from "./outside.ts";

interface OutsideTables {
  page_outside: {
    id: Generated<string>;
    page_id: string;
    pager: string;
    wanted: PagerState;
    sent: PagerState | null;
    external_id: string | null;
    told_line: string | null;
    attempts: Generated<number>;
    called_at: Date | null;
    sent_at: Date | null;
    seen_at: Date | null;
    failing_since: Date | null;
    error: string | null;
    created_at: Date;
  };
}

const of = (db: Db | Trx) => tables<OutsideTables>(db);

/** Undefined when that page is at that provider already. */
export async function addOutside(
  trx: Trx,
  pageId: string,
  pager: string,
  at: Date,
): Promise<Outside | undefined> {
  const row = await of(trx)
    .insertInto("page_outside")
    .values({ page_id: pageId, pager, wanted: "triggered", created_at: at })
    .onConflict((conflict) => conflict.columns(["page_id", "pager"]).doNothing())
    .returningAll()
    .executeTakeFirst();
  return row && outsideOf(row);
}

export async function readOutside(db: Db | Trx, id: string): Promise<Outside | undefined> {
  const row = await of(db).selectFrom("page_outside").selectAll().where("id", "=", id).executeTakeFirst();
  return row && outsideOf(row);
}

export async function lockOutside(trx: Trx, id: string): Promise<Outside | undefined> {
  const row = await of(trx)
    .selectFrom("page_outside")
    .selectAll()
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  return row && outsideOf(row);
}

/** In the order in which they were asked for. */
export async function outsidesOf(db: Db | Trx, pageId: string): Promise<Outside[]> {
  const rows = await of(db)
    .selectFrom("page_outside")
    .selectAll()
    .where("page_id", "=", pageId)
    .orderBy("created_at")
    .orderBy("pager")
    .execute();
  return rows.map(outsideOf);
}

/** As {@link outsidesOf}, locked. */
export async function lockOutsides(trx: Trx, pageId: string): Promise<Outside[]> {
  const rows = await of(trx)
    .selectFrom("page_outside")
    .selectAll()
    .where("page_id", "=", pageId)
    .orderBy("id")
    .forUpdate()
    .execute();
  return rows.map(outsideOf);
}

/** The newest page that one of these providers knows by this id of its own. */
export async function byExternalId(
  db: Db | Trx,
  pagers: readonly string[],
  externalId: string,
): Promise<Outside | undefined> {
  if (pagers.length === 0) return undefined;
  const row = await of(db)
    .selectFrom("page_outside")
    .selectAll()
    .where("external_id", "=", externalId)
    .where("pager", "in", [...pagers])
    .orderBy("created_at", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && outsideOf(row);
}

export async function writeOutside(trx: Trx, row: Outside): Promise<void> {
  await of(trx)
    .updateTable("page_outside")
    .set({
      wanted: row.wanted,
      sent: row.sent,
      external_id: row.externalId,
      told_line: row.toldLine,
      attempts: row.attempts,
      called_at: row.calledAt,
      sent_at: row.sentAt,
      seen_at: row.seenAt,
      failing_since: row.failingSince,
      error: row.error,
    })
    .where("id", "=", row.id)
    .execute();
}

/** Those of these providers made after `since` that were told one of the lines or are known there by one of the ids; the newest first. */
export async function lockKnownBy(
  trx: Trx,
  pagers: readonly string[],
  by: { lines: readonly string[]; ids: readonly string[] },
  since: Date,
): Promise<Outside[]> {
  const rows = await of(trx)
    .selectFrom("page_outside")
    .selectAll()
    .where("pager", "in", [...pagers])
    .where("created_at", ">", since)
    .where((eb) =>
      eb.or([
        eb("told_line", "=", eb.fn.any(eb.val([...by.lines]))),
        eb("external_id", "=", eb.fn.any(eb.val([...by.ids]))),
      ]),
    )
    .orderBy("created_at", "desc")
    .orderBy("id")
    .forUpdate()
    .execute();
  return rows.map(outsideOf);
}

/** Ids of those not yet where they should be and rung by nobody, made after `since`. */
export async function stranded(db: Db, job: string, since: Date, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from page_outside where sent is distinct from wanted and created_at > ${since}
      and not exists (select 1 from rings where job = ${job} and ref = page_outside.id::text)
    order by created_at limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}

/** How many pages each provider has not taken yet. */
export async function countWaiting(db: Db): Promise<{ labels: Record<string, string>; value: number }[]> {
  const rows = await of(db)
    .selectFrom("page_outside")
    .select((eb) => ["pager", eb.fn.countAll<string>().as("n")])
    .where((eb) => eb("sent", "is distinct from", eb.ref("wanted")))
    .groupBy("pager")
    .execute();
  return rows.map((row) => ({ labels: { pager: row.pager }, value: Number(row.n) }));
}

const outsideOf = (row: Selectable<OutsideTables["page_outside"]>): Outside => ({
  id: row.id,
  pageId: row.page_id,
  pager: row.pager,
  wanted: row.wanted,
  sent: row.sent,
  externalId: row.external_id,
  toldLine: row.told_line,
  attempts: row.attempts,
  calledAt: row.called_at,
  sentAt: row.sent_at,
  seenAt: row.seen_at,
  failingSince: row.failing_since,
  error: row.error,
});
