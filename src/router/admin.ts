import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "./log.ts";
import type { RouterMetrics } from "./metrics.ts";
import { readReplacement } from "./routes.ts";
import type { RouteTable } from "./table.ts";

const bodyBytesMax = 65_536;

/** Refusals of the admin interface; `error` in the body names the code, the field where there is one, and why. */
class AdminRefusal extends Error {
  constructor(
    readonly status: number,
    readonly code: "unauthorised" | "not_found" | "invalid" | "conflict" | "too_large" | "not_kept",
    message: string,
    readonly field?: string,
  ) {
    super(message);
  }
}

/**
 * The admin interface.
 * - `GET /routes`, `GET /routes/:service`: what is in force (bearer token).
 * - `PUT /routes/:service` `{ backends: [{ version, url, weight }], sticky?, revision?, changedBy? }`: replaces the route
 *   at once and answers with it when it is on disk (bearer token). 409 when it stands at another revision.
 * - `GET /metrics`, `GET /healthz`: open.
 */
export function createAdmin(
  table: RouteTable,
  metrics: RouterMetrics,
  token: { reveal(): string },
  log: Log,
) {
  const expected = digest(`Bearer ${token.reveal()}`);

  return (request: IncomingMessage, answer: ServerResponse): void => {
    void respond(request, answer).catch((error: unknown) => {
      const refusal =
        error instanceof AdminRefusal
          ? error
          : new AdminRefusal(
              500,
              "not_kept",
              "The route could not be written to the state file; nothing changed.",
            );
      if (refusal !== error) log.error({ err: error }, "admin request failed");
      const { status, code, message, field } = refusal;
      if (status === 413) answer.shouldKeepAlive = false;
      sendJson(answer, status, { error: { code, message, ...(field === undefined ? {} : { field }) } });
    });
  };

  async function respond(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://admin").pathname;
    if (request.method === "GET" && path === "/healthz") return sendJson(answer, 200, { ok: true });
    if (request.method === "GET" && path === "/metrics") {
      answer.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
      answer.end(metrics.render(table.routes()));
      return;
    }
    if (!timingSafeEqual(digest(request.headers.authorization ?? ""), expected)) {
      throw new AdminRefusal(401, "unauthorised", "Send the router's token as `Authorization: Bearer …`.");
    }
    if (request.method === "GET" && path === "/routes")
      return sendJson(answer, 200, { routes: table.routes() });
    const service = serviceOf(path);
    if (service === undefined)
      throw new AdminRefusal(404, "not_found", `There is no ${request.method} ${path}.`);
    if (request.method === "GET") return sendRoute(answer, service);
    if (request.method === "PUT") return putRoute(request, answer, service);
    throw new AdminRefusal(404, "not_found", `There is no ${request.method} ${path}.`);
  }

  function sendRoute(answer: ServerResponse, service: string): void {
    const route = table.route(service);
    if (!route) throw new AdminRefusal(404, "not_found", `There is no route for ${service}.`, "service");
    sendJson(answer, 200, route);
  }

  async function putRoute(request: IncomingMessage, answer: ServerResponse, service: string): Promise<void> {
    const read = readReplacement(service, await readJson(request));
    if (!read.ok) throw new AdminRefusal(400, "invalid", `${read.field} ${read.message}.`, read.field);
    const replaced = await table.replace(read.value);
    if (!replaced.ok) {
      const stands = replaced.route?.revision ?? 0;
      throw new AdminRefusal(
        409,
        "conflict",
        `${service} stands at revision ${stands}, not ${replaced.expectedRevision}.`,
        "revision",
      );
    }
    if (replaced.changed) {
      metrics.declare(replaced.route);
      const { revision, backends, changedBy } = replaced.route;
      log.info({ service, revision, backends, changedBy }, "route changed");
    }
    sendJson(answer, 200, replaced.route);
  }
}

function serviceOf(path: string): string | undefined {
  const found = /^\/routes\/([^/]+)$/.exec(path)?.[1];
  if (found === undefined) return undefined;
  try {
    return decodeURIComponent(found);
  } catch {
    throw new AdminRefusal(400, "invalid", "service is not well encoded.", "service");
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax)
      throw new AdminRefusal(413, "too_large", `The body exceeds ${bodyBytesMax} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new AdminRefusal(400, "invalid", "body is not JSON.", "body");
  }
}

function sendJson(answer: ServerResponse, status: number, body: unknown): void {
  if (answer.destroyed) return;
  answer.writeHead(status, { "content-type": "application/json" });
  answer.end(`${JSON.stringify(body)}\n`);
}

/** Of equal length, so that the comparison takes the same time for any header. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
