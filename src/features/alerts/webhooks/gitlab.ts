/**
 * GitLab's webhooks: deployments and feature flags as changes, issues as tickets; pipelines, pushes and the rest are
 * shown and acted on by nobody. Pure. Source: GitLab docs, "Webhook events".
 */
import { z } from "zod";
import type { DeployEvent, TicketEvent } from "../events.ts";
import type { ReadDelivery } from "../model.ts";
import { linkOf } from "./links.ts";
import { delivery, type Inbound, jsonOf, problemsOf, typeSaid } from "./reader.ts";
import { clean, firstText, textOf } from "./texts.ts";
import { timeOf } from "./times.ts";

const words = z.string().nullish();
const idField = z
  .union([z.number(), z.string().regex(/\S/, "is blank")], { error: "must be a number" })
  .transform(String);

/** `2016-08-12 15:26:29 UTC`, `2021-04-28 21:50:00 +0200` and RFC 3339; GitLab writes all three. */
const moment = words.transform((text, context): Date | undefined => {
  if (text === undefined || text === null || text === "") return undefined;
  const at = timeOf(
    text
      .trim()
      .replace(/ UTC$/, "Z")
      .replace(/ ([+-]\d{4})$/, "$1"),
  );
  if (at !== undefined) return at;
  context.addIssue({ code: "custom", message: `"${clean(text).slice(0, 60)}" is not a time` });
  return z.NEVER;
});

const project = z.object({ path_with_namespace: z.string().regex(/\S/, "is blank"), web_url: words });
const user = z.object({ username: words, name: words }).nullish();
type User = z.output<typeof user>;
const nameOf = (someone: User): string | null => firstText(someone?.username, someone?.name) ?? null;

interface Told {
  inbound: Inbound;
  kind: string;
}
type Read = (body: unknown, told: Told) => Partial<ReadDelivery>;

function part<Output>(
  schema: z.ZodType<Output>,
  read: (payload: Output, told: Told) => Partial<ReadDelivery>,
): Read {
  return (body, told) => {
    const parsed = schema.safeParse(body, { error: typeSaid });
    return parsed.success ? read(parsed.data, told) : { problems: problemsOf(parsed.error) };
  };
}

const outcomes: Readonly<Record<string, DeployEvent["outcome"]>> = {
  created: "started",
  running: "started",
  success: "good",
  failed: "bad",
  canceled: "bad",
};

const readDeployment = part(
  z.object({
    status: z.string(),
    status_changed_at: moment,
    deployment_id: idField,
    deployable_url: words,
    environment: z
      .union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)])
      .nullish(),
    environment_external_url: words,
    project,
    short_sha: z.string().regex(/\S/, "is blank"),
    user,
    commit_url: words,
  }),
  (told) => {
    const { path_with_namespace: path } = told.project;
    const url =
      linkOf(told.environment_external_url) ?? linkOf(told.deployable_url) ?? linkOf(told.commit_url) ?? null;
    const outcome = Object.hasOwn(outcomes, told.status) ? outcomes[told.status] : undefined;
    const at = told.status_changed_at ?? null;
    if (outcome === undefined)
      return {
        events: [
          {
            kind: "other",
            type: `deployment.${told.status}`,
            title: `${path} ${told.short_sha} in ${told.environment ?? "no environment"} is ${told.status}`,
            url,
            at,
          },
        ],
      };
    return {
      events: [
        {
          kind: "deploy",
          change: "deploy",
          service: null,
          repository: path,
          environment: textOf(told.environment) ?? null,
          version: told.short_sha,
          outcome,
          by: nameOf(told.user),
          url,
          at,
          reference: `gitlab:${path}/deployment/${told.deployment_id}`,
        },
      ],
    };
  },
);

/** A pipeline deploys through its deployments, which come by themselves; of its variables, which may be secret, nothing is read. */
const readPipeline = part(
  z.object({
    object_attributes: z.object({
      id: idField,
      ref: words,
      sha: words,
      status: z.string(),
      url: words,
      created_at: moment,
      finished_at: moment,
    }),
    project,
    builds: z.array(z.object({ name: words, status: words })).nullish(),
  }),
  ({ object_attributes: pipeline, project: of, builds }) => {
    const counted = new Map<string, number>();
    for (const { status } of builds ?? [])
      counted.set(status ?? "unknown", (counted.get(status ?? "unknown") ?? 0) + 1);
    const jobs = [...counted].map(([status, count]) => `${count} ${status}`).join(", ");
    const ref = textOf(pipeline.ref);
    return {
      events: [
        {
          kind: "other",
          type: `pipeline.${pipeline.status}`,
          title: `${of.path_with_namespace}: pipeline ${pipeline.id}${ref ? ` on ${ref}` : ""} · ${pipeline.status}`,
          url: linkOf(pipeline.url) ?? linkOf(`${of.web_url ?? ""}/-/pipelines/${pipeline.id}`) ?? null,
          at: pipeline.finished_at ?? pipeline.created_at ?? null,
          facts: {
            id: pipeline.id,
            state: pipeline.status,
            ...(ref === undefined ? {} : { branch: ref }),
            ...(pipeline.sha ? { sha: pipeline.sha } : {}),
            ...(jobs === "" ? {} : { jobs }),
          },
        },
      ],
    };
  },
);

const moves: Readonly<Record<string, TicketEvent["what"]>> = {
  open: "opened",
  close: "closed",
  reopen: "reopened",
};

const readIssue = part(
  z.looseObject({
    object_attributes: z.object({
      iid: idField,
      action: words,
      created_at: moment,
      updated_at: moment,
      closed_at: moment,
    }),
    project,
    user,
    assignees: z.array(z.object({ username: words, name: words })).nullish(),
    changes: z.looseObject({ assignees: z.unknown() }).nullish(),
  }),
  (body, told) => {
    const { object_attributes: issue, project: of, user: by, assignees, changes } = body;
    const action = issue.action ?? "";
    const isAssigned = action === "update" && changes?.assignees !== undefined;
    const what = isAssigned ? "assigned" : Object.hasOwn(moves, action) ? moves[action] : undefined;
    if (what === undefined) return shown(body, told);
    const at = what === "opened" ? issue.created_at : what === "closed" ? issue.closed_at : issue.updated_at;
    return {
      events: [
        {
          kind: "ticket",
          system: "gitlab",
          key: issue.iid,
          project: of.path_with_namespace,
          what,
          by: nameOf(by),
          assignee: nameOf(assignees?.[0]),
          at: at ?? issue.updated_at ?? null,
        },
      ],
    };
  },
);

const readFeatureFlag = part(
  z.object({
    object_attributes: z.object({
      id: idField,
      name: z.string().regex(/\S/, "is blank"),
      active: z.boolean(),
    }),
    project,
    user,
  }),
  ({ object_attributes: flag, project: of, user: by }, { inbound }) => {
    const { path_with_namespace: path } = of;
    return {
      events: [
        {
          kind: "deploy",
          change: "flag",
          service: null,
          repository: path,
          environment: null,
          version: `${flag.name} ${flag.active ? "on" : "off"}`,
          outcome: "unknown",
          by: nameOf(by),
          url: linkOf(`${of.web_url ?? ""}/-/feature_flags/${flag.id}`) ?? null,
          at: null,
          // It may be turned on and off many times; without the sender's id of this one, when it came tells them apart.
          reference: `gitlab:${path}/flag/${flag.id}/${deliveryOf(inbound.headers) ?? inbound.receivedAt.toISOString()}`,
        },
      ],
    };
  },
);

const readers: Readonly<Record<string, Read>> = {
  deployment: readDeployment,
  feature_flag: readFeatureFlag,
  issue: readIssue,
  pipeline: readPipeline,
};

const anySchema = z.looseObject({
  event_name: words.catch(undefined),
  project: project.nullish().catch(undefined),
  object_attributes: z
    .looseObject({
      action: words.catch(undefined),
      status: words.catch(undefined),
      url: words.catch(undefined),
    })
    .nullish()
    .catch(undefined),
});

function shown(body: unknown, { kind }: Told): Partial<ReadDelivery> {
  const read = anySchema.safeParse(body, { error: typeSaid });
  const { project: of, object_attributes: thing } = read.success ? read.data : {};
  const what = firstText(thing?.action, thing?.status);
  const type = what ? `${kind}.${what}` : kind;
  return {
    events: [
      {
        kind: "other",
        type,
        title: `${of ? `${of.path_with_namespace}: ` : ""}${type.replaceAll(/[._]/g, " ")}`,
        url: linkOf(thing?.url) ?? linkOf(of?.web_url) ?? null,
        at: null,
      },
    ],
  };
}

/** `Idempotency-Key` stays the same when a delivery is tried again; older versions have the event's id alone. */
const deliveryOf = (headers: Inbound["headers"]): string | undefined =>
  firstText(headers["idempotency-key"], headers["x-gitlab-event-uuid"]);

const kindSchema = z.looseObject(
  { object_kind: z.string({ error: "is missing; GitLab names the event there" }).min(1) },
  { error: "must be an object" },
);

export function readGitlab(inbound: Inbound): ReadDelivery {
  const deliveryId = deliveryOf(inbound.headers) ?? null;
  const parsed = jsonOf(inbound.body);
  if ("problems" in parsed) return delivery({ deliveryId, problems: parsed.problems });
  const named = kindSchema.safeParse(parsed.json, { error: typeSaid });
  if (!named.success) return delivery({ deliveryId, problems: problemsOf(named.error) });
  const kind = named.data.object_kind;
  const read = Object.hasOwn(readers, kind) ? readers[kind] : undefined;
  return delivery({ deliveryId, ...(read ?? shown)(parsed.json, { inbound, kind }) });
}
