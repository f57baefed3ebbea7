/**
 * Quality: what alerts were worth, by rule and owner, told to each team on Mondays.
 * Owns: which digests were told; the judgements are the tickets'. Pages about: nothing.
 */
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { createDigestJob, digestJob } from "./jobs.ts";
import { qualityMigrations } from "./migrations.ts";
import { qualityPage } from "./page.ts";
import type { QualityRoom } from "./room.ts";

export { qualityMigrations } from "./migrations.ts";

const digestEverySec = 60;

export function createQuality(platform: Platform, rooms: QualityRoom["rooms"]): Feature {
  const room: QualityRoom = { platform, rooms };
  return {
    name: "quality",
    about: "What alerts were worth, by rule and owner.",
    jobs: [createDigestJob(room)],
    schedules: [{ job: digestJob, everySec: digestEverySec }],
    routes: [qualityPage(room)],
    migrations: qualityMigrations,
    retention: [{ table: "quality_digests", column: "told_at", keepDays: 400 }],
  };
}
