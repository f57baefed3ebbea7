/** Pushes, builds, releases and every other event: shown, acted on by nobody. Pure. */
import { z } from "zod";
import type { ReadDelivery } from "../../model.ts";
import { linkOf } from "../links.ts";
import { typeSaid } from "../reader.ts";
import { firstText, textOf } from "../texts.ts";
import { idField, moment, part, repository, shortSha, words } from "./parts.ts";

/** Forty zeros stand for no commit: of a branch or tag that begins or ends. */
const isNoCommit = (sha: string): boolean => /^0+$/.test(sha);

export const readPush = part(
  z.object({
    ref: z.string().regex(/\S/, "is blank"),
    before: z.string(),
    after: z.string(),
    created: z.boolean().nullish(),
    deleted: z.boolean().nullish(),
    compare: words,
    commits: z.array(z.unknown()).nullish(),
    head_commit: z.object({ timestamp: moment }).nullish(),
    repository,
  }),
  (push) => {
    const [, kind = "", name = push.ref] = /^refs\/(heads|tags)\/(.+)$/.exec(push.ref) ?? [];
    const what = kind === "tags" ? "tag" : kind === "heads" ? "branch" : "ref";
    const count = push.commits?.length ?? 0;
    const isDeleted = push.deleted ?? isNoCommit(push.after);
    const isCreated = push.created ?? isNoCommit(push.before);
    const change = isDeleted ? "deleted" : isCreated ? "created" : "pushed";
    const commits = isDeleted
      ? ""
      : `, ${count} ${count === 1 ? "commit" : "commits"} to ${shortSha(push.after)}`;
    return {
      events: [
        {
          kind: "other",
          type: `push.${change}`,
          title: `${push.repository.full_name}: ${what} ${name} ${change}${commits}`,
          url: linkOf(push.compare) ?? null,
          at: push.head_commit?.timestamp ?? null,
          facts: { ref: push.ref, before: push.before, after: push.after, commits: String(count) },
        },
      ],
    };
  },
);

export const readCheckSuite = part(
  z.object({
    action: words,
    check_suite: z.object({
      id: idField,
      head_branch: words,
      head_sha: z.string().regex(/\S/, "is blank"),
      status: words,
      conclusion: words,
      app: z.object({ name: words }).nullish(),
      updated_at: moment,
    }),
    repository,
  }),
  ({ action, check_suite: suite, repository: repo }) => {
    const state = firstText(suite.conclusion, suite.status) ?? "unknown";
    const branch = textOf(suite.head_branch);
    return {
      events: [
        {
          kind: "other",
          type: `check_suite.${action ?? "changed"}`,
          title: `${repo.full_name}: ${textOf(suite.app?.name) ?? "checks"} on ${branch ?? shortSha(suite.head_sha)} · ${state}`,
          url: linkOf(`${repo.html_url ?? ""}/commit/${suite.head_sha}/checks`) ?? null,
          at: suite.updated_at ?? null,
          facts: { id: suite.id, sha: suite.head_sha, state, ...(branch === undefined ? {} : { branch }) },
        },
      ],
    };
  },
);

export const readRelease = part(
  z.object({
    action: z.string(),
    release: z.object({
      tag_name: z.string(),
      name: words,
      prerelease: z.boolean().nullish(),
      draft: z.boolean().nullish(),
      html_url: words,
      published_at: moment,
      created_at: moment,
    }),
    repository,
  }),
  ({ action, release, repository: repo }) => ({
    events: [
      {
        kind: "other",
        type: `release.${action}`,
        title: `${repo.full_name}: release ${textOf(release.name) ?? release.tag_name} ${action}`,
        url: linkOf(release.html_url) ?? null,
        at: release.published_at ?? release.created_at ?? null,
        facts: { tag: release.tag_name, prerelease: String(release.prerelease ?? false) },
      },
    ],
  }),
);

const anySchema = z.looseObject({
  action: words.catch(undefined),
  repository: repository.nullish().catch(undefined),
  zen: words.catch(undefined),
});

/** An event this knows no more of than its name. */
export function shown(event: string, body: unknown): Partial<ReadDelivery> {
  const read = anySchema.safeParse(body, { error: typeSaid });
  const { action, repository: repo } = read.success ? read.data : {};
  const type = action ? `${event}.${action}` : event;
  return {
    events: [
      {
        kind: "other",
        type,
        title: `${repo ? `${repo.full_name}: ` : ""}${type.replaceAll(/[._]/g, " ")}`,
        url: linkOf(repo?.html_url) ?? null,
        at: null,
      },
    ],
  };
}
