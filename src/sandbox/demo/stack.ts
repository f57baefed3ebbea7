import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePortsInARow } from "../../platform/embedded/ports.ts";
import { until } from "./until.ts";

/** Where the parts of a running `start` answer; all an observer needs to know. */
export interface Stack {
  /** Slack's door, hooks, console and the local workspace. */
  baseUrl: string;
  adminUrl: string;
  /** User traffic goes in here. */
  routerUrl: string;
  /** The stable version's process, whose faults can be turned on. */
  shopUrl: string;
  slackApiUrl: string;
  hookToken(source: string): string;
  stop(): Promise<void>;
}

export interface StackOptions {
  /** An empty folder, thrown away by the caller. */
  dataDir: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Script that starts Quarterdeck; another one in the demo's self-test. */
  script?: string | undefined;
}

const portNames = [
  "PORT",
  "ADMIN_PORT",
  "ROUTER_PORT",
  "ROUTER_ADMIN_PORT",
  "POSTGRES_PORT",
  "ORDERS_DB_PORT",
  "SLACK_API_PORT",
] as const;
/** What `npm start` runs. */
export const startScript = fileURLToPath(new URL("../../../scripts/quarterdeck.mjs", import.meta.url));
const readyDeadlineMs = 60_000;

/** The environment of a `start` of its own: a folder, free ports, and nothing of the caller's systems. */
export async function stackEnvironment(
  dataDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string | undefined>> {
  const first = await freePortsInARow(portNames.length + 5);
  const ports = Object.fromEntries(portNames.map((name, index) => [name, String(first + index)]));
  const {
    DATABASE_URL: _a,
    REDIS_URL: _b,
    SLACK_BOT_TOKEN: _c,
    SLACK_APP_TOKEN: _d,
    PUBLIC_URL: _e,
    HOST: _f,
    ...inherited
  } = env;
  return {
    ...inherited,
    ...ports,
    SHOP_PORT: String(first + portNames.length),
    DATA_DIR: dataDir,
    LOG_LEVEL: "warn",
  };
}

/** Starts Quarterdeck as a person would, on ports and a folder of its own, and waits until it is ready. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const ownEnv = await stackEnvironment(options.dataDir, options.env);
  const child = spawn(process.execPath, [options.script ?? startScript, "start"], {
    env: ownEnv,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
  const adminUrl = `http://127.0.0.1:${ownEnv.ADMIN_PORT}`;
  try {
    await until(
      "Quarterdeck to be ready",
      () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
        return output.includes("Quarterdeck is ready");
      },
      readyDeadlineMs,
    );
  } catch (error) {
    await end(child);
    throw new Error(`Quarterdeck did not start:\n${output}`, { cause: error });
  }
  return {
    baseUrl: `http://127.0.0.1:${ownEnv.PORT}`,
    adminUrl,
    routerUrl: `http://127.0.0.1:${ownEnv.ROUTER_PORT}`,
    shopUrl: `http://127.0.0.1:${ownEnv.SHOP_PORT}`,
    slackApiUrl: `http://127.0.0.1:${ownEnv.SLACK_API_PORT}/api/`,
    hookToken: (source) => readFileSync(join(options.dataDir, "keys", `hook-${source}.token`), "utf8").trim(),
    stop: () => end(child),
  };
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), 25_000).unref();
  });
}
