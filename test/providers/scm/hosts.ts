/** GitHub and GitLab, as far as a revert is proposed there: strict about what is asked, kept in memory. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

type Json = Record<string, unknown>;
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: Json | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
}
export type Answers = (
  asked: Asked,
) => { status: number; json: unknown; headers?: Record<string, string> } | undefined;

/** Answers 404 to what `answers` does not know, so that a wrong path fails its test. */
export async function startHost(answers: Answers) {
  const requests: Asked[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const asked: Asked = {
        method: req.method ?? "",
        path: decodeURIComponent(req.url ?? ""),
        body: text === "" ? undefined : (JSON.parse(text) as Json),
        headers: req.headers,
      };
      requests.push(asked);
      const {
        status,
        json,
        headers = {},
      } = answers(asked) ?? { status: 404, json: { message: `Not Found: ${asked.path}` } };
      res.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    requests,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const sha = (digit: string): string => digit.repeat(40);
export const revision = sha("9");
const parent = sha("8");
const head = sha("a");

/** Head of what was applied; `revision` is the newest commit below it that touches `prod/a b`. */
export const applied = sha("d");
const listedAt = (ref: string, path: string) =>
  ref === applied && path === "prod/a b" ? [{ id: revision, sha: revision }] : [];

export interface GithubWorld {
  /** Files changed on the default branch after the commit. */
  since: string[];
  /** Branches and pull requests made. */
  branches: Map<string, string>;
  pulls: { head: string; html_url: string }[];
  trees: Json[];
}

/** A repository whose commit changed `prod/shop.yaml`, added `prod/new.yaml` and renamed a file. */
export function github(world: GithubWorld): Answers {
  const repo = "/repos/acme/fleet";
  const commit = (id: string, tree: string, files: Json[] = []) => ({
    status: 200,
    json: { sha: id, parents: [{ sha: parent }], commit: { tree: { sha: tree } }, files },
  });
  return ({ method, path, body, headers }) => {
    if (headers.authorization !== "Bearer scm-token")
      return { status: 401, json: { message: "Bad credentials" } };
    const { searchParams: query } = new URL(path, "http://x");
    switch (`${method} ${path.split("?")[0]}`) {
      case `GET ${repo}/commits`:
        if (query.get("per_page") !== "1") return undefined;
        return { status: 200, json: listedAt(query.get("sha") ?? "", query.get("path") ?? "") };
      case `GET ${repo}/pulls`: {
        const wanted = new URL(path, "http://x").searchParams.get("head");
        return { status: 200, json: world.pulls.filter((pull) => `acme:${pull.head}` === wanted) };
      }
      case `GET ${repo}`:
        return { status: 200, json: { default_branch: "main" } };
      case `GET ${repo}/git/ref/heads/main`:
        return { status: 200, json: { object: { sha: head } } };
      case `GET ${repo}/commits/${revision}`:
        return commit(revision, sha("7"), [
          { filename: "prod/shop.yaml" },
          { filename: "prod/new.yaml" },
          { filename: "prod/to.yaml", previous_filename: "prod/from.yaml" },
        ]);
      case `GET ${repo}/commits/${head}`:
        return commit(head, sha("6"));
      case `GET ${repo}/compare/${revision}...${head}`:
        return {
          status: 200,
          json: { status: "ahead", files: world.since.map((filename) => ({ filename })) },
        };
      case `GET ${repo}/git/trees/${parent}`:
        return {
          status: 200,
          json: {
            truncated: false,
            tree: [
              { path: "prod/shop.yaml", mode: "100644", type: "blob", sha: sha("1") },
              { path: "prod/from.yaml", mode: "100755", type: "blob", sha: sha("2") },
              { path: "prod/other.yaml", mode: "100644", type: "blob", sha: sha("3") },
            ],
          },
        };
      case `POST ${repo}/git/trees`:
        world.trees.push(body ?? {});
        return { status: 201, json: { sha: sha("b") } };
      case `POST ${repo}/git/commits`:
        if (body?.tree !== sha("b") || JSON.stringify(body.parents) !== JSON.stringify([head]))
          return { status: 422, json: { message: "Validation Failed" } };
        return { status: 201, json: { sha: sha("c") } };
      case `POST ${repo}/git/refs`: {
        const ref = String(body?.ref);
        if (world.branches.has(ref)) return { status: 422, json: { message: "Reference already exists" } };
        world.branches.set(ref, String(body?.sha));
        return { status: 201, json: {} };
      }
      case `POST ${repo}/pulls`: {
        if (!world.branches.has(`refs/heads/${body?.head}`) || body?.base !== "main")
          return { status: 422, json: { message: "Validation Failed" } };
        const pull = { head: String(body.head), html_url: "https://github.com/acme/fleet/pull/7" };
        world.pulls.push(pull);
        return { status: 201, json: pull };
      }
    }
    return undefined;
  };
}

export interface GitlabWorld {
  /** Head of each branch. */
  branches: Map<string, string>;
  requests: { source_branch: string; web_url: string }[];
  isConflicting: boolean;
}

export function gitlab(world: GitlabWorld): Answers {
  const project = "/api/v4/projects/acme/prod/fleet";
  return ({ method, path, body, headers }) => {
    if (headers["private-token"] !== "scm-token")
      return { status: 401, json: { message: "401 Unauthorized" } };
    const at = `${method} ${path.split("?")[0]}`;
    const branch = at.startsWith(`GET ${project}/repository/branches/`)
      ? at.slice(`GET ${project}/repository/branches/`.length)
      : undefined;
    if (branch !== undefined) {
      const id = world.branches.get(branch);
      return id === undefined ? undefined : { status: 200, json: { commit: { id } } };
    }
    const { searchParams: query } = new URL(path, "http://x");
    switch (at) {
      case `GET ${project}/repository/commits`:
        if (query.get("per_page") !== "1") return undefined;
        return { status: 200, json: listedAt(query.get("ref_name") ?? "", query.get("path") ?? "") };
      case `GET ${project}/merge_requests`: {
        const wanted = new URL(path, "http://x").searchParams.get("source_branch");
        return { status: 200, json: world.requests.filter((one) => one.source_branch === wanted) };
      }
      case `GET ${project}`:
        return { status: 200, json: { default_branch: "main" } };
      case `POST ${project}/repository/branches`: {
        const name = String(body?.branch);
        if (world.branches.has(name)) return { status: 400, json: { message: "Branch already exists" } };
        world.branches.set(name, world.branches.get(String(body?.ref)) ?? "");
        return { status: 201, json: { commit: { id: world.branches.get(name) } } };
      }
      case `POST ${project}/repository/commits/${revision}/revert`:
        if (world.isConflicting)
          return { status: 400, json: { message: "Sorry, we cannot revert this commit automatically" } };
        world.branches.set(String(body?.branch), sha("c"));
        return { status: 201, json: { id: sha("c") } };
      case `POST ${project}/merge_requests`: {
        const made = {
          source_branch: String(body?.source_branch),
          web_url: "https://gitlab.com/acme/prod/fleet/-/merge_requests/7",
        };
        world.requests.push(made);
        return { status: 201, json: made };
      }
    }
    return undefined;
  };
}
