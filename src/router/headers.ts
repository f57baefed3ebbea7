import type { IncomingMessage } from "node:http";

/** Which version served; on every answer that a backend gave or should have given. */
export const versionHeader = "x-quarterdeck-version";

/** Fields about one connection, not about the request. Source: RFC 9110 §7.6.1. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
]);

/** Name and value in turn, as received, in order and with repetitions. */
export type RawHeaders = string[];

/** Fields that a client cannot have removed by naming them in Connection. */
const needed = new Set(["host", "content-length", "transfer-encoding"]);

/**
 * What goes on to the backend: everything but hop-by-hop fields, plus who asked. Transfer-Encoding stays: it is
 * how Node knows that a body of unknown length follows; a length beside it is dropped (RFC 9112 §6.3).
 */
export function requestHeaders(client: IncomingMessage): RawHeaders {
  const { headers: received, rawHeaders } = client;
  const options = connectionOptions(received.connection);
  const hasLengthTwice = received["transfer-encoding"] !== undefined;
  const headers: RawHeaders = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || lower === "x-forwarded-for") continue;
    if (hasLengthTwice && lower === "content-length") continue;
    if (options?.includes(lower) && !needed.has(lower)) continue;
    headers.push(name, rawHeaders[index + 1] ?? "");
  }
  const before = received["x-forwarded-for"];
  const address = client.socket.remoteAddress ?? "unknown";
  headers.push("x-forwarded-for", before === undefined ? address : `${String(before)}, ${address}`);
  if (received["x-forwarded-proto"] === undefined) headers.push("x-forwarded-proto", "http");
  if (received["x-forwarded-host"] === undefined && received.host !== undefined) {
    headers.push("x-forwarded-host", received.host);
  }
  return headers;
}

/** What goes back to the client, with the version that served. Node frames the body anew. */
export function responseHeaders(
  backend: IncomingMessage,
  version: string,
  setCookie: string | undefined,
): RawHeaders {
  const { rawHeaders } = backend;
  const options = connectionOptions(backend.headers.connection);
  const headers: RawHeaders = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || lower === "transfer-encoding" || lower === versionHeader) continue;
    if (options?.includes(lower)) continue;
    headers.push(name, rawHeaders[index + 1] ?? "");
  }
  headers.push(versionHeader, version);
  if (setCookie !== undefined) headers.push("set-cookie", setCookie);
  return headers;
}

/** Fields that concern one connection by its own word; undefined where it names none but the usual. */
function connectionOptions(connection: string | undefined): readonly string[] | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return undefined;
  return connection
    .toLowerCase()
    .split(",")
    .map((option) => option.trim())
    .filter((option) => option !== "");
}
