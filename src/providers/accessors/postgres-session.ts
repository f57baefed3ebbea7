import { Socket } from "node:net";
import pg from "pg";
import { Gate } from "../../platform/gate.ts";
import type { Secret } from "../../platform/secret.ts";
import { type ProviderCode, ProviderError } from "../errors.ts";

export interface SessionOptions {
  /** `postgres://manager:…@host:5432/database`; `sslmode` as libpq spells it. */
  url: Secret<string>;
  deadlineMs: number;
  /** Left out, each call has a connection of its own. */
  pool?: SessionPool | undefined;
}

export type Session = Pick<pg.Client, "query">;

/** A connection, with the socket beneath it: cut, it ends whatever waits for it. */
interface Connection {
  client: pg.Client;
  socket: Socket;
}

/** Connections kept for the next call, by address and role, for a moment. */
export interface SessionPool {
  /** How many calls may be at one server at once; the others wait their turn. */
  gate(address: string): Gate;
  take(address: string): Connection | undefined;
  keep(address: string, connection: Connection): void;
}

/** Calls at one server at once: each has a session of ours, and the server has others to serve. */
const callsMax = 12;
/** Sessions that wait for a next call at one address at most, and how long, in milliseconds. */
const idleMax = 16;
const idleMs = 5_000;

/**
 * Keeps what a call is done with: connecting costs several times what a call does, and ends come together. What ended
 * meanwhile is never handed out; nothing that waits keeps the process alive.
 */
export function createSessionPool(): SessionPool {
  const idle = new Map<string, Map<Connection, () => void>>();
  const gates = new Map<string, Gate>();
  return {
    gate(address) {
      const gate = gates.get(address) ?? new Gate(callsMax);
      gates.set(address, gate);
      return gate;
    },
    take(address) {
      const waiting = idle.get(address);
      for (const [connection, stopWaiting] of waiting ?? []) {
        waiting?.delete(connection);
        stopWaiting();
        connection.socket.ref();
        return connection;
      }
      return undefined;
    },
    keep(address, connection) {
      const waiting = idle.get(address) ?? new Map<Connection, () => void>();
      idle.set(address, waiting);
      const { socket } = connection;
      if (waiting.size >= idleMax || socket.destroyed) return void socket.destroy();
      const leave = () => {
        waiting.delete(connection);
        socket.destroy();
      };
      const timer = setTimeout(leave, idleMs).unref();
      socket.once("close", leave);
      waiting.set(connection, () => {
        clearTimeout(timer);
        socket.removeListener("close", leave);
      });
      socket.unref();
    },
  };
}

/**
 * Connects or takes over a connection, works, gives it back, all before `signal` fires; then the socket is cut and
 * `timeout` thrown. The server gives up on a statement by itself at about the same time, so no orphan goes on for long.
 */
export async function withSession<T>(
  options: SessionOptions,
  database: string | undefined,
  signal: AbortSignal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const address = urlOf(options.url, database);
  const inSession = () => withSessionAt(address, options, signal, work);
  // A look into another database is part of a call that has its turn: it must not wait for one.
  return options.pool && database === undefined ? options.pool.gate(address).pass(inSession) : inSession();
}

async function withSessionAt<T>(
  address: string,
  options: SessionOptions,
  signal: AbortSignal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const kept = options.pool?.take(address);
  const { client, socket } = kept ?? connectionTo(address, options.deadlineMs);
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () =>
      reject(
        new ProviderError(
          "timeout",
          "Postgres did not answer in time",
          "Read back before trying again: the statement may have had its effect",
          signal.reason,
        ),
      );
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  const working = async (): Promise<T> => {
    if (kept === undefined) await client.connect();
    const result = await work(client);
    if (options.pool === undefined) await client.end();
    return result;
  };
  let isSound = false;
  try {
    const result = await Promise.race([working(), aborted]);
    isSound = true;
    return result;
  } catch (error) {
    throw translated(error);
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
    if (isSound && options.pool) options.pool.keep(address, { client, socket });
    else socket.destroy();
  }
}

function connectionTo(address: string, deadlineMs: number): Connection {
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: address,
    application_name: "quarterdeck",
    statement_timeout: deadlineMs,
    lock_timeout: Math.ceil(deadlineMs / 2),
    stream: () => socket,
  });
  // A broken connection fails the query in flight; this listener only keeps it from ending the process.
  client.on("error", () => undefined);
  return { client, socket };
}

/** One transaction; rolled back by the connection's end when `work` throws. */
export async function inTransaction<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.query("BEGIN");
  const result = await work();
  await session.query("COMMIT");
  return result;
}

/** `host:port/database` of a connection string, as people are told it. */
export function addressOf(url: Secret<string>): string {
  const { hostname, port, pathname } = parsed(url);
  return `${hostname}:${port || "5432"}/${decodeURIComponent(pathname.slice(1)) || "postgres"}`;
}

function parsed(url: Secret<string>): URL {
  try {
    return new URL(url.reveal());
  } catch {
    // Without its cause: that error carries the whole text, password included.
    throw new ProviderError(
      "rejected",
      "The provider instance's url is no connection string",
      "Write postgres://user:password@host:5432/database, with special characters of the password percent-encoded",
    );
  }
}

function urlOf(url: Secret<string>, database: string | undefined): string {
  if (database === undefined) return url.reveal();
  const other = parsed(url);
  other.pathname = `/${encodeURIComponent(database)}`;
  return other.toString();
}

const hints: Record<ProviderCode, string> = {
  unreachable: "Check that Postgres runs and that the provider instance's url has the right host and port",
  unauthorised:
    "Check the manager role's password and rights: the statements of leastPrivilegeSetup() give it what it needs",
  not_found: "Check that the group roles and databases named in the catalog exist",
  conflict: "Something else changed the same role: read back and try again",
  rejected: "Read Postgres' message; trying again will not help",
  in_progress: "It is on its way: ask again",
  timeout: "Read back before trying again: the statement may have had its effect",
};

/** SQLSTATEs and socket errors to our codes. Source: PostgreSQL docs, Appendix A. */
const codeBySqlState: Readonly<Record<string, ProviderCode>> = {
  "28000": "unauthorised",
  "28P01": "unauthorised",
  "42501": "unauthorised",
  "42704": "not_found",
  "3D000": "not_found",
  "42710": "conflict",
  "23505": "conflict",
  "40001": "conflict",
  "40P01": "conflict",
  "55006": "conflict",
  "57014": "timeout",
  "55P03": "timeout",
  "53300": "unreachable",
  "57P01": "unreachable",
  "57P02": "unreachable",
  "57P03": "unreachable",
};

export function translated(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  const code = codeOf(error);
  const message = error instanceof Error && error.message !== "" ? error.message : "the connection failed";
  const detail = error instanceof pg.DatabaseError && error.detail ? ` (${error.detail})` : "";
  return new ProviderError(code, `Postgres: ${message}${detail}`, hints[code], error);
}

function codeOf(error: unknown): ProviderCode {
  const code = (error as { code?: unknown } | null)?.code;
  // Everything the server itself says comes as a DatabaseError; the rest is the way to it.
  if (!(error instanceof pg.DatabaseError) || typeof code !== "string") return "unreachable";
  return codeBySqlState[code] ?? (code.startsWith("08") ? "unreachable" : "rejected");
}
