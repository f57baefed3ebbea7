import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { nextRestart, type RestartPolicy, restartPolicy } from "./backoff.ts";
import { EmbeddedError } from "./errors.ts";
import { logTail, openLog } from "./files.ts";
import { isGroupAlive, sendSignal } from "./process-facts.ts";
import type { ProcessRegistry } from "./registry.ts";
import { poll } from "./wait.ts";

export interface ManagedOptions {
  /** Unique within the registry. */
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Gets stdout and stderr, appended. */
  logFile: string;
  registry: ProcessRegistry;
  /** Asked until it answers true, at the first start. */
  ready: () => Promise<boolean>;
  /** Default 15 s. */
  readyDeadlineMs?: number;
  /** How it is started again when it ends by itself; `false` leaves it ended. */
  restart?: RestartPolicy | false;
  /** How long it gets between SIGTERM and SIGKILL. Default 10 s. */
  stopDeadlineMs?: number;
  /** Told whenever it ends without having been asked to. */
  onExit?: (exit: {
    name: string;
    code: number | null;
    signal: NodeJS.Signals | null;
    restartInMs: number | undefined;
  }) => void;
}

export interface Managed {
  readonly name: string;
  /** Of the process that runs now; undefined between two runs and after stop(). */
  pid(): number | undefined;
  /** Ends it and its whole group; no restart follows. Returns when it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a program as a process group of its own, which neither gets the terminal's Ctrl-C nor dies with us, and
 * keeps it running. Resolves when it is ready.
 *
 * @throws {EmbeddedError} `process_start_failed` or `process_not_ready`, with the end of its log; it is stopped then
 */
export async function spawnManaged(options: ManagedOptions): Promise<Managed> {
  const keeper = new Keeper(options);
  try {
    await keeper.launch();
    await keeper.untilReady();
  } catch (error) {
    await keeper.stop();
    throw error;
  }
  return { name: options.name, pid: () => keeper.pid, stop: () => keeper.stop() };
}

class Keeper {
  #child: ChildProcess | undefined;
  #failures = 0;
  #isReady = false;
  readonly #stopping = new AbortController();

  constructor(private readonly options: ManagedOptions) {}

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async launch(): Promise<void> {
    const { name, command, args, env, cwd, logFile, registry } = this.options;
    const log = await openLog(logFile);
    const startedMs = performance.now();
    try {
      const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", log.fd, log.fd] });
      if (child.pid !== undefined) registry.record(name, child.pid, [command, ...args]);
      await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
      this.#child = child;
      child.once("exit", (code, signal) => {
        // What it started itself must not live on beside its successor.
        if (child.pid !== undefined && !this.#stopping.signal.aborted)
          sendSignal(child.pid, "SIGKILL", "group");
        void this.#ended(code, signal, performance.now() - startedMs);
      });
      child.unref();
    } catch (cause) {
      throw new EmbeddedError(
        "process_start_failed",
        `${name} could not be started: ${(cause as Error).message}`,
        `The command is: ${[command, ...args].join(" ")}`,
        cause,
      );
    } finally {
      await log.close();
    }
  }

  async untilReady(): Promise<void> {
    const { name, ready, logFile, readyDeadlineMs = 15_000 } = this.options;
    const isReady = await poll(
      async () => (this.#child === undefined ? false : (await ready().catch(() => false)) || undefined),
      readyDeadlineMs,
    );
    if (isReady) {
      this.#isReady = true;
      return;
    }
    const why =
      isReady === false ? "ended before it was ready" : `was not ready within ${readyDeadlineMs / 1000} s`;
    throw new EmbeddedError(
      "process_not_ready",
      `${name} ${why}. Its log ends with:\n${await logTail(logFile)}`,
      `The whole log is ${logFile}.`,
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    const pid = child?.pid;
    if (child && pid !== undefined) {
      for (const [signal, deadlineMs] of [
        ["SIGTERM", this.options.stopDeadlineMs ?? 10_000],
        ["SIGKILL", 5_000],
      ] as const) {
        sendSignal(pid, signal, "group");
        if (
          await poll(
            () => (this.#child === undefined && !isGroupAlive(pid) ? true : undefined),
            deadlineMs,
            20,
          )
        )
          break;
      }
    }
    await this.options.registry.forget(this.options.name);
  }

  async #ended(code: number | null, signal: NodeJS.Signals | null, ranMs: number): Promise<void> {
    const { name, restart = restartPolicy, onExit } = this.options;
    this.#child = undefined;
    if (this.#stopping.signal.aborted) return;
    // Before the first readiness the caller is told by an error; starting again is then the caller's affair.
    const isKept = restart !== false && this.#isReady;
    const { waitMs, failures } = nextRestart(restart || restartPolicy, this.#failures, ranMs);
    onExit?.({ name, code, signal, restartInMs: isKept ? waitMs : undefined });
    if (!isKept) return;
    this.#failures = failures;
    await this.#again(waitMs);
  }

  async #again(waitMs: number): Promise<void> {
    const isStopped = () => this.#stopping.signal.aborted;
    await pause(waitMs, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
    if (isStopped()) return;
    try {
      await this.launch();
      // stop() may have come while the process was being made, when there was nothing to stop yet.
      if (isStopped()) await this.stop();
    } catch {
      await this.#ended(null, null, 0);
    }
  }
}
