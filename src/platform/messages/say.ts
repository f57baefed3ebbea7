import { sql } from "kysely";
import type { ChartSpec } from "../charts.ts";
import type { Trx } from "../db/database.ts";
import type { Ring } from "../rings/write.ts";
import type { Block } from "./blocks.ts";

/** What a message is to show. */
export interface Wanted {
  /** The whole in one line: notifications and screen readers read this. */
  text: string;
  blocks?: readonly Block[] | undefined;
  /** Drawn, uploaded and put under the first block; a chart that fails holds no message back. */
  chart?: ChartSpec | undefined;
}

/**
 * Something said. `key` names the thing for life: saying it again edits the same message.
 * `channel` is a channel id, or a person's id for a direct message.
 */
export interface Said extends Wanted {
  key: string;
  channel: string;
  /** Key of the message in whose thread this one stands. */
  parent?: string | undefined;
  /** Slack ts of a thread that is not ours: somebody wrote to us there. */
  thread?: string | undefined;
  /** Only this person sees it. */
  onlyFor?: string | undefined;
  /** Slack's response_url for an ephemeral answer. */
  replyTo?: string | undefined;
  /** Pages, approvals and answers to people go before the rest. */
  urgent?: boolean | undefined;
}

export const projectJob = "messages.project";

/** Writes the rows and answers the rings that will show them. A message that already shows this is left alone. */
export async function writeSaid(trx: Trx, said: readonly Said[], now: Date): Promise<Ring[]> {
  const last = new Map(said.map((message) => [message.key, message]));
  const rings: Ring[] = [];
  for (const message of [...last.values()].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const wanted = JSON.stringify({
      text: message.text,
      blocks: message.blocks,
      chart: message.chart,
      thread: message.thread,
    });
    const written = await trx
      .insertInto("messages")
      .values({
        key: message.key,
        kind: message.onlyFor ? "ephemeral" : "post",
        channel: message.channel,
        person: message.onlyFor ?? null,
        parent: message.parent ?? null,
        reply_to: message.replyTo ?? null,
        wanted,
        wanted_version: 1,
        urgent: message.urgent ?? false,
        created_at: now,
        updated_at: now,
        behind_since: now,
      })
      .onConflict((conflict) =>
        conflict
          .column("key")
          .doUpdateSet({
            wanted,
            wanted_version: sql`messages.wanted_version + 1`,
            urgent: message.urgent ?? false,
            updated_at: now,
            behind_since: sql`case when messages.shown_version < messages.wanted_version
              then coalesce(messages.behind_since, messages.updated_at) else excluded.updated_at end`,
          })
          .where(sql<boolean>`messages.wanted is distinct from excluded.wanted`),
      )
      .executeTakeFirst();
    if (written.numInsertedOrUpdatedRows === 0n) continue;
    rings.push({
      job: projectJob,
      ref: message.key,
      lane: message.urgent ? "urgent" : "normal",
      keepEarlier: false,
    });
  }
  return rings;
}
