import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Fault, readFault } from "./fault.ts";

export interface ShopOptions {
  readonly version: string;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** What this version does wrong by itself. */
  readonly fault: Fault;
  /** 0 to 1; decides which request fails and how long each takes. */
  readonly random: () => number;
}

export interface RunningShop {
  readonly port: number;
  close(): Promise<void>;
}

/** Upper bounds in seconds, closest where the shop's own latency lies (10 to 40 ms) and where v44's does. */
const bucketBoundsSec = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5];

/** Milliseconds an answer takes by itself: at least the first, at most the sum. */
const workMs = { least: 8, spread: 32 };
const faultBytesMax = 4_096;
const idleSweepMs = 50;

/**
 * A small web shop: `/`, `/checkout`, `/version`, `/healthz`, `/metrics`. Its errors and delays are real ones;
 * `POST /fault { errorRatio, delayMs, forSec? }` from this machine, not through a proxy, turns them on.
 */
export async function startShop(options: ShopOptions): Promise<RunningShop> {
  const metrics = createMetrics();
  let fault = options.fault;
  let faultEnds: NodeJS.Timeout | undefined;

  const server = createServer((request, answer) => {
    const path = (request.url ?? "/").split("?")[0];
    if (request.method === "POST" && path === "/fault") return void setFault(request, answer);
    request.resume();
    if (request.method !== "GET" && request.method !== "HEAD")
      return send(answer, 405, { error: "GET only" });
    switch (path) {
      case "/":
        return serve(answer, () => ({ shop: "open", version: options.version }));
      case "/checkout":
        return serve(answer, () => {
          metrics.orders.inc();
          return { order: "placed", version: options.version };
        });
      case "/version":
        return send(answer, 200, { version: options.version });
      case "/healthz":
        return send(answer, 200, { ok: true });
      case "/metrics":
        return void sendMetrics(answer);
      default:
        return send(answer, 404, { error: `There is no ${path}` });
    }
  });

  function serve(answer: ServerResponse, work: () => object): void {
    const startedMs = performance.now();
    metrics.inflight.inc();
    const isFailing = options.random() < fault.errorRatio;
    const tookMs = workMs.least + workMs.spread * options.random() ** 2 + fault.delayMs;
    const timer = setTimeout(() => {
      if (isFailing) send(answer, 500, { error: "checkout database: too many connections" });
      else send(answer, 200, work());
    }, tookMs);
    answer.on("close", () => {
      clearTimeout(timer);
      metrics.inflight.dec();
      // Nobody waited for the answer: neither a good nor a bad one.
      if (!answer.writableFinished) return;
      metrics.requests.inc({ code: answer.statusCode });
      metrics.durations.observe((performance.now() - startedMs) / 1_000);
    });
  }

  async function setFault(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    if (!isFromThisMachine(request))
      return send(answer, 403, { error: "Only from this machine, not through a proxy" });
    const read = readFault(await readText(request));
    if (!read.ok) return send(answer, 400, { error: read.message });
    fault = read.fault;
    clearTimeout(faultEnds);
    if (read.forSec !== null) {
      faultEnds = setTimeout(() => {
        fault = options.fault;
      }, read.forSec * 1_000);
      faultEnds.unref();
    }
    send(answer, 200, { version: options.version, ...fault, forSec: read.forSec });
  }

  async function sendMetrics(answer: ServerResponse): Promise<void> {
    const text = await metrics.registry.metrics();
    answer.writeHead(200, { "content-type": metrics.registry.contentType });
    answer.end(text);
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      clearTimeout(faultEnds);
      return new Promise((resolve) => {
        // Connections that are busy now are closed once they are idle.
        const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs);
        server.close(() => {
          clearInterval(sweep);
          resolve();
        });
        server.closeIdleConnections();
      });
    },
  };
}

function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Counter({
    name: "http_requests_total",
    help: "Requests answered, by status code.",
    labelNames: ["code"],
    registers,
  });
  // From the first scrape, so that the first error is an increase and not a new series.
  for (const code of [200, 500]) requests.inc({ code }, 0);
  const durations = new Histogram({
    name: "http_request_duration_seconds",
    help: "From request to end of answer.",
    buckets: bucketBoundsSec,
    registers,
  });
  const inflight = new Gauge({ name: "shop_inflight_requests", help: "Requests being served.", registers });
  const orders = new Counter({ name: "orders_total", help: "Orders placed.", registers });
  return { registry, requests, durations, inflight, orders };
}

function isFromThisMachine(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? "";
  const isLoopback = address === "::1" || /^(::ffff:)?127\./.test(address);
  // A page in a browser cannot send this type elsewhere without asking first.
  const isJson = request.headers["content-type"]?.startsWith("application/json") === true;
  return isLoopback && isJson && request.headers["x-forwarded-for"] === undefined;
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > faultBytesMax) return "";
  }
  return text;
}

function send(answer: ServerResponse, code: number, body: object): void {
  if (answer.destroyed) return;
  answer.writeHead(code, { "content-type": "application/json" });
  answer.end(`${JSON.stringify(body)}\n`);
}
