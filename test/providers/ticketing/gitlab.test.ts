import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import { createGitlabTicketing } from "../../../src/providers/ticketing/gitlab.ts";
import { type Answer, type Recorded, type StandIn, startStandIn } from "../../support/stand-in.ts";
import { ticketingConformance } from "./conformance.ts";

interface Issue {
  iid: number;
  web_url: string;
  title: string;
  description: string;
  state: "opened" | "closed";
  assignees: { username: string }[];
  created_at: string;
  notes: { body: string; created_at: string }[];
}

const project = "/api/v4/projects/acme%2Fops/issues";

/** GitLab's issues, as documented, and nothing more: what is not is refused. */
function gitlab() {
  const issues: Issue[] = [];
  const refused = (why: string): Answer => ({ status: 400, body: { message: why } });
  const answer = ({ method, path, headers, body }: Recorded): Answer => {
    if (headers["private-token"] !== "glpat-tests")
      return { status: 401, body: { message: "401 Unauthorized" } };
    const url = new URL(path, "http://gitlab.test");
    const given = (body ?? {}) as Record<string, unknown>;
    if (method === "GET" && url.pathname === "/api/v4/users") {
      const name = url.searchParams.get("username");
      return { status: 200, body: name === "dana" ? [{ id: 7, username: "dana" }] : [] };
    }
    if (!url.pathname.startsWith(project)) return { status: 404, body: { message: "404 Project Not Found" } };
    const [iid, notes] = url.pathname.slice(project.length + 1).split("/");
    if (iid === "" || iid === undefined) {
      if (method === "GET") {
        const after = url.searchParams.get("created_after") ?? "";
        if (Number.isNaN(Date.parse(after))) return refused("created_after is invalid");
        const page = Number(url.searchParams.get("page"));
        const listed = issues.filter(({ created_at }) => created_at >= after).reverse();
        return { status: 200, body: listed.slice((page - 1) * 100, page * 100) };
      }
      const { title, description, ...rest } = given;
      if (typeof title !== "string" || title.length > 255 || Object.keys(rest).length > 0)
        return refused("title is too long or a field is unknown");
      const made: Issue = {
        iid: issues.length + 1,
        web_url: `https://gitlab.test/acme/ops/-/issues/${issues.length + 1}`,
        title,
        description: String(description),
        state: "opened",
        assignees: [],
        created_at: new Date().toISOString(),
        notes: [],
      };
      issues.push(made);
      return { status: 201, body: made };
    }
    const issue = issues.find((one) => String(one.iid) === iid);
    if (issue === undefined) return { status: 404, body: { message: "404 Not found" } };
    if (notes === "notes") {
      if (method === "GET") return { status: 200, body: [...issue.notes].reverse() };
      // A line of a note that begins with a slash is done, not said.
      const said = String(given.body);
      if (/^\//m.test(said)) return refused("that would run a quick action");
      const note = { body: said, created_at: new Date().toISOString() };
      issue.notes.push(note);
      return { status: 201, body: note };
    }
    if (method === "PUT") {
      const { title, description, state_event, assignee_ids, ...rest } = given;
      if (Object.keys(rest).length > 0) return refused(`${Object.keys(rest)} is unknown`);
      if (title !== undefined) issue.title = String(title);
      if (description !== undefined) issue.description = String(description);
      if (state_event === "close") issue.state = "closed";
      if (state_event === "reopen") issue.state = "opened";
      if (assignee_ids !== undefined) issue.assignees = [{ username: "dana" }];
    }
    return { status: 200, body: issue };
  };
  return { issues, answer };
}

const { issues, answer } = gitlab();
let server: StandIn;
beforeAll(async () => {
  server = await startStandIn(answer);
});
afterAll(() => server.close());
beforeEach(() => void server.requests.splice(0));

const ticketing = (token = "glpat-tests") =>
  createGitlabTicketing({
    url: `${server.url}/`,
    project: "acme/ops",
    token: new Secret(token),
    deadlineMs: 5_000,
    now: () => new Date(),
  });

describe("GitLab issues, before a strict stand-in", () => {
  ticketingConformance(() => ({
    ticketing,
    now: () => new Date(),
    loseNext: () => server.loseNext("POST"),
    notes: async (key) => issues.find(({ iid }) => String(iid) === key)?.notes.map(({ body }) => body) ?? [],
    account: { id: "dana", shown: "dana" },
    titleCharsMax: 255,
  }));

  it("asks for exactly this, and a quick action in an alert's words runs nowhere", async () => {
    const content = { title: "t", body: "/close\n/assign @dana", owner: "o", severity: "s" };
    const since = new Date("2026-03-02T10:00:00Z");
    const { key } = await ticketing().create(content, "T-700", new Date());
    await ticketing().close(key, { text: "/reopen\nOver.", mark: "T-700/2", since });
    await ticketing().update(key, content, "T-700");
    await ticketing().assign(key, "dana");
    expect(server.asked().map((line) => line.replace(/created_after=[^&]+/, "created_after=…"))).toEqual([
      `GET ${project}?scope=all&created_after=…&order_by=created_at&sort=desc&per_page=100&page=1`,
      `POST ${project}`,
      `GET ${project}/${key}`,
      `GET ${project}/${key}/notes?order_by=created_at&sort=desc&per_page=100`,
      `POST ${project}/${key}/notes`,
      `PUT ${project}/${key}`,
      `GET ${project}/${key}`,
      `PUT ${project}/${key}`,
      "GET /api/v4/users?username=dana",
      `PUT ${project}/${key}`,
    ]);
    expect(server.requests.map(({ body }) => body).filter((body) => body !== undefined)).toEqual([
      {
        title: "t",
        description:
          "<!-- quarterdeck T-700 -->\n\\/close\n\n\\/assign @\u2060dana\n\nOwner: o · severity: s · Quarterdeck T-700\n\n<!-- /quarterdeck -->",
      },
      { body: "\\/reopen\n\nOver.\n<!-- quarterdeck note T-700/2 -->" },
      { state_event: "close" },
      { title: "t", state_event: "reopen" },
      { assignee_ids: [7] },
    ]);
  });

  it("says who may not, who is not known and when to come back", async () => {
    server.refuseNext({ status: 200, body: { path_with_namespace: "acme/ops" } });
    expect(await ticketing().check()).toBe("acme/ops");
    server.refuseNext({ status: 200, body: { path_with_namespace: "acme/ops", archived: true } });
    await expect(ticketing().check()).rejects.toMatchObject({ code: "rejected" });
    expect(server.asked()).toEqual(["GET /api/v4/projects/acme%2Fops", "GET /api/v4/projects/acme%2Fops"]);
    await expect(ticketing("wrong").read("1")).rejects.toMatchObject({ code: "unauthorised" });
    await expect(ticketing().assign("1", "nobody")).rejects.toMatchObject({ code: "rejected" });
    server.refuseNext({ status: 429, headers: { "retry-after": "3" } });
    await expect(ticketing().read("1")).rejects.toMatchObject({ retryAfterMs: 3_000 });
  });
});
