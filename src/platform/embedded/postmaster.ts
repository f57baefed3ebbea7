import { readFile, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { EmbeddedError } from "./errors.ts";
import { existsFile, readIfThere } from "./files.ts";
import { processesIn, processFacts, sendSignal } from "./process-facts.ts";
import { poll } from "./wait.ts";

/** A Postgres server found running on a data folder. */
export interface Postmaster {
  pid: number;
  port: number;
  /** The command line it was started with. */
  command: readonly string[];
}

/** Lines of `postmaster.pid`. Source: Postgres, src/include/utils/pidfile.h. */
const pidLine = 0;
const portLine = 3;

/** Milliseconds for a fast shutdown (clients cut off, checkpoint written) before a harder signal follows. */
const fastShutdownMs = 20_000;
const immediateShutdownMs = 5_000;

/** The server that runs on `dataDir`; a pid that was given to another process since does not count. */
export async function findPostmaster(dataDir: string): Promise<Postmaster | undefined> {
  const lines = (await readIfThere(join(dataDir, "postmaster.pid")))?.split("\n") ?? [];
  const pid = Number(lines[pidLine]);
  const facts = processFacts(pid);
  if (facts === undefined || !(await runsOn(facts.command, facts.cwd, dataDir))) return undefined;
  return { pid, port: Number(lines[portLine]), command: facts.command };
}

async function runsOn(
  command: readonly string[],
  cwd: string | undefined,
  dataDir: string,
): Promise<boolean> {
  const given = command[command.indexOf("-D") + 1];
  if (!command[0]?.endsWith("postgres") || given === undefined) return false;
  const folder = await realpath(dataDir);
  return cwd === undefined ? given === dataDir || given === folder : cwd === folder;
}

/**
 * Removes a `postmaster.pid` whose pid now belongs to some other program, which Postgres would take for a running
 * server. Left alone while server processes still work in the folder, and when the pid is free: Postgres sees that.
 */
export async function clearStalePid(dataDir: string): Promise<void> {
  const path = join(dataDir, "postmaster.pid");
  if (!(await existsFile(path)) || (await findPostmaster(dataDir))) return;
  const folder = await realpath(dataDir);
  const gone = await poll(() => (processesIn(folder).length === 0 ? true : undefined), immediateShutdownMs);
  const pid = Number((await readFile(path, "utf8")).split("\n")[0]);
  if (gone && processFacts(pid) !== undefined) await rm(path, { force: true });
}

/**
 * Stops the server on `dataDir`, if one runs: fast, then immediate, then by SIGKILL.
 *
 * @throws {EmbeddedError} `postgres_stop_failed` when it outlives even that
 */
export async function stopPostmaster(dataDir: string): Promise<void> {
  const running = await findPostmaster(dataDir);
  if (!running) return;
  const steps: [NodeJS.Signals, number][] = [
    ["SIGINT", fastShutdownMs],
    ["SIGQUIT", immediateShutdownMs],
    ["SIGKILL", immediateShutdownMs],
  ];
  const startMark = processFacts(running.pid)?.startMark;
  for (const [signal, deadlineMs] of steps) {
    if (startMark === undefined) return;
    sendSignal(running.pid, signal);
    if (
      await poll(
        () => (processFacts(running.pid)?.startMark === startMark ? undefined : true),
        deadlineMs,
        20,
      )
    )
      return;
  }
  throw new EmbeddedError(
    "postgres_stop_failed",
    `Postgres (pid ${running.pid}) on ${dataDir} does not stop.`,
    `Look at its log, then end it yourself: kill -9 ${running.pid}`,
  );
}
