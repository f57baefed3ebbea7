/**
 * GitHub Issues, over its REST API. GitHub has no idempotency key: what may have been opened is looked for among the
 * newest issues, whose list is not behind as the search index is. Source: docs.github.com, "REST API endpoints for
 * issues"; limits: 256 characters of title, 65,536 of body.
 */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { ExternalTicket, Note, Ticketing } from "./contract.ts";
import { looksMax, skewMs, TicketHttp } from "./http.ts";
import { carries, carriesNote, noteBody, ourPart, titleText, withOurPart } from "./markdown.ts";

export interface GithubOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server. */
  apiUrl: string;
  /** `owner/name` */
  repo: string;
  token: Secret<string>;
  deadlineMs: number;
  now: () => Date;
}

const titleCharsMax = 256;
const bodyCharsMax = 65_536;
const perPage = 100;

const issueSchema = z.object({
  number: z.number().int(),
  html_url: z.string(),
  title: z.string(),
  state: z.enum(["open", "closed"]),
  body: z.string().nullish(),
  created_at: z.iso.datetime({ offset: true }),
  assignees: z.array(z.object({ login: z.string() })).default([]),
});
type Issue = z.output<typeof issueSchema>;
const commentsSchema = z.array(z.object({ body: z.string().nullish() }));

const repoSchema = z.object({
  full_name: z.string(),
  has_issues: z.boolean(),
  archived: z.boolean().default(false),
  permissions: z.object({ triage: z.boolean().optional(), push: z.boolean().optional() }).optional(),
});

export function createGithubTicketing(options: GithubOptions): Ticketing {
  const http = new TicketHttp({
    system: "GitHub",
    url: options.apiUrl.replace(/\/+$/, ""),
    deadlineMs: options.deadlineMs,
    now: options.now,
    headers: () => ({
      accept: "application/vnd.github+json",
      authorization: `Bearer ${options.token.reveal()}`,
      "user-agent": "quarterdeck",
      "x-github-api-version": "2022-11-28",
    }),
  });
  const repo = `/repos/${options.repo.split("/").map(encodeURIComponent).join("/")}`;
  const issues = `${repo}/issues`;
  const one = (key: string) => `${issues}/${encodeURIComponent(key)}`;

  const readIssue = async (key: string): Promise<Issue | undefined> => {
    const found = await http.find({ method: "GET", path: one(key) });
    return found === undefined ? undefined : http.checked(issueSchema, found);
  };
  const mustRead = async (key: string): Promise<Issue> => {
    const issue = await readIssue(key);
    if (issue === undefined) throw missing(options.repo, key);
    return issue;
  };

  const look = async (marker: string, since: Date): Promise<Issue | undefined> => {
    const oldest = new Date(since.getTime() - skewMs);
    for (let page = 1; page <= looksMax; page += 1) {
      const listed = http.checked(
        z.array(issueSchema),
        await http.send({
          method: "GET",
          path: `${issues}?state=all&sort=created&direction=desc&per_page=${perPage}&page=${page}`,
        }),
      );
      const found = listed.find(({ body }) => carries(body, marker));
      if (found) return found;
      const last = listed.at(-1);
      if (listed.length < perPage || last === undefined || new Date(last.created_at) < oldest)
        return undefined;
    }
    return undefined;
  };

  const comment = async (key: string, note: Note): Promise<void> => {
    const since = new Date(note.since.getTime() - skewMs).toISOString();
    const said = http.checked(
      commentsSchema,
      await http.send({
        method: "GET",
        path: `${one(key)}/comments?since=${encodeURIComponent(since)}&per_page=${perPage}`,
      }),
    );
    if (said.some(({ body }) => carriesNote(body, note.mark))) return;
    await http.send({
      method: "POST",
      path: `${one(key)}/comments`,
      body: { body: noteBody(note, bodyCharsMax) },
    });
  };

  return {
    async check() {
      const seen = http.checked(repoSchema, await http.send({ method: "GET", path: repo }));
      if (!seen.has_issues || seen.archived)
        throw new ProviderError(
          "rejected",
          `${seen.full_name} takes no issues: ${seen.archived ? "it is archived" : "they are switched off"}`,
          "Switch issues on in its settings, or name another repo in the catalog.",
        );
      // Fine-grained tokens show the rights of their owner, not their own: that writing works shows the first ticket.
      const mayTriage = seen.permissions?.push === true || seen.permissions?.triage === true;
      return `${seen.full_name}${mayTriage ? "" : "; the token may open issues, and may not assign them"}`;
    },
    lookLagMs: 5_000,
    async create(content, marker, triedSince) {
      const earlier = triedSince === null ? undefined : await look(marker, triedSince);
      if (earlier) return shown(earlier);
      const made = await http.send({
        method: "POST",
        path: issues,
        body: {
          title: titleText(content.title, titleCharsMax),
          body: ourPart(content, marker, bodyCharsMax),
        },
      });
      return shown(http.checked(issueSchema, made));
    },
    async update(key, content, marker) {
      const issue = await mustRead(key);
      const title = titleText(content.title, titleCharsMax);
      const body = withOurPart(issue.body ?? "", content, marker, bodyCharsMax);
      if (issue.state === "open" && issue.title === title && body === undefined) return;
      await http.send({
        method: "PATCH",
        path: one(key),
        body: { title, ...(body === undefined ? {} : { body }), ...(issue.state === "open" ? {} : reopened) },
      });
    },
    async close(key, note) {
      const issue = await mustRead(key);
      if (issue.state === "closed") return;
      await comment(key, note);
      await http.send({
        method: "PATCH",
        path: one(key),
        body: { state: "closed", state_reason: "completed" },
      });
    },
    comment,
    async assign(key, account) {
      await http.send({ method: "POST", path: `${one(key)}/assignees`, body: { assignees: [account] } });
    },
    async read(key) {
      const issue = await readIssue(key);
      return issue && shown(issue);
    },
  };
}

const reopened = { state: "open", state_reason: "reopened" };

const shown = (issue: Issue): ExternalTicket => ({
  key: String(issue.number),
  url: issue.html_url,
  state: issue.state,
  title: issue.title,
  assignee: issue.assignees[0]?.login ?? null,
});

const missing = (repo: string, key: string): ProviderError =>
  new ProviderError(
    "not_found",
    `GitHub shows no issue ${repo}#${key}`,
    "It was deleted or moved, or the token may not see it.",
  );
