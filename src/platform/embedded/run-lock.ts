import { link, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { EmbeddedError } from "./errors.ts";
import { readIfThere, writeWhole } from "./files.ts";
import { processFacts } from "./process-facts.ts";

export interface RunLock {
  /** Adds the address people open, once it answers, so that a second start can name it. */
  announce(url: string): Promise<void>;
  release(): Promise<void>;
}

interface Holder {
  pid: number;
  startMark: string;
  since: string;
  url?: string;
}

/**
 * Makes sure that one start at a time works in `dir`. The lock of a process that was killed is taken over: it is
 * known by its pid together with its start time, never by the pid alone.
 *
 * @throws {EmbeddedError} `already_running`, naming pid, address and since when
 */
export async function acquireRunLock(dir: string, now: Date): Promise<RunLock> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, "run.lock");
  const mine: Holder = {
    pid: process.pid,
    startMark: processFacts(process.pid)?.startMark ?? "",
    since: now.toISOString(),
  };
  for (;;) {
    if (await tryCreate(path, mine)) break;
    const seen = await readIfThere(path);
    const holder = seen === undefined ? undefined : parse(seen);
    if (holder && processFacts(holder.pid)?.startMark === holder.startMark) throw alreadyRunning(dir, holder);
    if (seen !== undefined) await dropStale(path, seen);
  }
  return {
    announce: (url) => writeWhole(path, textOf({ ...mine, url })),
    release: async () => {
      const holder = parse((await readIfThere(path)) ?? "");
      if (holder?.pid === mine.pid && holder.startMark === mine.startMark) await rm(path, { force: true });
    },
  };
}

const textOf = (holder: Holder): string => `${JSON.stringify(holder, null, 2)}\n`;

/** A whole file appears under the name, or nothing does: `link` fails when the name is taken. */
async function tryCreate(path: string, holder: Holder): Promise<boolean> {
  const own = `${path}.${process.pid}`;
  await writeWhole(own, textOf(holder));
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Two starts may find the same stale lock; what was renamed is looked at again, and put back if it was a new one. */
async function dropStale(path: string, seen: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if ((await readIfThere(aside)) !== seen) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

function parse(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}

function alreadyRunning(dir: string, { pid, since, url }: Holder): EmbeddedError {
  return new EmbeddedError(
    "already_running",
    `Quarterdeck is already running on ${dir}: pid ${pid}, since ${since}, ${url ? `at ${url}` : "still starting"}.`,
    `Open ${url ?? "it when it is ready"}, or stop it first (Ctrl-C there, or kill ${pid}), or start a second one on other ports with DATA_DIR=<another folder>.`,
  );
}
