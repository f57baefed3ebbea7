import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import type { Lane } from "../db/tables.ts";
import { GroupCommit } from "../group.ts";
import type { Log } from "../log.ts";
import { createBell } from "./bell.ts";
import { looseCommit } from "./write.ts";

/** What a handler may answer: nothing (done), or when it wants to run again. */
export type Rerun = { again: Date } | undefined;

export interface Job {
  /** `feature.verb`. */
  name: string;
  about: string;
  lane: Lane;
  /** Its rings have a queue of their own, so that nothing else that is urgent holds them up. Few jobs may say so. */
  isFirst?: boolean | undefined;
  /** Longest one run may take before another worker may start it; default 30 s. */
  leaseSec?: number | undefined;
  /** It ends something, takes it back, tells people or leads there: it runs even while all else waits after a restore. */
  whileHeld?: boolean | undefined;
  /** Re-reads its state; idempotent. `attempt` counts from 1 and returns to 1 after a success. */
  run(ref: string, context: { attempt: number }): Promise<Rerun>;
}

export interface Schedule {
  job: string;
  everySec: number;
}

const defaultLeaseSec = 30;
/** Seconds a lease holds without being renewed: how late a killed worker makes what it was at. */
const heldSec = 10;
/** When a job that must wait after a restore is looked at again. */
const heldAgainMs = 15_000;
const renewEveryMs = 3_000;
const backoffMaxMs = 60_000;
/** How long what a run came to is tried to be written, and how often. Shorter than any lease. */
const recordWithinMs = 20_000;
const recordEveryMs = 250;

/** 0.5 s, 1 s, 2 s … one minute; jittered by a fifth so that many do not come back together. */
export function backoffMs(attempt: number, random: () => number): number {
  const base = Math.min(backoffMaxMs, 500 * 2 ** Math.min(attempt - 1, 10));
  return Math.round(base * (0.9 + 0.2 * random()));
}

interface Leased {
  id: string;
  job: string;
  ref: string;
  version: number;
  attempts: number;
}

type Turn = { is: "start"; id: string } | { is: "end"; row: Leased };

/**
 * Runs one ring. The row is leased first, so a job delivered twice runs once; it is deleted only if nobody rang
 * again meanwhile. A run that throws is tried again with backoff, for ever: giving up is a decision of the feature.
 */
export class Runner {
  readonly #jobs: ReadonlyMap<string, Job>;
  readonly #turns: GroupCommit<Turn, Leased | undefined>;
  readonly #bell: ReturnType<typeof createBell>;
  /** Runs under way, each with the moment from which another worker may start it in any case. */
  readonly #held = new Map<string, number>();
  #renewal: NodeJS.Timeout | undefined;
  /** Observes what ran; for metrics and tests. */
  onRun: (job: string, outcome: "done" | "again" | "failed", durationMs: number) => void = () => undefined;

  constructor(
    private readonly parts: {
      db: Db;
      clock: Clock;
      log: Log;
      random: () => number;
      /** Why only some jobs may run now. */
      heldWhy?: (() => Promise<string | undefined>) | undefined;
    },
    jobs: readonly Job[],
  ) {
    this.#jobs = new Map(jobs.map((job) => [job.name, job]));
    this.#bell = createBell(parts.db);
    // What starts or ends in the same moment goes to Postgres together.
    this.#turns = new GroupCommit((turns) => this.#turn(turns), { itemsMax: 100, groupsAtOnce: 2 });
  }

  /** `onHandled` is called when the handler has ended and what it answered is not recorded yet. */
  async run(id: string, onHandled: () => void = () => undefined): Promise<void> {
    const { clock } = this.parts;
    const row = await this.#turns.add({ is: "start", id });
    if (!row) return;
    const job = this.#jobs.get(row.job);
    if (!job) throw new Error(`no handler for job ${row.job}; is this worker older than the web process?`);
    const startedMs = clock.now().getTime();
    const release = this.#hold(id, startedMs + (job.leaseSec ?? defaultLeaseSec) * 1_000);
    const took = () => clock.now().getTime() - startedMs;
    let rerun: Rerun;
    try {
      rerun =
        job.whileHeld || (await this.parts.heldWhy?.()) === undefined
          ? await job.run(row.ref, { attempt: row.attempts + 1 })
          : { again: new Date(clock.now().getTime() + heldAgainMs) };
      release();
    } catch (error) {
      release();
      await this.#recorded(() => this.#failed(id, job, row, error));
      this.onRun(job.name, "failed", took());
      return;
    }
    onHandled();
    await this.#recorded(() => this.#done(row, rerun));
    this.onRun(job.name, rerun ? "again" : "done", took());
  }

  /**
   * Postgres restarting is what fails many runs at once, and what they came to cannot be written then. It is tried
   * for a while: given up, each would wait for the end of its lease.
   */
  async #recorded(write: () => Promise<void>): Promise<void> {
    const giveUpMs = performance.now() + recordWithinMs;
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (performance.now() > giveUpMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, recordEveryMs));
      }
    }
  }

  /**
   * Keeps a run's lease alive until the run ends or `endMs`: a lease is short, so that what a killed worker held is
   * free within seconds, and is renewed as long as this worker lives.
   */
  #hold(id: string, endMs: number): () => void {
    this.#held.set(id, endMs);
    this.#renewal ??= setInterval(() => void this.#renew(), renewEveryMs).unref();
    return () => {
      this.#held.delete(id);
      if (this.#held.size > 0) return;
      clearInterval(this.#renewal);
      this.#renewal = undefined;
    };
  }

  async #renew(): Promise<void> {
    const now = this.parts.clock.now();
    const ids = [...this.#held].filter(([, endMs]) => endMs > now.getTime()).map(([id]) => id);
    if (ids.length === 0) return;
    await sql`update rings set lease_until = ${new Date(now.getTime() + heldSec * 1_000)}
      where id = any(${ids}::uuid[]) and lease_until is not null`
      .execute(this.parts.db)
      .catch((error: unknown) =>
        this.parts.log.warn({ err: error }, "leases of running jobs could not be renewed"),
      );
  }

  /**
   * One statement for all that start and all that end. Starts: those that are due and free; a job without a handler
   * here is left to another worker. Ends: deleted unless somebody rang meanwhile.
   */
  async #turn(turns: readonly Turn[]): Promise<readonly (Leased | undefined)[]> {
    const now = this.parts.clock.now();
    const names = [...this.#jobs.keys()];
    const until = [...this.#jobs.values()].map(
      ({ leaseSec = defaultLeaseSec }) => new Date(now.getTime() + Math.min(leaseSec, heldSec) * 1_000),
    );
    const ended = new Map(turns.flatMap((turn) => (turn.is === "end" ? [[turn.row.id, turn.row]] : [])));
    // Delivered again in the moment it ends: its row goes, or is rung anew.
    const starts = turns.flatMap((turn) => (turn.is === "start" && !ended.has(turn.id) ? [turn.id] : []));
    const ends = [...ended.keys()];
    const versions = [...ended.values()].map(({ version }) => version);
    const { rows } = await sql<Leased>`
      with due as (
        select id from rings where id = any(${[...starts, ...ends]}::uuid[])
        order by job collate "C", ref collate "C" for update),
      gone as (
        delete from rings using due where rings.id = due.id
          and version = (${versions}::integer[])[array_position(${ends}::uuid[], due.id)]
        returning rings.id, job, ref, version, attempts),
      held as (
        update rings set lease_until = coalesce(
          (${until}::timestamptz[])[array_position(${names}::text[], job)], ${now}::timestamptz)
        from due where rings.id = due.id and due.id = any(${starts}::uuid[])
          and due_at <= ${now} and (lease_until is null or lease_until < ${now})
        returning rings.id, job, ref, version, attempts)
      select gone.* from gone, ${looseCommit} as loose union all select held.* from held, ${looseCommit} as loose`.execute(
      this.parts.db,
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return turns.map((turn) => {
      const id = turn.is === "end" ? turn.row.id : turn.id;
      if (turn.is === "start" && ended.has(id)) return undefined;
      const row = byId.get(id);
      // An id that starts twice has its row the first time alone.
      byId.delete(id);
      return row;
    });
  }

  async #done(row: Leased, rerun: Rerun): Promise<void> {
    const { db } = this.parts;
    const { id, version } = row;
    if (rerun)
      await sql`update rings set due_at = case when version = ${version} then ${rerun.again} else due_at end,
        version = version + 1, attempts = 0, lease_until = null, rung_at = null, last_error = null where id = ${id}`.execute(
        db,
      );
    else {
      if (await this.#turns.add({ is: "end", row })) return;
      await sql`update rings set lease_until = null, rung_at = null where id = ${id}`.execute(db);
    }
    this.#bell.ring();
  }

  async #failed(id: string, job: Job, row: { ref: string; attempts: number }, error: unknown): Promise<void> {
    const { db, clock, log, random } = this.parts;
    const attempts = row.attempts + 1;
    const dueAt = new Date(clock.now().getTime() + backoffMs(attempts, random));
    log.warn(
      { job: job.name, ref: row.ref, attempt: attempts, err: error },
      "job failed; it will be tried again",
    );
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    await sql`update rings set attempts = ${attempts}, lease_until = null, rung_at = null, last_error = ${text.slice(0, 500)},
      due_at = ${dueAt} where id = ${id}`.execute(db);
  }
}
