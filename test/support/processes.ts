import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { freePort } from "../../src/platform/embedded/ports.ts";
import { until } from "./until.ts";

export type Role = "web" | "worker" | "router" | "start";

/** Who a process runs as; only root may choose. */
export interface Account {
  uid: number;
  gid: number;
}

/** A role as a real process of its own, as an installation runs it. */
export interface RoleProcess {
  role: Role;
  pid: number;
  /** Address of PORT (web, start) or of user traffic (router); empty for a worker. */
  url: string;
  adminUrl: string;
  output(): string;
  /** SIGKILL; returns when the process is gone. */
  kill(): Promise<void>;
  /** Sends a signal and answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const script = fileURLToPath(new URL("../../scripts/quarterdeck.mjs", import.meta.url));

const readyWords: Record<Role, RegExp> = {
  web: /web: listening on/,
  worker: /worker: running/,
  router: /Router: traffic on/,
  start: /Quarterdeck is ready/,
};

/** Only what a process needs to run at all: an installation's settings are given by the test. */
const bareEnv = (): Record<string, string | undefined> => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  LANG: process.env.LANG,
});

/** Starts a process without waiting until it is ready. */
export function spawnRole(
  role: Role,
  env: Readonly<Record<string, string | undefined>>,
  account?: Account,
): { child: ChildProcess; output: () => string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [script, role], {
    env: { ...bareEnv(), LOG_LEVEL: "error", ...env },
    ...account,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-50_000);
    });
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  return { child, output: () => said, ended };
}

/** Starts a role on free ports and waits until it says that it runs. */
export async function startRole(
  role: Role,
  env: Readonly<Record<string, string | undefined>>,
  account?: Account,
): Promise<RoleProcess> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const ports =
    role === "router"
      ? { ROUTER_PORT: String(port), ROUTER_ADMIN_PORT: String(adminPort) }
      : { PORT: String(port), ADMIN_PORT: String(adminPort) };
  const all = { ...ports, ...env };
  const { child, output, ended } = spawnRole(role, all, account);
  await until(
    `${role} to run`,
    () => {
      if (readyWords[role].test(output())) return true;
      return child.exitCode !== null || child.signalCode !== null;
    },
    60_000,
  );
  if (!readyWords[role].test(output())) throw new Error(`${role} did not start:\n${output()}`);
  const at = (given: string | undefined, chosen: number) => `http://127.0.0.1:${given ?? chosen}`;
  const [main, admin] = role === "router" ? ["ROUTER_PORT", "ROUTER_ADMIN_PORT"] : ["PORT", "ADMIN_PORT"];
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  return {
    role,
    pid: child.pid as number,
    url: role === "worker" ? "" : at(env[main as string], port),
    adminUrl: at(env[admin as string], adminPort),
    output,
    kill: async () => void (await end("SIGKILL")),
    stop: (signal = "SIGTERM") => end(signal),
  };
}
