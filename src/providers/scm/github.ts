/**
 * GitHub, over its REST API. It has no call that reverts a commit: the commit is made from the tree of the default
 * branch with the files of the commit as they were before it. Files changed since are not guessed about.
 * Source: docs.github.com, "REST API endpoints for Git database", "for commits" (300 files at most), "for pulls".
 */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { Scm } from "./contract.ts";
import { ScmHttp } from "./http.ts";

export interface GithubScmOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server. */
  readonly apiUrl: string;
  readonly token: Secret<string>;
  readonly deadlineMs: number;
}

/** Files the API lists of a commit or a comparison; with as many there may be more. */
const filesMax = 300;

const filesSchema = z
  .array(z.object({ filename: z.string(), previous_filename: z.string().optional() }))
  .default([]);
const pullsSchema = z.array(z.object({ html_url: z.string() }));
const repoSchema = z.object({ default_branch: z.string() });
const headSchema = z.object({ object: z.object({ sha: z.string() }) });
const commitSchema = z.object({
  sha: z.string(),
  parents: z.array(z.object({ sha: z.string() })),
  commit: z.object({ tree: z.object({ sha: z.string() }) }),
  files: filesSchema,
});
const compareSchema = z.object({ status: z.string(), files: filesSchema });
const treeSchema = z.object({
  truncated: z.boolean(),
  tree: z.array(z.object({ path: z.string(), mode: z.string(), type: z.string(), sha: z.string() })),
});
const madeSchema = z.object({ sha: z.string() });

export function createGithubScm({ apiUrl, token, deadlineMs }: GithubScmOptions): Scm {
  const http = new ScmHttp({
    system: "GitHub",
    url: apiUrl.replace(/\/+$/, ""),
    deadlineMs,
    headers: () => ({
      accept: "application/vnd.github+json",
      authorization: `Bearer ${token.reveal()}`,
      "user-agent": "quarterdeck",
      "x-github-api-version": "2022-11-28",
    }),
  });
  const get = <Schema extends z.ZodType>(path: string, schema: Schema) =>
    http.send({ method: "GET", path }, schema);
  const post = <Schema extends z.ZodType>(path: string, body: unknown, schema: Schema) =>
    http.send({ method: "POST", path, body }, schema);

  /** The tree of the default branch's head with the commit's files as they were before it. */
  const revertedTree = async (repo: string, revision: string, head: string): Promise<string> => {
    const commit = await get(`${repo}/commits/${revision}`, commitSchema);
    const before = commit.parents[0]?.sha;
    if (before === undefined) throw cannot(`${short(revision)} is the first commit`);
    const since = await get(`${repo}/compare/${commit.sha}...${head}`, compareSchema);
    if (since.status !== "ahead" && since.status !== "identical")
      throw cannot(`${short(revision)} is not on the default branch`);
    if (commit.files.length >= filesMax || since.files.length >= filesMax)
      throw cannot(`more than ${filesMax} files were changed`);
    const touched = new Set(namesOf(commit.files));
    const both = namesOf(since.files).filter((name) => touched.has(name));
    if (both.length > 0) throw cannot(`${both.slice(0, 3).join(", ")} was changed since`);
    const [headCommit, beforeTree] = await Promise.all([
      get(`${repo}/commits/${head}`, commitSchema),
      get(`${repo}/git/trees/${before}?recursive=1`, treeSchema),
    ]);
    if (beforeTree.truncated) throw cannot("the repository is too large to be listed");
    const stood = new Map(beforeTree.tree.map((entry) => [entry.path, entry]));
    const tree = [...touched].map((path) => {
      const { mode = "100644", type = "blob", sha = null } = stood.get(path) ?? {};
      return { path, mode, type, sha };
    });
    const made = await post(`${repo}/git/trees`, { base_tree: headCommit.commit.tree.sha, tree }, madeSchema);
    return made.sha;
  };

  return {
    async newestCommit({ repository, revision, path }) {
      const query = `sha=${revision}&path=${encodeURIComponent(path)}&per_page=1`;
      return (await get(`${repoOf(repository)}/commits?${query}`, z.array(madeSchema)))[0]?.sha;
    },

    async proposeRevert({ repository, revision, branch, title, body }) {
      const repo = repoOf(repository);
      const [owner = ""] = repository.split("/");
      const existing = async () =>
        (
          await get(`${repo}/pulls?state=all&head=${encodeURIComponent(`${owner}:${branch}`)}`, pullsSchema)
        )[0]?.html_url;
      const known = await existing();
      if (known !== undefined) return { url: known };
      const { default_branch: base } = await get(repo, repoSchema);
      const ref = await get(
        `${repo}/git/ref/heads/${base.split("/").map(encodeURIComponent).join("/")}`,
        headSchema,
      );
      const head = ref.object.sha;
      const tree = await revertedTree(repo, revision, head);
      const message = `${title}\n\nThis reverts commit ${revision}.`;
      const commit = await post(`${repo}/git/commits`, { message, tree, parents: [head] }, madeSchema);
      try {
        await post(`${repo}/git/refs`, { ref: `refs/heads/${branch}`, sha: commit.sha }, z.unknown());
      } catch (error) {
        // Made by an attempt before: it holds the same revert.
        if (!(error instanceof ProviderError) || !error.message.includes("already exists")) throw error;
      }
      const pull = await post(
        `${repo}/pulls`,
        { title, head: branch, base, body },
        z.object({ html_url: z.string() }),
      );
      return { url: pull.html_url };
    },
  };
}

const repoOf = (repository: string): string =>
  `/repos/${repository.split("/").map(encodeURIComponent).join("/")}`;

const namesOf = (files: z.output<typeof filesSchema>): string[] =>
  files.flatMap(({ filename, previous_filename: previous }) =>
    previous === undefined ? [filename] : [filename, previous],
  );

const short = (revision: string): string => revision.slice(0, 12);

const cannot = (why: string): ProviderError =>
  new ProviderError("rejected", `The commit cannot be reverted by itself: ${why}`, "Revert by hand.");
