/** What a person can do: type, press, fill in a form. Each deed reaches the app as Slack would send it. */
import { randomBytes } from "node:crypto";
import { addEphemeral, postAs } from "./answers-messages.ts";
import { issueTrigger } from "./answers-views.ts";
import { type Directory, readTyped } from "./composer.ts";
import { deliver, deliverEvent } from "./delivery.ts";
import type { Desk } from "./desk.ts";
import { domainOf } from "./emulator.ts";
import { type Ack, isJson, type Json, type Message, textOf, type WorkspaceUser } from "./model.ts";
import { chosen, eventCallback, findElement, messageAction, type Scene, slashFields } from "./payloads.ts";
import type { ReplyPlace } from "./response-urls.ts";
import type { Room } from "./rooms.ts";
import { respond } from "./webapi.ts";

export type Done =
  | { ok: true; ack?: Ack; ts?: string }
  | { ok: false; error: string; message: string; ack?: Ack };

const slackbot = "USLACKBOT";

export function no(error: string, message: string, ack?: Ack): Done {
  return { ok: false, error, message, ...(ack ? { ack } : {}) };
}

export function sceneOf(desk: Desk, user: WorkspaceUser): Scene {
  return { teamId: desk.options.teamId, teamDomain: domainOf(desk.options), user };
}

export async function send(desk: Desk, user: WorkspaceUser, body: Json): Promise<Done> {
  const room = await desk.rooms.find(user.id, textOf(body.channel));
  if (!room) return no("channel_not_found", `${user.name} is in no channel ${textOf(body.channel)}`);
  const threadTs = textOf(body.thread_ts);
  if (textOf(body.text).trim() === "") return no("no_text", "Nothing was typed.");
  const typed = readTyped(textOf(body.text), directoryOf(desk));
  if (typed.is === "command") return command(desk, user, room, typed.command, typed.text, threadTs);
  const posted = await postAs(desk, user.id, {
    channel: room.id,
    text: typed.text,
    ...(threadTs === "" ? {} : { thread_ts: threadTs }),
  });
  if (posted.ok !== true) return no(textOf(posted.error), `The message was refused: ${textOf(posted.error)}`);
  const ts = textOf(posted.ts);
  const isHeard = room.kind === "dm" || typed.mentions.includes(desk.options.botUser.id);
  if (!isHeard) return { ok: true, ts };
  const ack = await tellApp(desk, user, room, { text: typed.text, ts, threadTs });
  return { ok: true, ts, ack };
}

async function command(
  desk: Desk,
  user: WorkspaceUser,
  room: Room,
  name: string,
  text: string,
  threadTs: string,
): Promise<Done> {
  const say = (words: string, thread?: string): void =>
    addEphemeral(desk, room.id, user.id, { user_id: slackbot, text: words, thread_ts: thread });
  if (!(desk.options.commands ?? ["/ops"]).includes(name)) {
    const words = `\`${name}\` is not a valid command here.`;
    say(words, threadTs);
    return no("unknown_command", words);
  }
  if (threadTs !== "") {
    const words = `\`${name}\` is not supported in threads. Sorry!`;
    say(words, threadTs);
    return no("not_in_threads", words);
  }
  const place: ReplyPlace = { user: user.id, channel: room.id };
  const url = desk.apiBase + desk.responseUrls.issue(place, desk.options.now());
  const trigger = await issueTrigger(desk, user.id);
  const named = { id: room.id, name: room.kind === "dm" ? "directmessage" : room.name };
  const fields = slashFields(sceneOf(desk, user), named, name, text, url, trigger);
  const ack = await deliver(desk, { kind: "form", fields });
  if (!ack.ok) {
    say(`${name} failed with the error "${ack.error}"`);
    return no(ack.error, ack.message, ack);
  }
  const said = typeof ack.body === "string" ? { text: ack.body } : isJson(ack.body) ? ack.body : {};
  if (textOf(said.text) !== "" || said.blocks !== undefined) await respond(desk, place, said);
  return { ok: true, ack };
}

function tellApp(
  desk: Desk,
  user: WorkspaceUser,
  room: Room,
  said: { text: string; ts: string; threadTs: string },
): Promise<Ack> {
  const { options } = desk;
  const sec = Math.floor(options.now().getTime() / 1000);
  const event: Json = {
    type: room.kind === "dm" ? "message" : "app_mention",
    ...(room.kind === "dm" ? { channel_type: "im" } : {}),
    user: user.id,
    text: said.text,
    ts: said.ts,
    ...(said.threadTs === "" ? {} : { thread_ts: said.threadTs }),
    channel: room.id,
    event_ts: said.ts,
    team: options.teamId,
  };
  const id = `Ev${randomBytes(6).toString("hex").toUpperCase()}`;
  return deliverEvent(
    desk,
    eventCallback(sceneOf(desk, user), options.botUser.id, id, sec, event),
    desk.later,
  );
}

/** A button, menu or picker in a message this person can see. */
export async function press(desk: Desk, user: WorkspaceUser, body: Json): Promise<Done> {
  const room = await desk.rooms.find(user.id, textOf(body.channel));
  if (!room) return no("channel_not_found", `${user.name} is in no channel ${textOf(body.channel)}`);
  const ephemeral = desk.ephemerals.find(user.id, textOf(body.ts));
  const message: Message | undefined = ephemeral ?? desk.conversation.get(room.id, textOf(body.ts));
  if (!message) return no("message_not_found", "That message is gone.");
  const action = actionOf(desk, message.blocks, body);
  if (!action) return no("action_not_found", "That message has no such button any more.");
  const place: ReplyPlace = {
    user: user.id,
    channel: room.id,
    original: { ts: message.ts, isEphemeral: ephemeral !== undefined },
    ...(textOf(message.thread_ts) === "" || message.thread_ts === message.ts
      ? {}
      : { thread_ts: textOf(message.thread_ts) }),
  };
  const url = desk.apiBase + desk.responseUrls.issue(place, desk.options.now());
  const trigger = await issueTrigger(desk, user.id);
  const named = { id: room.id, name: room.kind === "dm" ? "directmessage" : room.name };
  const payload = messageAction(
    sceneOf(desk, user),
    named,
    message,
    ephemeral !== undefined,
    action,
    url,
    trigger,
  );
  const ack = await deliver(desk, { kind: "interaction", payload });
  return ack.ok ? { ok: true, ack } : no(ack.error, ack.message, ack);
}

/** The pressed element as Slack reports it; undefined when it or the chosen option is not there. */
export function actionOf(desk: Desk, blocks: unknown, body: Json): Json | undefined {
  const found = findElement(blocks, textOf(body.action_id), textOf(body.block_id));
  const picked = found ? chosen(found.element, body.value) : undefined;
  if (!found || !picked) return undefined;
  const actionTs = (desk.options.now().getTime() / 1000).toFixed(6);
  return { action_id: found.element.action_id, block_id: found.blockId, ...picked, action_ts: actionTs };
}

export function directoryOf(desk: Desk): Directory {
  const { options } = desk;
  return {
    users: [...options.users, options.botUser],
    channels: options.channels,
    usergroups: [...desk.usergroups.values()],
  };
}
