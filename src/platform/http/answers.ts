import { z } from "zod";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import type { Block } from "../messages/blocks.ts";

/** What became of something asked, from its inbox row: the row is the truth, so asking again later is as good. */
export type Asked =
  | { state: "unknown" }
  | { state: "pending" }
  | { state: "done"; ok: boolean; text: string; blocks?: readonly Block[] | undefined };

const askEveryMs = 100;
const answerWaitMs = 20_000;

const storedAnswer = z.object({ text: z.string(), ok: z.boolean(), blocks: z.array(z.unknown()).optional() });

/** Waits a while for the answer to row `id` of this person. `isGone`: nobody waits any more. */
export async function waitForAnswer(
  parts: { db: Db; clock: Clock; waitMs?: number | undefined },
  asker: { team: string; person: string },
  id: string,
  isGone: () => boolean,
): Promise<Asked> {
  const endMs = parts.clock.now().getTime() + (parts.waitMs ?? answerWaitMs);
  for (;;) {
    const row = await parts.db
      .selectFrom("inbox")
      .select(["answer", "done_at"])
      .where("id", "=", id)
      .where("team", "=", asker.team)
      .where("person", "=", asker.person)
      .executeTakeFirst();
    if (!row) return { state: "unknown" };
    if (row.done_at) {
      const { text, ok, blocks } = storedAnswer.parse(row.answer);
      return { state: "done", ok, text, blocks: blocks as Block[] | undefined };
    }
    if (isGone() || parts.clock.now().getTime() >= endMs) return { state: "pending" };
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
}
