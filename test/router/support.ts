import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type Agent, createServer, type IncomingMessage, type RequestListener, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { Secret } from "../../src/platform/secret.ts";
import { type RouterOptions, type RunningRouter, startRouter } from "../../src/router/index.ts";

export const token = "router-token-of-the-tests";
export const silentLog = { info() {}, warn() {}, error() {} };

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "quarterdeck-router-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function startTestRouter(options: Partial<RouterOptions> = {}): Promise<RunningRouter> {
  const stateFile = options.stateFile ?? join(await temporaryFolder(), "routes.json");
  const router = await startRouter({
    host: "127.0.0.1",
    port: 0,
    adminPort: 0,
    token: new Secret(token),
    log: silentLog,
    ...options,
    stateFile,
  });
  onTestFinished(() => router.close());
  return router;
}

/** A real backend; answers its version as text unless given something better to do. */
export async function startBackend(version: string, listener?: RequestListener) {
  const server = createServer(
    listener ??
      ((incoming, answer) => {
        incoming.resume();
        answer.end(version);
      }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(stop);
  return { version, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}

export async function putRoute(
  adminPort: number,
  service: string,
  body: unknown,
  bearer = token,
): Promise<Response> {
  return fetch(`http://127.0.0.1:${adminPort}/routes/${service}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Like `putRoute`, for a test's set-up: throws unless it was taken. */
export async function setRoute(adminPort: number, service: string, backends: unknown): Promise<void> {
  const answer = await putRoute(adminPort, service, { backends });
  if (!answer.ok) throw new Error(`PUT /routes/${service}: ${answer.status} ${await answer.text()}`);
}

export interface Got {
  status: number;
  version: string | undefined;
  body: string;
  headers: IncomingMessage["headers"];
}

export function get(
  port: number,
  path = "/",
  options: { agent?: Agent; headers?: Record<string, string>; method?: string; body?: string } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const sent = request({ host: "127.0.0.1", port, path, ...rest }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () =>
        resolve({
          status: answer.statusCode ?? 0,
          version: answer.headers["x-quarterdeck-version"] as string | undefined,
          body: Buffer.concat(chunks).toString("utf8"),
          headers: answer.headers,
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

export async function metricsOf(adminPort: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
}

/** Waits until the condition holds; fails with what was last seen. */
export async function until<T>(read: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const giveUpMs = performance.now() + 15_000;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (performance.now() > giveUpMs) throw new Error(`Did not come about; last seen: ${String(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The router as a process, so that it can be killed. */
export async function startRouterProcess(stateFile: string) {
  const script = fileURLToPath(new URL("./process.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, stateFile, token], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString()));
    child.once("exit", (code) => reject(new Error(`The router ended with ${code} before it was ready.`)));
  });
  const { port, adminPort } = JSON.parse(line) as { port: number; adminPort: number };
  return { port, adminPort, child, exited };
}
