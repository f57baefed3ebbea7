/** What one person sees: their channels with unread marks, the open channel, a thread, their ephemerals and modal. */
import { isReply } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import type { Modal } from "./modals.ts";
import {
  appId,
  type Completion,
  type Json,
  type Message,
  type TourStep,
  textOf,
  type WorkspaceUser,
} from "./model.ts";
import type { Room } from "./rooms.ts";

/** Newest messages shown of a channel. */
const messagesShownMax = 200;

export interface ShownMessage extends Json {
  ts: string;
  /** Only this person sees it. */
  ephemeral: boolean;
  replies: number;
  lastReplyTs?: string;
}
export interface Screen {
  version: number;
  me: string;
  team: string;
  bot: { id: string; name: string };
  appId: string;
  actors: readonly { id: string; name: string; realName: string; title: string }[];
  people: Readonly<Record<string, { name: string; realName: string; title: string; isBot: boolean }>>;
  groups: Readonly<Record<string, string>>;
  rooms: readonly (Room & { unread: number })[];
  channel: string;
  messages: readonly ShownMessage[];
  thread: { ts: string; messages: readonly ShownMessage[] } | null;
  modal: Modal | null;
  tour: readonly TourStep[];
  commands: readonly string[];
  completions: readonly Completion[];
}

export async function screenOf(
  desk: Desk,
  user: WorkspaceUser,
  channel: string | null,
  thread: string | null,
): Promise<Screen> {
  const { options } = desk;
  const rooms = await desk.rooms.of(user.id);
  const open = rooms.find((room) => room.id === channel) ?? rooms[0];
  const here = open?.id ?? "";
  return {
    version: desk.changes.version,
    me: user.id,
    team: options.teamName,
    bot: options.botUser,
    appId,
    actors: options.users
      .filter((one) => one.actAs)
      .map(({ id, name, realName, title }) => ({ id, name, realName, title })),
    people: peopleOf(desk),
    groups: Object.fromEntries([...desk.usergroups.values()].map((group) => [group.id, group.handle])),
    rooms: rooms.map((room) => ({ ...room, unread: unreadOf(desk, user.id, room.id) })),
    channel: here,
    messages: messagesOf(desk, user.id, here),
    thread: thread ? { ts: thread, messages: threadOf(desk, user.id, here, thread) } : null,
    modal: desk.modals.of(user.id).at(-1) ?? null,
    tour: options.tour,
    commands: options.commands ?? ["/ops"],
    completions: options.completions(),
  };
}

function peopleOf(desk: Desk): Screen["people"] {
  const { users, botUser } = desk.options;
  return Object.fromEntries([
    ...users.map((one) => [
      one.id,
      { name: one.name, realName: one.realName, title: one.title, isBot: false },
    ]),
    [botUser.id, { name: botUser.name, realName: capital(botUser.name), title: "", isBot: true }],
    ["USLACKBOT", { name: "slackbot", realName: "Slackbot", title: "", isBot: true }],
  ]);
}

function messagesOf(desk: Desk, user: string, channel: string): ShownMessage[] {
  const said = desk.conversation.channel(channel).slice(-messagesShownMax);
  const mine = desk.ephemerals.of(user).filter((m) => m.channel === channel && !isReply(m));
  return shown(desk, said, mine);
}

function threadOf(desk: Desk, user: string, channel: string, ts: string): ShownMessage[] {
  const mine = desk.ephemerals.of(user).filter((m) => m.channel === channel && m.thread_ts === ts);
  return shown(desk, desk.conversation.thread(channel, ts), mine);
}

function shown(desk: Desk, said: readonly Message[], mine: readonly Message[]): ShownMessage[] {
  const marked = [
    ...said.map((message) => ({ ...message, ephemeral: false, ...repliesTo(desk, message) })),
    ...mine.map((message) => ({ ...message, ephemeral: true, replies: 0 })),
  ];
  return marked.sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

function repliesTo(desk: Desk, message: Message): { replies: number; lastReplyTs?: string } {
  if (isReply(message)) return { replies: 0 };
  const { count, lastTs } = desk.conversation.repliesTo(message.channel, message.ts);
  return count === 0 ? { replies: 0 } : { replies: count, lastReplyTs: lastTs };
}

function unreadOf(desk: Desk, user: string, channel: string): number {
  const readTs = desk.reads.upTo(user, channel);
  return desk.conversation.channel(channel).filter((m) => m.ts > readTs && textOf(m.user) !== user).length;
}

function capital(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}
