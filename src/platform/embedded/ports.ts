import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { EmbeddedError } from "./errors.ts";
import { isErrno } from "./files.ts";
import { processFacts } from "./process-facts.ts";

/**
 * Throws when something listens on the port already.
 *
 * @param option the environment variable that changes the port
 * @throws {EmbeddedError} `port_in_use`, naming the option and, where known, who holds the port
 */
export async function assertPortFree(port: number, host: string, option: string): Promise<void> {
  if (port === 0) return;
  try {
    await tryListen(port, host);
  } catch (cause) {
    if (isErrno(cause, "EADDRINUSE")) {
      const holder = portHolder(port);
      throw new EmbeddedError(
        "port_in_use",
        `Port ${port} on ${host} is in use${holder ? ` by ${holder}` : ""}.`,
        `Stop that program, or choose another port: ${option}=<port>.`,
        cause,
      );
    }
    if (isErrno(cause, "EACCES"))
      throw new EmbeddedError(
        "port_in_use",
        `Port ${port} on ${host} may not be opened by this user.`,
        `Choose a port above 1023: ${option}=<port>.`,
        cause,
      );
    if (isErrno(cause, "EADDRNOTAVAIL"))
      throw new EmbeddedError(
        "port_in_use",
        `This machine has no address ${host} to listen on.`,
        "Set HOST to one of its addresses, or to 127.0.0.1.",
        cause,
      );
    throw cause;
  }
}

/** A port that nothing listens on at this moment. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  return tryListen(0, host);
}

/** Below what systems give to outgoing connections (Linux: from 32768), which would take a port before it is opened. */
const rowPorts = { from: 20_000, until: 32_000 };

/** The first of `count` neighbouring ports that nothing listens on at this moment. */
export async function freePortsInARow(count: number): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const first = randomInt(rowPorts.from, rowPorts.until - count);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isPortFree(first + index)));
    if (!free.includes(false)) return first;
  }
  throw new EmbeddedError(
    "port_in_use",
    `There are no ${count} free ports in a row between ${rowPorts.from} and ${rowPorts.until}.`,
    "Name the ports yourself.",
  );
}

export async function isPortFree(port: number, host = "127.0.0.1"): Promise<boolean> {
  return tryListen(port, host).then(
    () => true,
    () => false,
  );
}

function tryListen(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : port));
    });
  });
}

/** `name (pid 12)` of the process listening on the port, as far as this user may see it (Linux). */
export function portHolder(port: number): string | undefined {
  if (process.platform !== "linux") return undefined;
  const inodes = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listenersIn(table, port)));
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (!socketsOf(pid).some((inode) => inodes.has(inode))) continue;
    const command = processFacts(Number(pid))?.command.join(" ") ?? "a process";
    return `${command.length > 80 ? `${command.slice(0, 79)}…` : command} (pid ${pid})`;
  }
  return undefined;
}

/** Source: proc(5), /proc/net/tcp: local address, then remote, state 0A = listening; inode in the tenth column. */
function listenersIn(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  try {
    return readFileSync(table, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === "0A" && fields[1]?.endsWith(wanted))
      .map((fields) => fields[9] ?? "");
  } catch {
    return [];
  }
}

function socketsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
