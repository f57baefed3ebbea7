/** The calls of GitHub's REST API that a membership needs. Source: docs.github.com, "REST API endpoints for team members". */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { type ProviderCode, ProviderError, RateLimited } from "../errors.ts";
import { type Answer, exchange, jsonIn, retryAfterMs } from "../http.ts";

export interface GithubAddress {
  /** The instance, for messages. */
  who: string;
  /** Without a slash at the end. */
  apiUrl: string;
  org: string;
  token: Secret<string>;
  /** Each request ends by then, in milliseconds. */
  deadlineMs: number;
  now: () => Date;
}

export type TeamRole = "member" | "maintainer";
/** `pending`: invited, and in no team until they accept. */
export interface TeamMembership {
  role: TeamRole;
  state: "active" | "pending";
}

export interface GithubApi {
  /** Throws `not_found` when there is no such team, or none that the token may see. */
  team(slug: string, signal?: AbortSignal): Promise<void>;
  membership(slug: string, login: string, signal?: AbortSignal): Promise<TeamMembership | undefined>;
  putMembership(slug: string, login: string, role: TeamRole, signal?: AbortSignal): Promise<void>;
  /** Nothing there is a success. */
  deleteMembership(slug: string, login: string, signal?: AbortSignal): Promise<void>;
  members(slug: string, role: TeamRole, signal?: AbortSignal): Promise<string[]>;
  /** `unknown` when the token may not ask. */
  inOrganisation(login: string, signal?: AbortSignal): Promise<"active" | "pending" | "none" | "unknown">;
  /** Takes back an invitation to the organisation. */
  uninvite(login: string, signal?: AbortSignal): Promise<void>;
  /** GitHub's number of an account. Throws `not_found` when there is none of that login. */
  accountId(login: string, signal?: AbortSignal): Promise<string>;
  /** What an account is called now; undefined when it is gone. */
  loginOf(accountId: string, signal?: AbortSignal): Promise<string | undefined>;
}

const answerCharsMax = 1_048_576;
const perPage = 100;
/** Members of one team that are listed. */
const pagesMax = 50;
/** How long to stay away when no time is named. Source: GitHub, "Best practices for using the REST API". */
const stayAwayMs = 60_000;
const wordsCharsMax = 200;

const membershipSchema = z.object({
  role: z.enum(["member", "maintainer"]),
  state: z.enum(["active", "pending"]),
});
const membersSchema = z.array(z.object({ login: z.string() }));
const userSchema = z.object({ id: z.int().positive(), login: z.string() });
const orgMembershipSchema = z.object({ state: z.enum(["active", "pending"]) });

export function createGithubApi({ who, apiUrl, org, token, deadlineMs, now }: GithubAddress): GithubApi {
  const ask = (
    method: "GET" | "PUT" | "DELETE",
    path: string,
    signal: AbortSignal | undefined,
    body?: unknown,
  ): Promise<Answer> =>
    exchange({
      who,
      method,
      url: `${apiUrl}${path}`,
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${token.reveal()}`,
        "user-agent": "quarterdeck",
        "x-github-api-version": "2022-11-28",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      deadlineMs,
      signal,
      answerCharsMax,
    });
  const send = (
    method: "GET" | "PUT" | "DELETE",
    path: string,
    signal: AbortSignal | undefined,
    body?: unknown,
  ): Promise<Answer> => ask(method, `/orgs/${encodeURIComponent(org)}${path}`, signal, body);
  const isDone = ({ status }: Answer): boolean => status >= 200 && status < 300;
  const read = <Schema extends z.ZodType>({ text }: Answer, schema: Schema): z.output<Schema> => {
    const parsed = schema.safeParse(jsonIn(text));
    if (parsed.success) return parsed.data;
    throw new ProviderError(
      "rejected",
      `${who} answers otherwise than documented: ${z.prettifyError(parsed.error)}`,
      "Check apiUrl of the instance.",
    );
  };
  const refusal = (answer: Answer, what: string, hint?: string): ProviderError =>
    refusalOf(who, answer, what, hint, now());
  const membershipPath = (slug: string, login: string) =>
    `/teams/${encodeURIComponent(slug)}/memberships/${encodeURIComponent(login)}`;

  return {
    async team(slug, signal) {
      const answer = await send("GET", `/teams/${encodeURIComponent(slug)}`, signal);
      if (!isDone(answer)) throw refusal(answer, `the team ${org}/${slug}`, hints.team);
    },
    async membership(slug, login, signal) {
      const answer = await send("GET", membershipPath(slug, login), signal);
      if (answer.status === 404) return undefined;
      if (!isDone(answer)) throw refusal(answer, `to say whether ${login} is in ${org}/${slug}`);
      return read(answer, membershipSchema);
    },
    async putMembership(slug, login, role, signal) {
      const answer = await send("PUT", membershipPath(slug, login), signal, { role });
      if (!isDone(answer)) throw refusal(answer, `to put ${login} into ${org}/${slug}`, hints.write);
    },
    async deleteMembership(slug, login, signal) {
      const answer = await send("DELETE", membershipPath(slug, login), signal);
      if (!isDone(answer) && answer.status !== 404)
        throw refusal(answer, `to take ${login} out of ${org}/${slug}`, hints.write);
    },
    async members(slug, role, signal) {
      const logins: string[] = [];
      for (let page = 1; page <= pagesMax; page += 1) {
        const path = `/teams/${encodeURIComponent(slug)}/members?role=${role}&per_page=${perPage}&page=${page}`;
        const answer = await send("GET", path, signal);
        if (!isDone(answer)) throw refusal(answer, `the members of ${org}/${slug}`, hints.team);
        const found = read(answer, membersSchema);
        logins.push(...found.map(({ login }) => login));
        if (found.length < perPage) break;
      }
      return logins;
    },
    async inOrganisation(login, signal) {
      const answer = await send("GET", `/memberships/${encodeURIComponent(login)}`, signal);
      if (answer.status === 404) return "none";
      if (answer.status === 403) return "unknown";
      if (!isDone(answer)) throw refusal(answer, `to say whether ${login} is in ${org}`);
      return read(answer, orgMembershipSchema).state;
    },
    async uninvite(login, signal) {
      const answer = await send("DELETE", `/memberships/${encodeURIComponent(login)}`, signal);
      if (!isDone(answer) && answer.status !== 404)
        throw refusal(answer, `to take back the invitation of ${login} to ${org}`, hints.write);
    },
    async accountId(login, signal) {
      const answer = await ask("GET", `/users/${encodeURIComponent(login)}`, signal);
      if (!isDone(answer)) throw refusal(answer, `to say who ${login} is`, hints.account);
      return String(read(answer, userSchema).id);
    },
    async loginOf(accountId, signal) {
      const answer = await ask("GET", `/user/${encodeURIComponent(accountId)}`, signal);
      if (answer.status === 404) return undefined;
      if (!isDone(answer)) throw refusal(answer, `to say what account ${accountId} is called`);
      return read(answer, userSchema).login;
    },
  };
}

const hints = {
  account: "Check the login in accounts of the person in the catalog: accounts are renamed.",
  team: "Check the team's slug, and that the token may see the organisation's members.",
  write:
    "The token needs “Members: write” of the organisation. A team that an identity provider synchronises takes nobody here: grant a group there, or a team of its own",
} as const;

function refusalOf(
  who: string,
  { status, headers, text }: Answer,
  what: string,
  hint: string | undefined,
  now: Date,
): ProviderError {
  const words = z.object({ message: z.string() }).safeParse(jsonIn(text));
  const said = words.success ? `: ${words.data.message.slice(0, wordsCharsMax)}` : "";
  const message = `${who} refused ${what} (${status})${said}`;
  const isLimit =
    status === 429 ||
    (status === 403 && (headers.has("retry-after") || headers.get("x-ratelimit-remaining") === "0"));
  if (isLimit)
    return new RateLimited(message, "It is asked again by itself.", retryAfterMs(headers, now, stayAwayMs));
  return new ProviderError(codeOf(status), message, hint ?? hintOf(status));
}

function codeOf(status: number): ProviderCode {
  if (status === 401 || status === 403) return "unauthorised";
  if (status === 404) return "not_found";
  if (status === 409) return "conflict";
  return status >= 500 ? "unreachable" : "rejected";
}

function hintOf(status: number): string {
  if (status === 401 || status === 403)
    return "Check the token that the instance names: it needs “Members” of the organisation.";
  if (status === 404) return hints.team;
  return status >= 500 ? "It is asked again by itself." : "What it says names the cause.";
}
