import { sql } from "kysely";
import type { ChartSpec } from "../charts.ts";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import type { Log } from "../log.ts";
import type { Job, Rerun } from "../rings/runner.ts";
import { blockBudget, channelKey, methodKey, takeBudget } from "../slack/budget.ts";
import { type SlackApi, SlackError } from "../slack/client.ts";
import type { Block } from "./blocks.ts";
import { projectJob, type Wanted } from "./say.ts";
import { showChart, wantsChart, withChart } from "./show-chart.ts";

/** Metadata that marks a message as ours and names its key, so that a crash after posting is found again. */
export const metadataType = "quarterdeck_message";

export interface Parts {
  db: Db;
  clock: Clock;
  log: Log;
  slack: SlackApi;
  team: () => string;
  renderChart: (spec: ChartSpec) => Promise<Buffer>;
}

export interface Row {
  key: string;
  kind: "post" | "ephemeral";
  channel: string;
  person: string | null;
  parent: string | null;
  reply_to: string | null;
  wanted: unknown;
  wanted_version: number;
  shown_version: number;
  urgent: boolean;
  posted_channel: string | null;
  ts: string | null;
  posting_at: Date | null;
  chart_digest: string | null;
  chart_file: string | null;
  chart_at: Date | null;
}

/** Brings what is shown to what is wanted: one message per key for life. */
export function projectorJobs(parts: Parts): Job[] {
  const run = async (key: string): Promise<Rerun> => {
    const row = (await parts.db
      .selectFrom("messages")
      .selectAll()
      .where("key", "=", key)
      .executeTakeFirst()) as Row | undefined;
    if (!row || (row.shown_version >= row.wanted_version && !wantsChart(row))) return undefined;
    try {
      return row.kind === "ephemeral" ? await showEphemeral(parts, row) : await showPost(parts, row);
    } catch (error) {
      return afterTrouble(parts, row, error);
    }
  };
  return [
    {
      name: projectJob,
      whileHeld: true,
      about: "Brings a message in Slack to what it should show.",
      lane: "normal",
      leaseSec: 60,
      run,
    },
  ];
}

async function afterTrouble(parts: Parts, row: Row, error: unknown): Promise<Rerun> {
  if (!(error instanceof SlackError)) throw error;
  const now = parts.clock.now();
  const { trouble } = error;
  switch (trouble.kind) {
    case "rate_limited": {
      const until = new Date(now.getTime() + trouble.retryAfterSec * 1_000);
      await blockBudget(parts.db, methodKey(parts.team(), error.method), until);
      return { again: until };
    }
    case "unreachable":
    // A token that is mended takes what waited; the row must not count as shown.
    case "rejected":
      throw error;
    case "gone":
    case "refused":
      // Saying it again would be refused again: kept as an error on the row, which `doctor` shows.
      parts.log.error({ key: row.key, method: error.method, code: trouble.code }, "Slack refused a message");
      await parts.db
        .updateTable("messages")
        .set({
          shown_version: row.wanted_version,
          behind_since: behindAfter(row, now),
          error: `${error.method}: ${trouble.code}`,
        })
        .where("key", "=", row.key)
        .execute();
      return undefined;
  }
}

/** What was wanted since this row was read is behind from now on; nothing else is. */
const behindAfter = (row: Row, now: Date) =>
  sql<Date | null>`case when wanted_version > ${row.wanted_version} then ${now}::timestamptz end`;

async function showEphemeral(parts: Parts, row: Row): Promise<Rerun> {
  const wanted = row.wanted as Wanted & { thread?: string };
  const body = { text: wanted.text, ...(wanted.blocks ? { blocks: wanted.blocks } : {}) };
  let gone = !row.reply_to;
  if (row.reply_to) {
    try {
      await parts.slack.respond(row.reply_to, {
        response_type: "ephemeral",
        replace_original: false,
        ...body,
      });
    } catch (error) {
      // A response_url lives 30 minutes; after that the answer still goes to the person.
      if (!(error instanceof SlackError) || error.trouble.kind !== "gone") throw error;
      gone = true;
    }
  }
  if (gone) {
    const wait = await takeBudget(
      parts.db,
      [methodKey(parts.team(), "chat.postEphemeral")],
      parts.clock.now(),
      row.urgent,
    );
    if (wait !== undefined) return { again: new Date(parts.clock.now().getTime() + wait) };
    await parts.slack.call("chat.postEphemeral", {
      channel: row.channel,
      user: row.person,
      ...(wanted.thread ? { thread_ts: wanted.thread } : {}),
      ...body,
    });
  }
  // Said once: the address it went to is of no further use and is not kept.
  await parts.db
    .updateTable("messages")
    .set({
      shown_version: row.wanted_version,
      behind_since: behindAfter(row, parts.clock.now()),
      reply_to: null,
      updated_at: parts.clock.now(),
    })
    .where("key", "=", row.key)
    .execute();
  return undefined;
}

async function showPost(parts: Parts, row: Row): Promise<Rerun> {
  const wanted = row.wanted as Wanted & { thread?: string };
  const now = parts.clock.now();
  if (row.shown_version >= row.wanted_version)
    return wanted.chart ? await showChart(parts, row, wanted.chart) : undefined;
  const place = await placeOf(parts, row, wanted.thread);
  if (place === "wait") return { again: new Date(now.getTime() + 500) };
  const method = row.ts ? "chat.update" : "chat.postMessage";
  const channel = row.posted_channel ?? place.channel;
  const wait = await takeBudget(
    parts.db,
    [methodKey(parts.team(), method), channelKey(parts.team(), channel)],
    now,
    row.urgent,
  );
  if (wait !== undefined) return { again: new Date(now.getTime() + wait) };
  const body = {
    text: wanted.text,
    blocks: withChart(wanted.blocks ?? [], row.chart_file, wanted.chart),
    unfurl_links: false,
    unfurl_media: false,
  };
  const shown = row.ts ? await update(parts, row, channel, body) : await post(parts, row, place, body, now);
  if (shown === "repost") {
    await parts.db
      .updateTable("messages")
      .set({ ts: null, posted_channel: null, posting_at: null, chart_digest: null, chart_file: null })
      .where("key", "=", row.key)
      .execute();
    return { again: now };
  }
  await parts.db
    .updateTable("messages")
    .set({
      shown_version: row.wanted_version,
      behind_since: behindAfter(row, parts.clock.now()),
      error: null,
    })
    .where("key", "=", row.key)
    .execute();
  return wantsChart(row) && wanted.chart ? await showChart(parts, row, wanted.chart) : undefined;
}

interface Place {
  channel: string;
  threadTs?: string | undefined;
}

async function placeOf(parts: Parts, row: Row, thread: string | undefined): Promise<Place | "wait"> {
  if (!row.parent) return { channel: row.channel, threadTs: thread };
  const parent = await parts.db
    .selectFrom("messages")
    .select(["posted_channel", "ts", "error"])
    .where("key", "=", row.parent)
    .executeTakeFirst();
  // A parent that could not be shown must not silence what hangs on it.
  if (!parent || (parent.error && !parent.ts)) return { channel: row.channel };
  return parent.ts && parent.posted_channel
    ? { channel: parent.posted_channel, threadTs: parent.ts }
    : "wait";
}

type Body = { text: string; blocks: Block[]; unfurl_links: boolean; unfurl_media: boolean };

async function update(parts: Parts, row: Row, channel: string, body: Body): Promise<"shown" | "repost"> {
  try {
    await parts.slack.call("chat.update", { channel, ts: row.ts, ...body, metadata: metadataOf(row.key) });
    return "shown";
  } catch (error) {
    if (error instanceof SlackError && error.trouble.kind === "gone") return "repost";
    throw error;
  }
}

const metadataOf = (key: string) => ({ event_type: metadataType, event_payload: { key } });

async function post(parts: Parts, row: Row, place: Place, body: Body, now: Date): Promise<"shown"> {
  const thread = place.threadTs ? { thread_ts: place.threadTs } : {};
  let found = row.posting_at ? await findPosted(parts, row.key, place, row.posting_at) : undefined;
  if (!found) {
    await parts.db.updateTable("messages").set({ posting_at: now }).where("key", "=", row.key).execute();
    found = await parts.slack.call<{ channel: string; ts: string }>("chat.postMessage", {
      channel: place.channel,
      ...thread,
      ...body,
      metadata: metadataOf(row.key),
    });
  } else
    await parts.slack.call("chat.update", {
      channel: found.channel,
      ts: found.ts,
      ...body,
      metadata: metadataOf(row.key),
    });
  await parts.db
    .updateTable("messages")
    .set({ ts: found.ts, posted_channel: found.channel })
    .where("key", "=", row.key)
    .execute();
  return "shown";
}

/** A post whose answer was lost: looked for by its metadata before anything is posted again. */
async function findPosted(
  parts: Parts,
  key: string,
  place: Place,
  since: Date,
): Promise<{ channel: string; ts: string } | undefined> {
  const channel = /^[UW]/.test(place.channel)
    ? (await parts.slack.call<{ channel: { id: string } }>("conversations.open", { users: place.channel }))
        .channel.id
    : place.channel;
  const oldest = String(Math.floor(since.getTime() / 1_000) - 60);
  const args = {
    channel,
    oldest,
    limit: 200,
    include_all_metadata: true,
    ...(place.threadTs ? { ts: place.threadTs } : {}),
  };
  let cursor: string | undefined;
  do {
    const page = await parts.slack.call<{
      messages: { ts: string; metadata?: { event_type?: string; event_payload?: { key?: string } } }[];
      response_metadata?: { next_cursor?: string };
    }>(
      place.threadTs ? "conversations.replies" : "conversations.history",
      cursor ? { ...args, cursor } : args,
    );
    const mine = page.messages.find(
      (message) =>
        message.metadata?.event_type === metadataType && message.metadata.event_payload?.key === key,
    );
    if (mine) return { channel, ts: mine.ts };
    cursor = page.response_metadata?.next_cursor || undefined;
  } while (cursor);
  return undefined;
}
