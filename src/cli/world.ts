import { access, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import type { Settings } from "../config/config.ts";
import { DatabaseClock } from "../platform/clock.ts";
import type { Database, Db } from "../platform/db/database.ts";
import type { Actor } from "../platform/people.ts";

/** A command's error: what is wrong and the cure, without a stack. */
export class CommandError extends Error {
  readonly code = "command";
  constructor(
    message: string,
    readonly hint: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** Whoever typed the command, for the audit: the account of this machine. */
export const shellActor = (): Actor => ({
  team: "-",
  person: `shell:${userInfo().username}`,
  door: "terminal",
});

/** The path, where something stands there. */
export const localFile = (path: string): Promise<string | undefined> =>
  access(path).then(
    () => path,
    () => undefined,
  );

const readKept = (path: string): Promise<string | undefined> =>
  readFile(path, "utf8").then(
    (text) => text.trim(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    },
  );

/** DATABASE_URL, or the database that `start` keeps in DATA_DIR. Undefined when there is neither. */
export async function appDatabaseUrl(settings: Settings): Promise<string | undefined> {
  if (settings.DATABASE_URL) return settings.DATABASE_URL;
  const dir = join(resolve(settings.DATA_DIR), "postgres");
  const password = await readKept(join(dir, "password-quarterdeck_app"));
  if (password === undefined) return undefined;
  const port = settings.POSTGRES_PORT || Number(await readKept(join(dir, "port")));
  return `postgres://quarterdeck_app:${encodeURIComponent(password)}@127.0.0.1:${port}/quarterdeck`;
}

/** ENCRYPTION_KEY, or the key that `start` keeps in DATA_DIR. */
export async function encryptionKey(settings: Settings): Promise<string | undefined> {
  return settings.ENCRYPTION_KEY ?? readKept(join(resolve(settings.DATA_DIR), "keys", "encryption.key"));
}

/** Address of a `start` that runs on DATA_DIR, from its lock. */
export async function startedUrl(settings: Settings): Promise<string | undefined> {
  const text = await readKept(join(resolve(settings.DATA_DIR), "run.lock"));
  return text === undefined ? undefined : (JSON.parse(text) as { url?: string }).url;
}

export interface World {
  db: Db;
  database: Database;
  now: () => Date;
}

/** Runs `work` with the database, as the app role, and closes it. Throws {@link CommandError} naming the cure. */
export async function withDatabase<T>(settings: Settings, work: (world: World) => Promise<T>): Promise<T> {
  const url = await appDatabaseUrl(settings);
  if (url === undefined)
    throw new CommandError(
      "DATABASE_URL is not set, and there is no database of `quarterdeck start` here.",
      `Set DATABASE_URL, or run \`npm start\` in this folder first (DATA_DIR is ${settings.DATA_DIR}).`,
    );
  // What needs no database does not wait for its client to load.
  const { createDatabase, createPool, databaseNow, openKysely } = await import("../platform/db/database.ts");
  const db = openKysely(createPool(url, 3, () => undefined));
  try {
    const clock = new DatabaseClock(
      () => databaseNow(db),
      () => undefined,
    );
    await clock.measure().catch((cause: unknown) => {
      throw new CommandError(
        `Postgres cannot be reached: ${reasonOf(cause)}.`,
        settings.DATABASE_URL
          ? "Check DATABASE_URL and that the server runs."
          : "It runs while `npm start` does: start it, then try again.",
        cause,
      );
    });
    const inForce = await db
      .selectFrom("catalog_in_force")
      .select("digest")
      .executeTakeFirst()
      .catch((cause: { code?: string }) => {
        if (cause.code !== "42P01") throw cause;
        throw new CommandError(
          "The database has no Quarterdeck tables.",
          "Run `quarterdeck migrate` first.",
          cause,
        );
      });
    const database = createDatabase(db, {
      clock,
      catalogDigest: () => inForce?.digest ?? "none",
      subscribers: () => [],
    });
    return await work({ db, database, now: () => clock.now() });
  } finally {
    await db.destroy();
  }
}

/** An error in words; a connection refused on several addresses has an empty message of its own. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const { message, cause } = error as { message?: string; cause?: unknown };
  if (message === "fetch failed" && cause !== undefined) return reasonOf(cause);
  return message?.replace(/\.$/, "") || String(error);
}

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What is not part of the answer, and must not end up in a file that it is piped into. */
export const tell = (line: string): void => void process.stderr.write(`${line}\n`);

/** Rows under a heading, columns as wide as their widest. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Secrets that `start` keeps in DATA_DIR and hands to what runs beside it, by the variable the sample catalog names. */
export async function localSecrets(settings: Settings): Promise<Record<string, string>> {
  const dir = resolve(settings.DATA_DIR);
  const [routerToken, manager] = await Promise.all([
    readKept(join(dir, "keys", "router.token")),
    readKept(join(dir, "orders-db", "password-quarterdeck_manager")),
  ]);
  return {
    ...(routerToken ? { ROUTER_TOKEN: routerToken } : {}),
    ...(manager
      ? {
          ORDERS_DB_URL: `postgres://quarterdeck_manager:${encodeURIComponent(manager)}@127.0.0.1:${settings.ORDERS_DB_PORT}/orders`,
        }
      : {}),
  };
}
