import type { ColumnType, Generated, Selectable } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Verb } from "../../platform/messages/blocks.ts";
import type { Because, Delivery, Page, Wake } from "./model.ts";

type Timestamp = ColumnType<Date, Date, Date>;

export interface PagingTables {
  pages: {
    id: Generated<string>;
    dedup_key: string;
    state: "open" | "acknowledged" | "resolved";
    team: string;
    service: string | null;
    subject: string;
    headline: string;
    channel: string;
    parent: string | null;
    verbs: ColumnType<readonly Verb[], string, string>;
    from_sources: Generated<string[]>;
    opened_at: Timestamp;
    opened_by: string;
    climbed: Generated<number>;
    climbed_at: Timestamp | null;
    reminders: Generated<number>;
    reminded_at: Timestamp | null;
    acknowledged_at: Timestamp | null;
    acknowledged_by: string | null;
    resolved_at: Timestamp | null;
    resolved_by: string | null;
  };
  page_wakes: {
    page_id: string;
    person: string;
    slack_user: string;
    at: Timestamp;
    because: Because;
    failed_at: Timestamp | null;
  };
}

const of = (db: Db | Trx) => tables<PagingTables>(db);

/** A key in `messages` of what a page says to one person. */
export const directKey = (pageId: string, user: string): string => `page:${pageId}:${user}`;
export const cardKey = (pageId: string): string => `page:${pageId}`;

export type NewPage = Omit<
  Page,
  | "id"
  | "state"
  | "climbed"
  | "climbedAt"
  | "reminders"
  | "remindedAt"
  | "acknowledgedAt"
  | "acknowledgedBy"
  | "resolvedAt"
  | "resolvedBy"
>;

/** Undefined when a page with that key stands already. */
export async function insertPage(trx: Trx, page: NewPage): Promise<Page | undefined> {
  const row = await of(trx)
    .insertInto("pages")
    .values({
      dedup_key: page.dedupKey,
      state: "open",
      team: page.team,
      service: page.service,
      subject: page.subject,
      headline: page.headline,
      channel: page.channel,
      parent: page.parent,
      verbs: JSON.stringify(page.verbs),
      from_sources: [...page.from],
      opened_at: page.openedAt,
      opened_by: page.openedBy,
    })
    .onConflict((conflict) => conflict.column("dedup_key").where("state", "<>", "resolved").doNothing())
    .returningAll()
    .executeTakeFirst();
  return row && pageOf(row);
}

/** The page that stands for a key, locked. */
export async function lockStanding(trx: Trx, dedupKey: string): Promise<Page | undefined> {
  const row = await of(trx)
    .selectFrom("pages")
    .selectAll()
    .where("dedup_key", "=", dedupKey)
    .where("state", "<>", "resolved")
    .forUpdate()
    .executeTakeFirst();
  return row && pageOf(row);
}

/** The newest page for a key, resolved ones among them. */
export async function newestPage(db: Db | Trx, dedupKey: string): Promise<Page | undefined> {
  const row = await of(db)
    .selectFrom("pages")
    .selectAll()
    .where("dedup_key", "=", dedupKey)
    .orderBy("opened_at", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && pageOf(row);
}

export async function lockPage(trx: Trx, id: string): Promise<Page | undefined> {
  const row = await of(trx)
    .selectFrom("pages")
    .selectAll()
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  return row && pageOf(row);
}

export const isPageId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

export async function findPage(db: Db, id: string): Promise<Page | undefined> {
  if (!isPageId(id)) return undefined;
  const row = await of(db).selectFrom("pages").selectAll().where("id", "=", id).executeTakeFirst();
  return row && pageOf(row);
}

export async function writePage(trx: Trx, page: Page): Promise<void> {
  await of(trx)
    .updateTable("pages")
    .set({
      state: page.state,
      headline: page.headline,
      verbs: JSON.stringify(page.verbs),
      from_sources: [...page.from],
      climbed: page.climbed,
      climbed_at: page.climbedAt,
      reminders: page.reminders,
      reminded_at: page.remindedAt,
      acknowledged_at: page.acknowledgedAt,
      acknowledged_by: page.acknowledgedBy,
      resolved_at: page.resolvedAt,
      resolved_by: page.resolvedBy,
    })
    .where("id", "=", page.id)
    .execute();
}

export async function addWake(trx: Trx, pageId: string, wake: Wake): Promise<void> {
  await of(trx)
    .insertInto("page_wakes")
    .values({
      page_id: pageId,
      person: wake.person,
      slack_user: wake.user,
      at: wake.at,
      because: wake.because,
      failed_at: wake.failedAt,
    })
    .execute();
}

export async function markFailed(trx: Trx, pageId: string, person: string, at: Date): Promise<void> {
  await of(trx)
    .updateTable("page_wakes")
    .set({ failed_at: at })
    .where("page_id", "=", pageId)
    .where("person", "=", person)
    .execute();
}

/** In the order they were woken. */
export async function wakesOf(db: Db | Trx, pageId: string): Promise<(Wake & { delivery: Delivery })[]> {
  const rows = await of(db)
    .selectFrom("page_wakes")
    .selectAll()
    .where("page_id", "=", pageId)
    .orderBy("at")
    .orderBy("person")
    .execute();
  const keys = rows.map((row) => directKey(pageId, row.slack_user));
  const shown =
    keys.length === 0
      ? []
      : await db.selectFrom("messages").select(["key", "ts", "error"]).where("key", "in", keys).execute();
  return rows.map((row) => {
    const message = shown.find(({ key }) => key === directKey(pageId, row.slack_user));
    const delivery: Delivery = message?.ts
      ? { state: "delivered" }
      : message?.error
        ? { state: "refused", why: message.error }
        : { state: "pending" };
    return {
      person: row.person,
      user: row.slack_user,
      at: row.at,
      because: row.because,
      failedAt: row.failed_at,
      delivery,
    };
  });
}

/** Open pages that woke this Slack user, oldest first. */
export async function waitingFor(db: Db, user: string): Promise<Page[]> {
  const rows = await of(db)
    .selectFrom("pages")
    .selectAll("pages")
    .where("state", "=", "open")
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom("page_wakes")
          .select("person")
          .whereRef("page_id", "=", "pages.id")
          .where("slack_user", "=", user),
      ),
    )
    .orderBy("opened_at")
    .limit(10)
    .execute();
  return rows.map(pageOf);
}

/** Newest first. */
export async function pagesAbout(
  db: Db,
  thing: { id: string } | { service: string },
  limit: number,
): Promise<Page[]> {
  const rows = await of(db)
    .selectFrom("pages")
    .selectAll()
    .where((eb) => ("id" in thing ? eb("subject", "=", thing.id) : eb("service", "=", thing.service)))
    .orderBy("opened_at", "desc")
    .limit(limit)
    .execute();
  return rows.map(pageOf);
}

export async function countPages(db: Db): Promise<{ labels: Record<string, string>; value: number }[]> {
  const rows = await of(db)
    .selectFrom("pages")
    .select((eb) => ["state", eb.fn.countAll<string>().as("n")])
    .groupBy("state")
    .execute();
  return rows.map((row) => ({ labels: { state: row.state }, value: Number(row.n) }));
}

const pageOf = (row: Selectable<PagingTables["pages"]>): Page => ({
  id: row.id,
  dedupKey: row.dedup_key,
  state: row.state,
  team: row.team,
  service: row.service,
  subject: row.subject,
  headline: row.headline,
  channel: row.channel,
  parent: row.parent,
  verbs: row.verbs,
  from: row.from_sources,
  openedAt: row.opened_at,
  openedBy: row.opened_by,
  climbed: row.climbed,
  climbedAt: row.climbed_at,
  reminders: row.reminders,
  remindedAt: row.reminded_at,
  acknowledgedAt: row.acknowledged_at,
  acknowledgedBy: row.acknowledged_by,
  resolvedAt: row.resolved_at,
  resolvedBy: row.resolved_by,
});
