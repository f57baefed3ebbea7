import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "../log.ts";

export type Handle = (req: IncomingMessage, res: ServerResponse, url: URL) => Promise<boolean> | boolean;

export interface HttpServer {
  readonly port: number;
  /** Stops accepting, lets what is being answered finish, then ends. */
  close(): Promise<void>;
}

/** Answering must not take longer than this once we stop. */
const drainMs = 5_000;

/** A server whose handlers are asked in turn; the first that takes a request answers it. */
export async function listen(options: {
  host: string;
  port: number;
  portOption: string;
  handlers: readonly Handle[];
  log: Log;
}): Promise<HttpServer> {
  const server = createServer((req, res) => {
    void answer(req, res, options.handlers).catch((error: unknown) => {
      options.log.error({ err: error, path: req.url?.split("?")[0] }, "a request could not be answered");
      if (!res.headersSent)
        sendJson(res, 503, {
          error: "unavailable",
          message: "This could not be done now. Try again in a moment.",
        });
      else res.destroy();
    });
  });
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new Error(
              `Port ${options.port} on ${options.host} is in use. Set ${options.portOption} to another one.`,
              { cause: error },
            )
          : error,
      ),
    );
    server.listen(options.port, options.host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

async function answer(req: IncomingMessage, res: ServerResponse, handlers: readonly Handle[]): Promise<void> {
  // Of every answer, whoever makes it.
  res.setHeader("x-content-type-options", "nosniff");
  const url = new URL(req.url ?? "/", "http://localhost");
  for (const handle of handlers) if (await handle(req, res, url)) return;
  sendJson(res, 404, { error: "not_found", message: `There is nothing at ${url.pathname}.` });
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), drainMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

export class BodyTooLarge extends Error {
  readonly code = "body_too_large";
}

/** The raw body. Throws {@link BodyTooLarge} past `bytesMax`. */
export function readBody(req: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bytesMax) chunks.push(chunk);
      else {
        // Nothing more of it is read; who answers closes the connection.
        req.pause();
        reject(new BodyTooLarge(`The body is larger than ${bytesMax} bytes.`));
      }
    });
    req.on("end", () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    req.on("error", reject);
    req.on("close", () => {
      if (!req.complete) reject(new Error("the sender went away before the body was whole"));
    });
  });
}

export function sendJson(res: ServerResponse, status: number, body: Record<string, unknown>): void {
  const text = JSON.stringify(body);
  res
    .writeHead(status, {
      "content-type": "application/json; charset=utf-8",
      "content-length": Buffer.byteLength(text),
      "cache-control": "no-store",
    })
    .end(text);
}

const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  // For what is too old to know frame-ancestors.
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  // With `no-referrer` a browser says no Origin of its own forms either, and they would be refused. Source: Fetch, "Origin".
  "referrer-policy": "same-origin",
  "cache-control": "no-store",
};

export function sendPage(res: ServerResponse, status: number, html: string): void {
  res.writeHead(status, { ...pageHeaders, "content-length": Buffer.byteLength(html) }).end(html);
}

/** A PNG of ours. */
export function sendPicture(res: ServerResponse, png: Buffer): void {
  res
    .writeHead(200, {
      "content-type": "image/png",
      "content-length": png.length,
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-store",
    })
    .end(png);
}

export function redirect(res: ServerResponse, to: string): void {
  res.writeHead(303, { location: to, "cache-control": "no-store" }).end();
}
