/**
 * Paging: the one way to wake somebody, until somebody acknowledges, in Slack or at a paging provider. `/ops page`,
 * `/ops oncall`. Owns: pages, whom they woke, which providers know them, overrides of schedules. Pages about: what
 * others ask it to.
 */
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { createPagers, type Pagers } from "../../providers/pagers/instances.ts";
import type { Alerts, OwnPages } from "../alerts/index.ts";
import { createHearJob, hearJob } from "./hear.ts";
import { createStepJob } from "./jobs.ts";
import { pagingMigrations } from "./migrations.ts";
import { countWaiting } from "./outside-store.ts";
import { ownPages } from "./own-pages.ts";
import { createPagingApi } from "./service.ts";
import { pagingCommands } from "./slack.ts";
import { countPages } from "./store.ts";
import { pagesWaiting, pagingSummaries } from "./summaries.ts";
import { reconcileEverySec, reconcileJob, tellJobs } from "./tell.ts";
import type { Paging } from "./types.ts";

export { pagingMigrations } from "./migrations.ts";
export { whoDid } from "./outside-people.ts";
export { standsIn } from "./override-store.ts";
export * from "./types.ts";

export interface PagingRooms {
  /** Where pages moved at a provider are told; left out where nothing comes in. */
  alerts?: Pick<Alerts, "eventOf"> | undefined;
  /** Paging providers; those of the catalog when left out. */
  pagers?: Pagers | undefined;
}

/** `wrap` replaces what others are given; production leaves it out. */
export function createPaging(
  platform: Platform,
  rooms: PagingRooms = {},
  wrap: (paging: Paging) => Paging = (paging) => paging,
): { feature: Feature; api: Paging; ownPages: OwnPages } {
  const api = wrap(createPagingApi(platform));
  const { alerts, pagers = createPagers(platform) } = rooms;
  const feature: Feature = {
    name: "paging",
    about: "The one way to wake somebody, until somebody acknowledges.",
    commands: pagingCommands(platform, api),
    jobs: [
      createStepJob(platform),
      ...tellJobs(platform, pagers),
      createHearJob(platform, alerts?.eventOf ?? (async () => undefined)),
    ],
    schedules: [{ job: reconcileJob, everySec: reconcileEverySec }],
    events: [{ on: "hooks.page", job: hearJob }],
    summaries: pagingSummaries(platform),
    console: { waiting: (actor) => pagesWaiting(platform, actor) },
    metrics: [
      {
        name: "quarterdeck_pages",
        help: "Pages kept, by state; `open` ones wait for an acknowledgement.",
        type: "gauge",
        read: () => countPages(platform.database.db),
      },
      {
        name: "quarterdeck_pages_untold",
        help: "Pages that a paging provider has not taken yet, or not where they stand now, by provider.",
        type: "gauge",
        read: () => countWaiting(platform.database.db),
      },
    ],
    migrations: pagingMigrations,
    retention: [
      { table: "pages", column: "opened_at", keepDays: 400 },
      { table: "page_outside", column: "created_at", keepDays: 400 },
      { table: "page_wakes", column: "at", keepDays: 400 },
      { table: "oncall_overrides", column: "until_at", keepDays: 400 },
    ],
  };
  return {
    feature,
    api,
    ownPages: (tx, source, alerts) => ownPages(tx, platform.catalogs.current(), source, alerts),
  };
}
