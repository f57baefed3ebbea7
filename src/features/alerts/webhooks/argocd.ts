/**
 * Argo CD, as the notification template in deploy/argocd-notifications.yaml writes it: syncs as deploys, a degraded
 * application and a failed sync as alerts. Pure. Source of the values: Argo CD docs, "Application" custom resource,
 * `status.operationState`, `status.health` and `status.sync`.
 */
import { z } from "zod";
import type { DeployEvent, ReadEvent } from "../events.ts";
import type { ReadAlert, ReadDelivery } from "../model.ts";
import { linkOf, linksOf } from "./links.ts";
import { delivery, type Inbound, readBody } from "./reader.ts";
import { clean, firstText, textOf } from "./texts.ts";
import { time } from "./times.ts";

const words = z.string().nullish();

const bodySchema = z.object(
  {
    app: z.string().regex(/\S/, "is blank"),
    namespace: words,
    project: words,
    /** Labels of the application; these name what the catalog calls it. */
    service: words,
    environment: words,
    destination: z.object({ namespace: words, cluster: words }).nullish(),
    repository: words,
    revision: words,
    /** Of an application with several sources. */
    revisions: z.array(z.string()).nullish(),
    images: z.array(z.string()).nullish(),
    phase: words,
    message: words,
    startedAt: time,
    finishedAt: time,
    initiatedBy: words,
    health: words,
    healthMessage: words,
    /** Since when its health is what it is. */
    healthSince: time,
    sync: words,
    url: words,
  },
  { error: "must be an object, as the template of deploy/argocd-notifications.yaml writes it" },
);
type Told = z.output<typeof bodySchema>;

export function readArgocd({ body }: Inbound): ReadDelivery {
  const read = readBody(body, bodySchema);
  if ("problems" in read) return delivery({ problems: read.problems });
  const told = read.value;
  const app = told.namespace ? `${told.namespace}/${told.app}` : told.app;
  const revision = revisionOf(told);
  const events = [syncEvent(told, app, revision)].filter((event) => event !== undefined);
  const alerts = [healthAlert(told, app), syncAlert(told, app, revision)].filter(
    (alert) => alert !== undefined,
  );
  const stamps = [told.startedAt, told.finishedAt, told.healthSince].map((at) => at?.toISOString() ?? "-");
  return delivery({
    // Without the time of its health, a second time it is degraded would read as the first one sent again.
    deliveryId:
      told.healthSince === undefined
        ? null
        : [app, revision ?? "-", told.phase ?? "-", told.health ?? "-", ...stamps].join(" "),
    events:
      events.length + alerts.length > 0
        ? events
        : [
            {
              kind: "other",
              type: "application",
              title: `${app}: ${[told.phase, told.health, told.sync].filter((word) => word).join(", ") || "told nothing"}`,
              url: linkOf(told.url) ?? null,
              at: told.healthSince ?? null,
            },
          ],
    alerts,
  });
}

/** One revision, or those of every source joined. */
function revisionOf({ revision, revisions }: Told): string | undefined {
  const several = (revisions ?? []).map((one) => one.slice(0, 12)).join("+");
  return textOf(revision) ?? textOf(several);
}

/** Phases of `operationState`; a sync that went through is good once what it brought is healthy. */
function outcomeOf({ phase, health }: Told): DeployEvent["outcome"] | undefined {
  switch (phase) {
    case "Running":
      return "started";
    case "Succeeded":
      return health === "Healthy" ? "good" : "unknown";
    case "Failed":
    case "Error":
      return "bad";
    default:
      return undefined;
  }
}

function syncEvent(told: Told, app: string, revision: string | undefined): ReadEvent | undefined {
  const outcome = outcomeOf(told);
  if (outcome === undefined || revision === undefined) return undefined;
  return {
    kind: "deploy",
    change: "deploy",
    service: textOf(told.service) ?? clean(told.app),
    repository: repositoryOf(told.repository),
    environment: textOf(told.environment) ?? null,
    version: revision,
    outcome,
    by: firstText(told.initiatedBy) ?? "argocd",
    url: linkOf(told.url) ?? null,
    at: told.startedAt ?? told.finishedAt ?? null,
    reference: `argocd:${app}@${revision}/${told.startedAt?.toISOString() ?? ""}`,
  };
}

/** `owner/name` of an address to clone from. */
function repositoryOf(address: string | null | undefined): string | null {
  const [, path] = /^(?:\w+:\/\/[^/]+\/|[^/@]+@[^:/]+:)(.+?)(?:\.git)?\/?$/.exec(address ?? "") ?? [];
  return path === undefined ? null : clean(path);
}

const labelsOf = (told: Told, alertname: string): Record<string, string> => {
  const pairs = {
    alertname,
    service: textOf(told.service) ?? told.app,
    environment: told.environment,
    app: told.app,
    namespace: told.destination?.namespace ?? told.namespace,
    cluster: told.destination?.cluster,
    project: told.project,
  };
  return Object.fromEntries(
    Object.entries(pairs).flatMap(([name, value]) => {
      const text = textOf(value);
      return text === undefined ? [] : [[name, text]];
    }),
  );
};

function healthAlert(told: Told, app: string): ReadAlert | undefined {
  if (told.health !== "Degraded" && told.health !== "Healthy") return undefined;
  const isFiring = told.health === "Degraded";
  const summary = textOf(told.healthMessage);
  return {
    fingerprint: `${app}/health`,
    status: isFiring ? "firing" : "resolved",
    labels: labelsOf(told, "ArgoCDHealthDegraded"),
    annotations: isFiring && summary ? { summary } : {},
    startsAt: isFiring ? told.healthSince : undefined,
    endsAt: isFiring ? undefined : told.healthSince,
    title: `${clean(told.app)} is degraded`,
    links: linksOf([["application", told.url]]),
    // Argo CD grades nothing, and whether this hurts is not known from it: without a word, it may wake somebody.
    severity: "error",
  };
}

function syncAlert(told: Told, app: string, revision: string | undefined): ReadAlert | undefined {
  const outcome = outcomeOf(told);
  if (outcome === undefined || outcome === "started") return undefined;
  const isFiring = outcome === "bad";
  const summary = textOf(told.message);
  return {
    fingerprint: `${app}/sync`,
    status: isFiring ? "firing" : "resolved",
    labels: labelsOf(told, "ArgoCDSyncFailed"),
    annotations: isFiring && summary ? { summary } : {},
    startsAt: isFiring ? (told.finishedAt ?? told.startedAt) : undefined,
    endsAt: isFiring ? undefined : told.finishedAt,
    title: `Sync of ${clean(told.app)}${revision ? ` to ${revision.slice(0, 12)}` : ""} failed`,
    links: linksOf([["application", told.url]]),
    severity: "warning",
    // What ran before runs on: no reason to wake anybody where no budget is known.
    severityText: isFiring ? textOf(told.phase) : undefined,
  };
}
