import { type ChildProcess, spawn } from "node:child_process";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { type Binaries, findBinaries } from "./binaries.ts";
import { EmbeddedError } from "./errors.ts";
import { logTail, openLog, readIfThere, writeWhole } from "./files.ts";
import { ensureDataFolder, postgresEnv, superuser } from "./initdb.ts";
import { keptPassword } from "./passwords.ts";
import { type Placement, placeData } from "./placement.ts";
import { assertPortFree, freePort, isPortFree } from "./ports.ts";
import { clearStalePid, findPostmaster, stopPostmaster } from "./postmaster.ts";
import { isAlive } from "./process-facts.ts";
import { poll } from "./wait.ts";

export interface ClusterOptions {
  /** Says which cluster an error is about. */
  name: string;
  /** Folder of this cluster alone: data (or a pointer to them), passwords, port, log. Made when missing. */
  dir: string;
  /** Port to listen on; 0 takes a free one and keeps it for the next start. */
  port: number;
  /** Environment variable that sets `port`; named when the port is in use. */
  portOption: string;
  /** More options for `initdb`, at the first start. */
  initdbOptions?: readonly string[];
  /** Server settings, as in postgresql.conf. */
  settings?: Readonly<Record<string, string | number>>;
  /** Where binaries and data go when Postgres' account cannot enter the checkout. Only root needs it. */
  systemDir?: string;
}

export interface Cluster {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly majorVersion: number;
  readonly dataDir: string;
  readonly logFile: string;
  /** True when the server was already running on the folder, left by a start that was killed. */
  readonly wasAdopted: boolean;
  /** Connection string; without a role it is the superuser's. */
  url(database?: string, role?: { user: string; password: string }): string;
  /** Password kept for a role in this cluster's folder (mode 600); made when first asked for. */
  password(role: string): Promise<string>;
  /** Ends the server and waits until it is gone. A second call finds nothing to do. */
  stop(): Promise<void>;
}

const host = "127.0.0.1";
const defaultSystemDir = "/var/lib/quarterdeck";

/** Recovery after a crash may take its time; the process dying ends the wait at once. */
const readyDeadlineMs = 60_000;

/** Loopback only, passwords only, no socket file anywhere; the rest may be set by the caller. */
const fixedSettings = {
  listen_addresses: host,
  unix_socket_directories: "",
  password_encryption: "scram-sha-256",
  log_timezone: "UTC",
  timezone: "UTC",
};

/**
 * Starts the Postgres cluster in `dir`, makes it first when there is none, or adopts the server that runs on it
 * already. The server is a process group of its own: it neither gets our terminal's Ctrl-C nor dies with us.
 *
 * @throws {EmbeddedError} see the codes of errors.ts; the message names folder, port or file
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const systemDir = options.systemDir ?? defaultSystemDir;
  const placement = await placeData(options.dir, systemDir);
  const dir = await realpath(options.dir);
  const binaries = await findBinaries(placement.account, systemDir);
  const passwordOf = (role: string) => keptPassword(passwordFileOf(dir, role));
  const password = await passwordOf(superuser);
  await ensureDataFolder(placement, binaries, password, options.initdbOptions ?? []);
  const logFile = join(dir, "postgres.log");
  const { pid, port, wasAdopted } = await ensureServer(options, {
    dir,
    logFile,
    placement,
    binaries,
    password,
  });
  return {
    name: options.name,
    port,
    pid,
    majorVersion: binaries.major,
    dataDir: placement.dataDir,
    logFile,
    wasAdopted,
    url: (database = "postgres", role = { user: superuser, password }) => connectionUrl(port, database, role),
    password: passwordOf,
    stop: () => stopPostmaster(placement.dataDir),
  };
}

const passwordFileOf = (dir: string, role: string): string =>
  join(dir, role === superuser ? "superuser-password" : `password-${role}`);

interface Ground {
  dir: string;
  logFile: string;
  placement: Placement;
  binaries: Binaries;
  password: string;
}

async function ensureServer(
  options: ClusterOptions,
  ground: Ground,
): Promise<{ pid: number; port: number; wasAdopted: boolean }> {
  const { dataDir } = ground.placement;
  const running = await findPostmaster(dataDir);
  const port = await choosePort(options, ground.dir, running?.port);
  const command = [ground.binaries.postgres, ...serverArgs(dataDir, port, options.settings)];
  if (
    running &&
    running.command.join("\0") === command.join("\0") &&
    (await isReady(running.pid, port, ground))
  ) {
    return { pid: running.pid, port, wasAdopted: true };
  }
  await stopPostmaster(dataDir);
  await clearStalePid(dataDir);
  await assertPortFree(port, host, options.portOption);
  const { pid = 0 } = await launch(command, ground);
  try {
    if (await isReady(pid, port, ground)) return { pid, port, wasAdopted: false };
    throw new EmbeddedError(
      "postgres_start_failed",
      `The embedded Postgres ${options.name} did not start on port ${port}. Its log ends with:\n${await logTail(ground.logFile)}`,
      `The whole log is ${ground.logFile}; the data folder is ${dataDir}.`,
    );
  } catch (error) {
    await stopPostmaster(dataDir);
    throw error;
  }
}

async function choosePort(
  options: ClusterOptions,
  dir: string,
  runningPort: number | undefined,
): Promise<number> {
  if (options.port !== 0) return options.port;
  if (runningPort) return runningPort;
  const path = join(dir, "port");
  const kept = Number(await readIfThere(path));
  if (Number.isInteger(kept) && kept > 0 && (await isPortFree(kept, host))) return kept;
  const port = await freePort(host);
  await writeWhole(path, `${port}\n`, 0o644);
  return port;
}

function serverArgs(dataDir: string, port: number, settings: ClusterOptions["settings"]): string[] {
  const all = Object.entries({ ...settings, ...fixedSettings });
  return ["-D", dataDir, "-p", String(port), ...all.flatMap(([key, value]) => ["-c", `${key}=${value}`])];
}

async function launch(command: readonly string[], { placement, logFile }: Ground): Promise<ChildProcess> {
  const [program = "", ...args] = command;
  const log = await openLog(logFile);
  try {
    const child = spawn(program, args, {
      ...placement.account,
      cwd: placement.dataDir,
      env: postgresEnv,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
    return child;
  } catch (cause) {
    throw new EmbeddedError(
      "postgres_start_failed",
      `The program ${program} could not be started: ${(cause as Error).message}`,
      "Run `npm ci` again; in a container without the right to change users, start as a plain user.",
      cause,
    );
  } finally {
    await log.close();
  }
}

/** SQLSTATE invalid_password. */
const passwordRefused = "28P01";

/** Ready is: it lets us in. False when the process ended or the deadline passed first. */
async function isReady(pid: number, port: number, { password, dir }: Ground): Promise<boolean> {
  const answer = await poll(async () => {
    if (!isAlive(pid)) return false;
    return (await canLogIn(
      connectionUrl(port, "postgres", { user: superuser, password }),
      passwordFileOf(dir, superuser),
    ))
      ? true
      : undefined;
  }, readyDeadlineMs);
  return answer ?? false;
}

async function canLogIn(connectionString: string, passwordFile: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch (cause) {
    if ((cause as { code?: string }).code !== passwordRefused) return false;
    throw new EmbeddedError(
      "password_refused",
      `The embedded Postgres refuses the superuser's password kept in ${passwordFile}.`,
      "Put back the file that belongs to this data folder, or move the data folder away to start with an empty one.",
      cause,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

function connectionUrl(
  port: number,
  database: string,
  { user, password }: { user: string; password: string },
): string {
  return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/${encodeURIComponent(database)}`;
}
