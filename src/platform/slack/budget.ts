import { sql } from "kysely";
import type { Db } from "../db/database.ts";

/**
 * Calls Slack allows, by method and by channel, kept in Postgres so that all workers share them.
 * Source: Slack docs, "Rate limits" (tiers are per method, workspace and app; posting is 1/s per channel).
 * A rate is [calls per second, burst]; we keep a tenth below what is published.
 */
const rates: Record<string, readonly [number, number]> = {
  "chat.postMessage": [10, 40],
  "chat.update": [0.9 * (50 / 60) * 4, 60],
  "chat.postEphemeral": [1.5, 50],
  "files.getUploadURLExternal": [1.5, 30],
  "conversations.history": [0.75, 30],
};
const channelRate = [0.9, 6] as const;

export const methodKey = (team: string, method: string): string => `${team}|${method}`;
export const channelKey = (team: string, channel: string): string => `${team}|#${channel}`;

const rateOf = (key: string): readonly [number, number] =>
  key.includes("|#") ? channelRate : (rates[key.split("|")[1] as string] ?? [1, 20]);

/**
 * Takes one call from each budget, or none from any.
 *
 * @returns undefined when the call may go out, else milliseconds to wait
 */
export async function takeBudget(
  db: Db,
  keys: readonly string[],
  now: Date,
  urgent = false,
): Promise<number | undefined> {
  return db.transaction().execute(async (trx) => {
    let waitMs = 0;
    for (const key of [...keys].sort()) {
      const [perSec, burst] = rateOf(key);
      await trx
        .insertInto("slack_budget")
        .values({ key, tokens: burst, updated_at: now, blocked_until: null })
        .onConflict((c) => c.doNothing())
        .execute();
      const row = await sql<{ tokens: number; blocked_until: Date | null }>`
        update slack_budget set tokens = least(${burst}::float8, tokens + greatest(0, extract(epoch from (${now}::timestamptz - updated_at))) * ${perSec}),
          updated_at = greatest(updated_at, ${now}) where key = ${key} returning tokens, blocked_until`.execute(
        trx,
      );
      const { tokens, blocked_until } = row.rows[0] as { tokens: number; blocked_until: Date | null };
      if (blocked_until && blocked_until > now)
        waitMs = Math.max(waitMs, blocked_until.getTime() - now.getTime());
      // Urgent calls may overdraw: pages and approvals go before what fills the budget.
      const least = urgent ? 1 - burst : 1;
      if (tokens < least) waitMs = Math.max(waitMs, Math.ceil(((least - tokens) / perSec) * 1_000));
    }
    if (waitMs > 0) return waitMs;
    await trx
      .updateTable("slack_budget")
      .set({ tokens: sql`tokens - 1` })
      .where("key", "in", [...keys])
      .execute();
    return undefined;
  });
}

/** Slack said wait: nobody calls this method for that workspace before then. */
export async function blockBudget(db: Db, key: string, until: Date): Promise<void> {
  await db
    .insertInto("slack_budget")
    .values({ key, tokens: 0, updated_at: until, blocked_until: until })
    // Nothing is saved up while it is blocked: only what is urgent, which may overdraw, goes in the first moment after.
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet({ blocked_until: until, tokens: 0, updated_at: until }),
    )
    .execute();
}
