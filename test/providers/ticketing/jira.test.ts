import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import { createJiraTicketing } from "../../../src/providers/ticketing/jira.ts";
import { type Answer, type Recorded, type StandIn, startStandIn } from "../../support/stand-in.ts";
import { ticketingConformance } from "./conformance.ts";

interface Issue {
  key: string;
  summary: string;
  labels: string[];
  category: "new" | "indeterminate" | "done";
  assignee: string | null;
  comments: { body: unknown }[];
}

/** Names of text nodes without text, and all characters. Throws for what is no document. */
function readDoc(doc: unknown): number {
  const { type, version, content } = doc as { type: string; version: number; content: unknown[] };
  if (type !== "doc" || version !== 1 || content.length === 0) throw new Error("no document");
  let chars = 0;
  for (const part of content as { type: string; content: { type: string; text: string }[] }[]) {
    if (part.type !== "paragraph" || part.content.length === 0) throw new Error("no paragraph");
    for (const { type: node, text } of part.content) {
      if (node !== "text" || text === "") throw new Error("empty text node");
      chars += text.length;
    }
  }
  return chars;
}

/** Jira Cloud's issues as documented: statuses by transition alone, and their ids are this project's own. */
function jira() {
  const issues: Issue[] = [];
  const bad = (why: string): Answer => ({ status: 400, body: { errorMessages: [why], errors: {} } });
  const wellFormed = (fields: Record<string, unknown>): string | undefined => {
    const { summary, description } = fields;
    if (typeof summary !== "string" || summary.length > 255 || /[\n\r]/.test(summary))
      return "summary is invalid";
    try {
      return readDoc(description) > 32_767 ? "CONTENT_LIMIT_EXCEEDED" : undefined;
    } catch (error) {
      return `INVALID_INPUT ${error instanceof Error ? error.message : ""}`;
    }
  };
  const answer = ({ method, path, headers, body }: Recorded): Answer => {
    if (headers.authorization !== `Basic ${Buffer.from("q@acme.test:secret").toString("base64")}`)
      return { status: 401, body: { errorMessages: ["Client must be authenticated"] } };
    const url = new URL(path, "http://jira.test");
    const given = (body ?? {}) as { fields?: Record<string, unknown> } & Record<string, unknown>;
    if (url.pathname === "/rest/api/3/search/jql") {
      const label = /^project = "OPS" AND labels = "([^"]+)" ORDER BY created DESC$/.exec(
        String(given.jql),
      )?.[1];
      if (label === undefined || given.fields === undefined) return bad("jql");
      const found = issues.filter(({ labels }) => labels.includes(label)).reverse();
      return { status: 200, body: { issues: found.map(({ key }) => ({ id: "1", key })), isLast: true } };
    }
    const [key, part] = url.pathname.slice("/rest/api/3/issue/".length).split("/");
    if (url.pathname === "/rest/api/3/issue" && method === "POST") {
      const fields = given.fields ?? {};
      const why = wellFormed(fields);
      if (why !== undefined) return bad(why);
      const made: Issue = {
        key: `OPS-${issues.length + 1}`,
        summary: String(fields.summary),
        labels: fields.labels as string[],
        category: "new",
        assignee: null,
        comments: [],
      };
      issues.push(made);
      return { status: 201, body: { id: "10001", key: made.key, self: "…" } };
    }
    const issue = issues.find((one) => one.key === key);
    if (issue === undefined) return { status: 404, body: { errorMessages: ["Issue does not exist"] } };
    switch (`${method} ${part ?? ""}`) {
      case "GET ": {
        const assignee = issue.assignee === null ? null : { displayName: issue.assignee };
        const status = { name: "any", statusCategory: { key: issue.category } };
        return { status: 200, body: { key, fields: { summary: issue.summary, status, assignee } } };
      }
      case "PUT ": {
        const why = wellFormed(given.fields ?? {});
        if (why !== undefined || given.fields?.status !== undefined)
          return bad(why ?? "status cannot be set");
        issue.summary = String(given.fields?.summary);
        return { status: 204 };
      }
      case "PUT assignee":
        issue.assignee = given.accountId === "5b10" ? "Dana D" : null;
        return { status: 204 };
      case "GET transitions":
        return {
          status: 200,
          body: {
            transitions: [
              { id: "11", name: "Start", to: { statusCategory: { key: "indeterminate" } } },
              issue.category === "done"
                ? { id: "71", name: "Backlog", to: { statusCategory: { key: "new" } } }
                : { id: "41", name: "Fertig", to: { statusCategory: { key: "done" } } },
            ],
          },
        };
      case "POST transitions": {
        const { id } = given.transition as { id: string };
        const to = issue.category === "done" ? { "71": "new" as const } : { "41": "done" as const };
        const next = (to as Record<string, Issue["category"] | undefined>)[id];
        if (next === undefined)
          return bad("It seems that you have tried to perform an illegal workflow operation");
        issue.category = next;
        return { status: 204 };
      }
      case "GET comment":
        return { status: 200, body: { comments: [...issue.comments].reverse() } };
      case "POST comment":
        readDoc(given.body);
        issue.comments.push({ body: given.body });
        return { status: 201, body: { id: "1" } };
      default:
        return { status: 405 };
    }
  };
  return { issues, answer };
}

const { issues, answer } = jira();
let server: StandIn;
beforeAll(async () => {
  server = await startStandIn(answer);
});
afterAll(() => server.close());
beforeEach(() => void server.requests.splice(0));

const ticketing = (email = "q@acme.test") =>
  createJiraTicketing({
    url: server.url,
    project: "OPS",
    issueType: "Incident",
    email: new Secret(email),
    token: new Secret("secret"),
    deadlineMs: 5_000,
    now: () => new Date(),
  });

describe("Jira Cloud, before a strict stand-in", () => {
  ticketingConformance(() => ({
    ticketing,
    now: () => new Date(),
    loseNext: () => server.loseNext("POST"),
    notes: async (key) =>
      issues.find((one) => one.key === key)?.comments.map(({ body }) => JSON.stringify(body)) ?? [],
    account: { id: "5b10", shown: "Dana D" },
    titleCharsMax: 255,
  }));

  it("asks for exactly this: the marker as a label, the status by the transition of this project", async () => {
    const content = {
      title: "shop:\nslow",
      body: "See https://x.test/a?b=1 now\n\n",
      owner: "o",
      severity: "s",
    };
    const { key } = await ticketing().create(content, "T-700", null);
    const since = new Date();
    await ticketing().close(key, { text: "Over.", mark: "T-700/2", since });
    await ticketing().update(key, content, "T-700");
    const at = `/rest/api/3/issue/${key}`;
    expect(server.asked()).toEqual([
      "POST /rest/api/3/issue",
      `GET ${at}?fields=summary,status,assignee`,
      `GET ${at}/comment?orderBy=-created&maxResults=100`,
      `POST ${at}/comment`,
      `GET ${at}/transitions`,
      `POST ${at}/transitions`,
      `GET ${at}?fields=summary,status,assignee`,
      `PUT ${at}`,
      `GET ${at}/transitions`,
      `POST ${at}/transitions`,
    ]);
    const description = {
      type: "doc",
      version: 1,
      content: [
        {
          type: "paragraph",
          content: [
            { type: "text", text: "See " },
            {
              type: "text",
              text: "https://x.test/a?b=1",
              marks: [{ type: "link", attrs: { href: "https://x.test/a?b=1" } }],
            },
            { type: "text", text: " now" },
          ],
        },
        {
          type: "paragraph",
          content: [{ type: "text", text: "Owner: o · severity: s · Quarterdeck T-700" }],
        },
      ],
    };
    const bodies = server.requests.map(({ body }) => body).filter((body) => body !== undefined);
    expect(bodies[0]).toEqual({
      fields: {
        project: { key: "OPS" },
        issuetype: { name: "Incident" },
        labels: ["quarterdeck-T-700"],
        summary: "shop: slow",
        description,
      },
    });
    expect(bodies.slice(2)).toEqual([
      { transition: { id: "41" } },
      { fields: { summary: "shop: slow", description } },
      { transition: { id: "71" } },
    ]);
  });

  it("says where tickets go, which issue type there is none of, and which right is lacking", async () => {
    const project = { status: 200, body: { name: "Operations", issueTypes: [{ name: "Incident" }] } };
    const rights = (lacking?: string) => ({
      status: 200,
      body: {
        permissions: Object.fromEntries(
          ["CREATE_ISSUES", "EDIT_ISSUES", "ADD_COMMENTS", "TRANSITION_ISSUES", "ASSIGN_ISSUES"].map(
            (right) => [right, { havePermission: right !== lacking }],
          ),
        ),
      },
    });
    server.refuseNext(project);
    server.refuseNext(rights());
    expect(await ticketing().check()).toBe("OPS (Operations), Incident");
    expect(server.asked()).toEqual([
      "GET /rest/api/3/project/OPS",
      "GET /rest/api/3/mypermissions?projectKey=OPS&permissions=CREATE_ISSUES,EDIT_ISSUES,ADD_COMMENTS,TRANSITION_ISSUES,ASSIGN_ISSUES",
    ]);
    server.refuseNext({ status: 200, body: { name: "Operations", issueTypes: [{ name: "Bug" }] } });
    await expect(ticketing().check()).rejects.toMatchObject({
      code: "rejected",
      message: "OPS has no issue type Incident; it has Bug",
    });
    server.refuseNext(project);
    server.refuseNext(rights("ADD_COMMENTS"));
    await expect(ticketing().check()).rejects.toMatchObject({
      code: "unauthorised",
      message: "The account lacks ADD_COMMENTS in OPS",
    });
  });

  it("says which transition is missing, who may not, and when to come back", async () => {
    const { key } = await ticketing().create(
      { title: "t", body: "", owner: "o", severity: "s" },
      "T-701",
      null,
    );
    await expect(ticketing("x@acme.test").read(key)).rejects.toMatchObject({ code: "unauthorised" });
    server.refuseNext({ status: 429, headers: { "retry-after": "5" } });
    await expect(ticketing().read(key)).rejects.toMatchObject({ retryAfterMs: 5_000 });
    const stuck = await startStandIn((request) =>
      request.path.endsWith("/transitions") ? { status: 200, body: { transitions: [] } } : answer(request),
    );
    const there = createJiraTicketing({
      url: stuck.url,
      project: "OPS",
      issueType: "Task",
      email: new Secret("q@acme.test"),
      token: new Secret("secret"),
      deadlineMs: 5_000,
      now: () => new Date(),
    });
    await expect(there.close(key, { text: "Over.", mark: "m", since: new Date() })).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringContaining("category done"),
    });
    await stuck.close();
  });
});
