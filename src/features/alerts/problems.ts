/** What could not be read is said to people, once a day for each source and field, and counted from there. */
import { channelFor, slackIdOf } from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { card, dateToken, escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Unreadable } from "./model.ts";
import { alertTables } from "./store.ts";

export interface ProblemPost {
  source: string;
  at: Date;
  problems: readonly Unreadable[];
  /** Alerts and events of the same body that were read. */
  takenCount: number;
}

/** `alerts[3].startsAt` and `alerts[4].startsAt` are one field to whoever mends it. */
const fieldOf = (path: string): string => path.replace(/\[\d+\]/g, "[]");

export async function noteProblems(tx: Tx, platform: Platform, posts: readonly ProblemPost[]): Promise<void> {
  const catalog = platform.catalogs.current();
  const channel = slackIdOf(channelFor(catalog, ""), platform.slackTeam());
  const byField = new Map<string, { post: ProblemPost; problem: Unreadable; seen: number }>();
  for (const post of posts)
    for (const problem of post.problems.slice(0, 3)) {
      const key = `${post.source}\u0000${fieldOf(problem.field)}`;
      byField.set(key, { post, problem, seen: (byField.get(key)?.seen ?? 0) + 1 });
    }
  for (const [, { post, problem, seen }] of [...byField].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const field = fieldOf(problem.field);
    const day = post.at.toISOString().slice(0, 10);
    const row = await alertTables(tx.trx)
      .insertInto("alert_problems")
      .values({ source: post.source, field, day, seen_count: seen, first_at: post.at, last_at: post.at })
      .onConflict((conflict) =>
        conflict.columns(["source", "field", "day"]).doUpdateSet((eb) => ({
          seen_count: eb("alert_problems.seen_count", "+", seen),
          last_at: post.at,
        })),
      )
      .returning(["seen_count", "first_at"])
      .executeTakeFirstOrThrow();
    if (channel === undefined) continue;
    tx.say({
      key: `alert-problem:${post.source}:${field}:${day}`,
      channel,
      ...problemCard(post, problem, row),
    });
  }
}

function problemCard(post: ProblemPost, problem: Unreadable, seen: { seen_count: number; first_at: Date }) {
  const what = problem.field === "body" ? "the body" : `field ${escapeText(problem.field)}`;
  return card({
    mark: "🟠",
    headline: `${escapeText(post.source)} · a body I cannot read: ${what}`,
    context: [`since ${dateToken(seen.first_at, "date_time")}`, `${seen.seen_count} × today`],
    facts: [
      ["Why", escapeText(problem.why)],
      [
        "Taken from it",
        post.takenCount === 0 ? "nothing; the body is kept" : `${post.takenCount} read; the body is kept`,
      ],
    ],
  });
}
