/**
 * Trail: who did what, when and why. `/ops audit`.
 * Owns nothing of its own: it reads the platform's audit, and says there who read it. Pages about: nothing.
 */
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { trailCommands } from "./commands.ts";
import { trailMigrations } from "./migrations.ts";
import { trailPages } from "./pages.ts";
import { type ReadAudit, readAs } from "./read.ts";

export { trailMigrations } from "./migrations.ts";
export type { AuditLine, AuditPage } from "./model.ts";
export type { AuditQuestion } from "./read.ts";

/** For pages that show the audit. */
export interface Trail {
  /** A page, newest first, with every field of each entry; the reading is audited. */
  read: ReadAudit;
}

export function createTrail(platform: Platform): { feature: Feature; api: Trail } {
  const api: Trail = { read: (actor, question, before) => readAs(platform, actor, question, before) };
  const feature: Feature = {
    name: "trail",
    about: "Who did what, when and why.",
    commands: trailCommands(platform, api.read),
    routes: trailPages(platform, api.read),
    migrations: trailMigrations,
  };
  return { feature, api };
}
