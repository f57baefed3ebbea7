/**
 * Access: a person gets a right for minutes, and it ends by itself. `/ops access …` and the page `/access/G-n`.
 * Owns: requests, approvals, grants. Pages when: a grant could not be revoked for a minute.
 */

import type { Feature } from "../../platform/feature.ts";
import { personLeft } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { accessApi } from "./api.ts";
import { accessCommands } from "./commands.ts";
import { accessConsole, accessListPage } from "./console.ts";
import { accessForms } from "./forms.ts";
import { accessJobs } from "./jobs.ts";
import { accessSummaries } from "./lists.ts";
import { accessMigrations } from "./migrations.ts";
import { jobs, pageAfterMs } from "./model.ts";
import { countOutside } from "./outside.ts";
import { accessPages } from "./pages.ts";
import { reconcileEverySec, reconcileJobs } from "./reconcile.ts";
import { reportRoute } from "./reporting.ts";
import type { Room } from "./room.ts";
import { countStates } from "./store.ts";
import { ringSweep, sweepEverySec, sweepJobs } from "./sweep.ts";

export { accessMigrations } from "./migrations.ts";

export function createAccess(platform: Platform, rooms: Omit<Room, "platform">): Feature {
  const room: Room = { platform, ...rooms };
  const first = accessConsole(room);
  platform.catalogs.onSwitch(
    () =>
      void ringSweep(room).catch((error: unknown) =>
        platform.log.warn({ err: error }, "grants are looked at a minute later than they could be"),
      ),
  );
  const count = async (which: "active" | "waiting" | "overdue"): Promise<readonly { value: number }[]> => {
    const lateBefore = new Date(platform.clock.now().getTime() - pageAfterMs);
    return [{ value: (await countStates(platform.database.db, lateBefore))[which] }];
  };
  return {
    name: "access",
    about: "A person gets a right for minutes, and it ends by itself.",
    commands: accessCommands(room),
    modals: accessForms,
    routes: [accessListPage(room, first), reportRoute(room), ...accessPages(room)],
    console: first,
    apiRoutes: accessApi(room),
    jobs: [...accessJobs(room), ...sweepJobs(room), ...reconcileJobs(room)],
    events: [{ on: personLeft, job: jobs.left }],
    schedules: [
      { job: jobs.sweep, everySec: sweepEverySec },
      { job: jobs.reconcile, everySec: reconcileEverySec },
    ],
    summaries: accessSummaries(room),
    metrics: [
      {
        name: "quarterdeck_access_grants_active",
        help: "Grants somebody has now.",
        type: "gauge",
        read: () => count("active"),
      },
      {
        name: "quarterdeck_access_requests_waiting",
        help: "Requests that wait for a decision.",
        type: "gauge",
        read: () => count("waiting"),
      },
      {
        name: "quarterdeck_access_revokes_overdue",
        help: "Grants that should have ended more than a minute ago.",
        type: "gauge",
        read: () => count("overdue"),
      },
      {
        name: "quarterdeck_access_outside",
        help: "Rights at a provider that are on no record: not given by Quarterdeck, or given and not to be removed, by provider.",
        type: "gauge",
        read: async () =>
          (await countOutside(platform.database.db)).map(({ instance, count: value }) => ({
            labels: { instance },
            value,
          })),
      },
    ],
    migrations: accessMigrations,
    retention: [
      { table: "access_grants", column: "over_at", keepDays: 400 },
      { table: "access_reviews", column: "reviewed_at", keepDays: 400 },
      { table: "access_turns", column: "until_at", keepDays: 1 },
      { table: "access_outside", column: "gone_at", keepDays: 90 },
    ],
  };
}
