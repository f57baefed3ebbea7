import { sql } from "kysely";
import pg from "pg";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import type { Lane } from "../db/tables.ts";
import type { Log } from "../log.ts";
import { looseCommit, ringChannel } from "./write.ts";

/** A rung job that nobody took for this long is rung again: the queue may have lost it. */
export const ringAgainAfterMs = 15_000;
const batchMax = 500;
const idleMs = 1_000;
/** Rung again while it was moving: gathers what comes in so long, so that a steady stream goes over in batches. */
const gatherMs = 4;

export interface RingJob {
  id: string;
  lane: Lane;
  /** Distinct for each time the row becomes due, so that the queue drops repeats and takes news. */
  jobId: string;
  /** Its job has a queue of its own. */
  isFirst?: boolean | undefined;
  /** It was handed over before and nobody took it. */
  isAgain?: boolean | undefined;
}

/**
 * Moves due rings to the queue: at a NOTIFY, when the next one falls due, and each second in any case. Any number
 * of relays may run; rows are claimed with SKIP LOCKED, urgent ones first.
 */
export class Relay {
  #running = false;
  #wake: (() => void) | undefined;
  #woken = false;
  #loop: Promise<void> | undefined;
  #listener: pg.Client | undefined;

  constructor(
    private readonly parts: {
      db: Db;
      connectionString: string;
      clock: Clock;
      log: Log;
      enqueue: (jobs: readonly RingJob[]) => Promise<void>;
      /** Whether a job has a queue of its own; none has, when left out. */
      isFirst?: (job: string) => boolean;
    },
  ) {}

  start(): void {
    this.#running = true;
    void this.#listen();
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.wake();
    await this.#loop;
    await this.#listener?.end().catch(() => undefined);
  }

  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  async #listen(): Promise<void> {
    if (!this.#running) return;
    const client = new pg.Client({ connectionString: this.parts.connectionString, keepAlive: true });
    const again = () => {
      if (this.#listener !== client) return;
      this.#listener = undefined;
      if (this.#running) setTimeout(() => void this.#listen(), idleMs).unref();
    };
    this.#listener = client;
    client.on("error", again);
    client.on("end", again);
    client.on("notification", () => this.wake());
    try {
      await client.connect();
      await client.query(`listen ${ringChannel}`);
      this.wake();
    } catch (error) {
      this.parts.log.warn({ err: error }, "relay cannot listen to Postgres; it polls until it can");
      again();
    }
  }

  async #run(): Promise<void> {
    while (this.#running) {
      this.#woken = false;
      let waitMs = idleMs;
      try {
        const moved = await this.#move();
        if (moved === batchMax) continue;
        waitMs = await this.#msToNext();
      } catch (error) {
        this.parts.log.warn({ err: error }, "relay could not reach Postgres or the queue; trying again");
        this.#woken = false;
      }
      if (!this.#running) break;
      if (this.#woken) {
        await new Promise((resolve) => setTimeout(resolve, gatherMs));
        continue;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Answers how many rings were handed to the queue. */
  async #move(): Promise<number> {
    const now = this.parts.clock.now();
    const lostBefore = new Date(now.getTime() - ringAgainAfterMs);
    const { rows } = await sql<{
      id: string;
      job: string;
      lane: Lane;
      version: number;
      attempts: number;
      is_again: boolean;
    }>`
      update rings set rung_at = ${now} from (
        select id, rung_at is not null as is_again from rings
        where due_at <= ${now} and (rung_at is null or rung_at < ${lostBefore}) and (lease_until is null or lease_until < ${now})
        order by case lane when 'urgent' then 0 when 'normal' then 1 else 2 end, due_at
        limit ${batchMax} for update skip locked) as due, ${looseCommit} as loose
      where rings.id = due.id
      returning rings.id, job, lane, version, attempts, is_again`.execute(this.parts.db);
    if (rows.length === 0) return 0;
    try {
      await this.parts.enqueue(
        rows.map((row) => ({
          id: row.id,
          lane: row.lane,
          isFirst: this.parts.isFirst?.(row.job) ?? false,
          jobId: `${row.id}_${row.version}_${row.attempts}`,
          isAgain: row.is_again,
        })),
      );
    } catch (error) {
      await this.parts.db
        .updateTable("rings")
        .set({ rung_at: null })
        .where(
          "id",
          "in",
          rows.map((row) => row.id),
        )
        .execute();
      throw error;
    }
    return rows.length;
  }

  async #msToNext(): Promise<number> {
    const now = this.parts.clock.now();
    const next = await this.parts.db
      .selectFrom("rings")
      .select((eb) => eb.fn.min("due_at").as("due_at"))
      .where("rung_at", "is", null)
      .where((eb) => eb.or([eb("lease_until", "is", null), eb("lease_until", "<", now)]))
      .executeTakeFirst();
    if (!next?.due_at) return idleMs;
    return Math.min(idleMs, Math.max(5, next.due_at.getTime() - now.getTime()));
  }
}
