import type { ColumnType, Selectable } from "kysely";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { GrantId } from "./model.ts";
import type { Review } from "./review.ts";

type Time = ColumnType<Date, Date, Date>;
interface ReviewTables {
  access_reviews: {
    grant_id: string;
    taker_id: string;
    taken_at: Time;
    due_at: Time;
    tell_at: Time | null;
    reviewed_at: Time | null;
    team: string | null;
    person: string | null;
    person_id: string | null;
    words: string | null;
  };
}
const reviews = (db: Db | Trx) => tables<ReviewTables>(db);

function reviewFrom(row: Selectable<ReviewTables["access_reviews"]>): Review {
  const { reviewed_at: at, team, person, person_id: personId, words } = row;
  return {
    grant: row.grant_id as GrantId,
    takerId: row.taker_id,
    dueAt: row.due_at,
    tellAt: row.tell_at,
    done:
      at !== null && team !== null && person !== null && personId !== null && words !== null
        ? { by: { team, person }, personId, at, text: words }
        : null,
  };
}

export async function writeReview(trx: Trx, review: Review, now: Date): Promise<void> {
  const { done } = review;
  const kept = {
    tell_at: review.tellAt,
    reviewed_at: done?.at ?? null,
    team: done?.by.team ?? null,
    person: done?.by.person ?? null,
    person_id: done?.personId ?? null,
    words: done?.text ?? null,
  };
  await reviews(trx)
    .insertInto("access_reviews")
    .values({
      grant_id: review.grant,
      taker_id: review.takerId,
      taken_at: now,
      due_at: review.dueAt,
      ...kept,
    })
    .onConflict((conflict) => conflict.column("grant_id").doUpdateSet(kept))
    .execute();
}

export async function readReview(
  db: Db | Trx,
  grant: string,
  options: { lock: boolean } = { lock: false },
): Promise<Review | undefined> {
  const query = reviews(db).selectFrom("access_reviews").selectAll().where("grant_id", "=", grant);
  const row = await (options.lock ? query.forUpdate() : query).executeTakeFirst();
  return row && reviewFrom(row);
}

/** Without a review yet, the one that is due first first; of one person's, when given. */
export async function owedReviews(db: Db | Trx, takerId?: string): Promise<Review[]> {
  let query = reviews(db).selectFrom("access_reviews").selectAll().where("reviewed_at", "is", null);
  if (takerId !== undefined) query = query.where("taker_id", "=", takerId);
  return (await query.orderBy("due_at").limit(100).execute()).map(reviewFrom);
}

/** How often somebody took something without asking since then. */
export async function countTaken(db: Db | Trx, takerId: string, since: Date): Promise<number> {
  const row = await reviews(db)
    .selectFrom("access_reviews")
    .select((eb) => eb.fn.countAll<string>().as("n"))
    .where("taker_id", "=", takerId)
    .where("taken_at", ">=", since)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}
