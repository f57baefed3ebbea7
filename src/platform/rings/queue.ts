import { createPostgresBackend, type Processor, Queue, Worker, withBackend } from "bullmq";
import { Redis } from "ioredis";
import type { Lane } from "../db/tables.ts";
import type { Log } from "../log.ts";
import type { RingJob } from "./relay.ts";

const lanes: readonly Lane[] = ["urgent", "normal", "bulk"];

/** Jobs one worker process runs at once, by lane. Reverts, revokes, pages and answers never wait behind a storm. */
const concurrency: Record<Lane, number> = { urgent: 8, normal: 6, bulk: 2 };

export interface QueueOptions {
  redisUrl?: string | undefined;
  connectionString: string;
  prefix: string;
  log: Log;
}

/** The doorbell: it may lose or repeat anything, because the rows in `rings` are the truth. */
export interface Doorbell {
  enqueue(jobs: readonly RingJob[]): Promise<void>;
  work(run: (id: string) => Promise<void>): Promise<{ drain(): Promise<void> }>;
  close(): Promise<void>;
}

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
  const nameOf = (lane: Lane) => `${options.prefix}-${lane}`;
  const onError = (error: Error) => options.log.warn({ err: error }, "queue connection trouble");
  const queues = new Map<Lane, AnyQueue>();
  const queue = (lane: Lane): AnyQueue => {
    let made = queues.get(lane);
    if (!made) {
      made = make.queue(nameOf(lane));
      made.on("error", onError);
      queues.set(lane, made);
    }
    return made;
  };
  return {
    async enqueue(jobs) {
      for (const lane of lanes) {
        const ofLane = jobs.filter((job) => job.lane === lane);
        if (ofLane.length > 0)
          await queue(lane).addBulk(
            ofLane.map((job) => ({
              name: "ring",
              data: { id: job.id },
              opts: { ...jobOptions, jobId: job.jobId },
            })),
          );
      }
    },
    async work(run) {
      const workers = lanes.map((lane) => {
        const worker = make.worker(
          nameOf(lane),
          async (job) => run((job.data as { id: string }).id),
          concurrency[lane],
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
      }) as unknown as AnyWorker,
  });
}
