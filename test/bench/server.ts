/** A server in a process of its own: told by its parent what to be, answers its port, ends when told or left alone. */
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { App, ExpressReceiver, LogLevel } from "@slack/bolt";
import { Secret } from "../../src/platform/secret.ts";
import { startWeb, startWorker } from "../../src/roles.ts";
import { startRouter } from "../../src/router/index.ts";
import { type BenchAppOrder, botToken, createBenchApp, routerToken } from "./ground.ts";

export type ServerOrder =
  | ({ role: "web" | "worker" } & BenchAppOrder)
  | { role: "bolt" }
  /** Answers every request with the same short body. */
  | { role: "backend" }
  /** Node's own client and server, piped into each other, in front of one address. */
  | { role: "bare-proxy"; backendPort: number }
  /** The router role, with one service whose two versions are both at this address. */
  | { role: "router"; backendPort: number; stateFile: string };

interface Started {
  port: number;
  stop(): Promise<void>;
}

async function start(order: ServerOrder & { signingSecret: string }): Promise<Started> {
  switch (order.role) {
    case "bolt":
      return startBolt(order.signingSecret);
    case "backend":
      return startBackend();
    case "bare-proxy":
      return startBareProxy(order.backendPort);
    case "router":
      return startBenchRouter(order);
    case "web":
    case "worker":
      return startRole(order);
  }
}

async function startRole(
  order: Extract<ServerOrder, { databaseUrl: string }> & { signingSecret: string },
): Promise<Started> {
  if (order.clockOffMs !== undefined) {
    const { clockOffMs } = order;
    const machineNow = Date.now;
    Date.now = () => machineNow() + clockOffMs;
  }
  const app = await createBenchApp(order);
  const running =
    order.role === "web"
      ? await startWeb(app, { signingSecret: order.signingSecret, botToken })
      : { port: 0, ...(await startWorker(app)) };
  return {
    port: running.port,
    stop: async () => {
      await running.stop();
      await app.close();
    },
  };
}

/** Bolt as its documentation starts it; it only acknowledges. */
async function startBolt(signingSecret: string): Promise<Started> {
  const receiver = new ExpressReceiver({ signingSecret, logLevel: LogLevel.ERROR });
  const app = new App({
    receiver,
    logLevel: LogLevel.ERROR,
    authorize: async () => ({ botToken, botId: "B0", botUserId: "U0" }),
  });
  app.command("/ops", async ({ ack }) => ack());
  const server = await receiver.start({ port: 0, host: "127.0.0.1" } as never);
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function startBackend(): Promise<Started> {
  const body = "x".repeat(200);
  return listening(
    createServer((incoming, answer) => {
      incoming.resume();
      answer.writeHead(200, { "content-type": "text/plain", "content-length": body.length }).end(body);
    }),
  );
}

/** What anybody would write first; it drops, times out and counts nothing. */
function startBareProxy(backendPort: number): Promise<Started> {
  const agent = new Agent({ keepAlive: true });
  return listening(
    createServer((incoming, answer) => {
      const { method, url, headers } = incoming;
      const onward = request(
        { host: "127.0.0.1", port: backendPort, method, path: url, headers, agent },
        (got) => {
          answer.writeHead(got.statusCode ?? 502, got.headers);
          got.pipe(answer);
        },
      );
      onward.on("error", () => answer.writeHead(502).end());
      incoming.pipe(onward);
    }),
  );
}

async function startBenchRouter(order: Extract<ServerOrder, { role: "router" }>): Promise<Started> {
  const silent = () => undefined;
  const router = await startRouter({
    host: "127.0.0.1",
    port: 0,
    adminPort: 0,
    stateFile: order.stateFile,
    token: new Secret(routerToken),
    log: { info: silent, warn: silent, error: silent },
  });
  const url = `http://127.0.0.1:${order.backendPort}`;
  const backends = [
    { version: "v41", url, weight: 90 },
    { version: "v42", url, weight: 10 },
  ];
  const answer = await fetch(`http://127.0.0.1:${router.adminPort}/routes/shop`, {
    method: "PUT",
    headers: { authorization: `Bearer ${routerToken}`, "content-type": "application/json" },
    body: JSON.stringify({ backends }),
  });
  if (!answer.ok) throw new Error(`the router refused its route: ${answer.status}`);
  return { port: router.port, stop: () => router.close() };
}

async function listening(server: Server): Promise<Started> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const started = new Promise<Started>((resolve, reject) => {
  process.once("message", (order) =>
    start(order as ServerOrder & { signingSecret: string }).then(resolve, reject),
  );
});
process.once("disconnect", () => process.exit(1));
const { port, stop } = await started;
process.send?.({ port });
process.on("message", (word) => {
  if (word === "stop") void stop().finally(() => process.exit(0));
});
