import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What tells one process from a later one that was given the same pid. */
export interface ProcessFacts {
  pid: number;
  /** Changes with every process: boot id and clock ticks since boot on Linux, the start time elsewhere. */
  startMark: string;
  command: readonly string[];
  /** Working folder, where the system tells. */
  cwd: string | undefined;
}

/** Facts of a living process; undefined when it is gone, or dead and not yet collected by its parent. */
export function processFacts(pid: number): ProcessFacts | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return process.platform === "linux" ? factsFromProc(pid) : factsFromPs(pid);
}

export function isAlive(pid: number): boolean {
  return processFacts(pid) !== undefined;
}

/** Sends a signal to a process, or to its whole group; a process that is already gone is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals, to: "process" | "group" = "process"): void {
  try {
    process.kill(to === "group" ? -pid : pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Whether a process group has living members; processes that are dead and not yet collected do not count. */
export function isGroupAlive(groupId: number): boolean {
  if (process.platform === "linux") {
    return pids().some((pid) => {
      const fields = statFields(pid);
      return fields?.[groupField] === String(groupId) && isLiving(fields);
    });
  }
  try {
    process.kill(-groupId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Living processes whose working folder is `folder` (Linux only; elsewhere none are seen). */
export function processesIn(folder: string): number[] {
  if (process.platform !== "linux") return [];
  return pids().filter((pid) => linkTarget(`/proc/${pid}/cwd`) === folder && isAlive(pid));
}

const pids = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Places in {@link statFields}. Source: proc_pid_stat(5), whose third field is the first here. */
const stateField = 0;
const groupField = 2;
const startField = 19;

/** The fields after the command, which stands in parentheses and may itself hold spaces and parentheses. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

const isLiving = (fields: readonly string[]): boolean => !["Z", "X"].includes(fields[stateField] ?? "X");

function factsFromProc(pid: number): ProcessFacts | undefined {
  const fields = statFields(pid);
  if (!fields || !isLiving(fields)) return undefined;
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { pid, startMark: `${boot}:${fields[startField]}`, command, cwd: linkTarget(`/proc/${pid}/cwd`) };
  } catch {
    return undefined;
  }
}

function factsFromPs(pid: number): ProcessFacts | undefined {
  try {
    const line = execFileSync("ps", ["-ww", "-o", "stat=,lstart=,command=", "-p", String(pid)], {
      encoding: "utf8",
      env: { LC_ALL: "C", PATH: "/bin:/usr/bin" },
    }).trim();
    const match = /^(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/s.exec(line);
    const [, state, started, command] = match ?? [];
    if (state === undefined || started === undefined || command === undefined || state.startsWith("Z"))
      return undefined;
    return { pid, startMark: started, command: command.split(" "), cwd: undefined };
  } catch {
    return undefined;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
