/** After a restart emulate knows nothing: everything kept is said again, and old times stay what they were. */
import type { Desk } from "./desk.ts";
import { type Json, type Message, textOf } from "./model.ts";

export async function replay(desk: Desk): Promise<void> {
  let lost = 0;
  for (const message of desk.conversation.all()) if (!(await sayAgain(desk, message))) lost++;
  if (lost > 0) desk.options.log("warn", "workspace left out messages it could not restore", { lost });
}

async function sayAgain(desk: Desk, message: Message): Promise<boolean> {
  const {
    channel,
    ts,
    user,
    edited,
    files: _files,
    reply_count: _count,
    reply_users: _users,
    ...said
  } = message;
  const args: Json = { ...said, channel, text: textOf(said.text) || " " };
  const reply = await desk.slack.call("chat.postMessage", user, args);
  if (reply.ok !== true) {
    desk.conversation.remove(channel, ts);
    return false;
  }
  const inner = textOf(reply.ts);
  desk.slack.ids.pair(ts, inner);
  if (edited === undefined) return true;
  await desk.slack.call("chat.update", user, {
    channel,
    ts,
    text: textOf(said.text),
    ...(said.blocks === undefined ? {} : { blocks: said.blocks }),
    ...(said.metadata === undefined ? {} : { metadata: said.metadata }),
  });
  return true;
}
