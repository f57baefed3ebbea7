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
  const options = connectionOptions(client.headers.connection).filter((name) => !needed.has(name));
  const dropped = new Set([...hopByHop, ...options, "x-forwarded-for"]);
  if (client.headers["transfer-encoding"] !== undefined) dropped.add("content-length");
  const headers = without(client.rawHeaders, dropped);
  const before = client.headers["x-forwarded-for"];
  const address = client.socket.remoteAddress ?? "unknown";
  headers.push("x-forwarded-for", before === undefined ? address : `${String(before)}, ${address}`);
  if (client.headers["x-forwarded-proto"] === undefined) headers.push("x-forwarded-proto", "http");
  if (client.headers["x-forwarded-host"] === undefined && client.headers.host !== undefined) {
    headers.push("x-forwarded-host", client.headers.host);
  }
  return headers;
}

/** What goes back to the client, with the version that served. Node frames the body anew. */
export function responseHeaders(
  backend: IncomingMessage,
  version: string,
  setCookie: string | undefined,
): RawHeaders {
  const options = connectionOptions(backend.headers.connection);
  const headers = without(
    backend.rawHeaders,
    new Set([...hopByHop, ...options, "transfer-encoding", versionHeader]),
  );
  headers.push(versionHeader, version);
  if (setCookie !== undefined) headers.push("set-cookie", setCookie);
  return headers;
}

function without(raw: readonly string[], dropped: ReadonlySet<string>): RawHeaders {
  const kept: RawHeaders = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (!dropped.has(name.toLowerCase())) kept.push(name, raw[index + 1] ?? "");
  }
  return kept;
}

function connectionOptions(connection: string | undefined): string[] {
  return (connection ?? "")
    .toLowerCase()
    .split(",")
    .map((option) => option.trim())
    .filter((option) => option !== "");
}
