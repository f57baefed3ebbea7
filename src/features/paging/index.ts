/**
 * Paging: the one way to wake somebody, until somebody acknowledges. `/ops page`, `/ops oncall`.
 * Owns: pages, whom they woke, overrides of the rotation. Pages about: what others ask it to.
 */
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { createStepJob } from "./jobs.ts";
import { pagingMigrations } from "./migrations.ts";
import { createPagingApi } from "./service.ts";
import { pagingCommands } from "./slack.ts";
import { countPages } from "./store.ts";
import { pagingSummaries } from "./summaries.ts";
import type { Paging } from "./types.ts";

export { pagingMigrations } from "./migrations.ts";
export * from "./types.ts";

/** `wrap` replaces what others are given; production leaves it out. */
export function createPaging(
  platform: Platform,
  wrap: (paging: Paging) => Paging = (paging) => paging,
): { feature: Feature; api: Paging } {
  const api = wrap(createPagingApi(platform));
  const feature: Feature = {
    name: "paging",
    about: "The one way to wake somebody, until somebody acknowledges.",
    commands: pagingCommands(platform, api),
    jobs: [createStepJob(platform)],
    summaries: pagingSummaries(platform),
    metrics: [
      {
        name: "quarterdeck_pages",
        help: "Pages kept, by state; `open` ones wait for an acknowledgement.",
        type: "gauge",
        read: () => countPages(platform.database.db),
      },
    ],
    migrations: pagingMigrations,
    retention: [
      { table: "pages", column: "opened_at", keepDays: 400 },
      { table: "page_wakes", column: "at", keepDays: 400 },
      { table: "oncall_overrides", column: "until_at", keepDays: 400 },
    ],
  };
  return { feature, api };
}
