/**
 * The words of the local workspace: who is in it, what a message and a view are, what an app answered.
 * Types and limits only; ids look like Slack's (`U…`, `C…`, `D…`, `T…`), times of messages are Slack's `ts`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { LocalIssuer } from "../issuer/issuer.ts";

export interface WorkspaceUser {
  id: string;
  name: string;
  realName: string;
  email: string;
  title: string;
  /** Offered in the 'act as' menu. */
  actAs: boolean;
  /** IANA zone for users.info; the machine's own when absent. */
  tz?: string;
}
export interface WorkspaceChannel {
  id: string;
  name: string;
  topic?: string;
  /** User ids; the bot is in every channel besides. */
  members: readonly string[];
}
export interface WorkspaceUsergroup {
  id: string;
  handle: string;
  name: string;
  users: readonly string[];
}
export interface TourStep {
  title: string;
  body: string;
  /** Text that one click puts in the composer. */
  try?: string;
  /** User id to act as for this step. */
  as?: string;
  /** Channel id to open for this step. */
  channel?: string;
}
export interface Completion {
  usage: string;
  help: string;
}
export type Log = (level: "info" | "warn" | "error", message: string, fields?: object) => void;

export interface WorkspaceOptions {
  /** Slack team id, e.g. T0LOCAL. */
  teamId: string;
  teamName: string;
  users: readonly WorkspaceUser[];
  channels: readonly WorkspaceChannel[];
  usergroups: readonly WorkspaceUsergroup[];
  botToken: string;
  signingSecret: string;
  botUser: { id: string; name: string };
  /** Where Slack would send commands, interactivity and events, e.g. http://127.0.0.1:3210/slack/events. */
  eventsUrl: () => string;
  /** Web API port on 127.0.0.1; 0 takes any free one. */
  apiPort: number;
  /** Command completion for the composer. */
  completions: () => readonly Completion[];
  /** The identity provider for whoever acts here, at `/workspace/oidc`. */
  issuer?: LocalIssuer | undefined;
  /** Somebody else acts from here on: the host ends its own session, so that its next page signs in as them. */
  signOut?: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  tour: readonly TourStep[];
  /** Journal of the conversation (JSON lines); files lie beside it in `<stateFile>.files/`. Absent: nothing is kept. */
  stateFile?: string;
  now: () => Date;
  log: Log;
  /** Slash commands the app has; default `/ops`. */
  commands?: readonly string[];
  /** Bot scopes. Given: enforced as Slack does (`missing_scope`). Absent: all, unenforced. */
  scopes?: readonly string[];
  /** Milliseconds a person's app may take to acknowledge; default 3,000. Tests shorten it. */
  ackDeadlineMs?: number;
}

export interface Faults {
  /** The next `times` calls of `method` (`*` = any) get 429 with this Retry-After. */
  rateLimit(method: string, retryAfterSec: number, times: number): void;
  /** The next `times` calls of `method` (`*` = any) get this HTTP status. */
  fail(method: string, status: number, times: number): void;
  /** The next `times` calls of `method` (`*` = any) are answered with `ok: false` and this code. */
  refuse(method: string, error: string, times: number): void;
  clear(): void;
  /** Calls of `method` seen so far, failed ones included. */
  calls(method: string): number;
}

export type Json = Record<string, unknown>;

/** A message as the Web API shows it, plus where it is. */
export interface Message extends Json {
  channel: string;
  ts: string;
  user: string;
  text: string;
  thread_ts?: string;
  blocks?: Json[];
}

/** A message only one person sees; it lives as long as the process, as in Slack it lives until reload. */
export interface Ephemeral extends Message {
  target: string;
}

/** What came back when a command, a press or a form was sent to the app. */
export type Ack =
  | { ok: true; status: number; body: unknown }
  | { ok: false; error: "operation_timeout" | "dispatch_failed"; message: string };

/** Milliseconds Slack waits for an acknowledgement. Source: Slack docs, "Handling user interaction". */
export const ackDeadlineMs = 3_000;
/** A response_url takes 5 posts in 30 minutes. Source: Slack docs, "Handling user interaction". */
export const responseUrlUsesMax = 5;
export const responseUrlLifeMs = 30 * 60_000;

export const appId = "A0QUARTER";
export const botId = "B0QUARTER";

/** Scopes emulate knows plus user groups and slash commands. */
export const allScopes: readonly string[] = [
  "app_mentions:read",
  "channels:history",
  "channels:join",
  "channels:manage",
  "channels:read",
  "channels:write",
  "chat:write",
  "commands",
  "files:read",
  "files:write",
  "groups:history",
  "groups:read",
  "im:history",
  "im:read",
  "im:write",
  "mpim:history",
  "mpim:read",
  "mpim:write",
  "reactions:read",
  "reactions:write",
  "team:read",
  "usergroups:read",
  "usergroups:write",
  "users.profile:read",
  "users:read",
  "users:read.email",
];

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isJson) : [];
}
