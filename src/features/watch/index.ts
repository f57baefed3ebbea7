/**
 * Watch: who watches the watcher. A heartbeat that goes out only while intake, queue and paging are seen to work,
 * watchdogs that must keep coming, and an alarm by another way when Slack or the workers fail.
 * Owns: what was seen of Quarterdeck itself, its alarms, when watchdogs came. Pages about: a watchdog that stopped.
 */
import { databaseNow } from "../../platform/db/database.ts";
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Job } from "../../platform/rings/runner.ts";
import type { Pagers } from "../../providers/pagers/instances.ts";
import { type Alerts, watchdogCame } from "../alerts/index.ts";
import type { Paging } from "../paging/index.ts";
import { createLook } from "./look.ts";
import { keepLooking } from "./loop.ts";
import { watchMigrations } from "./migrations.ts";
import { lanes } from "./model.ts";
import { noteRing } from "./store.ts";
import { watchMetrics, watchSummaries } from "./summaries.ts";
import { cameJob, watchdogJobs, watchdogsJob } from "./watchdogs.ts";

export { watchMigrations } from "./migrations.ts";

const ringEverySec = 20;
const watchdogsEverySec = 30;

export interface WatchParts {
  alerts: Pick<Alerts, "waitingSince">;
  paging: Pick<Paging, "page" | "resolve">;
  /** Ways to somebody that need neither Slack nor a worker. */
  pagers: Pagers;
  /** Postgres' own clock when left out. */
  databaseNow?: (() => Promise<Date>) | undefined;
}

export function createWatch(
  platform: Platform,
  { alerts, paging, pagers, ...parts }: WatchParts,
): Feature & { look(): Promise<void> } {
  const { database, clock } = platform;
  const look = createLook({
    platform,
    pagers,
    heartbeatUrl: platform.settings.HEARTBEAT_URL,
    databaseNow: parts.databaseNow ?? (() => databaseNow(database.db)),
    deliverySince: () => alerts.waitingSince(database.db),
  });
  const canaries = lanes.map(
    (lane): Job => ({
      name: `watch.ring-${lane}`,
      about: `Proves that what is rung in the lane ${lane} comes through the queue to a worker.`,
      lane,
      // What is held is not the queue's fault.
      whileHeld: true,
      run: async () => void (await noteRing(database.db, lane, clock.now())),
    }),
  );
  return {
    name: "watch",
    about: "Who watches the watcher: heartbeat, watchdogs, and an alarm that needs no Slack.",
    jobs: [...canaries, ...watchdogJobs(platform, paging)],
    schedules: [
      ...canaries.map(({ name }) => ({ job: name, everySec: ringEverySec })),
      { job: watchdogsJob, everySec: watchdogsEverySec },
    ],
    events: [{ on: watchdogCame, job: cameJob }],
    loops: [
      {
        name: "watch.look",
        about: "Looks at what the queue, the workers and Slack did; sends the heartbeat or says why not.",
        role: "web",
        start: async () => keepLooking(look, platform.log),
      },
    ],
    summaries: watchSummaries(platform),
    metrics: watchMetrics(platform),
    look,
    migrations: watchMigrations,
    retention: [
      { table: "watch_alarms", column: "ended_at", keepDays: 400 },
      // One row each, renewed all the time.
      { table: "watch_rings", column: "rang_at", keepDays: 30 },
      { table: "watch_state", column: "looked_at", keepDays: 30 },
      { table: "watch_troubles", column: "since", keepDays: 400, where: "state = 'well'" },
      { table: "watch_dogs", column: "declared_at", keepDays: 400, where: "last_at is null" },
    ],
  };
}
