import type { IncomingMessage, ServerResponse } from "node:http";
import type { Migration } from "kysely";
import type { z } from "zod";
import type { Catalog } from "../catalog/schema.ts";
import type { CommandSpec, ParsedLine, Role } from "./commands/spec.ts";
import type { Frame } from "./http/page.ts";
import type { IdLetter } from "./ids.ts";
import type { Block } from "./messages/blocks.ts";
import type { Actor } from "./people.ts";
import type { Decision } from "./refusal.ts";
import type { Job, Schedule } from "./rings/runner.ts";

/** Where a command was typed or a button pressed. */
export interface Place {
  channel: string;
  /** Ts of the thread it came from, for mentions. */
  thread?: string | undefined;
  /** Ts of the message whose button was pressed. */
  messageTs?: string | undefined;
}

export interface CommandContext {
  line: ParsedLine;
  actor: Actor;
  catalog: Catalog;
  place: Place;
  /** Id of the inbox row; pass it to `database.tx(…, { inboxId })` so that the effect happens once. */
  inboxId: string;
  /** The clock when the handling began. */
  now: Date;
}

/** What the person reads, alone unless `inChannel`. Nothing is said when a card already shows it (`silent`). */
export interface Reply {
  text: string;
  blocks?: readonly Block[] | undefined;
  silent?: boolean | undefined;
}

export interface Command {
  spec: CommandSpec;
  /** The service or team whose role decides, if the words name it; a use case decides again under its lock. */
  scope?: ((line: ParsedLine) => Scope) | undefined;
  run(context: CommandContext): Promise<Decision<Reply>>;
}

export type Scope = { service: string } | { team: string } | undefined;

/** A form. It collects the words of a command; submitting it runs that command. */
export interface Modal {
  /** Name of the command it fills in, or of its own. */
  name: string;
  title: string;
  submitLabel: string;
  /** `words`: what followed the name on the button's line. */
  build(context: { catalog: Catalog; actor: Actor; now: Date; words: string }): readonly Block[];
  /** The line as a person would type it. `values` by block id. `fields`: block id by argument, for errors. */
  line(values: Record<string, string>, words: string): string;
}

export interface HookRequest {
  source: string;
  /** Team of the token, or of the source where a signature proves it. */
  team: string;
  /** Id of the token; null where a signature proves it. */
  tokenId: string | null;
  headers: IncomingMessage["headers"];
  body: Buffer;
  receivedAt: Date;
}
export interface HookAnswer {
  status: number;
  body?: Record<string, unknown>;
}
/** A post before anybody knows who sent it. */
export type HookAttempt = Pick<HookRequest, "headers" | "body" | "receivedAt">;
/** `unsigned`: it brings no signature, so that a token decides. */
export type HookProof =
  | { state: "proven"; team: string }
  | { state: "refused"; why: string }
  | { state: "unsigned" };
/** `POST /hooks/<source>` or `/hooks/<source>/<path>`: authenticated by a hook token or a signature; answers once the body is committed. */
export interface Hook {
  source: string;
  /** What follows the source in the address, for senders whose bodies do not tell what they are. */
  path?: string | undefined;
  about: string;
  /** Header, in lower case, in which this sender gives its token beside `Authorization` and `?token=`. */
  tokenHeader?: string | undefined;
  /** Looks at the sender's own signature. A wrong one is refused whatever token comes with it. */
  authenticate?: ((attempt: HookAttempt) => HookProof | Promise<HookProof>) | undefined;
  handle(request: HookRequest): Promise<HookAnswer>;
  /** Told of a body that was too large to be taken, from a sender whose token is known: people must hear of it. */
  tooLarge?(post: { source: string; bytesMax: number; receivedAt: Date }): Promise<void>;
}

export interface RouteContext {
  req: IncomingMessage;
  res: ServerResponse;
  url: URL;
  params: Record<string, string>;
  /** The signed-in person; routes with a role never see an anonymous one. */
  actor: Actor;
  csrf: string;
  /** Parsed form or JSON body of a POST whose CSRF token and Origin were checked. */
  form: Record<string, string>;
  /** What every page shows around its own, and how it shows cards; for `page(…, frame)`. */
  frame: Frame;
}
/** A console page or endpoint. `path` may hold `:name` parts. */
export interface Route {
  method: "GET" | "POST";
  path: string;
  about: string;
  role: Role;
  /** Asked for by an open page and not by a person: it does not count as using the session. */
  isPassive?: boolean | undefined;
  /** Its place in the navigation of every page; lower comes first. */
  nav?: { label: string; order: number } | undefined;
  /** Letter of the ids whose page this is: `R-12` in any text then leads to `path` with `:id` filled in. */
  thing?: IdLetter | undefined;
  handle(context: RouteContext): Promise<void>;
}

/** What a token of the HTTP API may do: look, act by commands, read the audit. */
export const apiScopes = ["read", "act", "audit:read"] as const;
export type ApiScope = (typeof apiScopes)[number];

export interface ApiContext<Query, Body> {
  actor: Actor;
  params: Readonly<Record<string, string>>;
  query: Query;
  body: Body;
  /** Whether the token covers what belongs to a service; what belongs to none only a token without teams. */
  covers: (service: string | null) => boolean;
  /** Services it covers; undefined: all. */
  services: readonly string[] | undefined;
}

/** One thing the HTTP API answers, under `/api/v1`; its page of the OpenAPI document is made from it. */
export interface ApiRoute<Query extends z.ZodType = z.ZodType, Body extends z.ZodType = z.ZodType> {
  method: "GET" | "POST";
  /** May hold `:name` parts. */
  path: string;
  /** In the OpenAPI document: a verb and a noun. */
  operationId: string;
  about: string;
  scope: ApiScope;
  query?: Query | undefined;
  body?: Body | undefined;
  answer: z.ZodType;
  handle(context: ApiContext<z.output<Query>, z.output<Body>>): Promise<Decision<unknown>>;
}

/** Declares a route so that what `handle` is given has the types of its schemas. */
export const defineApiRoute = <Query extends z.ZodType, Body extends z.ZodType>(
  route: ApiRoute<Query, Body>,
): ApiRoute => route as unknown as ApiRoute;

export interface MetricLine {
  name: string;
  help: string;
  type: "gauge" | "counter";
  read(): Promise<readonly { labels?: Record<string, string>; value: number }[]>;
}

/** One line of a summary: the most urgent first. */
export interface SummaryLine {
  /** Lower comes first. 0: somebody waits for you now. */
  rank: number;
  /** Mrkdwn; outside text escaped. */
  text: string;
}

/** What a feature adds to `/ops`, `/ops status` and `/ops why`. */
export interface Summaries {
  mine?(actor: Actor): Promise<readonly SummaryLine[]>;
  status?(service: string): Promise<readonly SummaryLine[]>;
  /** Why a thing is as it is: by id (`T-3`, `R-12`) or by service name. Nothing to say: empty. */
  why?(thing: { id: string } | { service: string }): Promise<readonly SummaryLine[]>;
}

/** Something that waits for a person. */
export interface Waiting extends SummaryLine {
  /** What is asked of the person, above the card: `Waits for your decision`. */
  what: string;
  /** Key of the card whose verbs answer it. */
  card?: string | undefined;
}

/** What a feature adds to the console's first pages. A page waits for nobody outside: rows only. */
export interface ConsoleParts {
  /** What is going on now, whosever it is. `path`: page with more of it. */
  going?: { title: string; path: string; lines(): Promise<readonly SummaryLine[]> };
  /** What waits for this person. */
  waiting?(actor: Actor): Promise<readonly Waiting[]>;
  /** A service's lines, where those of {@link Summaries.status} ask the world outside. */
  status?(service: string): Promise<readonly SummaryLine[]>;
}

/** Something a process keeps going by itself, such as a scraper; any number of them may run it at once. */
export interface Loop {
  name: string;
  about: string;
  /** Whose processes run it; workers', when left out. */
  role?: "web" | "worker" | undefined;
  /** Stopping waits for what is under way. */
  start(): Promise<{ stop(): Promise<void> }>;
}

/** A feature is data: help, manifest, references, route list and tests are made from it. */
export interface Feature {
  name: string;
  /** One sentence on the room. */
  about: string;
  commands?: readonly Command[];
  modals?: readonly Modal[];
  hooks?: readonly Hook[];
  routes?: readonly Route[];
  apiRoutes?: readonly ApiRoute[];
  jobs?: readonly Job[];
  schedules?: readonly Schedule[];
  /** Run in every process of their role while it runs; for what is due too often for a schedule. */
  loops?: readonly Loop[];
  /** Jobs to ring, by event name. The event's ref becomes the job's ref. */
  events?: readonly { on: string; job: string }[];
  summaries?: Summaries;
  console?: ConsoleParts;
  metrics?: readonly MetricLine[];
  migrations?: Readonly<Record<string, Migration>>;
  /** How long rows stay, by table: a row goes `keepDays` after `column`, if `where` (SQL) holds. */
  retention?: readonly { table: string; column: string; keepDays: number; where?: string }[];
}
