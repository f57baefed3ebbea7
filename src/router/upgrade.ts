import type { IncomingMessage } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { type RawHeaders, requestHeaders, versionHeader } from "./headers.ts";
import { BackendTimeout, type Hop, type HopLimits } from "./hop.ts";

/** Bytes of an answer's head; Node refuses more than 16 KiB itself. */
const headBytesMax = 65_536;

/**
 * Hands a connection over to a backend: bytes as they come, both ways, until either side ends. Node gives us
 * every request with an Upgrade field here, also those of clients that merely offer another protocol (Java's
 * offers h2c), body and all; they go on without the offer and end with their answer. The hop ends with the
 * answer's head: how long a WebSocket stays open says nothing about the version.
 */
export function handOver(
  client: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  hop: Hop,
  limits: HopLimits,
): void {
  const isWebSocket = client.headers.upgrade?.toLowerCase() === "websocket";
  const backend = open(hop.backend.url);
  let isAnswered = false;

  const deadline = setTimeout(
    () => backend.destroy(new BackendTimeout(`No answer within ${limits.answerDeadlineMs} ms.`)),
    limits.answerDeadlineMs,
  );
  backend.setNoDelay(true);
  backend.write(requestHead(client, isWebSocket), "latin1");
  if (head.length > 0) backend.write(head);
  socket.pipe(backend);

  socket.on("error", () => backend.destroy());
  socket.on("close", () => {
    hop.ended(499);
    backend.destroy();
  });
  backend.on("error", refuse);
  backend.on("close", () => {
    clearTimeout(deadline);
    if (isAnswered) socket.end();
    else refuse(new Error("The backend closed the connection before its answer."));
  });

  let received = Buffer.alloc(0);
  backend.on("data", readHead);

  function readHead(chunk: Buffer): void {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) {
      if (received.length > headBytesMax)
        refuse(new Error(`No end of the answer's head in ${headBytesMax} bytes.`));
      return;
    }
    const lines = received.subarray(0, end).toString("latin1").split("\r\n");
    const rest = received.subarray(end + 4);
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(lines[0] ?? "")?.[1]);
    if (!(status >= 100)) {
      refuse(new Error("The backend's answer is not HTTP/1."));
      return;
    }
    if (status < 200 && status !== 101) {
      socket.write(received.subarray(0, end + 4));
      received = Buffer.alloc(0);
      if (rest.length > 0) readHead(rest);
      return;
    }
    isAnswered = true;
    clearTimeout(deadline);
    backend.off("data", readHead);
    hop.ended(status);
    socket.write(answerHead(lines, hop.backend.version, status === 101), "latin1");
    if (rest.length > 0) socket.write(rest);
    backend.pipe(socket);
  }

  function refuse(error: Error): void {
    if (isAnswered || socket.destroyed) return;
    isAnswered = true;
    const code = error instanceof BackendTimeout ? 504 : 502;
    hop.failed(code, error);
    socket.end(
      plainAnswer(code, `${hop.service} ${hop.backend.version} cannot be reached`, hop.backend.version),
    );
    backend.destroy();
  }
}

/** An answer of the router itself on a bare socket. */
export function plainAnswer(code: number, message: string, version?: string): string {
  const body = `${code} ${message}\n`;
  const fields = [
    "content-type: text/plain; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    ...(version === undefined ? [] : [`${versionHeader}: ${version}`]),
  ];
  return `HTTP/1.1 ${code} Router\r\n${fields.join("\r\n")}\r\n\r\n${body}`;
}

function open(origin: string): Socket {
  const url = new URL(origin);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol === "https:") return connectTls({ host, port: Number(url.port || 443), servername: host });
  return connectTcp({ host, port: Number(url.port || 80) });
}

function requestHead(client: IncomingMessage, isWebSocket: boolean): string {
  const headers = requestHeaders(client);
  if (isWebSocket) headers.push("connection", "upgrade", "upgrade", "websocket");
  else headers.push("connection", "close");
  return `${client.method} ${client.url} HTTP/1.1\r\n${lines(headers)}\r\n\r\n`;
}

/** The head as the backend gave it, with the version; unless upgraded, the connection ends with this answer. */
function answerHead(head: readonly string[], version: string, isUpgraded: boolean): string {
  const kept = head.filter((line, index) => {
    const name = index === 0 ? "" : line.slice(0, line.indexOf(":")).toLowerCase();
    return name !== versionHeader && (isUpgraded || (name !== "connection" && name !== "keep-alive"));
  });
  if (!isUpgraded) kept.push("connection: close");
  return `${[...kept, `${versionHeader}: ${version}`].join("\r\n")}\r\n\r\n`;
}

function lines(headers: RawHeaders): string {
  const fields: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2)
    fields.push(`${headers[index]}: ${headers[index + 1]}`);
  return fields.join("\r\n");
}
