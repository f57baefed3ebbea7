/**
 * Flagger's webhooks, of type `event` and the rest: a canary's progress as a deploy, a failed one as an alert. Pure.
 * Source: Flagger docs, "Webhooks". What a canary's `metadata` says goes before Flagger's own names: `service`,
 * `environment`, `version`; nothing else of it is read.
 */
import { z } from "zod";
import type { DeployEvent } from "../events.ts";
import type { ReadAlert, ReadDelivery } from "../model.ts";
import { delivery, type Inbound, readBody } from "./reader.ts";
import { clean, textOf } from "./texts.ts";

const words = z.string().nullish();

const bodySchema = z.object(
  {
    name: z.string().regex(/\S/, "is blank"),
    namespace: z.string().regex(/\S/, "is blank"),
    phase: z.string().regex(/\S/, "is blank"),
    checksum: words,
    metadata: z
      .object({
        eventMessage: words,
        eventType: words,
        /** Milliseconds since 1970, as text. */
        timestamp: z.union([z.string(), z.number()]).nullish(),
        service: words,
        environment: words,
        version: words,
      })
      .nullish(),
  },
  { error: "must be an object" },
);

/** Phases in which a new version is on its way or has arrived; the others change nothing that runs. */
const outcomes: Readonly<Record<string, DeployEvent["outcome"]>> = {
  progressing: "started",
  waiting: "started",
  waitingpromotion: "started",
  promoting: "started",
  finalising: "started",
  initialized: "good",
  succeeded: "good",
  failed: "bad",
};

export function readFlagger({ body }: Inbound): ReadDelivery {
  const read = readBody(body, bodySchema);
  if ("problems" in read) return delivery({ problems: read.problems });
  const { name, namespace, phase, metadata } = read.value;
  const checksum = textOf(read.value.checksum);
  const phaseWord = phase.toLowerCase();
  const at = momentOf(metadata?.timestamp);
  const canary = `${namespace}/${name}`;
  const outcome = Object.hasOwn(outcomes, phaseWord) ? outcomes[phaseWord] : undefined;
  const version = textOf(metadata?.version) ?? checksum;
  const service = textOf(metadata?.service) ?? clean(name);
  const environment = textOf(metadata?.environment) ?? null;
  const message = textOf(metadata?.eventMessage);
  // Gates come again and again with the same words; an end may come to the same version once more, later.
  const isRepeated = at === undefined && outcome === "started";
  const deliveryId =
    at !== undefined
      ? [canary, checksum ?? "", phase, at.toISOString(), message ?? ""].join(" ")
      : isRepeated
        ? [canary, checksum ?? "", phase].join(" ")
        : null;
  const alert = alertOf(phaseWord, { canary, namespace, name, service, environment, version, message, at });
  if (outcome === undefined || version === undefined)
    return delivery({
      deliveryId,
      alerts: alert,
      events: [
        {
          kind: "other",
          type: `canary.${phaseWord}`,
          title: message ?? `${canary} is ${phase}`,
          url: null,
          at: at ?? null,
        },
      ],
    });
  return delivery({
    deliveryId,
    alerts: alert,
    events: [
      {
        kind: "deploy",
        change: "deploy",
        service,
        repository: null,
        environment,
        version,
        outcome,
        by: "flagger",
        url: null,
        at: at ?? null,
        reference: `flagger:${canary}@${checksum ?? version}`,
      },
    ],
  });
}

/**
 * Whether a post is another webhook than an event. A 2xx opens a gate and, of type rollback, takes a canary back; the
 * body does not tell which it is, so that each type has an address of its own.
 */
export function closedToFlagger(body: Buffer): string | undefined {
  const read = readBody(body, bodySchema);
  if ("problems" in read || textOf(read.value.metadata?.eventMessage) !== undefined) return undefined;
  return "This address is for webhooks of type event. Each other type has its own: add /confirm-rollout, /rollback, … to it.";
}

/** A failed canary is back on the version before, so that it warns; it is over when one succeeds. */
function alertOf(
  phase: string,
  canary: {
    canary: string;
    namespace: string;
    name: string;
    service: string;
    environment: string | null;
    version: string | undefined;
    message: string | undefined;
    at: Date | undefined;
  },
): ReadAlert[] {
  if (phase !== "failed" && phase !== "succeeded") return [];
  const { namespace, name, service, environment, version, message, at } = canary;
  const isFailed = phase === "failed";
  return [
    {
      fingerprint: `${canary.canary}/canary`,
      status: isFailed ? "firing" : "resolved",
      labels: {
        alertname: "CanaryFailed",
        service,
        namespace: clean(namespace),
        canary: clean(name),
        ...(environment === null ? {} : { environment }),
      },
      annotations: isFailed
        ? { summary: message ?? `Flagger took ${canary.canary} back${version ? ` from ${version}` : ""}.` }
        : {},
      startsAt: isFailed ? at : undefined,
      endsAt: isFailed ? undefined : at,
      title: `Canary of ${service} failed`,
      links: [],
      severity: "warning",
      severityText: isFailed ? "warning" : undefined,
    },
  ];
}

function momentOf(timestamp: string | number | null | undefined): Date | undefined {
  const ms = Number(timestamp ?? Number.NaN);
  const at = new Date(ms);
  return Number.isFinite(ms) && ms > 0 && !Number.isNaN(at.getTime()) ? at : undefined;
}
