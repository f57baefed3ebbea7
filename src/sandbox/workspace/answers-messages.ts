/** Answers about messages: emulate decides, the conversation remembers, the page hears of it. */
import { asBot, pageOrigin } from "./answers-people.ts";
import { blockFaults } from "./blocklimits.ts";
import { type Desk, withIds } from "./desk.ts";
import { appId, botId, isJson, type Json, listOf, type Message, textOf } from "./model.ts";

const historyPageMax = 999;
const historyPageDefault = 100;
const threadPageDefault = 1_000;
const innerPage = 1_000;

export async function postMessage(desk: Desk, args: Json): Promise<Json> {
  return postAs(desk, desk.options.botUser.id, { ...args, bot_id: botId, app_id: appId });
}

/** A message by the bot or a person; also what the composer does. */
export async function postAs(desk: Desk, author: string, args: Json): Promise<Json> {
  const refusal = refusalOf(desk, args);
  if (refusal) return refusal;
  const channel = placeOf(desk, args.channel);
  const reply = await desk.slack.call("chat.postMessage", author, {
    ...args,
    channel,
    ...blocksOf(args),
  });
  if (reply.ok !== true) return reply;
  const ts = desk.slack.ids.adopt(textOf(reply.ts));
  const message = { ...(isJson(reply.message) ? reply.message : {}), ts };
  remember(desk, textOf(reply.channel), message);
  return { ...reply, ts, message: withoutMetadata(message) };
}

export async function postEphemeral(desk: Desk, args: Json): Promise<Json> {
  const refusal = refusalOf(desk, args);
  if (refusal) return refusal;
  const named = { ...args, channel: placeOf(desk, args.channel), ...blocksOf(args) };
  const reply = await asBot(desk, "chat.postEphemeral", named);
  if (reply.ok !== true) return reply;
  const ts = desk.slack.ids.adopt(textOf(reply.message_ts));
  addEphemeral(desk, named.channel, textOf(args.user), named, ts);
  return { ...reply, message_ts: ts };
}

export function addEphemeral(desk: Desk, channel: string, target: string, said: Json, ts?: string): void {
  desk.ephemerals.add(
    {
      channel,
      target,
      user: textOf(said.user_id) || desk.options.botUser.id,
      text: textOf(said.text),
      ...(said.blocks === undefined ? {} : { blocks: listOf(withIds(said.blocks)) }),
      ...(textOf(said.thread_ts) === "" ? {} : { thread_ts: textOf(said.thread_ts) }),
    },
    desk.options.now(),
    ts,
  );
  desk.changes.bump();
}

export async function update(desk: Desk, args: Json): Promise<Json> {
  const refusal = refusalOf(desk, args);
  if (refusal) return refusal;
  const reply = await asBot(desk, "chat.update", { ...args, ...blocksOf(args) });
  if (reply.ok !== true || !isJson(reply.message)) return reply;
  const channel = textOf(reply.channel);
  const before = desk.conversation.get(channel, textOf(reply.ts));
  remember(desk, channel, { ...(before?.files ? { files: before.files } : {}), ...reply.message });
  return { ...reply, message: withoutMetadata(reply.message) };
}

export async function remove(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "chat.delete", args);
  if (reply.ok !== true) return reply;
  desk.conversation.remove(textOf(reply.channel), textOf(reply.ts));
  desk.changes.bump();
  return reply;
}

export function remember(desk: Desk, channel: string, message: Json): void {
  desk.conversation.say({ ...message, channel } as Message);
  desk.changes.bump();
}

export async function permalink(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "chat.getPermalink", args);
  if (reply.ok !== true) return reply;
  return {
    ...reply,
    channel: args.channel,
    permalink: textOf(reply.permalink).replace(desk.apiBase, pageOrigin(desk)),
  };
}

export async function history(desk: Desk, args: Json): Promise<Json> {
  const limit = limitOf(args.limit, historyPageDefault);
  const before = cursorOf(args.cursor);
  const found: Json[] = [];
  let cursor = "";
  do {
    const reply = await asBot(desk, "conversations.history", {
      channel: args.channel,
      limit: innerPage,
      cursor,
    });
    if (reply.ok !== true) return reply;
    const page = listOf(reply.messages);
    found.push(...page.filter((m) => isWithin(args, m) && (before === "" || textOf(m.ts) < before)));
    const oldest = textOf(page.at(-1)?.ts);
    const isPast = textOf(args.oldest) !== "" && oldest < textOf(args.oldest);
    cursor = isPast ? "" : nextCursorOf(reply);
  } while (cursor !== "" && found.length <= limit);
  return paged(args, found, limit);
}

export async function replies(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "conversations.replies", { channel: args.channel, ts: args.ts });
  if (reply.ok !== true) return reply;
  const messages = listOf(reply.messages);
  if (messages.length === 0) return { ok: false, error: "thread_not_found" };
  const after = cursorOf(args.cursor);
  const found = messages.filter(
    (m) => (m.ts === args.ts && after === "") || (isWithin(args, m) && textOf(m.ts) > after),
  );
  return paged(args, found, limitOf(args.limit, threadPageDefault));
}

function paged(args: Json, found: readonly Json[], limit: number): Json {
  const page = found.slice(0, limit);
  const hasMore = found.length > limit;
  const last = textOf(page.at(-1)?.ts);
  const isAsked = args.include_all_metadata === true || args.include_all_metadata === "true";
  return {
    ok: true,
    messages: isAsked ? page : page.map(withoutMetadata),
    has_more: hasMore,
    response_metadata: { next_cursor: hasMore ? Buffer.from(`ts:${last}`).toString("base64") : "" },
  };
}

function isWithin(args: Json, message: Json): boolean {
  const ts = textOf(message.ts);
  const oldest = textOf(args.oldest) || "0";
  const latest = textOf(args.latest) || "9";
  const isInclusive = args.inclusive === true || args.inclusive === "true";
  return (ts > oldest && ts < latest) || (isInclusive && (ts === oldest || ts === latest));
}

function cursorOf(cursor: unknown): string {
  return Buffer.from(textOf(cursor), "base64").toString("utf8").replace(/^ts:/, "");
}

function nextCursorOf(reply: Json): string {
  return isJson(reply.response_metadata) ? textOf(reply.response_metadata.next_cursor) : "";
}

function limitOf(limit: unknown, otherwise: number): number {
  const wanted = Number(limit) || otherwise;
  return Math.min(Math.max(1, wanted), otherwise === historyPageDefault ? historyPageMax : otherwise);
}

function withoutMetadata(message: Json): Json {
  const { metadata: _metadata, ...rest } = message;
  return rest;
}

/** A person's id stands for the direct messages between that person and the bot. */
export function placeOf(desk: Desk, channel: unknown): string {
  return desk.slack.dms.get(textOf(channel)) ?? textOf(channel);
}

function blocksOf(args: Json): Json {
  return args.blocks === undefined ? {} : { blocks: withIds(args.blocks) };
}

/** What Slack refuses before it looks at the channel. */
export function refusalOf(desk: Desk, args: Json): Json | undefined {
  const messages = [...blockFaults(args.blocks), ...missingFiles(desk, args.blocks)];
  if (messages.length > 0) {
    const detail = messages.map((message) => `[ERROR] ${message}`);
    desk.options.log("warn", "workspace refused blocks", { faults: messages });
    return { ok: false, error: "invalid_blocks", errors: messages, response_metadata: { messages: detail } };
  }
  return undefined;
}

function missingFiles(desk: Desk, blocks: unknown): string[] {
  return listOf(blocks).flatMap((block, i) => {
    const id = isJson(block.slack_file) ? textOf(block.slack_file.id) : "";
    return id === "" || desk.files.about(id)
      ? []
      : [`invalid slack file [json-pointer:/blocks/${i}/slack_file]`];
  });
}
