/**
 * emulate's Slack, seeded with our people and channels, spoken to in our ids.
 *
 * Three things about emulate 0.12.2 shape this file: it chooses user, channel and team ids itself (so they are
 * mapped), every token may make 5,000 calls an hour (so each person has many), and it always has an `admin`
 * and the channels `general` and `random` (so what was not declared is left out of lists).
 */
import { createHash } from "node:crypto";
import { createEmulator, type Emulator } from "emulate";
import { IdMap } from "./ids.ts";
import {
  allScopes,
  appId,
  botId,
  isJson,
  type Json,
  listOf,
  textOf,
  type WorkspaceOptions,
} from "./model.ts";

const innerTeam = "T000000001";
export const innerAdmin = "U000000001";
const seededChannels = ["general", "random"];
/** Who Slack's own machinery calls as: the bot's user, with every scope whatever the app has. */
export const slackItself = "SLACK";
/** Calls per token before the next alias is used; emulate refuses the 5,000th within an hour. */
const callsPerAlias = 4_000;
const botAliases = 300;
const personAliases = 10;

export interface SlackEmulator {
  readonly ids: IdMap;
  /** User id → id of that person's direct messages with the bot. */
  readonly dms: ReadonlyMap<string, string>;
  /** Calls a Web API method as a person or the bot, arguments and answer in our ids. */
  call(method: string, as: string, args: Json): Promise<Json>;
  /** Passes an upload or a download on as it is. */
  raw(path: string, as: string, init: RequestInit): Promise<Response>;
  /** True for emulate's own people and channels, which nobody declared. */
  isUndeclared(id: string): boolean;
  close(): Promise<void>;
}

export async function startEmulator(options: WorkspaceOptions, baseUrl: string): Promise<SlackEmulator> {
  const { botUser } = options;
  const bearers = new Map<string, Bearer>();
  for (const user of options.users) bearers.set(user.id, new Bearer(`xoxp-${user.id}`, personAliases));
  bearers.set(botUser.id, new Bearer("xoxb-inner", botAliases));
  bearers.set(slackItself, new Bearer("xoxb-slack", botAliases));
  const emulator = await createEmulator({
    service: "slack",
    port: 0,
    seed: { slack: seedOf(options, bearers) },
  });
  const address = addressOf(emulator);
  const ids = new IdMap();
  ids.pair(options.teamId, innerTeam);
  const undeclared = new Set<string>([innerAdmin]);
  const dms = new Map<string, string>();

  async function raw(path: string, as: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    const bearer = bearers.get(as);
    if (bearer) headers.set("authorization", `Bearer ${bearer.take()}`);
    return fetch(`${address}${path}`, { ...init, headers });
  }
  const outward = (text: string): string => ids.toOuter(text).replaceAll(emulator.url, baseUrl);
  async function call(method: string, as: string, args: Json): Promise<Json> {
    const reply = await raw(`/api/${method}`, as, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: ids.toInner(JSON.stringify(args)),
    });
    const body: unknown = JSON.parse(outward(await reply.text()));
    if (!isJson(body)) throw new Error(`emulate answered ${method} with ${reply.status} and no object`);
    return body;
  }
  const started: SlackEmulator = {
    ids,
    dms,
    call,
    raw,
    isUndeclared: (id) => undeclared.has(id),
    close: () => emulator.close(),
  };
  try {
    await arrange(options, started, undeclared, dms);
  } catch (error) {
    await emulator.close();
    throw error;
  }
  return started;
}

/** Hands out one person's tokens in turn, each for a share of the hourly allowance. */
export class Bearer {
  #calls = 0;
  readonly tokens: readonly string[];
  constructor(stem: string, aliases: number) {
    this.tokens = Array.from({ length: aliases }, (_, i) => `${stem}-${i}`);
  }
  take(): string {
    const index = Math.floor(this.#calls++ / callsPerAlias) % this.tokens.length;
    return this.tokens[index] ?? "";
  }
}

function seedOf(options: WorkspaceOptions, bearers: ReadonlyMap<string, Bearer>): Json {
  const botScopes = options.scopes ?? allScopes;
  const tokens: Json[] = [];
  for (const [userId, bearer] of bearers) {
    const name = options.users.find((user) => user.id === userId)?.name;
    const scopes = [...(userId === options.botUser.id ? botScopes : allScopes)];
    const owner =
      name === undefined
        ? { type: "bot", user_id: options.botUser.id, app_id: appId, bot_id: botId }
        : { type: "user", user: name };
    for (const token of bearer.tokens) tokens.push({ token, scopes, ...owner });
  }
  return {
    team: { name: options.teamName, domain: domainOf(options) },
    users: options.users.map((user) => ({
      name: user.name,
      real_name: user.realName,
      email: user.email,
      profile: {
        display_name: user.name,
        real_name: user.realName,
        email: user.email,
        title: user.title,
        image_48: "",
        image_192: "",
      },
    })),
    channels: options.channels.map(({ name, topic }) => ({ name, topic: topic ?? "" })),
    oauth_apps: [
      {
        client_id: "local",
        client_secret: "local",
        app_id: appId,
        name: options.botUser.name,
        redirect_uris: [],
        scopes: [...botScopes],
        bot_id: botId,
        bot_user_id: options.botUser.id,
        bot_name: options.botUser.name,
      },
    ],
    tokens,
    strict_scopes: options.scopes !== undefined,
  };
}

/** emulate listens on 127.0.0.1 but says `localhost`, which may resolve to ::1 first. */
function addressOf(emulator: Emulator): string {
  const url = new URL(emulator.url);
  if (url.hostname !== "localhost") {
    throw new Error(`emulate gave its address as ${emulator.url}: unset EMULATE_BASE_URL and PORTLESS_URL`);
  }
  return `http://127.0.0.1:${url.port}`;
}

/** Pairs our ids with emulate's, then brings members and direct messages to what was declared. */
async function arrange(
  options: WorkspaceOptions,
  slack: SlackEmulator,
  undeclared: Set<string>,
  dms: Map<string, string>,
): Promise<void> {
  const { botUser } = options;
  const { ids } = slack;
  const people = listOf((await slack.call("users.list", slackItself, { limit: 1000 })).members);
  for (const user of options.users) ids.pair(user.id, innerIdOf(people, user.name));
  const rooms = listOf((await slack.call("conversations.list", slackItself, { limit: 1000 })).channels);
  for (const channel of options.channels) ids.pair(channel.id, innerIdOf(rooms, channel.name));
  for (const name of seededChannels) {
    if (!options.channels.some((channel) => channel.name === name)) undeclared.add(innerIdOf(rooms, name));
  }
  for (const channel of options.channels) await arrangeMembers(options, slack, channel);
  for (const user of options.users) {
    const opened = await must(slack, "conversations.open", user.id, { users: botUser.id });
    const inner = isJson(opened.channel) ? textOf(opened.channel.id) : "";
    const outer = dmIdOf(user.id, botUser.id);
    ids.pair(outer, inner);
    dms.set(user.id, outer);
  }
}

async function arrangeMembers(
  options: WorkspaceOptions,
  slack: SlackEmulator,
  channel: { id: string; members: readonly string[] },
): Promise<void> {
  const bot = options.botUser.id;
  const first = options.users[0]?.id ?? bot;
  // Joining and inviting need rights a bot with few scopes lacks; a person has them all.
  const { members } = await must(slack, "conversations.members", first, { channel: channel.id });
  const present = new Set(Array.isArray(members) ? members.map(String) : []);
  if (!present.has(first)) await must(slack, "conversations.join", first, { channel: channel.id });
  const missing = [...channel.members, bot].filter((id) => !present.has(id) && id !== first);
  if (missing.length > 0) {
    await must(slack, "conversations.invite", first, { channel: channel.id, users: missing.join(",") });
  }
  for (const id of present) {
    if (channel.members.includes(id) || id === bot || id === first) continue;
    // Nobody can be removed from #general, in Slack as here.
    await slack.call("conversations.kick", first, { channel: channel.id, user: id });
  }
  if (!channel.members.includes(first))
    await slack.call("conversations.leave", first, { channel: channel.id });
}

async function must(slack: SlackEmulator, method: string, as: string, args: Json): Promise<Json> {
  const reply = await slack.call(method, as, args);
  if (reply.ok !== true)
    throw new Error(`workspace could not be set up: ${method} said ${String(reply.error)}`);
  return reply;
}

function innerIdOf(entries: readonly Json[], name: string): string {
  const found = entries.find((entry) => entry.name === name);
  if (!found) throw new Error(`emulate did not take "${name}": two entries of that name?`);
  return textOf(found.id);
}

/** The same two people have the same direct messages after a restart. */
export function dmIdOf(one: string, other: string): string {
  const digest = createHash("sha256").update([one, other].sort().join(" ")).digest();
  return `D${BigInt(`0x${digest.toString("hex")}`)
    .toString(36)
    .toUpperCase()
    .slice(0, 9)}`;
}

export function domainOf(options: WorkspaceOptions): string {
  return options.teamName.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
