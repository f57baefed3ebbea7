import { execFile, spawn } from "node:child_process";
import { chmodSync, chownSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { postgresAccount } from "../../../src/platform/embedded/account.ts";
import { startCluster } from "../../../src/platform/embedded/cluster.ts";
import { freePort } from "../../../src/platform/embedded/ports.ts";
import { poll } from "../../../src/platform/embedded/wait.ts";

/** A Postgres of its own: these tests read its log and end its sessions. */
export interface LoggedCluster {
  port: number;
  adminUrl: string;
  /** Everything the server wrote, at `log_statement=all`. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

const settings = {
  fsync: "off",
  synchronous_commit: "off",
  log_statement: "all",
  shared_buffers: "32MB",
  autovacuum: "off",
};

export async function startEmbedded(): Promise<LoggedCluster> {
  const home = await temporaryHome();
  const cluster = await startCluster({
    name: "accessor-test",
    dir: join(home, "cluster"),
    port: 0,
    portOption: "none",
    initdbOptions: ["--no-sync"],
    settings,
  });
  return {
    port: cluster.port,
    adminUrl: cluster.url(),
    log: () => readFile(cluster.logFile, "utf8"),
    stop: async () => {
      await cluster.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A cluster of an installed Postgres, for versions the embedded one is not. */
export async function startInstalled(postgres: string): Promise<LoggedCluster> {
  const home = await temporaryHome();
  const account = postgresAccount(undefined);
  if (account) chownSync(home, account.uid, account.gid);
  const run = {
    ...(account ? { uid: account.uid, gid: account.gid } : {}),
    cwd: home,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
  };
  const password = join(home, "password");
  await writeFile(password, "admin-of-tests");
  chmodSync(password, 0o644);
  const dataDir = join(home, "data");
  await promisify(execFile)(
    join(dirname(postgres), "initdb"),
    ["-D", dataDir, "-U", "postgres", "-A", "scram-sha-256", `--pwfile=${password}`, "--no-sync"],
    run,
  );
  const port = await freePort();
  const flags = Object.entries({
    ...settings,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
  }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = spawn(postgres, ["-D", dataDir, "-p", String(port), ...flags], {
    ...run,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => (log += chunk));
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const ready = await poll(
    () => (log.includes("ready to accept connections") || server.exitCode !== null ? true : undefined),
    30_000,
  );
  if (!ready || server.exitCode !== null) throw new Error(`Postgres did not start:\n${log}`);
  return {
    port,
    adminUrl: `postgres://postgres:admin-of-tests@127.0.0.1:${port}/postgres`,
    log: async () => log,
    stop: async () => {
      server.kill("SIGINT");
      await gone;
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function temporaryHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "quarterdeck-accessor-"));
  // As root, Postgres' own account must get in.
  chmodSync(home, 0o755);
  return home;
}
