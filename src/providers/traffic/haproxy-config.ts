import { z } from "zod";
import type { ServiceTraffic, TrafficInstance } from "../../catalog/schema.ts";
import { ProviderError } from "../errors.ts";
import type { TrafficTarget } from "./contract.ts";
import { createMapLever } from "./haproxy-by-map.ts";
import { createServerLever } from "./haproxy-by-servers.ts";
import type { Lever } from "./haproxy-lever.ts";

const nameSchema = z.string().regex(/^[A-Za-z0-9_.:-]+$/, "must be a name as HAProxy takes it");

/**
 * `{ sockets, versions: [{ version, url?, backend?, servers? }] }` with `map`, and then a backend for each version, or
 * with `backend`, and then servers of it for each version.
 */
export const haproxyConfigSchema = z
  .strictObject({
    sockets: z
      .array(z.string().regex(/^(unix:\/\S+|tcp:\S+:\d+)$/, "must be unix:/path or tcp:host:port"))
      .min(1),
    map: z
      .string()
      .regex(/^\/[A-Za-z0-9._/-]+$/, "must be the map's path, as in HAProxy's configuration")
      .optional(),
    backend: nameSchema.optional(),
    versions: z
      .array(
        z.strictObject({
          version: z.string().min(1),
          url: z.url({ protocol: /^https?$/ }).optional(),
          backend: nameSchema.optional(),
          servers: z.array(nameSchema).min(1).optional(),
        }),
      )
      .min(1),
  })
  .superRefine(({ map, backend, versions }, { addIssue }) => {
    if ((map === undefined) === (backend === undefined))
      addIssue({ code: "custom", path: ["map"], message: "or backend must be given, and not both" });
    const field = map === undefined ? "servers" : "backend";
    for (const [index, version] of versions.entries())
      if (version[field] === undefined)
        addIssue({ code: "custom", path: ["versions", index, field], message: "is missing" });
  });
export type HaproxyConfig = z.input<typeof haproxyConfigSchema>;

/** What the catalog declares of a service on HAProxy, as the engine reads it. */
export function haproxyConfigOf(
  { sockets }: TrafficInstance & { kind: "haproxy" },
  { map, backend, versions }: ServiceTraffic,
): HaproxyConfig {
  return {
    sockets: [...sockets],
    ...(map === undefined ? {} : { map }),
    ...(backend === undefined ? {} : { backend }),
    versions: versions.map(({ name, url, backend: own, servers }) => ({
      version: name,
      ...(url === undefined ? {} : { url }),
      ...(own === undefined ? {} : { backend: own }),
      ...(servers === undefined ? {} : { servers: [...servers] }),
    })),
  };
}

export function readConfig(target: TrafficTarget): z.output<typeof haproxyConfigSchema> {
  const read = haproxyConfigSchema.safeParse(target.config);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new ProviderError(
    "rejected",
    `The HAProxy configuration of ${target.service} cannot be used: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
    "Correct the named field of the service's traffic in the catalog.",
  );
}

export function leverOf({ map, backend, versions }: z.output<typeof haproxyConfigSchema>): Lever {
  if (map !== undefined)
    return createMapLever(
      map,
      versions.map(({ version, backend: own = "" }) => ({ version, backend: own })),
    );
  return createServerLever(
    backend ?? "",
    versions.map(({ version, servers = [] }) => ({ version, servers })),
  );
}
