/** A real HAProxy with a shop of three versions behind it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePort } from "../../../src/platform/embedded/ports.ts";
import { createHaproxyEngine } from "../../../src/providers/traffic/haproxy.ts";
import { HaproxyProcess } from "../../../src/providers/traffic/haproxy-api.ts";
import type { HaproxyConfig } from "../../../src/providers/traffic/haproxy-config.ts";
import { get, startBackend, temporaryFolder, until } from "../../router/support.ts";
import type { TrafficBench } from "./conformance.ts";

export const versions = ["v41", "v42", "v43"] as const;

export interface TestHaproxy {
  readonly port: number;
  readonly folder: string;
  readonly socket: string;
  ask(command: string): Promise<string>;
  child(): ChildProcess;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts again after {@link kill}. */
  start(): Promise<void>;
  /** A new worker takes over, as `systemctl reload haproxy` does it. */
  reload(): Promise<void>;
}

/** A second process with the same maps. */
export interface Beside {
  readonly folder: string;
  readonly name: string;
}

/** `config` is what stands below the defaults; `PORT` and `FOLDER` in it are replaced. */
export async function startHaproxy(binary: string, config: string, beside?: Beside): Promise<TestHaproxy> {
  const folder = beside?.folder ?? (await temporaryFolder());
  const name = beside?.name ?? "admin";
  const port = await freePort();
  const path = join(folder, `${name}.cfg`);
  await mkdir(join(folder, "maps"), { recursive: true });
  await writeFile(join(folder, "maps", "shop.map"), "", { flag: "a" });
  await writeFile(join(folder, "servers.state"), "", { flag: "a" });
  const text = `
global
  stats socket ${folder}/${name}.sock mode 600 level admin expose-fd listeners
  stats socket ${folder}/${name}-operator.sock mode 600 level operator
  server-state-file ${folder}/servers.state
  maxconn 1000
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  load-server-state-from-file global
  default-server inter 100ms fall 2 rise 1
${config.replaceAll("PORT", String(port)).replaceAll("FOLDER", folder)}`;
  await writeFile(path, text);
  const socket = `unix:${folder}/${name}.sock`;
  const ask = (command: string) =>
    new HaproxyProcess(socket, { signal: AbortSignal.timeout(5_000), deadlineMs: 5_000 }).ask(command);
  let child: ChildProcess;
  let said = "";
  const launch = (...more: string[]) => {
    const started = spawn(binary, ["-db", "-f", path, ...more], { stdio: ["ignore", "ignore", "pipe"] });
    started.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    onTestFinished(() => void started.kill("SIGKILL"));
    return started;
  };
  const pidOf = async () => Number(/^Pid: (\d+)$/m.exec(await ask("show info").catch(() => ""))?.[1]);
  const isUp = async (started: ChildProcess) => {
    if (started.exitCode !== null) throw new Error(`HAProxy did not start:\n${said}`);
    return (await pidOf()) === started.pid;
  };
  const start = async (...more: string[]) => {
    child = launch(...more);
    await until(() => isUp(child), Boolean);
  };
  const gone = (one: ChildProcess) =>
    new Promise<void>((resolve) => {
      if (one.exitCode !== null || one.signalCode !== null) resolve();
      else one.once("exit", () => resolve());
    });
  await start();
  return {
    port,
    folder,
    socket,
    ask,
    child: () => child,
    start,
    async kill() {
      child.kill("SIGKILL");
      await gone(child);
    },
    async reload() {
      const before = child;
      await start("-x", `${folder}/${name}.sock`, "-sf", String(before.pid));
      await gone(before);
    },
  };
}

/** Shares by the map, drawn by a counter that visits all 10,000 numbers in turn. */
export const mapConfig = (urls: readonly string[]): string => `
backend shop_turns
  stick-table type integer size 1 expire 1d store gpc0
frontend shop
  bind 127.0.0.1:PORT
  http-request track-sc2 int(1) table shop_turns
  use_backend %[sc2_inc_gpc0,mul(6181),mod(10000),map_int(FOLDER/maps/shop.map,shop_v41)]
${versions.map((name, index) => `backend shop_${name}\n  server ${name}a ${urls[index]} check`).join("\n")}
`;

/** Shares by the weights of one backend's servers. */
export const serverConfig = (urls: readonly string[]): string => `
frontend shop
  bind 127.0.0.1:PORT
  default_backend shop
backend shop
  balance roundrobin
  retries 3
  option redispatch
${versions.map((name, index) => `  server ${name}a ${urls[index]} check weight 0`).join("\n")}
`;

export type HaproxyBench = TrafficBench & {
  haproxy: TestHaproxy;
  config: HaproxyConfig;
  backends: Awaited<ReturnType<typeof startBackend>>[];
  startSecond(): Promise<TestHaproxy>;
};

export async function openHaproxy(binary: string, by: "map" | "servers"): Promise<HaproxyBench> {
  const backends = await Promise.all(versions.map((name) => startBackend(name)));
  const addresses = backends.map(({ url }) => new URL(url).host);
  const text = by === "map" ? mapConfig(addresses) : serverConfig(addresses);
  const haproxy = await startHaproxy(binary, text);
  const map = `${haproxy.folder}/maps/shop.map`;
  const config: HaproxyConfig = {
    sockets: [haproxy.socket],
    ...(by === "map" ? { map } : { backend: "shop" }),
    versions: backends.map(({ version, url }) => ({
      version,
      url,
      ...(by === "map" ? { backend: `shop_${version}` } : { servers: [`${version}a`] }),
    })),
  };
  const target = { service: "shop", environment: "production", config };
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void silent.close());
  const at = (...sockets: string[]) => ({ ...target, config: { ...config, sockets } });
  return {
    engine: createHaproxyEngine(),
    target,
    versions,
    unauthorised: at(`unix:${haproxy.folder}/admin-operator.sock`),
    unreachable: at(`unix:${haproxy.folder}/none.sock`),
    silent: at(`tcp:127.0.0.1:${(silent.address() as AddressInfo).port}`),
    served: (requests) => servedAt(haproxy.port, requests),
    meddle: (percent) =>
      by === "map" ? meddleWithMap(haproxy, map, percent) : meddleWithServers(haproxy, percent),
    haproxy,
    config,
    backends,
    startSecond: () => startHaproxy(binary, text, { folder: haproxy.folder, name: "second" }),
  };
}

export async function servedAt(port: number, requests: number): Promise<Record<string, number>> {
  const agent = new Agent({ keepAlive: true });
  const counts: Record<string, number> = {};
  let left = requests;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      const { status, body } = await get(port, "/", { agent });
      const name = status === 200 ? body : String(status);
      counts[name] = (counts[name] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  agent.destroy();
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, (count / requests) * 100]));
}

/** A socket that hands each command on once `before` has returned. */
export async function startRelay(
  socket: string,
  before: (command: string) => Promise<void>,
): Promise<string> {
  const relay = createServer((connection) => {
    connection.on("error", () => undefined);
    connection.once("data", (chunk: Buffer) => {
      void before(chunk.toString()).then(() => {
        const onward = connect(socket.slice("unix:".length));
        onward.on("error", () => connection.destroy());
        onward.pipe(connection);
        onward.write(chunk);
      });
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void relay.close());
  return `tcp:127.0.0.1:${(relay.address() as AddressInfo).port}`;
}

/** As a person would: the ranges by hand, our mark left where it is. */
async function meddleWithMap(haproxy: TestHaproxy, map: string, percent: number): Promise<void> {
  const lines = (await haproxy.ask(`show map ${map}`)).split("\n");
  const keys = lines.map((line) => line.split(" ")[1] ?? "").filter((key) => /^(\d+:\d+|2\d{4})$/.test(key));
  for (const key of keys) await haproxy.ask(`del map ${map} ${key}`);
  const from = 10_000 - percent * 100;
  await haproxy.ask(`add map ${map} 0:${from - 1} shop_v41;add map ${map} ${from}:9999 shop_v42`);
}

async function meddleWithServers(haproxy: TestHaproxy, percent: number): Promise<void> {
  await haproxy.ask(
    `set server shop/v41a weight ${100 - percent};set server shop/v42a weight ${percent};set server shop/v43a weight 0`,
  );
}
