import { expect, it, onTestFinished } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import { repositoryAt } from "../../../src/providers/scm/contract.ts";
import { createGithubScm } from "../../../src/providers/scm/github.ts";
import { createGitlabScm } from "../../../src/providers/scm/gitlab.ts";
import {
  type Answers,
  applied,
  type GithubWorld,
  type GitlabWorld,
  github,
  gitlab,
  revision,
  sha,
  startHost,
} from "./hosts.ts";

const ask = {
  revision,
  branch: "quarterdeck/revert-R-12",
  title: "Revert 999999999999: shop was reverted (R-12)",
  body: "Until this is merged …",
};
const [onGithub, onGitlab] = ["acme/fleet", "acme/prod/fleet"].map((repository) => ({ ...ask, repository }));
const token = new Secret("scm-token");

async function host(answers: Answers) {
  const started = await startHost(answers);
  onTestFinished(() => started.close());
  return started;
}

const githubWorld = (): GithubWorld => ({ since: ["README.md"], branches: new Map(), pulls: [], trees: [] });
const gitlabWorld = (): GitlabWorld => ({
  branches: new Map([["main", sha("a")]]),
  requests: [],
  isConflicting: false,
});

it.each([
  ["https://github.com/acme/fleet.git", "github.com", "acme/fleet"],
  ["https://x-token:abc@git.example.com:8443/acme/prod/fleet", "git.example.com", "acme/prod/fleet"],
  ["git@gitlab.com:acme/prod/fleet.git", "gitlab.com", "acme/prod/fleet"],
  ["ssh://git@GitHub.com/acme/fleet.git/", "github.com", "acme/fleet"],
])("reads %s", (address, at, path) => {
  expect(repositoryAt(address)).toEqual({ host: at, path });
});

it.each(["fleet", "oci://registry/charts/shop", "https://charts.example.com", "https://h/a/../../b"])(
  "takes %s for no repository of a host",
  (address) => {
    expect(repositoryAt(address)).toBeUndefined();
  },
);

it("finds the newest commit that touches a folder, and says that there is none", async () => {
  const [atGithub, atGitlab] = await Promise.all([host(github(githubWorld())), host(gitlab(gitlabWorld()))]);
  for (const { scm, repository } of [
    {
      scm: createGithubScm({ apiUrl: atGithub.url, token, deadlineMs: 5_000 }),
      repository: "acme/fleet",
    },
    { scm: createGitlabScm({ url: atGitlab.url, token, deadlineMs: 5_000 }), repository: "acme/prod/fleet" },
  ]) {
    const at = { repository, revision: applied };
    expect(await scm.newestCommit({ ...at, path: "prod/a b" })).toBe(revision);
    expect(await scm.newestCommit({ ...at, path: "staging" })).toBeUndefined();
  }
});

it("proposes at GitHub the files of the commit as they were before it, on top of what came since", async () => {
  const world = githubWorld();
  const { url, requests } = await host(github(world));
  const scm = createGithubScm({ apiUrl: url, token, deadlineMs: 5_000 });
  expect(await scm.proposeRevert(onGithub as never)).toEqual({ url: "https://github.com/acme/fleet/pull/7" });
  expect(world.trees).toEqual([
    {
      base_tree: sha("6"),
      tree: [
        { path: "prod/shop.yaml", mode: "100644", type: "blob", sha: sha("1") },
        { path: "prod/new.yaml", mode: "100644", type: "blob", sha: null },
        { path: "prod/to.yaml", mode: "100644", type: "blob", sha: null },
        { path: "prod/from.yaml", mode: "100755", type: "blob", sha: sha("2") },
      ],
    },
  ]);
  expect([...world.branches]).toEqual([["refs/heads/quarterdeck/revert-R-12", sha("c")]]);
  const asked = requests.length;
  // Asked again it finds what there is.
  expect(await scm.proposeRevert(onGithub as never)).toEqual({ url: "https://github.com/acme/fleet/pull/7" });
  expect(requests).toHaveLength(asked + 1);
});

it("goes on at GitHub where an attempt before ended after its branch", async () => {
  const world = githubWorld();
  world.branches.set("refs/heads/quarterdeck/revert-R-12", sha("c"));
  const { url } = await host(github(world));
  await createGithubScm({ apiUrl: url, token, deadlineMs: 5_000 }).proposeRevert(onGithub as never);
  expect(world.pulls).toHaveLength(1);
});

it("does not guess at GitHub about files that were changed since", async () => {
  const world = { ...githubWorld(), since: ["prod/shop.yaml"] };
  const { url } = await host(github(world));
  await expect(
    createGithubScm({ apiUrl: url, token, deadlineMs: 5_000 }).proposeRevert(onGithub as never),
  ).rejects.toMatchObject({
    code: "rejected",
    message: expect.stringContaining("prod/shop.yaml was changed since"),
  });
  expect(world.branches.size).toBe(0);
});

it("proposes at GitLab by its own revert, once, also after an attempt that ended half-way", async () => {
  for (const before of [undefined, sha("a"), sha("c")]) {
    const world = gitlabWorld();
    if (before !== undefined) world.branches.set("quarterdeck/revert-R-12", before);
    const { url, requests } = await host(gitlab(world));
    const scm = createGitlabScm({ url, token, deadlineMs: 5_000 });
    const made = { url: "https://gitlab.com/acme/prod/fleet/-/merge_requests/7" };
    expect(await scm.proposeRevert(onGitlab as never)).toEqual(made);
    expect(await scm.proposeRevert(onGitlab as never)).toEqual(made);
    expect(world.branches.get("quarterdeck/revert-R-12")).toBe(sha("c"));
    const reverts = requests.filter(({ path }) => path.endsWith("/revert"));
    expect(reverts).toHaveLength(before === sha("c") ? 0 : 1);
  }
});

it("says what GitLab says of a commit that cannot be reverted, of a wrong token, and of nobody there", async () => {
  const { url } = await host(gitlab({ ...gitlabWorld(), isConflicting: true }));
  await expect(
    createGitlabScm({ url, token, deadlineMs: 5_000 }).proposeRevert(onGitlab as never),
  ).rejects.toMatchObject({
    code: "rejected",
    message: expect.stringContaining("cannot revert this commit"),
  });
  const wrong = createGitlabScm({ url, token: new Secret("other"), deadlineMs: 5_000 });
  await expect(wrong.proposeRevert(onGitlab as never)).rejects.toMatchObject({ code: "unauthorised" });
  const nobody = createGithubScm({ apiUrl: "http://127.0.0.1:9", token, deadlineMs: 2_000 });
  await expect(nobody.proposeRevert(onGithub as never)).rejects.toMatchObject({ code: "unreachable" });
});
