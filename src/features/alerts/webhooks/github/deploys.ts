/** Deployments, their states, and the workflows that deploy. Pure. Source: GitHub docs, "Webhook events and payloads". */
import { z } from "zod";
import type { DeployEvent, ReadEvent } from "../../events.ts";
import type { ReadDelivery } from "../../model.ts";
import { linkOf } from "../links.ts";
import { type Inbound, problemsOf, typeSaid } from "../reader.ts";
import { firstText, textOf } from "../texts.ts";
import { idField, moment, part, person, repository, shortSha, words } from "./parts.ts";

const deploymentSchema = z.object({
  id: idField,
  sha: z.string().regex(/\S/, "is blank"),
  environment: words,
  creator: person,
  created_at: moment,
});

type Outcome = DeployEvent["outcome"];

function deployOf(
  repo: string,
  deployment: z.output<typeof deploymentSchema>,
  told: { outcome: Outcome; by: string | undefined; url: string | undefined; at: Date | undefined },
): DeployEvent {
  return {
    kind: "deploy",
    change: "deploy",
    service: null,
    repository: repo,
    environment: textOf(deployment.environment) ?? null,
    version: deployment.sha,
    outcome: told.outcome,
    by: told.by ?? null,
    url: told.url ?? null,
    at: told.at ?? null,
    reference: `github:${repo}/deployment/${deployment.id}`,
  };
}

export const readDeployment = part(
  z.object({ action: words, deployment: deploymentSchema, repository, sender: person }),
  ({ deployment, repository: repo, sender }) => ({
    events: [
      deployOf(repo.full_name, deployment, {
        outcome: "started",
        by: firstText(deployment.creator?.login, sender?.login),
        url: undefined,
        at: deployment.created_at,
      }),
    ],
  }),
);

/** `inactive` only says that a newer deployment took this one's place. */
const outcomes: Readonly<Record<string, Outcome>> = {
  success: "good",
  failure: "bad",
  error: "bad",
  pending: "started",
  queued: "started",
  in_progress: "started",
};

export const readDeploymentStatus = part(
  z.object({
    deployment: deploymentSchema,
    deployment_status: z.object({
      state: z.string(),
      environment: words,
      environment_url: words,
      log_url: words,
      target_url: words,
      creator: person,
      created_at: moment,
    }),
    repository,
    sender: person,
  }),
  ({ deployment, deployment_status: status, repository: repo, sender }) => {
    const url = linkOf(status.log_url) ?? linkOf(status.target_url) ?? linkOf(status.environment_url);
    const outcome = Object.hasOwn(outcomes, status.state) ? outcomes[status.state] : undefined;
    if (outcome !== undefined)
      return {
        events: [
          deployOf(repo.full_name, deployment, {
            outcome,
            by: firstText(deployment.creator?.login, status.creator?.login, sender?.login),
            url,
            at: status.created_at,
          }),
        ],
      };
    return {
      events: [
        {
          kind: "other",
          type: `deployment_status.${status.state}`,
          title: `${repo.full_name} ${shortSha(deployment.sha)} in ${deployment.environment ?? "no environment"} is ${status.state}`,
          url: url ?? null,
          at: status.created_at ?? null,
        },
      ],
    };
  },
);

/** Workflows whose name or file says so deploy; a source may name its own. */
const deploys = /(?:^|[^a-z])(?:re)?(?:deploy|rollout|roll-out|promote)/i;

/** Runs for a proposed change deploy at most a preview of it. */
const proposals = ["pull_request", "pull_request_target", "merge_group"];

const conclusions: Readonly<Record<string, Outcome>> = {
  success: "good",
  failure: "bad",
  timed_out: "bad",
  startup_failure: "bad",
  cancelled: "bad",
};

const runSchema = z.object({
  action: words,
  workflow: z.object({ name: words }).nullish(),
  workflow_run: z.object({
    id: idField,
    name: words,
    display_title: words,
    path: words,
    event: words,
    head_branch: words,
    head_sha: z.string().regex(/\S/, "is blank"),
    conclusion: words,
    status: words,
    run_attempt: z.number().int().nullish(),
    html_url: words,
    run_started_at: moment,
    updated_at: moment,
    actor: person,
    triggering_actor: person,
  }),
  repository,
  sender: person,
});

export function readWorkflowRun(body: unknown, { source }: Inbound): Partial<ReadDelivery> {
  const parsed = runSchema.safeParse(body, { error: typeSaid });
  if (!parsed.success) return { problems: problemsOf(parsed.error) };
  const { workflow, workflow_run: run, repository: repo, sender, action } = parsed.data;
  const attempt = run.run_attempt ?? 1;
  const url = linkOf(run.html_url) ?? null;
  const isDone = run.status === "completed" || action === "completed";
  const outcome: Outcome | undefined = isDone ? conclusions[run.conclusion ?? ""] : "started";
  const pattern = source.deployWorkflows === undefined ? deploys : new RegExp(source.deployWorkflows, "iu");
  const names = [workflow?.name, run.name, run.path?.split("/").at(-1)];
  const isDeploy = !proposals.includes(run.event ?? "") && names.some((name) => pattern.test(name ?? ""));
  if (isDeploy && outcome !== undefined)
    return {
      events: [
        {
          kind: "deploy",
          change: "deploy",
          service: null,
          repository: repo.full_name,
          environment: null,
          version: run.head_sha,
          outcome,
          by: firstText(run.triggering_actor?.login, run.actor?.login, sender?.login) ?? null,
          url,
          at: (isDone ? run.updated_at : run.run_started_at) ?? null,
          reference: `github:${repo.full_name}/run/${run.id}/${attempt}`,
        },
      ],
    };
  const state = (isDone ? textOf(run.conclusion) : textOf(run.status)) ?? "of unknown outcome";
  const event: ReadEvent = {
    kind: "other",
    type: `workflow_run.${action ?? run.status ?? "changed"}`,
    title: `${repo.full_name}: ${firstText(run.name, run.display_title, workflow?.name, run.path) ?? "a workflow"} · ${state}`,
    url,
    at: run.updated_at ?? null,
    facts: {
      id: run.id,
      attempt: String(attempt),
      sha: run.head_sha,
      ...(textOf(run.head_branch) ? { branch: textOf(run.head_branch) as string } : {}),
      state,
    },
  };
  return { events: [event] };
}
