import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import type { App } from "../../app.ts";
import { createDoorbell } from "../../platform/rings/queue.ts";
import { reasonOf } from "../world.ts";
import { type Finding, failed, notSet, ok } from "./finding.ts";

/** Milliseconds a ring may take through the queue. */
const roundTripMaxMs = 15_000;
/** A worker that was not heard of for this long is gone. */
const heartbeatMaxMs = 60_000;

export async function checkRedis(url: string | undefined): Promise<Finding> {
  if (!url) return notSet("Redis", "the queue runs on Postgres");
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    connectTimeout: 3_000,
    retryStrategy: () => null,
  });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    const info = await redis.info();
    const of = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "unknown";
    const policy = of("maxmemory_policy");
    if (policy !== "noeviction" && of("maxmemory") !== "0")
      return failed(
        "Redis",
        `may throw away what is queued (maxmemory-policy ${policy})`,
        "Set maxmemory-policy noeviction. Nothing is lost meanwhile, but it may be late.",
      );
    return ok("Redis", `reachable, version ${of("redis_version")}`);
  } catch (error) {
    return failed(
      "Redis",
      `cannot be reached: ${reasonOf(error)}`,
      "Check REDIS_URL. Meanwhile everything is late, nothing is lost.",
    );
  } finally {
    redis.disconnect();
  }
}

/** One ring through the real queue, on lanes of the doctor's own. */
export async function checkQueue(app: App, databaseUrl: string): Promise<Finding> {
  const log = app.log;
  const doorbell = createDoorbell({
    redisUrl: app.settings.REDIS_URL,
    connectionString: databaseUrl,
    prefix: `${app.settings.QUEUE_PREFIX}-doctor`,
    log,
  });
  const id = randomUUID();
  const startedMs = performance.now();
  let working: { drain(): Promise<void> } | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    const deadline = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), roundTripMaxMs);
    });
    const roundTrip = new Promise<"back">((resolve, reject) => {
      doorbell
        .work(async (seen) => {
          if (seen === id) resolve("back");
        })
        .then(async (started) => {
          working = started;
          await doorbell.enqueue([{ id, lane: "urgent", jobId: `${id}-1` }]);
        })
        .catch(reject);
    });
    if ((await Promise.race([roundTrip, deadline])) === "late")
      return failed(
        "Queue",
        `nothing came back within ${roundTripMaxMs / 1_000} s`,
        "Check REDIS_URL, or Postgres when it is not set.",
      );
    return ok("Queue", `round trip in ${Math.round(performance.now() - startedMs)} ms`);
  } catch (error) {
    return failed(
      "Queue",
      reasonOf(error),
      "Check REDIS_URL, or run `quarterdeck migrate` when the queue is on Postgres.",
    );
  } finally {
    clearTimeout(timer);
    await working?.drain().catch(() => undefined);
    await doorbell.close().catch(() => undefined);
  }
}

/** Whether somebody works, and whether what should be said is said. */
export async function checkWork(app: App): Promise<Finding[]> {
  const { db } = app.database;
  const now = app.clock.now();
  const alive = await db
    .selectFrom("workers")
    .select("id")
    .where("seen_at", ">", new Date(now.getTime() - heartbeatMaxMs))
    .execute();
  const findings = [
    alive.length > 0
      ? ok("Workers", `${alive.length} at work`)
      : failed(
          "Workers",
          "none was heard of in the last minute",
          "Start `quarterdeck worker` (or start): nothing is done without one.",
        ),
  ];
  const unsaid = await db
    .selectFrom("messages")
    .select(["key", "channel", "error"])
    .where("error", "is not", null)
    .whereRef("shown_version", "<", "wanted_version")
    .orderBy("updated_at", "desc")
    .limit(3)
    .execute();
  for (const { key, channel, error } of unsaid)
    findings.push(
      failed(
        "Messages",
        `${key} could not be shown in ${channel}: ${error}`,
        "not_in_channel: invite the bot (/invite @quarterdeck). missing_scope: install the app again with `quarterdeck manifest`.",
      ),
    );
  return findings;
}
