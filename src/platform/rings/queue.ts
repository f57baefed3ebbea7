import { createPostgresBackend, type Processor, Queue, Worker, withBackend } from "bullmq";
import { Redis } from "ioredis";
import type { Lane } from "../db/tables.ts";
import type { Log } from "../log.ts";
import type { RingJob } from "./relay.ts";

/** A queue for each lane, and one before them for the few jobs that nothing may hold up. */
type QueueName = Lane | "first";
const queueNames: readonly QueueName[] = ["first", "urgent", "normal", "bulk"];

/** Jobs one worker process runs at once, by lane. Reverts, revokes, pages and answers never wait behind a storm. */
export const laneConcurrency: Record<Lane, number> = { urgent: 16, normal: 16, bulk: 2 };

/**
 * What goes first mostly waits for systems outside: a hundred reverts whose engine answers nothing each hold a slot for
 * seconds, and another one begins at once all the same.
 */
const concurrency: Record<QueueName, number> = { first: 64, ...laneConcurrency };

/** Handed over before and taken by nobody: perhaps only workers of the release before run, which know the lanes alone. */
const queueOf = ({ lane, isFirst, isAgain }: RingJob): QueueName => (isFirst && !isAgain ? "first" : lane);

/** Rings that share one job of the queue at most: what a job of the queue costs, a storm pays once for many. */
const ringsPerJobMax = 20;
/** Up to this many rings handed over together go one by one, so that idle workers share them. */
const jobsPerHandover = 8;

export interface QueueOptions {
  redisUrl?: string | undefined;
  connectionString: string;
  prefix: string;
  log: Log;
}

/** The doorbell: it may lose or repeat anything, because the rows in `rings` are the truth. */
export interface Doorbell {
  enqueue(jobs: readonly RingJob[]): Promise<void>;
  /** `run` may say before it ends that its handler did: another one starts while what it did is recorded. */
  work(run: (id: string, onHandled: () => void) => Promise<void>): Promise<{ drain(): Promise<void> }>;
  close(): Promise<void>;
}

/** Milliseconds a worker waits before it asks a queue again that could not be reached; BullMQ's own are 15,000. */
const runRetryDelay = 1_000;

const jobOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1 };

export function createDoorbell(options: QueueOptions): Doorbell {
  return options.redisUrl ? redisDoorbell(options, options.redisUrl) : postgresDoorbell(options);
}

type AnyQueue = Pick<Queue, "addBulk" | "close" | "on">;
type AnyWorker = Pick<Worker, "close" | "on" | "waitUntilReady">;

function assemble(
  options: QueueOptions,
  make: {
    queue: (name: string) => AnyQueue;
    worker: (name: string, process: Processor, concurrency: number) => AnyWorker;
    close?: () => Promise<void>;
  },
): Doorbell {
  const nameOf = (name: QueueName) => `${options.prefix}-${name}`;
  const onError = (error: Error) => options.log.warn({ err: error }, "queue connection trouble");
  const queues = new Map<QueueName, AnyQueue>();
  const queue = (name: QueueName): AnyQueue => {
    let made = queues.get(name);
    if (!made) {
      made = make.queue(nameOf(name));
      made.on("error", onError);
      queues.set(name, made);
    }
    return made;
  };
  return {
    async enqueue(jobs) {
      for (const name of queueNames) {
        const ofQueue = jobs.filter((job) => queueOf(job) === name);
        if (ofQueue.length > 0)
          await queue(name).addBulk(
            inShares(ofQueue).map((share) => ({
              name: "ring",
              data: { ids: share.map(({ id }) => id) },
              opts: { ...jobOptions, jobId: `${share[0]?.jobId}_${share.length}` },
            })),
          );
      }
    },
    async work(run) {
      const workers = queueNames.map((name) => {
        const slots = new Slots(concurrency[name]);
        const worker = make.worker(
          nameOf(name),
          (job) => runAll((job.data as { ids: string[] }).ids, (id) => slots.use((free) => run(id, free))),
          concurrency[name],
        );
        worker.on("error", onError);
        return worker;
      });
      await Promise.all(workers.map((worker) => worker.waitUntilReady()));
      return { drain: async () => void (await Promise.all(workers.map((worker) => worker.close()))) };
    },
    async close() {
      await Promise.all([...queues.values()].map((made) => made.close()));
      await make.close?.();
    },
  };
}

/** A ring that is rung again goes alone: then the queue knows by its id that it has it already. */
function inShares(jobs: readonly RingJob[]): (readonly RingJob[])[] {
  const first = jobs.filter((job) => !job.isAgain);
  const size = Math.min(ringsPerJobMax, Math.ceil(first.length / jobsPerHandover));
  const shares: (readonly RingJob[])[] = jobs.filter((job) => job.isAgain).map((job) => [job]);
  for (let at = 0; at < first.length; at += size) shares.push(first.slice(at, at + size));
  return shares;
}

/** All of them, whatever becomes of one; throws the first trouble at the end. */
async function runAll(ids: readonly string[], run: (id: string) => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled(ids.map(run));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** Lets so many run at once; the others wait in the order they came. */
class Slots {
  readonly #waiting: (() => void)[] = [];

  constructor(private free: number) {}

  /** The slot is free when `free` is called, or when the work ends. */
  async use<T>(work: (free: () => void) => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isHeld = true;
    const free = () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next) next();
      else this.free += 1;
    };
    try {
      return await work(free);
    } finally {
      free();
    }
  }
}

function redisDoorbell(options: QueueOptions, url: string): Doorbell {
  const connections: Redis[] = [];
  const connect = (forWorker: boolean): Redis => {
    // A worker's connection waits for Redis for ever; a producer gives up soon and the relay tries again.
    const redis = new Redis(url, { maxRetriesPerRequest: forWorker ? null : 1, connectTimeout: 2_000 });
    redis.on("error", (error) => options.log.warn({ err: error }, "Redis trouble"));
    connections.push(redis);
    return redis;
  };
  return assemble(options, {
    queue: (name) => new Queue(name, { connection: connect(false), skipWaitingForReady: true }),
    worker: (name, process, count) =>
      new Worker(name, process, {
        connection: connect(true),
        concurrency: count,
        stalledInterval: 5_000,
        lockDuration: 30_000,
        runRetryDelay,
      }),
    close: async () => {
      for (const redis of connections) redis.disconnect();
    },
  });
}

function postgresDoorbell(options: QueueOptions): Doorbell {
  const backend = withBackend(createPostgresBackend);
  const connection = { connectionString: options.connectionString, max: 4 };
  return assemble(options, {
    queue: (name) => new backend.Queue(name, { connection }) as unknown as AnyQueue,
    worker: (name, process, count) =>
      new backend.Worker(name, process, {
        connection,
        concurrency: count,
        stalledInterval: 5_000,
        lockDuration: 30_000,
        runRetryDelay,
      }) as unknown as AnyWorker,
  });
}
