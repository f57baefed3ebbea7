/** Files: Slack's three-step upload passes through; bytes and descriptions are kept for the page. */
import { remember } from "./answers-messages.ts";
import { asBot } from "./answers-people.ts";
import type { Desk } from "./desk.ts";
import { slackItself } from "./emulator.ts";
import { isJson, type Json, listOf, textOf } from "./model.ts";

export async function completeUpload(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "files.completeUploadExternal", args);
  if (reply.ok !== true) return reply;
  const shares = new Map<string, string>();
  for (const file of listOf(reply.files)) {
    desk.files.describe(textOf(file.id), file);
    for (const [channel, ts] of sharesOf(file)) shares.set(ts, channel);
  }
  for (const [ts, channel] of shares) await rememberShare(desk, channel, ts);
  return reply;
}

/** [channel, ts] of each message that shows the file. */
function sharesOf(file: Json): [string, string][] {
  const kinds = isJson(file.shares) ? Object.values(file.shares).filter(isJson) : [];
  return kinds.flatMap((kind) =>
    Object.entries(kind).flatMap(([channel, shares]) =>
      listOf(shares).map((share): [string, string] => [channel, textOf(share.ts)]),
    ),
  );
}

async function rememberShare(desk: Desk, channel: string, innerTs: string): Promise<void> {
  const ts = desk.slack.ids.adopt(innerTs);
  const reply = await desk.slack.call("conversations.replies", slackItself, { channel, ts });
  const message = listOf(reply.messages).find((one) => one.ts === ts);
  if (message) remember(desk, channel, message);
}

export async function fileInfo(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "files.info", args);
  const kept = desk.files.about(textOf(args.file));
  return reply.ok === true || !kept ? reply : { ok: true, file: kept };
}
