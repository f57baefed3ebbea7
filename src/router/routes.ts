/**
 * What the router knows: per service the backends, one per version, and the percent each takes.
 * Reading of untrusted input; every refusal names the field.
 */
import { readSticky, type Sticky } from "./sticky.ts";

export interface Backend {
  readonly version: string;
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** Percent of requests, 0 to 100 in steps of 0.01. */
  readonly weight: number;
}

export interface Route {
  readonly service: string;
  /** Goes up by one with every change. */
  readonly revision: number;
  readonly backends: readonly Backend[];
  /** What keeps a person or a tester on one version; undefined where each request is on its own. */
  readonly sticky?: Sticky | undefined;
  /** The caller's mark of the last change, so that it can recognise its own. */
  readonly changedBy: string | null;
}

export interface Replacement {
  readonly service: string;
  readonly backends: readonly Backend[];
  readonly sticky?: Sticky | undefined;
  /** Refuse unless the route stands at this revision; 0 means that there is none yet. */
  readonly expectedRevision: number | null;
  readonly changedBy: string | null;
}

export type Read<T> = { ok: true; value: T } | { ok: false; field: string; message: string };

export const backendsMax = 32;
const servicePattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const versionPattern = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;
const markPattern = /^[\x21-\x7e]{1,200}$/;

export function readReplacement(service: string, body: unknown): Read<Replacement> {
  if (!servicePattern.test(service)) {
    return refuse("service", "must be lower-case letters, digits, '.', '_' or '-', 63 at most");
  }
  if (!isRecord(body)) return refuse("body", "must be a JSON object with `backends`");
  const unknownKey = Object.keys(body).find(
    (key) => !["backends", "sticky", "revision", "changedBy"].includes(key),
  );
  if (unknownKey !== undefined) return refuse(unknownKey, "is not a field of a route");
  const backends = readBackends(body.backends);
  if (!backends.ok) return backends;
  const sticky = readSticky(body.sticky);
  if (!sticky.ok) return sticky;
  const revision = body.revision ?? null;
  if (revision !== null && !isRevision(revision)) {
    return refuse("revision", "must be a whole number, 0 or more");
  }
  const changedBy = body.changedBy ?? null;
  if (changedBy !== null && !(typeof changedBy === "string" && markPattern.test(changedBy))) {
    return refuse("changedBy", "must be 1 to 200 visible ASCII characters");
  }
  return {
    ok: true,
    value: { service, backends: backends.value, sticky: sticky.value, expectedRevision: revision, changedBy },
  };
}

/** A route as the state file holds it. */
export function readRoute(input: unknown): Read<Route> {
  if (!isRecord(input) || typeof input.service !== "string") return refuse("service", "is missing");
  const { service, revision, backends, sticky, changedBy } = input;
  if (!isRevision(revision)) return refuse("revision", "must be a whole number, 0 or more");
  const read = readReplacement(service, { backends, sticky, changedBy });
  if (!read.ok) return read;
  return {
    ok: true,
    value: {
      service,
      revision,
      backends: read.value.backends,
      sticky: read.value.sticky,
      changedBy: read.value.changedBy,
    },
  };
}

function readBackends(input: unknown): Read<Backend[]> {
  if (!Array.isArray(input) || input.length === 0)
    return refuse("backends", "must be a list of at least one");
  if (input.length > backendsMax) return refuse("backends", `must be ${backendsMax} at most`);
  const backends: Backend[] = [];
  let sumUnits = 0;
  for (const [index, item] of input.entries()) {
    const field = `backends[${index}]`;
    const backend = readBackend(field, item);
    if (!backend.ok) return backend;
    if (backends.some((other) => other.version === backend.value.version)) {
      return refuse(`${field}.version`, `names ${backend.value.version} a second time`);
    }
    sumUnits += Math.round(backend.value.weight * 100);
    backends.push(backend.value);
  }
  if (sumUnits !== 10_000) return refuse("backends[].weight", `must sum to 100, not ${sumUnits / 100}`);
  return { ok: true, value: backends };
}

function readBackend(field: string, input: unknown): Read<Backend> {
  if (!isRecord(input)) return refuse(field, "must be an object with version, url and weight");
  const unknownKey = Object.keys(input).find((key) => !["version", "url", "weight"].includes(key));
  if (unknownKey !== undefined) return refuse(`${field}.${unknownKey}`, "is not a field of a backend");
  const { version, url, weight } = input;
  if (typeof version !== "string" || !versionPattern.test(version)) {
    return refuse(`${field}.version`, "must be letters, digits, '.', '_', '+' or '-', 128 at most");
  }
  if (typeof url !== "string" || !isOrigin(url)) {
    return refuse(
      `${field}.url`,
      "must be http://host:port or https://host:port without path or credentials",
    );
  }
  if (typeof weight !== "number" || !(weight >= 0 && weight <= 100)) {
    return refuse(`${field}.weight`, "must be a number from 0 to 100");
  }
  if (Math.abs(weight * 100 - Math.round(weight * 100)) > 1e-6) {
    return refuse(`${field}.weight`, "must have two decimals at most");
  }
  return { ok: true, value: { version, url: new URL(url).origin, weight: Math.round(weight * 100) / 100 } };
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const isHttp = url.protocol === "http:" || url.protocol === "https:";
  return isHttp && url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
}

type Traffic = Pick<Route, "backends" | "sticky">;

/** Same backends with the same weights, in any order, and as sticky. */
export function isSameTraffic(a: Traffic, b: Traffic): boolean {
  const key = ({ backends, sticky }: Traffic) =>
    JSON.stringify([
      [...backends].map((one) => [one.version, one.url, one.weight]).sort(),
      sticky?.header,
      sticky?.cookie,
    ]);
  return key(a) === key(b);
}

/**
 * The service a request is for: the `Host` header's name, or that name before `.localhost`, else the only
 * route there is.
 */
export function serviceFor(
  host: string | undefined,
  services: ReadonlyMap<string, unknown>,
): string | undefined {
  const name = (host ?? "").toLowerCase().replace(/:\d+$/, "");
  if (services.has(name)) return name;
  const label = name.endsWith(".localhost") ? name.slice(0, -".localhost".length) : "";
  if (services.has(label)) return label;
  return services.size === 1 ? (services.keys().next().value as string) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isRevision(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function refuse(field: string, message: string): { ok: false; field: string; message: string } {
  return { ok: false, field, message };
}
