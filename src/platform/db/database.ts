import { Kysely, PostgresDialect, sql, type Transaction } from "kysely";
import pg from "pg";
import { type AuditEntry, appendAudit } from "../audit/append.ts";
import { withoutSecrets } from "../audit/zero-log.ts";
import type { Clock } from "../clock.ts";
import { type Said, writeSaid } from "../messages/say.ts";
import { createBell } from "../rings/bell.ts";
import { type Ring, writeRings } from "../rings/write.ts";
import type { PlatformTables } from "./tables.ts";

/** Rows of any table; a store narrows it to its own with `tables<MyTables>(…)`. */
export type Db = Kysely<PlatformTables>;
export type Trx = Transaction<PlatformTables>;

/**
 * One transaction of a use case. State is written through `trx`; what follows from it (audit, rings, messages) is
 * collected and written just before the commit.
 */
export interface Tx {
  readonly trx: Trx;
  /** The clock when the transaction began. */
  readonly now: Date;
  audit(entry: AuditEntry): void;
  /** Has `job` run for `ref` at `dueAt` (default: at once). One ring per (job, ref): the last call wins. */
  ring(ring: Ring): void;
  /** Rings every job that subscribed to the event. */
  emit(event: string, ref: string): void;
  /** Makes the message `key` show this; one message per key, ever. */
  say(said: Said): void;
}

export interface TxOptions {
  /** The inbox row this transaction answers: a second transaction for the same row is refused. */
  inboxId?: string | undefined;
}

/** The inbox row had its effect before: the command was done and its answer was lost with a process. */
export class AlreadyDone extends Error {
  readonly code = "already_done";
}

export interface Database {
  readonly db: Db;
  tx<T>(work: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T>;
  /** For rings that were committed without `tx`. */
  wakeRelays(): void;
  close(): Promise<void>;
}

export interface DatabaseParts {
  clock: Clock;
  /** Digest of the catalog in force, recorded with every audit entry. */
  catalogDigest: () => string;
  /** Jobs that subscribed to an event. */
  subscribers: (event: string) => readonly { job: string; lane: Ring["lane"] }[];
  /** Told after each commit that added to the audit: there is something to chain. */
  onAudited?: (() => void) | undefined;
}

/** Views the same connection or transaction with a feature's tables. */
export function tables<T>(db: Db | Trx): Kysely<T> {
  return db as unknown as Kysely<T>;
}

export function createPool(connectionString: string, max: number, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({ connectionString, max, keepAlive: true, connectionTimeoutMillis: 10_000 });
  pool.on("error", onError);
  // The pool hears of its idle connections only. One that is cut in the middle of a transaction would end the process
  // (an event "error" nobody listens to); the transaction fails by itself at its next statement.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

export function openKysely(pool: pg.Pool): Db {
  return new Kysely<PlatformTables>({ dialect: new PostgresDialect({ pool }) });
}

export function createDatabase(db: Db, parts: DatabaseParts): Database {
  const bell = createBell(db);
  const tx = async <T>(work: (tx: Tx) => Promise<T>, options: TxOptions = {}): Promise<T> => {
    let hasRung = false;
    let hasAudited = false;
    const answer = await db.transaction().execute(async (trx) => {
      const now = parts.clock.now();
      const entries: AuditEntry[] = [];
      const rings: Ring[] = [];
      const said: Said[] = [];
      const result = await work({
        trx,
        now,
        audit: (entry) => void entries.push(withoutSecrets(entry)),
        ring: (ring) => void rings.push(ring),
        emit: (event, ref) => {
          for (const { job, lane } of parts.subscribers(event)) rings.push({ job, ref, lane });
        },
        say: (message) => void said.push(message),
      });
      if (options.inboxId) await claimEffect(trx, options.inboxId, now);
      rings.push(...(await writeSaid(trx, said, now)));
      await writeRings(trx, rings, now);
      await appendAudit(trx, entries, { now, catalogDigest: parts.catalogDigest() });
      hasRung = rings.length > 0;
      hasAudited = entries.length > 0;
      return result;
    });
    if (hasRung) bell.ring();
    if (hasAudited) parts.onAudited?.();
    return answer;
  };
  return { db, tx, wakeRelays: bell.ring, close: () => db.destroy() };
}

async function claimEffect(trx: Trx, inboxId: string, now: Date): Promise<void> {
  const claimed = await trx
    .updateTable("inbox")
    .set({ effect_at: now })
    .where("id", "=", inboxId)
    .where("effect_at", "is", null)
    .executeTakeFirst();
  if (claimed.numUpdatedRows === 0n) throw new AlreadyDone(`inbox row ${inboxId} had its effect before`);
}

/** Postgres' own clock. */
export async function databaseNow(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
  return rows[0]?.now as Date;
}
