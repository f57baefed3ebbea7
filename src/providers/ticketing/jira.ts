/**
 * Jira Cloud, over its REST API, v3. A label carries the marker; its search is behind by up to a minute, so what may
 * have been opened is looked for after that. A status is set only by a transition, and which ones there are differs
 * by project: they are found by the category of the status they lead to. Source: developer.atlassian.com, "The Jira
 * Cloud platform REST API".
 */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import { descriptionOf, isNote, noteDoc, summaryOf } from "./adf.ts";
import type { ExternalTicket, Note, TicketContent, Ticketing } from "./contract.ts";
import { TicketHttp } from "./http.ts";

export interface JiraOptions {
  /** `https://acme.atlassian.net` */
  url: string;
  /** Project key. */
  project: string;
  /** Name of the issue type. */
  issueType: string;
  email: Secret<string>;
  token: Secret<string>;
  deadlineMs: number;
  now: () => Date;
}

const issueSchema = z.object({
  key: z.string(),
  fields: z.object({
    summary: z.string(),
    status: z.object({ statusCategory: z.object({ key: z.string() }) }),
    assignee: z.object({ displayName: z.string() }).nullish(),
  }),
});
type Issue = z.output<typeof issueSchema>;
const madeSchema = z.object({ key: z.string() });
const foundSchema = z.object({ issues: z.array(madeSchema).default([]) });
const commentsSchema = z.object({ comments: z.array(z.object({ body: z.unknown() })) });
const transitionsSchema = z.object({
  transitions: z.array(
    z.object({ id: z.string(), to: z.object({ statusCategory: z.object({ key: z.string() }) }) }),
  ),
});

/** Rights a ticket needs, by Jira's keys. */
const rights = ["CREATE_ISSUES", "EDIT_ISSUES", "ADD_COMMENTS", "TRANSITION_ISSUES", "ASSIGN_ISSUES"];
const rightsSchema = z.object({
  permissions: z.record(z.string(), z.object({ havePermission: z.boolean() })),
});
const projectSchema = z.object({
  name: z.string(),
  issueTypes: z.array(z.object({ name: z.string() })).default([]),
});

/** Categories a status may be of. Source: Jira, "Workflow status categories". */
type Category = "new" | "indeterminate" | "done";

export function createJiraTicketing(options: JiraOptions): Ticketing {
  const site = options.url.replace(/\/+$/, "");
  const http = new TicketHttp({
    system: "Jira",
    url: `${site}/rest/api/3`,
    deadlineMs: options.deadlineMs,
    now: options.now,
    headers: () => ({
      authorization: `Basic ${Buffer.from(`${options.email.reveal()}:${options.token.reveal()}`).toString("base64")}`,
    }),
  });
  const one = (key: string) => `/issue/${encodeURIComponent(key)}`;
  const shown = ({ key, fields }: Issue): ExternalTicket => ({
    key,
    url: `${site}/browse/${key}`,
    state: fields.status.statusCategory.key === "done" ? "closed" : "open",
    title: fields.summary,
    assignee: fields.assignee?.displayName ?? null,
  });

  const read = async (key: string): Promise<ExternalTicket | undefined> => {
    const found = await http.find({ method: "GET", path: `${one(key)}?fields=summary,status,assignee` });
    return found === undefined ? undefined : shown(http.checked(issueSchema, found));
  };
  const mustRead = async (key: string): Promise<ExternalTicket> => {
    const issue = await read(key);
    if (issue !== undefined) return issue;
    throw new ProviderError(
      "not_found",
      `Jira shows no issue ${key}`,
      "It was deleted or moved, or the account may not see it.",
    );
  };

  const move = async (key: string, wanted: readonly Category[]): Promise<void> => {
    const { transitions } = http.checked(
      transitionsSchema,
      await http.send({ method: "GET", path: `${one(key)}/transitions` }),
    );
    const found = wanted
      .map((category) => transitions.find(({ to }) => to.statusCategory.key === category))
      .find((transition) => transition !== undefined);
    if (found === undefined)
      throw new ProviderError(
        "rejected",
        `Jira allows ${key} no transition to a status of category ${wanted.join(" or ")}`,
        `Add one to the workflow of ${options.project}, or move the issue by hand.`,
      );
    await http.send({
      method: "POST",
      path: `${one(key)}/transitions`,
      body: { transition: { id: found.id } },
    });
  };

  const comment = async (key: string, note: Note): Promise<void> => {
    const { comments } = http.checked(
      commentsSchema,
      await http.send({ method: "GET", path: `${one(key)}/comment?orderBy=-created&maxResults=100` }),
    );
    if (comments.some(({ body }) => isNote(body, note.mark))) return;
    await http.send({ method: "POST", path: `${one(key)}/comment`, body: { body: noteDoc(note) } });
  };

  const words = (content: TicketContent, marker: string) => ({
    summary: summaryOf(content.title),
    description: descriptionOf(content, marker),
  });

  return {
    async check() {
      const { project, issueType } = options;
      const seen = http.checked(
        projectSchema,
        await http.send({ method: "GET", path: `/project/${encodeURIComponent(project)}` }),
      );
      const types = seen.issueTypes.map(({ name }) => name);
      if (!types.includes(issueType))
        throw new ProviderError(
          "rejected",
          `${project} has no issue type ${issueType}; it has ${types.join(", ")}`,
          "Correct issueType of the ticketing instance in the catalog.",
        );
      const { permissions } = http.checked(
        rightsSchema,
        await http.send({
          method: "GET",
          path: `/mypermissions?projectKey=${encodeURIComponent(project)}&permissions=${rights.join(",")}`,
        }),
      );
      const lacking = rights.filter((right) => permissions[right]?.havePermission !== true);
      if (lacking.length > 0)
        throw new ProviderError(
          "unauthorised",
          `The account lacks ${lacking.join(", ")} in ${project}`,
          "Give it these rights in the project's permission scheme.",
        );
      return `${project} (${seen.name}), ${issueType}`;
    },
    lookLagMs: 60_000,
    async create(content, marker, triedSince) {
      if (triedSince !== null) {
        const { issues } = http.checked(
          foundSchema,
          await http.send({
            method: "POST",
            path: "/search/jql",
            body: {
              jql: `project = "${options.project}" AND labels = "${labelOf(marker)}" ORDER BY created DESC`,
              fields: ["summary"],
              maxResults: 1,
            },
          }),
        );
        const [earlier] = issues;
        if (earlier) return mustRead(earlier.key);
      }
      const made = await http.send({
        method: "POST",
        path: "/issue",
        body: {
          fields: {
            project: { key: options.project },
            issuetype: { name: options.issueType },
            labels: [labelOf(marker)],
            ...words(content, marker),
          },
        },
      });
      const { key } = http.checked(madeSchema, made);
      return {
        key,
        url: `${site}/browse/${key}`,
        state: "open",
        title: summaryOf(content.title),
        assignee: null,
      };
    },
    async update(key, content, marker) {
      const issue = await mustRead(key);
      await http.send({ method: "PUT", path: one(key), body: { fields: words(content, marker) } });
      if (issue.state === "closed") await move(key, ["new", "indeterminate"]);
    },
    async close(key, note) {
      const issue = await mustRead(key);
      if (issue.state === "closed") return;
      await comment(key, note);
      await move(key, ["done"]);
    },
    comment,
    async assign(key, account) {
      await http.send({ method: "PUT", path: `${one(key)}/assignee`, body: { accountId: account } });
    },
    read,
  };
}

/** A label holds no space. */
const labelOf = (marker: string): string => `quarterdeck-${marker}`;
