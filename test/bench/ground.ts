/**
 * What benchmarks stand on: an embedded Postgres as `start` makes it (every commit reaches the disk), a database per
 * installation, and servers in processes of their own, as in production.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, chmodSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pino from "pino";
import { type App, createApp } from "../../src/app.ts";
import { loadCatalog } from "../../src/catalog/load.ts";
import { readSettings } from "../../src/config/config.ts";
import { allMigrations } from "../../src/features/all.ts";
import { migrate } from "../../src/platform/db/migrate.ts";
import { type Cluster, startCluster } from "../../src/platform/embedded/cluster.ts";
import { freePort } from "../../src/platform/embedded/ports.ts";
import { provisionDatabase } from "../../src/platform/embedded/provision.ts";
import { systemActor } from "../../src/platform/people.ts";
import { failing } from "./failing-accessor.ts";
import type { ServerOrder } from "./server.ts";
import { signingSecret } from "./slack.ts";

export interface Server {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** An installed Quarterdeck: its own database, the sample catalog in force, nothing running yet. */
export interface Installation {
  /** For setting the scene and looking on; what is measured runs in processes of its own. */
  app: App;
  databaseUrl: string;
  /** The role that owns the tables. */
  ownerUrl: string;
  start(
    role: "web" | "worker",
    trouble?: Pick<BenchAppOrder, "accessorFailsOneIn" | "clockOffMs">,
  ): Promise<Server>;
}

export interface Ground {
  install(options: {
    slackUrl: string;
    redisUrl?: string;
    vars?: Record<string, string>;
    env?: Record<string, string>;
  }): Promise<Installation>;
  /** Any server by its order. */
  server(order: ServerOrder): Promise<Server>;
  /** A Redis in memory; undefined, with a word to the reader, where redis-server is not installed. */
  redis(): Promise<{ url: string } | undefined>;
  /** Path of an installed program. */
  program(name: string): string | undefined;
  /** A temporary folder. */
  dir: string;
  /** Called at the end of the benchmark, last one first. */
  onEnd(end: () => Promise<void>): void;
}

export const botToken = "xoxb-benchmark";
const encryptionKey = "ab".repeat(32);

export interface Grounds {
  /** A ground for one benchmark; `clear` ends what it started. */
  next(): { ground: Ground; clear(): Promise<void> };
  close(): Promise<void>;
}

/** One cluster for all benchmarks of a run. */
export async function prepareGrounds(say: (line: string) => void): Promise<Grounds> {
  const dir = await mkdtemp(join(tmpdir(), "quarterdeck-bench-"));
  // mkdtemp gives mode 700; as root, Postgres' own account must get in.
  chmodSync(dir, 0o755);
  let cluster: Promise<Cluster> | undefined;
  const postgres = () => {
    cluster ??= startCluster({
      name: "bench",
      dir: join(dir, "postgres"),
      port: 0,
      portOption: "POSTGRES_PORT",
    });
    return cluster;
  };
  return {
    next() {
      const ends: (() => Promise<void>)[] = [];
      const onEnd = (end: () => Promise<void>) => void ends.push(end);
      const server = (order: ServerOrder) => startServer(order, onEnd);
      const ground: Ground = {
        dir,
        onEnd,
        server,
        program: findProgram,
        install: async (options) => install(await postgres(), options, onEnd, server),
        redis: () => startRedis(onEnd, say),
      };
      return {
        ground,
        clear: async () => {
          for (const end of ends.reverse()) await end();
        },
      };
    },
    close: async () => {
      await (await cluster)?.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function install(
  cluster: Cluster,
  options: {
    slackUrl: string;
    redisUrl?: string;
    vars?: Record<string, string>;
    env?: Record<string, string>;
  },
  onEnd: (end: () => Promise<void>) => void,
  server: (order: ServerOrder) => Promise<Server>,
): Promise<Installation> {
  const database = `bench_${randomBytes(5).toString("hex")}`;
  const [owner, role] = await Promise.all(
    ["quarterdeck_owner", "quarterdeck_app"].map(async (user) => ({
      user,
      password: await cluster.password(user),
    })),
  );
  if (!owner || !role) throw new Error("unreachable: two roles were asked for");
  await provisionDatabase(cluster.url(), { database, owner, app: role });
  const ownerUrl = cluster.url(database, owner);
  await migrate(ownerUrl, allMigrations());
  const databaseUrl = cluster.url(database, role);
  const { slackUrl, redisUrl, env } = options;
  const order = { databaseUrl, slackUrl, redisUrl, env };
  const app = await createBenchApp(order);
  onEnd(() => app.close());
  const loaded = await loadCatalog("config/sample", options.vars ?? {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  await app.catalogs.put(loaded.catalog, loaded.digest, "benchmark", systemActor);
  return { app, databaseUrl, ownerUrl, start: (role, trouble) => server({ role, ...order, ...trouble }) };
}

export interface BenchAppOrder {
  databaseUrl: string;
  slackUrl: string;
  redisUrl?: string | undefined;
  /** Secrets the catalog names by variable. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Each so many calls to an accessor fails, in turns before and after it had its effect. */
  accessorFailsOneIn?: number | undefined;
  /** How far the machine's clock is off. */
  clockOffMs?: number | undefined;
}

/** The app with production's own settings, on a port the system picks. */
export function createBenchApp(order: BenchAppOrder): Promise<App> {
  return createApp({
    // One person asks for all of it here.
    settings: readSettings({ PORT: "0", REDIS_URL: order.redisUrl, REQUESTS_PER_MINUTE: "10000000" }),
    log: pino({ level: "error" }, pino.destination({ dest: 2, sync: true })),
    databaseUrl: order.databaseUrl,
    encryptionKey,
    env: (name) => (name === "ROUTER_TOKEN" ? routerToken : order.env?.[name]),
    slack: { token: botToken, apiUrl: `${order.slackUrl}/api/` },
    overrides:
      order.accessorFailsOneIn === undefined ? undefined : { accessor: failing(order.accessorFailsOneIn) },
  });
}

export const routerToken = "token-of-the-benchmarks-router";

async function startServer(order: ServerOrder, onEnd: (end: () => Promise<void>) => void): Promise<Server> {
  // The benchmark's stdout is its result; whatever a server says goes to stderr.
  const child = fork(fileURLToPath(new URL("./server.ts", import.meta.url)), {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", 2, 2, "ipc"],
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    if (child.connected) child.send("stop");
    await gone;
  };
  onEnd(stop);
  child.send({ ...order, signingSecret });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve((message as { port: number }).port));
    child.once("exit", (code) => reject(new Error(`the ${order.role} process ended with ${code}`)));
  });
  return { port, pid: child.pid as number, stop };
}

async function startRedis(
  onEnd: (end: () => Promise<void>) => void,
  say: (line: string) => void,
): Promise<{ url: string } | undefined> {
  const program = findProgram("redis-server");
  if (program === undefined) {
    say("redis-server is not installed: what runs on Redis is left out (apt-get install redis-server)");
    return undefined;
  }
  const port = await freePort();
  const child = spawn(
    program,
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  onEnd(() => ended(child));
  await said(child, "Ready to accept connections");
  return { url: `redis://127.0.0.1:${port}` };
}

/** Ends a program this started. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  await gone;
}

function said(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(words)) resolve();
    });
    child.once("exit", (code) => reject(new Error(`it ended with ${code} before it was ready`)));
  });
}

function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/bin", "/usr/local/bin", "/usr/sbin"];
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
