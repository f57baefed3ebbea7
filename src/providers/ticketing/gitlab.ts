/**
 * GitLab issues, over its REST API, v4. What may have been opened is looked for among the newest issues. Source:
 * docs.gitlab.com, "Issues API", "Notes API"; limits: 255 characters of title, 1,048,576 of description.
 */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { ExternalTicket, Note, Ticketing } from "./contract.ts";
import { looksMax, skewMs, TicketHttp } from "./http.ts";
import { carries, carriesNote, noteBody, ourPart, titleText, withOurPart } from "./markdown.ts";

export interface GitlabOptions {
  /** `https://gitlab.com` */
  url: string;
  /** `group/project`, or its number. */
  project: string;
  token: Secret<string>;
  deadlineMs: number;
  now: () => Date;
}

const titleCharsMax = 255;
/** Far below GitLab's own limit; nobody reads more. */
const bodyCharsMax = 65_536;
const perPage = 100;

const issueSchema = z.object({
  iid: z.number().int(),
  web_url: z.string(),
  title: z.string(),
  state: z.enum(["opened", "closed"]),
  description: z.string().nullish(),
  assignees: z.array(z.object({ username: z.string() })).default([]),
});
type Issue = z.output<typeof issueSchema>;
const notesSchema = z.array(z.object({ body: z.string().nullish(), created_at: z.string() }));
const usersSchema = z.array(z.object({ id: z.number().int(), username: z.string() }));

const projectSchema = z.object({
  path_with_namespace: z.string(),
  archived: z.boolean().default(false),
  issues_access_level: z.string().optional(),
});

export function createGitlabTicketing(options: GitlabOptions): Ticketing {
  const http = new TicketHttp({
    system: "GitLab",
    url: `${options.url.replace(/\/+$/, "")}/api/v4`,
    deadlineMs: options.deadlineMs,
    now: options.now,
    headers: () => ({ "private-token": options.token.reveal() }),
  });
  const project = `/projects/${encodeURIComponent(options.project)}`;
  const issues = `${project}/issues`;
  const one = (key: string) => `${issues}/${encodeURIComponent(key)}`;

  const readIssue = async (key: string): Promise<Issue | undefined> => {
    const found = await http.find({ method: "GET", path: one(key) });
    return found === undefined ? undefined : http.checked(issueSchema, found);
  };
  const mustRead = async (key: string): Promise<Issue> => {
    const issue = await readIssue(key);
    if (issue !== undefined) return issue;
    throw new ProviderError(
      "not_found",
      `GitLab shows no issue ${options.project}#${key}`,
      "It was deleted or moved, or the token may not see it.",
    );
  };

  const look = async (marker: string, since: Date): Promise<Issue | undefined> => {
    const after = encodeURIComponent(new Date(since.getTime() - skewMs).toISOString());
    for (let page = 1; page <= looksMax; page += 1) {
      const listed = http.checked(
        z.array(issueSchema),
        await http.send({
          method: "GET",
          path: `${issues}?scope=all&created_after=${after}&order_by=created_at&sort=desc&per_page=${perPage}&page=${page}`,
        }),
      );
      const found = listed.find(({ description }) => carries(description, marker));
      if (found || listed.length < perPage) return found;
    }
    return undefined;
  };

  const comment = async (key: string, note: Note): Promise<void> => {
    const said = http.checked(
      notesSchema,
      await http.send({
        method: "GET",
        path: `${one(key)}/notes?order_by=created_at&sort=desc&per_page=${perPage}`,
      }),
    );
    if (said.some(({ body }) => carriesNote(body, note.mark))) return;
    await http.send({
      method: "POST",
      path: `${one(key)}/notes`,
      body: { body: noteBody(note, bodyCharsMax) },
    });
  };

  return {
    async check() {
      const seen = http.checked(projectSchema, await http.send({ method: "GET", path: project }));
      if (seen.archived || seen.issues_access_level === "disabled")
        throw new ProviderError(
          "rejected",
          `${seen.path_with_namespace} takes no issues: ${seen.archived ? "it is archived" : "they are switched off"}`,
          "Switch issues on in its settings, or name another project in the catalog.",
        );
      return seen.path_with_namespace;
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
          description: ourPart(content, marker, bodyCharsMax),
        },
      });
      return shown(http.checked(issueSchema, made));
    },
    async update(key, content, marker) {
      const issue = await mustRead(key);
      const title = titleText(content.title, titleCharsMax);
      const description = withOurPart(issue.description ?? "", content, marker, bodyCharsMax);
      if (issue.state === "opened" && issue.title === title && description === undefined) return;
      await http.send({
        method: "PUT",
        path: one(key),
        body: {
          title,
          ...(description === undefined ? {} : { description }),
          ...(issue.state === "opened" ? {} : { state_event: "reopen" }),
        },
      });
    },
    async close(key, note) {
      const issue = await mustRead(key);
      if (issue.state === "closed") return;
      await comment(key, note);
      await http.send({ method: "PUT", path: one(key), body: { state_event: "close" } });
    },
    comment,
    async assign(key, account) {
      const users = http.checked(
        usersSchema,
        await http.send({ method: "GET", path: `/users?username=${encodeURIComponent(account)}` }),
      );
      const user = users.find(({ username }) => username.toLowerCase() === account.toLowerCase());
      if (user === undefined)
        throw new ProviderError(
          "rejected",
          `GitLab knows no user ${account}`,
          "Correct the person's accounts.gitlab in the catalog.",
        );
      await http.send({ method: "PUT", path: one(key), body: { assignee_ids: [user.id] } });
    },
    async read(key) {
      const issue = await readIssue(key);
      return issue && shown(issue);
    },
  };
}

const shown = (issue: Issue): ExternalTicket => ({
  key: String(issue.iid),
  url: issue.web_url,
  state: issue.state === "opened" ? "open" : "closed",
  title: issue.title,
  assignee: issue.assignees[0]?.username ?? null,
});
