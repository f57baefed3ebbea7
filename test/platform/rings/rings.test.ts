import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDoorbell, type Doorbell } from "../../../src/platform/rings/queue.ts";
import { Relay, type RingJob } from "../../../src/platform/rings/relay.ts";
import { backoffMs, type Job, Runner } from "../../../src/platform/rings/runner.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { startRedis } from "../../support/redis.ts";
import { keptLog } from "../../support/silent-log.ts";
import { until } from "../../support/until.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test.close());

const ring = (job: string, ref: string, dueAt?: Date) =>
  test.database.tx(async (tx) => tx.ring({ job, ref, lane: "normal", dueAt }));
const rowsOf = (job: string) => test.db.selectFrom("rings").selectAll().where("job", "=", job).execute();
const runnerWith = (...jobs: Job[]) =>
  new Runner({ db: test.db, clock: test.clock, log: keptLog(), random: () => 0.5 }, jobs);

describe("the runner", () => {
  const name = () => `job.${randomUUID()}`;

  it("runs a ring once however often it is delivered at the same time", async () => {
    const job = name();
    let runs = 0;
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const runner = runnerWith({
      name: job,
      about: "",
      lane: "normal",
      run: async () => {
        runs += 1;
        await held;
        return undefined;
      },
    });
    await ring(job, "a");
    const [row] = await rowsOf(job);
    const first = runner.run(row?.id as string);
    await until("the first run to hold its lease", () => runs === 1);
    await Promise.all([runner.run(row?.id as string), runner.run(row?.id as string)]);
    finish();
    await first;
    expect(runs).toBe(1);
    expect(await rowsOf(job)).toEqual([]);
  });

  it("runs again what was rung while it ran", async () => {
    const job = name();
    const runner = runnerWith({
      name: job,
      about: "",
      lane: "normal",
      run: async (ref) => {
        await ring(job, ref);
        return undefined;
      },
    });
    await ring(job, "a");
    await runner.run((await rowsOf(job))[0]?.id as string);
    expect(await rowsOf(job)).toMatchObject([{ ref: "a", lease_until: null, rung_at: null }]);
  });

  it("lets another worker take what a killed one held, once its lease is over", async () => {
    const job = name();
    let runs = 0;
    const handler: Job = {
      name: job,
      about: "",
      lane: "normal",
      leaseSec: 30,
      run: async () => {
        runs += 1;
        return undefined;
      },
    };
    await ring(job, "a");
    const [row] = await rowsOf(job);
    await test.db
      .updateTable("rings")
      .set({ lease_until: new Date(test.clock.now().getTime() + 30_000) })
      .where("id", "=", row?.id as string)
      .execute();
    await runnerWith(handler).run(row?.id as string);
    expect(runs).toBe(0);
    test.clock.advance(30_001);
    await runnerWith(handler).run(row?.id as string);
    expect(runs).toBe(1);
  });

  it("keeps its lease while it runs, however long, and only so long as its job may take", async () => {
    const job = name();
    let runs = 0;
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const handler: Job = {
      name: job,
      about: "",
      lane: "normal",
      leaseSec: 60,
      run: async () => {
        runs += 1;
        await held;
        return undefined;
      },
    };
    await ring(job, "a");
    const [row] = await rowsOf(job);
    const leaseLeftMs = async () => {
      const { lease_until } = (await rowsOf(job))[0] as unknown as { lease_until: Date };
      return lease_until.getTime() - test.clock.now().getTime();
    };
    const first = runnerWith(handler).run(row?.id as string);
    await until("the run to hold its lease", () => runs === 1);
    expect(await leaseLeftMs()).toBe(10_000);
    test.clock.advance(9_000);
    await until("the lease to be renewed", async () => (await leaseLeftMs()) === 10_000);
    await runnerWith(handler).run(row?.id as string);
    expect(runs).toBe(1);
    test.clock.advance(60_000);
    const second = runnerWith(handler).run(row?.id as string);
    await until("another worker to start it", () => runs === 2);
    finish();
    await Promise.all([first, second]);
  });

  it("tries a failing job again later and later, for ever", async () => {
    const job = name();
    const runner = runnerWith({
      name: job,
      about: "",
      lane: "normal",
      run: async () => {
        throw new Error("the provider is away");
      },
    });
    await ring(job, "a");
    for (const attempt of [1, 2, 3]) {
      const [row] = await rowsOf(job);
      test.clock.set(row?.due_at as Date);
      await runner.run(row?.id as string);
      const [after] = await rowsOf(job);
      expect(after).toMatchObject({
        attempts: attempt,
        lease_until: null,
        last_error: "Error: the provider is away",
      });
      expect((after as { due_at: Date }).due_at.getTime() - test.clock.now().getTime()).toBe(
        backoffMs(attempt, () => 0.5),
      );
    }
  });

  it("leaves a ring whose job it does not know to a worker that does", async () => {
    const [old, job] = [name(), name()];
    let runs = 0;
    await ring(job, "a");
    const [row] = await rowsOf(job);
    const handler = {
      about: "",
      lane: "normal" as const,
      run: async () => {
        runs += 1;
        return undefined;
      },
    };
    await expect(runnerWith({ ...handler, name: old }).run(row?.id as string)).rejects.toThrow(
      `no handler for job ${job}`,
    );
    test.clock.advance(1);
    await runnerWith({ ...handler, name: job }).run(row?.id as string);
    expect(runs).toBe(1);
    expect(await rowsOf(job)).toEqual([]);
  });

  it("starts and ends many at the same moment, each by itself: a failing one takes no other with it", async () => {
    const job = name();
    const ran: string[] = [];
    const runner = runnerWith({
      name: job,
      about: "",
      lane: "normal",
      run: async (ref) => {
        ran.push(ref);
        if (ref === "rung again") await ring(job, ref);
        if (ref === "bad") throw new Error("not this one");
        return undefined;
      },
    });
    for (const ref of ["good", "rung again", "bad", "fine"]) await ring(job, ref);
    const rows = await rowsOf(job);
    await Promise.all(rows.map(({ id }) => runner.run(id)));
    expect(ran.sort()).toEqual(["bad", "fine", "good", "rung again"]);
    const left = (await rowsOf(job)).map(({ ref, attempts, lease_until }) => ({
      ref,
      attempts,
      lease_until,
    }));
    expect(left.sort((a, b) => (a.ref < b.ref ? -1 : 1))).toEqual([
      { ref: "bad", attempts: 1, lease_until: null },
      { ref: "rung again", attempts: 0, lease_until: null },
    ]);
  });

  it("does not run what is not due yet", async () => {
    const job = name();
    const runner = runnerWith({
      name: job,
      about: "",
      lane: "normal",
      run: async () => {
        throw new Error("ran early");
      },
    });
    await ring(job, "later", new Date(test.clock.now().getTime() + 60_000));
    await runner.run((await rowsOf(job))[0]?.id as string);
    expect(await rowsOf(job)).toMatchObject([{ attempts: 0 }]);
  });
});

describe.each(["postgres", "redis"] as const)("the doorbell on %s", (backend) => {
  let doorbell: Doorbell;
  let redis: Awaited<ReturnType<typeof startRedis>> | undefined;
  const log = keptLog();
  const real = { now: () => new Date() };
  beforeAll(async () => {
    redis = backend === "redis" ? await startRedis() : undefined;
  });
  afterAll(() => redis?.stop());
  beforeEach(async () => {
    await test.db.deleteFrom("rings").execute();
    test.clock.set(new Date());
  });

  /** A relay, a doorbell and a worker on the machine's own clock. */
  const withWorker = async (
    job: Job | readonly Job[],
    work: (relay: Relay) => Promise<void>,
    enqueue?: (jobs: readonly RingJob[], real: Doorbell) => Promise<void>,
  ) => {
    doorbell = createDoorbell({
      redisUrl: redis?.url,
      connectionString: test.fresh.url,
      prefix: `test-${randomUUID().slice(0, 8)}`,
      log,
    });
    const runner = new Runner({ db: test.db, clock: real, log, random: Math.random }, [job].flat());
    const first = new Set(
      [job]
        .flat()
        .filter(({ isFirst }) => isFirst)
        .map(({ name }) => name),
    );
    const relay = new Relay({
      isFirst: (name) => first.has(name),
      db: test.db,
      connectionString: test.fresh.url,
      clock: real,
      log,
      enqueue: (jobs) => (enqueue ? enqueue(jobs, doorbell) : doorbell.enqueue(jobs)),
    });
    const working = await doorbell.work((id) => runner.run(id));
    relay.start();
    try {
      await work(relay);
    } finally {
      await relay.stop();
      await working.drain();
      await doorbell.close();
    }
  };

  it("runs what goes first at once although all that is urgent hangs and a storm of the rest is due", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let [hanging, stormed] = [0, 0];
    const firstAt: number[] = [];
    const job = (name: string, lane: Job["lane"], run: () => Promise<void>, isFirst = false): Job => ({
      name: `${name}.${backend}`,
      about: "",
      lane,
      isFirst,
      run: async () => void (await run()),
    });
    const hang = job("hang", "urgent", async () => {
      hanging += 1;
      await released;
    });
    const storm = job("storm", "normal", async () => {
      stormed += 1;
    });
    const revert = job("revert", "urgent", async () => void firstAt.push(Date.now()), true);
    await withWorker([hang, storm, revert], async () => {
      await test.database.tx(async (tx) => {
        for (let n = 0; n < 60; n += 1) tx.ring({ job: hang.name, ref: `h${n}`, lane: "urgent" });
        for (let n = 0; n < 1_000; n += 1) tx.ring({ job: storm.name, ref: `s${n}`, lane: "normal" });
      });
      await until("the urgent lane to be full", () => hanging >= 16);
      const rungAt = Date.now();
      await test.database.tx(async (tx) => {
        for (let n = 0; n < 20; n += 1) tx.ring({ job: revert.name, ref: `R-${n}`, lane: "urgent" });
      });
      await until("what goes first", () => firstAt.length === 20);
      expect(hanging).toBe(16);
      expect(Math.max(...firstAt) - rungAt).toBeLessThan(5_000);
      release();
      await until("the rest", () => hanging === 60 && stormed === 1_000, 60_000);
    });
  });

  it("runs each of 200 rings once, and a delayed one when it is due", async () => {
    const ran: string[] = [];
    let delayedAt = 0;
    const dueMs = Date.now() + 2_000;
    const job: Job = {
      name: `bell.${backend}`,
      about: "",
      lane: "normal",
      run: async (ref) => {
        ran.push(ref);
        if (ref === "delayed") delayedAt = Date.now();
        return undefined;
      },
    };
    await withWorker(job, async () => {
      const refs = Array.from({ length: 200 }, (_, index) => `r${index}`);
      await test.database.tx(async (tx) => {
        for (const ref of refs) tx.ring({ job: job.name, ref, lane: "normal" });
        tx.ring({ job: job.name, ref: "delayed", lane: "urgent", dueAt: new Date(dueMs) });
      });
      await until("all rings to run", () => ran.length >= 201);
      expect(new Set(ran).size).toBe(201);
      expect(delayedAt).toBeGreaterThanOrEqual(dueMs);
      await until("the rows to be gone", async () => (await rowsOf(job.name)).length === 0);
      expect(ran).toHaveLength(201);
    });
  });

  it("runs a ring that was handed over twice once", async () => {
    const ran: string[] = [];
    const job: Job = {
      name: `twice.${backend}`,
      about: "",
      lane: "urgent",
      run: async (ref) => {
        ran.push(ref);
        return undefined;
      },
    };
    const twice = async (jobs: readonly RingJob[], bell: Doorbell) => {
      await bell.enqueue(jobs);
      await bell.enqueue(jobs.map((rung) => ({ ...rung, jobId: `${rung.jobId}_again` })));
    };
    await withWorker(
      job,
      async () => {
        await ring(job.name, "a");
        await until("the row to be gone", async () => (await rowsOf(job.name)).length === 0);
        expect(ran).toEqual(["a"]);
      },
      twice,
    );
  });

  it("rings again what the queue lost", async () => {
    const ran: string[] = [];
    const job: Job = {
      name: `lost.${backend}`,
      about: "",
      lane: "normal",
      run: async (ref) => {
        ran.push(ref);
        return undefined;
      },
    };
    let isFirst = true;
    const losing = async (jobs: readonly RingJob[], bell: Doorbell) => {
      if (isFirst) {
        isFirst = false;
        return;
      }
      await bell.enqueue(jobs);
    };
    await withWorker(
      job,
      async (relay) => {
        await ring(job.name, "a");
        await until("the first ring to be lost", () => !isFirst);
        await test.db
          .updateTable("rings")
          .set({ rung_at: new Date(Date.now() - 16_000) })
          .execute();
        relay.wake();
        await until("the ring to come again", () => ran.length === 1);
      },
      losing,
    );
  });
});
