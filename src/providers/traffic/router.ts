import { z } from "zod";
import type { ServiceTraffic, TrafficInstance } from "../../catalog/schema.ts";
import { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import { checkKey, checkSnapshot, quoteForShell } from "./checks.ts";
import type {
  TrafficCall,
  TrafficEngine,
  TrafficSnapshot,
  TrafficState,
  TrafficTarget,
  TrafficVersion,
  VersionHealth,
} from "./contract.ts";
import { compareSnapshots } from "./parity.ts";
import { RouterApi, type RouterRoute } from "./router-api.ts";
import { reweigh } from "./weights.ts";

/**
 * `{ adminUrl, token, backends: [{ version, url }], sticky?, healthPath? }`: the router's admin interface, every
 * version's address, what keeps people on a version, and where a version says that it is well.
 */
export const routerConfigSchema = z.strictObject({
  adminUrl: z.url({ protocol: /^https?$/ }),
  token: z.custom<{ reveal(): string }>(
    (value) => typeof (value as { reveal?: unknown } | null)?.reveal === "function",
    "must be a secret",
  ),
  backends: z
    .array(z.strictObject({ version: z.string().min(1), url: z.url({ protocol: /^https?$/ }) }))
    .min(1),
  sticky: z.strictObject({ header: z.string().optional(), cookie: z.string().optional() }).optional(),
  healthPath: z.string().startsWith("/").optional(),
});
export type RouterConfig = z.input<typeof routerConfigSchema>;

const engine = "router";

/** Traffic through the `router` role. */
export function createRouterEngine(): TrafficEngine {
  return {
    engine,

    versions: (target) => readConfig(target).backends.map(({ version }) => version),
    knows: (target, version) => backendOf(readConfig(target), version) !== undefined,
    addressOf(target, version) {
      const url = backendOf(readConfig(target), version)?.url;
      return url === undefined ? null : new URL(url).origin;
    },
    weights: async () => null,

    async health(target, version, call) {
      const config = readConfig(target);
      const address = backendOf(config, version)?.url;
      if (address === undefined)
        return { state: "down", ready: null, wanted: null, detail: `${version} has no address` };
      return probe(address, config.healthPath, call);
    },

    async describe(target, call) {
      const route = await open(target, call).api.read(target.service);
      return stateOf(target, route);
    },

    setWeight,

    promote(target, version, idempotencyKey, call) {
      return setWeight(target, version, 100, idempotencyKey, call);
    },

    async snapshot(target, call) {
      const route = await open(target, call).api.read(target.service);
      return snapshotOf(target, route ?? throwUnknown(target));
    },

    async revert(target, snapshot, idempotencyKey, call) {
      checkKey(idempotencyKey);
      checkSnapshot(engine, target, snapshot);
      const { api, config } = open(target, call);
      // No revision: the way back wins over whatever stands there.
      await api.replace(target.service, {
        backends: backendsOf(snapshot.versions),
        ...stickyOf(config),
        changedBy: idempotencyKey,
      });
      return stateOf(target, await api.read(target.service));
    },

    async parity(target, snapshot, call) {
      checkSnapshot(engine, target, snapshot);
      const route = await open(target, call).api.read(target.service);
      return compareSnapshots(snapshot, snapshotOf(target, route ?? throwUnknown(target)));
    },

    manualRevert(target, snapshot) {
      checkSnapshot(engine, target, snapshot);
      const config = readConfig(target);
      const url = new URL(`/routes/${encodeURIComponent(target.service)}`, config.adminUrl);
      const body = JSON.stringify({ backends: backendsOf(snapshot.versions), ...stickyOf(config) });
      return [
        `curl -fsS -X PUT -H "Authorization: Bearer $ROUTER_TOKEN" -H 'content-type: application/json' ${quoteForShell(url.href)} -d ${quoteForShell(body)}`,
      ];
    },
  };
}

/** Left out where there is none, so that a router of an earlier release understands what is asked. */
const stickyOf = ({ sticky }: RouterConfig) => (sticky === undefined ? {} : { sticky });

const backendOf = (config: RouterConfig, version: string) =>
  config.backends.find((one) => one.version === version);

/** What the catalog declares of a service on a router, as the engine reads it. */
export function routerConfigOf(
  instance: TrafficInstance & { kind: "router" },
  entry: ServiceTraffic,
  env: (name: string) => string | undefined,
): RouterConfig {
  return {
    adminUrl: instance.adminUrl,
    token: new Secret(env(instance.tokenEnv) ?? ""),
    backends: entry.versions.map(({ name, url = "" }) => ({ version: name, url })),
    ...(entry.sticky === undefined ? {} : { sticky: entry.sticky }),
    ...(entry.healthPath === undefined ? {} : { healthPath: entry.healthPath }),
  };
}

/**
 * At `healthPath` only a 2xx or 3xx is well. Without one a process that answers at all serves; only 5xx and no
 * connection say otherwise.
 */
async function probe(
  address: string,
  healthPath: string | undefined,
  { deadlineMs, signal }: TrafficCall,
): Promise<VersionHealth> {
  const none = { ready: null, wanted: null };
  const timeout = AbortSignal.timeout(deadlineMs);
  try {
    const answer = await fetch(new URL(healthPath ?? "", address), {
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    await answer.body?.cancel();
    const detail = `${healthPath ?? ""} answers ${answer.status}`.trim();
    if (answer.status < (healthPath === undefined ? 500 : 400)) return { ...none, state: "serving", detail };
    return { ...none, state: healthPath === undefined ? "unknown" : "starting", detail };
  } catch (error) {
    if (timeout.aborted)
      return { ...none, state: "unknown", detail: `${address} does not answer in ${deadlineMs} ms` };
    const code = (error as { cause?: { code?: string } }).cause?.code ?? "";
    return closed.has(code)
      ? { ...none, state: "down", detail: `${address} takes no connection` }
      : { ...none, state: "unknown", detail: `${address} could not be asked${code ? `: ${code}` : ""}` };
  }
}

/** Nobody listens there, or who does hangs up: by Node's and undici's codes. All else is the way there. */
const closed: ReadonlySet<string> = new Set(["ECONNREFUSED", "ECONNRESET", "UND_ERR_SOCKET"]);

async function setWeight(
  target: TrafficTarget,
  version: string,
  percent: number,
  idempotencyKey: string,
  call: TrafficCall,
): Promise<TrafficState> {
  checkKey(idempotencyKey);
  const { api, config } = open(target, call);
  const backend = backendOf(config, version);
  if (!backend) {
    const known = config.backends.map((one) => one.version).join(", ");
    throw new ProviderError(
      "not_found",
      `version ${version} of ${target.service} has no address; known: ${known}`,
      "Add it to the service's traffic versions in the catalog.",
    );
  }
  const route = await api.read(target.service);
  const reweighed = reweigh(stateOf(target, route).versions, { version, address: backend.url }, percent);
  if (!reweighed.ok) {
    throw new ProviderError("rejected", `${target.service}: ${reweighed.message}`, reweighed.hint);
  }
  await api.replace(target.service, {
    backends: backendsOf(reweighed.versions),
    ...stickyOf(config),
    revision: route?.revision ?? 0,
    changedBy: idempotencyKey,
  });
  return stateOf(target, await api.read(target.service));
}

function open(target: TrafficTarget, call: TrafficCall): { api: RouterApi; config: RouterConfig } {
  const config = readConfig(target);
  return { api: new RouterApi(config, call), config };
}

function readConfig(target: TrafficTarget): RouterConfig {
  const read = routerConfigSchema.safeParse(target.config);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new ProviderError(
    "rejected",
    `The router configuration of ${target.service} cannot be used: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
    "Correct the named field of the service's traffic in the catalog.",
  );
}

function stateOf(target: TrafficTarget, route: RouterRoute | undefined): TrafficState {
  return {
    service: target.service,
    environment: target.environment,
    versions: route ? versionsOf(route) : [],
    revision: String(route?.revision ?? 0),
    changedBy: route?.changedBy ?? null,
    managedBy: null,
  };
}

function snapshotOf(target: TrafficTarget, route: RouterRoute): TrafficSnapshot {
  const { service, environment } = target;
  return { engine, service, environment, versions: versionsOf(route), fields: {} };
}

function versionsOf(route: RouterRoute): TrafficVersion[] {
  return route.backends.map(({ version, url, weight }) => ({ version, weightPercent: weight, address: url }));
}

function backendsOf(versions: readonly TrafficVersion[]): RouterRoute["backends"] {
  return versions.map(({ version, weightPercent, address }) => ({
    version,
    url: address ?? "",
    weight: weightPercent,
  }));
}

function throwUnknown(target: TrafficTarget): never {
  throw new ProviderError(
    "not_found",
    `The router has no route for ${target.service}`,
    "Give the service its first version at 100 %.",
  );
}
