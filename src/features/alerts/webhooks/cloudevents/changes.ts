/**
 * Events that say that something went out: CDEvents' services, and `dev.quarterdeck.deploy`, `.config`, `.flag`. Pure.
 * Source: CDEvents spec, "Continuous Deployment Events"; package URLs: package-url/purl-spec.
 */
import { z } from "zod";
import type { DeployEvent } from "../../events.ts";
import type { Unreadable } from "../../model.ts";
import { linkOf } from "../links.ts";
import { problemsOf, typeSaid } from "../reader.ts";
import { clean, textOf } from "../texts.ts";
import { time } from "../times.ts";
import type { CloudEvent } from "./envelope.ts";

type Read = { event: DeployEvent } | { problems: readonly Unreadable[] } | undefined;

/** The change an event tells of; undefined when it tells of none. */
export function changeOf(event: CloudEvent): Read {
  const [, own] = /^dev\.quarterdeck\.(deploy|config|flag)$/.exec(event.type) ?? [];
  if (own !== undefined) return ownChange(event, own as DeployEvent["change"]);
  // The version of the type's schema stands behind its name: `dev.cdevents.service.deployed.0.3.0`.
  if (/^dev\.cdevents\.service\.(deployed|upgraded|rolledback)(\.|$)/.test(event.type))
    return serviceChange(event);
  return undefined;
}

const fieldsAt = (event: CloudEvent): string => (event.at === "" ? "data" : `${event.at}.data`);

const ownSchema = z.object(
  {
    service: z.string().regex(/\S/, "is blank").nullish(),
    repository: z.string().regex(/\S/, "is blank").nullish(),
    environment: z.string().regex(/\S/, "is blank").nullish(),
    version: z.string({ error: "is missing" }).regex(/\S/, "is blank"),
    outcome: z
      .enum(["started", "good", "bad", "unknown"], { error: "must be one of started, good, bad, unknown" })
      .nullish(),
    by: z.string().nullish(),
    url: z.string().nullish(),
    at: time,
    reference: z.string().regex(/\S/, "is blank").nullish(),
  },
  { error: "must be an object with version, and service or repository" },
);

function ownChange(event: CloudEvent, change: DeployEvent["change"]): Read {
  const read = ownSchema.safeParse(event.data, { error: typeSaid });
  if (!read.success) return { problems: problemsOf(read.error, fieldsAt(event)) };
  const { service, repository, environment, version, outcome, by, url, at, reference } = read.data;
  const subject = textOf(service) ?? (repository ? undefined : event.subject);
  if (subject === undefined && !repository)
    return { problems: [{ field: `${fieldsAt(event)}.service`, why: "is missing, and so is repository" }] };
  return {
    event: {
      kind: "deploy",
      change,
      service: subject ?? null,
      repository: textOf(repository) ?? null,
      environment: textOf(environment) ?? null,
      version: clean(version),
      outcome: outcome ?? "unknown",
      by: textOf(by) ?? null,
      url: linkOf(url) ?? null,
      at: at ?? event.time ?? null,
      // Events of one deploy, begun and ended, share the reference their sender gives.
      reference: reference
        ? `cloudevents:${event.source} ${clean(reference)}`
        : `cloudevents:${event.source} ${event.id}`,
    },
  };
}

const serviceSchema = z.object(
  {
    subject: z.object(
      {
        id: z.string().regex(/\S/, "is blank"),
        content: z.object(
          {
            environment: z.object({ id: z.string().nullish(), name: z.string().nullish() }).nullish(),
            artifactId: z.string({ error: "is missing" }).regex(/\S/, "is blank"),
          },
          { error: "must be an object, as CDEvents has it" },
        ),
      },
      { error: "must be an object, as CDEvents has it" },
    ),
  },
  { error: "must be an object, as CDEvents has it" },
);

function serviceChange(event: CloudEvent): Read {
  const read = serviceSchema.safeParse(event.data, { error: typeSaid });
  if (!read.success) return { problems: problemsOf(read.error, fieldsAt(event)) };
  const { id, content } = read.data.subject;
  return {
    event: {
      kind: "deploy",
      change: "deploy",
      // `service/shop`, `daemonset/shop`: the name stands last.
      service: clean(id.split("/").at(-1) || id),
      repository: null,
      environment: textOf(content.environment?.name) ?? textOf(content.environment?.id) ?? null,
      version: versionOf(content.artifactId),
      outcome: "good",
      by: event.source,
      url: null,
      at: event.time ?? null,
      reference: `cloudevents:${event.source} ${event.id}`,
    },
  };
}

/** Of a package URL its tag, else its version; anything else is the version itself. */
function versionOf(artifact: string): string {
  const [, path = "", query = ""] = /^pkg:([^?#]+)(?:\?([^#]*))?/.exec(artifact) ?? [];
  const tag = new URLSearchParams(query).get("tag");
  const [, version] = /@([^@/]+)$/.exec(path) ?? [];
  if (tag) return clean(tag);
  if (version === undefined) return clean(artifact);
  try {
    return clean(decodeURIComponent(version));
  } catch {
    return clean(version);
  }
}
