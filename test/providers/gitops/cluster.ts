/**
 * A cluster's custom objects over HTTP, as strict as an API server where it matters here: GET and PATCH of namespaced
 * objects of known kinds, RFC 7386 merge patches alone, `resourceVersion` compared and counted up, the errors as
 * Status objects. Every request is kept.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

type Json = Record<string, unknown>;
export interface StoredObject extends Json {
  metadata: {
    name: string;
    namespace: string;
    resourceVersion: string;
    annotations?: Record<string, string>;
  };
  spec: Json;
}

const known = new Set([
  "argoproj.io/v1alpha1/applications",
  "kustomize.toolkit.fluxcd.io/v1/kustomizations",
  "helm.toolkit.fluxcd.io/v2/helmreleases",
]);

export class ClusterStandIn {
  readonly requests: { method: string; path: string; body?: Json }[] = [];
  readonly objects = new Map<string, StoredObject>();
  /** Answered to every write instead, while set. */
  refusal: { code: number; reason: string; message: string } | undefined;
  /** Runs before the next write is looked at: somebody else's change in between. */
  before: (() => void) | undefined;
  /** Runs after every write: a controller that has another opinion. */
  after: ((object: StoredObject) => void) | undefined;
  #version = 100;
  #server: Server | undefined;

  static async start(): Promise<ClusterStandIn> {
    const cluster = new ClusterStandIn();
    const server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const { code, json } = cluster.#answer(
          req.method ?? "",
          req.url ?? "",
          String(req.headers["content-type"] ?? ""),
          text,
        );
        res.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(json));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cluster.#server = server;
    return cluster;
  }

  get url(): string {
    if (!this.#server) throw new Error("it is not started");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<unknown> {
    this.#server?.closeAllConnections();
    return new Promise((resolve) => this.#server?.close(resolve));
  }

  put(kind: string, namespace: string, name: string, spec: Json, more: Json = {}): StoredObject {
    const object = {
      ...more,
      metadata: { name, namespace, resourceVersion: this.#next() },
      spec,
    } as StoredObject;
    this.objects.set(`${kind}/${namespace}/${name}`, object);
    return object;
  }

  /** Somebody else's change. */
  edit(object: StoredObject, spec: Json): void {
    object.spec = merge(object.spec, spec) as Json;
    object.metadata.resourceVersion = this.#next();
  }

  #next(): string {
    this.#version += 1;
    return String(this.#version);
  }

  #answer(method: string, path: string, type: string, text: string): { code: number; json: unknown } {
    const body = text === "" ? undefined : (JSON.parse(text) as Json);
    this.requests.push({ method, path, ...(body ? { body } : {}) });
    const match = /^\/apis\/([^/]+)\/([^/]+)\/namespaces\/([^/]+)\/([^/]+)\/([^/?]+)$/.exec(path);
    const [, group, version, namespace, plural, name] = match ?? [];
    const kind = `${group}/${version}/${plural}`;
    if (!match || !known.has(kind))
      return status(404, "NotFound", "the server could not find the requested resource");
    const object = this.objects.get(`${kind}/${namespace}/${name}`);
    if (method === "GET") return object ? { code: 200, json: object } : missing(plural, group, name);
    if (method !== "PATCH" || body === undefined)
      return status(405, "MethodNotAllowed", "not supported here");
    if (type !== "application/merge-patch+json")
      return status(415, "UnsupportedMediaType", `custom objects take no ${type}`);
    if (this.refusal) return status(this.refusal.code, this.refusal.reason, this.refusal.message);
    this.before?.();
    this.before = undefined;
    if (!object) return missing(plural, group, name);
    const { metadata = {} } = body as { metadata?: Json };
    if (
      metadata.resourceVersion !== undefined &&
      metadata.resourceVersion !== object.metadata.resourceVersion
    )
      return status(
        409,
        "Conflict",
        `Operation cannot be fulfilled on ${plural} "${name}": the object has been modified`,
      );
    const patched = merge(object, body) as StoredObject;
    Object.assign(object, patched);
    object.metadata.resourceVersion = this.#next();
    this.after?.(object);
    return { code: 200, json: object };
  }
}

const status = (code: number, reason: string, message: string) => ({
  code,
  json: { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message },
});

const missing = (plural = "", group = "", name = "") => {
  const { code, json } = status(404, "NotFound", `${plural}.${group} "${name}" not found`);
  return { code, json: { ...json, details: { name, group, kind: plural } } };
};

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const base: Json =
    typeof target === "object" && target !== null && !Array.isArray(target) ? { ...(target as Json) } : {};
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete base[key];
    else base[key] = merge(base[key], value);
  return base;
}
