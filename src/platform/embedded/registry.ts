import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { EmbeddedError } from "./errors.ts";
import { readIfThere } from "./files.ts";
import { processFacts, sendSignal } from "./process-facts.ts";
import { poll } from "./wait.ts";

/** A process we started and that may outlive us. */
export interface RecordedProcess {
  name: string;
  pid: number;
  command: readonly string[];
  /** Tells the process from a later one with the same pid; see {@link processFacts}. */
  startMark: string;
}

/** Milliseconds a leftover gets to end by itself before it is killed. */
const leftoverGraceMs = 5_000;
const killDeadlineMs = 5_000;

/**
 * What runs for one installation, one file per process in its folder. A record is written as soon as the process
 * exists and taken away when it has ended, so after a crash the next start knows what was left behind.
 */
export class ProcessRegistry {
  constructor(private readonly dir: string) {}

  /**
   * Records a living process; one that has ended already is not recorded. Synchronous on purpose: called right after
   * `spawn`, it leaves no moment in which we could be killed with the process unrecorded.
   */
  record(name: string, pid: number, command: readonly string[]): void {
    const facts = processFacts(pid);
    if (!facts) return;
    mkdirSync(this.dir, { recursive: true });
    const recorded: RecordedProcess = { name, pid, command, startMark: facts.startMark };
    const fresh = `${this.#path(name)}.new`;
    writeFileSync(fresh, `${JSON.stringify(recorded, null, 2)}\n`, { mode: 0o600 });
    renameSync(fresh, this.#path(name));
  }

  async forget(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  /** The recorded processes that still live. A pid that belongs to another process by now does not count. */
  async list(): Promise<RecordedProcess[]> {
    const names = (await readdir(this.dir).catch(() => [])).filter((name) => name.endsWith(".json"));
    const texts = await Promise.all(names.map((name) => readIfThere(join(this.dir, name))));
    return texts.flatMap(parse).filter(isSameProcess);
  }

  /**
   * Stops what an earlier run left: each process with its group, by SIGTERM, then by SIGKILL.
   *
   * @param graceMs between the two signals
   * @returns what was stopped
   * @throws {EmbeddedError} `process_stop_failed` when one cannot be stopped
   */
  async stopLeftovers(graceMs = leftoverGraceMs): Promise<RecordedProcess[]> {
    const left = await this.list();
    await Promise.all(left.map((recorded) => stopRecorded(recorded, graceMs)));
    for (const name of await readdir(this.dir).catch(() => []))
      await rm(join(this.dir, name), { force: true });
    return left;
  }

  #path(name: string): string {
    return join(this.dir, `${name.replace(/[^a-z0-9_-]/gi, "_")}.json`);
  }
}

/** A record cut short by a crash of the machine says nothing; the processes of then are gone as well. */
function parse(text: string | undefined): RecordedProcess[] {
  try {
    return text ? [JSON.parse(text) as RecordedProcess] : [];
  } catch {
    return [];
  }
}

const isSameProcess = (recorded: RecordedProcess): boolean =>
  processFacts(recorded.pid)?.startMark === recorded.startMark;

async function stopRecorded(recorded: RecordedProcess, graceMs: number): Promise<void> {
  try {
    for (const [signal, deadlineMs] of [
      ["SIGTERM", graceMs],
      ["SIGKILL", killDeadlineMs],
    ] as const) {
      if (!isSameProcess(recorded)) return;
      // Managed processes lead a group of their own; another one may be in a group that is not ours to end.
      sendSignal(recorded.pid, signal, leadsGroup(recorded.pid) ? "group" : "process");
      if (await poll(() => (isSameProcess(recorded) ? undefined : true), deadlineMs, 20)) return;
    }
  } catch (cause) {
    throw stopFailed(recorded, cause);
  }
  throw stopFailed(recorded);
}

function leadsGroup(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

function stopFailed({ name, pid }: RecordedProcess, cause?: unknown): EmbeddedError {
  return new EmbeddedError(
    "process_stop_failed",
    `${name} (pid ${pid}), left by an earlier run, could not be stopped.`,
    `End it yourself, as the user who started it: kill -9 ${pid}`,
    cause,
  );
}
