/** Answers about people, channels and user groups. */
import type { Desk } from "./desk.ts";
import { isJson, type Json, listOf, textOf, type WorkspaceUsergroup } from "./model.ts";

export async function authTest(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "auth.test", args);
  return reply.ok === true ? { ...reply, url: `${pageOrigin(desk)}/`, is_enterprise_install: false } : reply;
}

export async function users(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "users.list", args);
  if (reply.ok !== true) return reply;
  const members = listOf(reply.members).filter((user) => !desk.slack.isUndeclared(textOf(user.id)));
  return { ...reply, members: members.map((user) => withZone(desk, user)) };
}

export async function userInfo(desk: Desk, args: Json): Promise<Json> {
  return oneUser(desk, await asBot(desk, "users.info", args), "user_not_found");
}

export async function lookupByEmail(desk: Desk, args: Json): Promise<Json> {
  return oneUser(desk, await asBot(desk, "users.lookupByEmail", args), "users_not_found");
}

function oneUser(desk: Desk, reply: Json, missing: string): Json {
  if (reply.ok !== true || !isJson(reply.user)) return reply;
  if (desk.slack.isUndeclared(textOf(reply.user.id))) return { ok: false, error: missing };
  return { ...reply, user: withZone(desk, reply.user) };
}

function withZone(desk: Desk, user: Json): Json {
  const declared = desk.options.users.find((one) => one.id === user.id);
  const zone = declared?.tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  return { ...user, tz: zone, tz_label: zone, tz_offset: offsetSec(zone, desk.options.now()) };
}

/** Seconds this zone is ahead of UTC at this moment. */
export function offsetSec(zone: string, now: Date): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    timeZoneName: "longOffset",
  }).formatToParts(now);
  const name = parts.find((part) => part.type === "timeZoneName")?.value ?? "GMT";
  const [, sign = "+", hours = "0", minutes = "0"] = /GMT([+-])(\d+):(\d+)/.exec(name) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3_600 + Number(minutes) * 60);
}

export async function channels(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "conversations.list", args);
  if (reply.ok !== true) return reply;
  return {
    ...reply,
    channels: listOf(reply.channels).filter((one) => !desk.slack.isUndeclared(textOf(one.id))),
  };
}

export async function channelInfo(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "conversations.info", args);
  const isOurs = isJson(reply.channel) && !desk.slack.isUndeclared(textOf(reply.channel.id));
  return reply.ok !== true || isOurs ? reply : { ok: false, error: "channel_not_found" };
}

export async function members(desk: Desk, args: Json): Promise<Json> {
  const reply = await asBot(desk, "conversations.members", args);
  if (!Array.isArray(reply.members)) return reply;
  return { ...reply, members: reply.members.filter((id) => !desk.slack.isUndeclared(textOf(id))) };
}

export async function groups(desk: Desk, args: Json): Promise<Json> {
  const refusal = missingScope(desk, "usergroups:read");
  if (refusal) return refusal;
  const withUsers = args.include_users === true || args.include_users === "true";
  return {
    ok: true,
    usergroups: [...desk.usergroups.values()].map((group) => shown(desk, group, withUsers)),
  };
}

export async function groupMembers(desk: Desk, args: Json): Promise<Json> {
  const refusal = missingScope(desk, "usergroups:read");
  if (refusal) return refusal;
  const group = desk.usergroups.get(textOf(args.usergroup));
  return group ? { ok: true, users: [...group.users] } : { ok: false, error: "no_such_subteam" };
}

export async function groupMembersUpdate(desk: Desk, args: Json): Promise<Json> {
  const refusal = missingScope(desk, "usergroups:write");
  if (refusal) return refusal;
  const group = desk.usergroups.get(textOf(args.usergroup));
  if (!group) return { ok: false, error: "no_such_subteam" };
  const wanted = (Array.isArray(args.users) ? args.users.map(String) : textOf(args.users).split(",")).filter(
    (id) => id !== "",
  );
  if (wanted.length === 0) return { ok: false, error: "no_users_provided" };
  const known = new Set(desk.options.users.map((user) => user.id));
  if (wanted.some((id) => !known.has(id))) return { ok: false, error: "invalid_users" };
  const changed = { ...group, users: [...new Set(wanted)] };
  desk.usergroups.set(group.id, changed);
  desk.changes.bump();
  return { ok: true, usergroup: shown(desk, changed, true) };
}

function shown(desk: Desk, group: WorkspaceUsergroup, withUsers: boolean): Json {
  return {
    id: group.id,
    team_id: desk.options.teamId,
    is_usergroup: true,
    name: group.name,
    handle: group.handle,
    description: "",
    is_external: false,
    date_create: 0,
    date_update: 0,
    date_delete: 0,
    auto_type: null,
    prefs: { channels: [], groups: [] },
    user_count: group.users.length,
    ...(withUsers ? { users: [...group.users] } : {}),
  };
}

export function missingScope(desk: Desk, needed: string): Json | undefined {
  const { scopes } = desk.options;
  if (!scopes || scopes.includes(needed)) return undefined;
  return { ok: false, error: "missing_scope", needed, provided: scopes.join(",") };
}

export function asBot(desk: Desk, method: string, args: Json): Promise<Json> {
  return desk.slack.call(method, desk.options.botUser.id, args);
}

/** Where the page is: the host that takes Slack's posts also serves it. */
export function pageOrigin(desk: Desk): string {
  return new URL(desk.options.eventsUrl()).origin;
}
