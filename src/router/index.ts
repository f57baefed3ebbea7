/**
 * Router: carries user traffic to the versions of a service by weight.
 * Owns: the routes in its state file. Depends on nobody: it goes on with its last weights whatever else is down.
 */
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createAdmin } from "./admin.ts";
import { forward, sayNo } from "./forward.ts";
import { BackendConnections, defaultHopLimits, Hop, type HopLimits } from "./hop.ts";
import type { Log } from "./log.ts";
import { RouterMetrics } from "./metrics.ts";
import { loadRoutes, saveRoutes } from "./state.ts";
import { RouteTable } from "./table.ts";
import { handOver, plainAnswer } from "./upgrade.ts";

export interface RouterOptions {
  /** Address user traffic arrives at. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly adminPort: number;
  /** Address of the admin interface; loopback unless given. */
  readonly adminHost?: string;
  /** Kept across restarts; made when missing. */
  readonly stateFile: string;
  /** Bearer token of the admin interface. */
  readonly token: { reveal(): string };
  readonly log: Log;
  readonly limits?: HopLimits;
  /** Milliseconds requests in flight get when the router stops; 10 s unless given. */
  readonly drainDeadlineMs?: number;
}

export interface RunningRouter {
  readonly port: number;
  readonly adminPort: number;
  /** Takes no more connections, lets requests end within `drainDeadlineMs`, then cuts what is left. */
  close(): Promise<void>;
}

const drainDefaultMs = 10_000;

const idleSweepMs = 50;

/** Longer than load balancers and browsers keep idle connections, so that they close first. */
const clientIdleMs = 75_000;

/** Throws RouterStateError when the state file cannot be used, and Node's error when a port cannot be had. */
export async function startRouter(options: RouterOptions): Promise<RunningRouter> {
  const { log, limits = defaultHopLimits, drainDeadlineMs = drainDefaultMs } = options;
  const routes = await loadRoutes(options.stateFile);
  const table = new RouteTable(
    routes,
    (all) => saveRoutes(options.stateFile, all),
    () => randomInt(2 ** 32),
  );
  const metrics = new RouterMetrics();
  for (const route of routes) metrics.declare(route);
  const connections = new BackendConnections();
  const tunnels = new Set<Duplex>();
  let isDraining = false;

  const traffic = createServer({ keepAliveTimeout: clientIdleMs, requestTimeout: 0 }, (request, answer) => {
    // Clients with a connection open learn here that they need a new one.
    if (isDraining) answer.shouldKeepAlive = false;
    const picked = table.pick(request.headers);
    if (!picked) {
      metrics.unrouted();
      request.resume();
      return sayNo(answer, ...noRoute(table));
    }
    const hop = new Hop(picked, metrics, log);
    try {
      forward(request, answer, hop, connections, limits);
    } catch (error) {
      // What Node will not send on, such as a path with characters it refuses: the client's doing.
      log.warn({ err: error }, "request cannot be sent on");
      hop.ended(400);
      sayNo(answer, 400, "this request cannot be sent on");
    }
  });
  traffic.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const picked = table.pick(request.headers);
    if (!picked) {
      metrics.unrouted();
      socket.end(plainAnswer(...noRoute(table)));
      return;
    }
    tunnels.add(socket);
    socket.on("close", () => tunnels.delete(socket));
    handOver(request, socket, head, new Hop(picked, metrics, log), limits);
  });

  const admin = createServer(createAdmin(table, metrics, options.token, log));
  const port = await listen(traffic, options.port, options.host);
  let adminPort: number;
  try {
    adminPort = await listen(admin, options.adminPort, options.adminHost ?? "127.0.0.1");
  } catch (error) {
    traffic.close();
    throw error;
  }
  log.info({ port, adminPort, services: routes.map((route) => route.service) }, "router listening");

  return {
    port,
    adminPort,
    async close() {
      isDraining = true;
      const cut = setTimeout(() => {
        traffic.closeAllConnections();
        for (const socket of tunnels) socket.destroy();
      }, drainDeadlineMs);
      // An open WebSocket has no end to wait for.
      for (const socket of tunnels) socket.end();
      await Promise.all([closed(traffic), closed(admin)]);
      clearTimeout(cut);
      connections.close();
    },
  };
}

function noRoute(table: RouteTable): [code: number, message: string] {
  const services = table.routes().map((route) => route.service);
  if (services.length === 0) return [503, "the router has no routes yet"];
  return [404, `no route for this host; routes: ${services.join(", ")}`];
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** A connection that was busy at first is closed once it is idle; Node looks only once by itself. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs);
    server.close(() => {
      clearInterval(sweep);
      resolve();
    });
    server.closeIdleConnections();
  });
}
