/**
 * Trail: who did what, when and why. `/ops audit`.
 * Owns nothing of its own: it reads the platform's audit, and says there who read it. Pages about: nothing.
 */
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { groupChangeEvent } from "../../platform/slack/group-changes.ts";
import { trailApi } from "./api.ts";
import { trailCommands } from "./commands.ts";
import { readGroups, tellGroupChange } from "./groups.ts";
import { trailMigrations } from "./migrations.ts";
import { trailPages } from "./pages.ts";
import { type ReadAudit, readAs } from "./read.ts";

export type { EntryBody, ExportFormat } from "./export/entry.ts";
export { entriesBetween, type FormatName, formats as exportFormats } from "./export/index.ts";
export { trailMigrations } from "./migrations.ts";
export type { AuditLine, AuditPage } from "./model.ts";
export type { AuditQuestion } from "./read.ts";

/** For pages that show the audit. */
export interface Trail {
  /** A page, newest first, with every field of each entry; the reading is audited. */
  read: ReadAudit;
}

const jobs = { tellGroup: "trail.tell-group", groups: "trail.groups" };

export function createTrail(platform: Platform): { feature: Feature; api: Trail } {
  const api: Trail = { read: (actor, question, before) => readAs(platform, actor, question, before) };
  const feature: Feature = {
    name: "trail",
    about: "Who did what, when and why.",
    commands: trailCommands(platform, api.read),
    routes: trailPages(platform, api.read),
    jobs: [
      {
        name: jobs.tellGroup,
        about: "Tells a team's leads who was added to its Slack user group, and who removed.",
        lane: "normal",
        run: (id) => tellGroupChange(platform, id).then(() => undefined),
      },
      {
        name: jobs.groups,
        about:
          "Reads every user group of the catalog, so that a change is seen though nobody asks for anything.",
        lane: "bulk",
        run: () => readGroups(platform).then(() => undefined),
      },
    ],
    schedules: [{ job: jobs.groups, everySec: 300 }],
    events: [{ on: groupChangeEvent, job: jobs.tellGroup }],
    apiRoutes: [trailApi(api.read)],
    migrations: trailMigrations,
    retention: [
      { table: "usergroup_changes", column: "at", keepDays: 400 },
      // Read again, it is what later reads are compared with.
      { table: "usergroup_members", column: "read_at", keepDays: 400 },
    ],
  };
  return { feature, api };
}
