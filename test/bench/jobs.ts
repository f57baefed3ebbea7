import { createPostgresBackend, type Processor, Queue, Worker, withBackend } from "bullmq";
import { Redis } from "ioredis";
import type { App } from "../../src/app.ts";
import { createDoorbell, laneConcurrency } from "../../src/platform/rings/queue.ts";
import { Relay } from "../../src/platform/rings/relay.ts";
import { Runner } from "../../src/platform/rings/runner.ts";
import { until } from "../support/until.ts";
import { alternate, type Bench, type Benchmark, type Result } from "./measure.ts";

const rounds = 3;
const jobsPerRound = 6_000;
const alonePerRound = 1_000;
/** Jobs of one transaction on our side, of one addBulk on theirs: what a storm makes. */
const stormBatch = 50;
const producers = 8;

/**
 * Jobs that do nothing, from the first one produced to the last one done. Ours: a committed transaction with its
 * rings, relay, queue, lease, handler, row deleted. Theirs: addBulk and a Worker of the same concurrency.
 */
export const jobsBenchmark: Benchmark = {
  name: "jobs",
  about: "Jobs through outbox and queue against bare BullMQ on the same backend, from produced to done.",
  async run({ ground, say }: Bench): Promise<Result[]> {
    const redis = await ground.redis();
    const results: Result[] = [];
    for (const backend of redis ? (["postgres", "redis"] as const) : (["postgres"] as const)) {
      const redisUrl = backend === "redis" ? redis?.url : undefined;
      const { app, databaseUrl } = await ground.install({ slackUrl: "http://127.0.0.1:1" });
      const ours = await startOurs(app, databaseUrl, redisUrl);
      const theirs = await startTheirs(databaseUrl, redisUrl);
      say(backend);
      await ours.round(1_500, stormBatch);
      await theirs.round(1_500, stormBatch);
      const measured = await alternate(
        rounds,
        () => ours.round(jobsPerRound, stormBatch),
        () => theirs.round(jobsPerRound, stormBatch),
      );
      const alone = await alternate(
        rounds,
        () => ours.round(alonePerRound, 1),
        () => theirs.round(alonePerRound, 1),
      );
      await ours.stop();
      await theirs.stop();
      results.push({
        name: `jobs.${backend}`,
        value: measured.ratio,
        goal: { atLeast: 0.7 },
        unit: "ratio",
        beside: `${stormBatch} a transaction: ${Math.round(measured.ours)} jobs/s through the outbox; bare BullMQ, ${stormBatch} an addBulk: ${Math.round(measured.theirs)}`,
      });
      results.push({
        name: `jobs.${backend}-alone`,
        value: alone.ratio,
        unit: "ratio",
        beside: `one a transaction: ${Math.round(alone.ours)} jobs/s, each transaction on disk; bare BullMQ, one an addBulk: ${Math.round(alone.theirs)}`,
      });
    }
    return results;
  },
};

/** Refs that are done; tells at once when there are enough, so that no round is longer than it was. */
class Done {
  readonly #refs = new Set<string>();
  #wanted: { count: number; resolve: () => void } | undefined;

  add(ref: string): void {
    this.#refs.add(ref);
    if (this.#wanted && this.#refs.size >= this.#wanted.count) this.#wanted.resolve();
  }

  clear(): void {
    this.#refs.clear();
  }

  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted = { count, resolve };
      if (this.#refs.size >= count) resolve();
    });
  }
}

interface Side {
  /** Jobs done per second. */
  round(count: number, perBatch: number): Promise<number>;
  stop(): Promise<void>;
}

/** Produces by a few at once, waits until all are done. */
async function measure(
  count: number,
  perBatch: number,
  produce: (refs: string[]) => Promise<unknown>,
  done: Done,
): Promise<number> {
  const batches: string[][] = [];
  for (let made = 0; made < count; made += perBatch)
    batches.push(Array.from({ length: Math.min(perBatch, count - made) }, (_, i) => `r${made + i}`));
  done.clear();
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: producers }, async () => {
      for (let batch = batches.pop(); batch; batch = batches.pop()) await produce(batch);
    }),
  );
  await done.reached(count);
  return (count / (performance.now() - startedMs)) * 1_000;
}

async function startOurs(app: App, databaseUrl: string, redisUrl: string | undefined): Promise<Side> {
  const { database, clock, log } = app;
  const done = new Done();
  const job = {
    name: "bench.nothing",
    about: "Nothing.",
    lane: "normal" as const,
    run: async (ref: string) => void done.add(ref),
  };
  const doorbell = createDoorbell({ redisUrl, connectionString: databaseUrl, prefix: "bench-ours", log });
  const runner = new Runner({ db: database.db, clock, log, random: Math.random }, [
    {
      ...job,
      run: async (ref) => {
        job.run(ref);
        return undefined;
      },
    },
  ]);
  const relay = new Relay({
    db: database.db,
    connectionString: databaseUrl,
    clock,
    log,
    enqueue: (jobs) => doorbell.enqueue(jobs),
  });
  const working = await doorbell.work((id, onHandled) => runner.run(id, onHandled));
  relay.start();
  return {
    async round(count, perBatch) {
      const perSec = await measure(
        count,
        perBatch,
        (refs) =>
          database.tx(async (tx) => {
            for (const ref of refs) tx.ring({ job: job.name, ref, lane: job.lane });
          }),
        done,
      );
      // Done is: the row is gone as well; the last few are deleted just after their handler ended.
      await until(
        "the rows to be gone",
        async () =>
          (await database.db
            .selectFrom("rings")
            .select("id")
            .where("job", "=", job.name)
            .executeTakeFirst()) === undefined,
      );
      return perSec;
    },
    stop: async () => {
      await relay.stop();
      await working.drain();
      await doorbell.close();
    },
  };
}

async function startTheirs(databaseUrl: string, redisUrl: string | undefined): Promise<Side> {
  const done = new Done();
  const process: Processor = async (job) => void done.add((job.data as { id: string }).id);
  const options = { concurrency: laneConcurrency.normal };
  const name = "bench-theirs";
  const redis = redisUrl ? [new Redis(redisUrl), new Redis(redisUrl, { maxRetriesPerRequest: null })] : [];
  const postgres = { connectionString: databaseUrl, max: 4 };
  const backend = withBackend(createPostgresBackend);
  const queue = redis[0]
    ? new Queue(name, { connection: redis[0] })
    : (new backend.Queue(name, { connection: postgres }) as unknown as Queue);
  const worker = redis[1]
    ? new Worker(name, process, { connection: redis[1], ...options })
    : (new backend.Worker(name, process, { connection: postgres, ...options }) as unknown as Worker);
  await worker.waitUntilReady();
  return {
    round: (count, perBatch) =>
      measure(
        count,
        perBatch,
        (refs) =>
          queue.addBulk(
            refs.map((id) => ({
              name: "nothing",
              data: { id },
              opts: { removeOnComplete: true, removeOnFail: true },
            })),
          ),
        done,
      ),
    stop: async () => {
      await worker.close();
      await queue.close();
      for (const connection of redis) connection.disconnect();
    },
  };
}
