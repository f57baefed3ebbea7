import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { requestHeaders, responseHeaders, versionHeader } from "./headers.ts";
import { type BackendConnections, BackendTimeout, type Hop, type HopLimits } from "./hop.ts";

/** Codes of our own: not reached or broke off, no answer in time, the client went away (as nginx counts it). */
const badGateway = 502;
const gatewayTimeout = 504;
const clientGone = 499;

/** Safe to send twice. Source: RFC 9110 §9.2.2. */
const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/**
 * Streams one request to its backend and the answer back, whatever the size, and calls off the one side when the
 * other goes away. No other backend is tried: a version answers for its own failures.
 */
export function forward(
  client: IncomingMessage,
  answer: ServerResponse,
  hop: Hop,
  connections: BackendConnections,
  limits: HopLimits,
): void {
  const hasBody =
    client.headers["transfer-encoding"] !== undefined || Number(client.headers["content-length"] ?? 0) > 0;
  let backend = send(false);

  answer.on("finish", () => {
    hop.ended(answer.statusCode);
    // Answered before the whole request was read: the rest has no reader any more.
    if (!backend.writableFinished) backend.destroy();
  });
  answer.on("close", () => {
    if (answer.writableFinished) return;
    hop.ended(clientGone);
    backend.destroy();
  });

  function send(isFresh: boolean): ClientRequest {
    const request = connections.request(
      hop.backend,
      { method: client.method, path: pathOf(client.url ?? "/"), headers: requestHeaders(client) },
      isFresh,
    );
    limitWaiting(request, limits);
    request.on("response", (incoming) => {
      request.setTimeout(0);
      passBack(incoming);
    });
    request.on("error", (error) => {
      // What happens to an answer under way is said by the answer itself.
      if (answer.headersSent || answer.destroyed) return;
      if (request.reusedSocket && !hasBody && idempotentMethods.has(client.method ?? "")) {
        backend = send(true);
        return;
      }
      refuse(error);
    });
    if (hasBody) client.pipe(request);
    else request.end();
    return request;
  }

  function passBack(incoming: IncomingMessage): void {
    // Also when the connection ends before the answer is complete.
    incoming.on("error", breakOff);
    try {
      const headers = responseHeaders(incoming, hop.backend.version, hop.setCookie);
      answer.writeHead(incoming.statusCode ?? badGateway, incoming.statusMessage, headers);
    } catch (error) {
      incoming.destroy();
      refuse(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    incoming.pipe(answer);
    // With the body where it is there already; an event stream's first bytes may come much later.
    setImmediate(() => {
      if (!answer.destroyed) answer.flushHeaders();
    });
  }

  function breakOff(error: Error): void {
    if (answer.destroyed) return;
    hop.failed(badGateway, error);
    answer.destroy();
  }

  function refuse(error: Error): void {
    const code = error instanceof BackendTimeout ? gatewayTimeout : badGateway;
    hop.failed(code, error);
    sayNo(answer, code, `${hop.service} ${hop.backend.version} cannot be reached`, hop.backend.version);
  }
}

/** A plain answer of the router itself. */
export function sayNo(answer: ServerResponse, code: number, message: string, version?: string): void {
  if (answer.destroyed || answer.headersSent) return;
  const body = `${code} ${message}\n`;
  answer.writeHead(code, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    ...(version === undefined ? {} : { [versionHeader]: version }),
  });
  answer.end(body);
}

function limitWaiting(request: ClientRequest, limits: HopLimits): void {
  request.setTimeout(limits.answerDeadlineMs, () => {
    request.destroy(new BackendTimeout(`No answer within ${limits.answerDeadlineMs} ms.`));
  });
  request.on("socket", (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => {
      request.destroy(new BackendTimeout(`No connection within ${limits.connectDeadlineMs} ms.`));
    }, limits.connectDeadlineMs);
    socket.once("connect", () => clearTimeout(timer));
    socket.once("close", () => clearTimeout(timer));
  });
}

/** `GET http://host/path` is as good as `GET /path`. */
function pathOf(url: string): string {
  if (url.startsWith("/") || url === "*" || !URL.canParse(url)) return url;
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}
