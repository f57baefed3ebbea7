/**
 * GitLab, over its REST API: a branch, the commit reverted on it, a merge request.
 * Source: docs.gitlab.com, "Commits API: List repository commits", "Revert a commit", "Branches API", "Merge requests API".
 */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { Scm } from "./contract.ts";
import { ScmHttp } from "./http.ts";

export interface GitlabScmOptions {
  /** `https://gitlab.com` */
  readonly url: string;
  readonly token: Secret<string>;
  readonly deadlineMs: number;
}

const requestSchema = z.object({ web_url: z.string() });
const branchSchema = z.object({ commit: z.object({ id: z.string() }) });

export function createGitlabScm({ url, token, deadlineMs }: GitlabScmOptions): Scm {
  const http = new ScmHttp({
    system: "GitLab",
    url: `${url.replace(/\/+$/, "")}/api/v4`,
    deadlineMs,
    headers: () => ({ "private-token": token.reveal(), "user-agent": "quarterdeck" }),
  });

  /** The branch with the revert on it; made from the default branch where it is not there. */
  const branchWithRevert = async (
    project: string,
    base: string,
    ask: { branch: string; revision: string },
  ) => {
    const at = `${project}/repository/branches`;
    const read = (name: string) =>
      http.send({ method: "GET", path: `${at}/${encodeURIComponent(name)}` }, branchSchema);
    try {
      await http.send({ method: "POST", path: at, body: { branch: ask.branch, ref: base } }, branchSchema);
    } catch (error) {
      if (!(error instanceof ProviderError) || !error.message.includes("already exists")) throw error;
      // By an attempt before; with the revert on it, unless that attempt ended just then.
      const [ours, theirs] = await Promise.all([read(ask.branch), read(base)]);
      if (ours.commit.id !== theirs.commit.id) return;
    }
    await http.send(
      {
        method: "POST",
        path: `${project}/repository/commits/${ask.revision}/revert`,
        body: { branch: ask.branch },
      },
      z.unknown(),
    );
  };

  return {
    async newestCommit({ repository, revision, path }) {
      const query = `ref_name=${revision}&path=${encodeURIComponent(path)}&per_page=1`;
      const [newest] = await http.send(
        { method: "GET", path: `/projects/${encodeURIComponent(repository)}/repository/commits?${query}` },
        z.array(z.object({ id: z.string() })),
      );
      return newest?.id;
    },

    async proposeRevert({ repository, revision, branch, title, body }) {
      const project = `/projects/${encodeURIComponent(repository)}`;
      const listed = await http.send(
        { method: "GET", path: `${project}/merge_requests?source_branch=${encodeURIComponent(branch)}` },
        z.array(requestSchema),
      );
      if (listed[0]) return { url: listed[0].web_url };
      const { default_branch: base } = await http.send(
        { method: "GET", path: project },
        z.object({ default_branch: z.string() }),
      );
      await branchWithRevert(project, base, { branch, revision });
      const made = await http.send(
        {
          method: "POST",
          path: `${project}/merge_requests`,
          body: {
            source_branch: branch,
            target_branch: base,
            title,
            description: body,
            remove_source_branch: true,
          },
        },
        requestSchema,
      );
      return { url: made.web_url };
    },
  };
}
