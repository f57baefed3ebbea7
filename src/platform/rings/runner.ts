import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import type { Lane } from "../db/tables.ts";
import type { Log } from "../log.ts";

/** What a handler may answer: nothing (done), or when it wants to run again. */
export type Rerun = { again: Date } | undefined;

export interface Job {
  /** `feature.verb`. */
  name: string;
  about: string;
  lane: Lane;
  /** Longest one run may take before another worker may start it; default 30 s. */
  leaseSec?: number | undefined;
  /** Re-reads its state; idempotent. `attempt` counts from 1 and returns to 1 after a success. */
  run(ref: string, context: { attempt: number }): Promise<Rerun>;
}

export interface Schedule {
  job: string;
  everySec: number;
}

const defaultLeaseSec = 30;
const backoffMaxMs = 60_000;

/** 0.5 s, 1 s, 2 s … one minute; jittered by a fifth so that many do not come back together. */
export function backoffMs(attempt: number, random: () => number): number {
  const base = Math.min(backoffMaxMs, 500 * 2 ** Math.min(attempt - 1, 10));
  return Math.round(base * (0.9 + 0.2 * random()));
}

/**
 * Runs one ring. The row is leased first, so a job delivered twice runs once; it is deleted only if nobody rang
 * again meanwhile. A run that throws is tried again with backoff, for ever: giving up is a decision of the feature.
 */
export class Runner {
  readonly #jobs: ReadonlyMap<string, Job>;
  /** Observes what ran; for metrics and tests. */
  onRun: (job: string, outcome: "done" | "again" | "failed", durationMs: number) => void = () => undefined;

  constructor(
    private readonly parts: { db: Db; clock: Clock; log: Log; random: () => number },
    jobs: readonly Job[],
  ) {
    this.#jobs = new Map(jobs.map((job) => [job.name, job]));
  }

  async run(id: string): Promise<void> {
    const { db, clock } = this.parts;
    const now = clock.now();
    const peek = await db.selectFrom("rings").select("job").where("id", "=", id).executeTakeFirst();
    if (!peek) return;
    const job = this.#jobs.get(peek.job);
    if (!job) throw new Error(`no handler for job ${peek.job}; is this worker older than the web process?`);
    const leaseUntil = new Date(now.getTime() + (job.leaseSec ?? defaultLeaseSec) * 1_000);
    const row = await db
      .updateTable("rings")
      .set({ lease_until: leaseUntil })
      .where("id", "=", id)
      .where("due_at", "<=", now)
      .where((eb) => eb.or([eb("lease_until", "is", null), eb("lease_until", "<", now)]))
      .returning(["ref", "version", "attempts"])
      .executeTakeFirst();
    if (!row) return;
    const startedMs = now.getTime();
    const took = () => clock.now().getTime() - startedMs;
    let rerun: Rerun;
    try {
      rerun = await job.run(row.ref, { attempt: row.attempts + 1 });
    } catch (error) {
      await this.#failed(id, job, row, error);
      this.onRun(job.name, "failed", took());
      return;
    }
    await this.#done(id, row.version, rerun);
    this.onRun(job.name, rerun ? "again" : "done", took());
  }

  async #done(id: string, version: number, rerun: Rerun): Promise<void> {
    const { db } = this.parts;
    if (rerun)
      await sql`update rings set due_at = case when version = ${version} then ${rerun.again} else due_at end,
        version = version + 1, attempts = 0, lease_until = null, rung_at = null, last_error = null where id = ${id}`.execute(
        db,
      );
    else {
      const { rows } =
        await sql`delete from rings where id = ${id} and version = ${version} returning id`.execute(db);
      if (rows.length > 0) return;
      await sql`update rings set lease_until = null, rung_at = null where id = ${id}`.execute(db);
    }
    await sql`select pg_notify('quarterdeck_rings', '')`.execute(db);
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
