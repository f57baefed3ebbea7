/**
 * Signals: what a service's numbers say now, declared once in the catalog and answered by any metrics system.
 * Owns: the scraping of metrics pages and how long samples stay. Pages about: nothing.
 */
import { tables } from "../../platform/db/database.ts";
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import type { MetricsProviders } from "../../providers/metrics/instances.ts";
import { metricsMigrations } from "../../providers/metrics/migrations.ts";
import { type MetricsTables, pruneSamples } from "../../providers/metrics/samples.ts";
import { createSignalsApi } from "./service.ts";
import type { Signals } from "./types.ts";

export { metricsMigrations as signalsMigrations } from "../../providers/metrics/migrations.ts";
export { valueText } from "./model.ts";
export type * from "./types.ts";

const pruneEverySec = 300;
const pruneRowsMax = 50_000;

export function createSignals(
  platform: Platform,
  providers: MetricsProviders,
): { feature: Feature; api: Signals } {
  const { clock, database } = platform;
  const db = tables<MetricsTables>(database.db);
  const feature: Feature = {
    name: "signals",
    about: "What a service's numbers say now, declared once and answered by any metrics system.",
    loops: [
      {
        name: "signals.scrape",
        about: "Reads the metrics pages of every scrape instance; one worker at a time does.",
        start: () => providers.startScraping(),
      },
    ],
    jobs: [
      {
        name: "signals.prune",
        about: "Removes raw samples after hours and roll-ups after 35 days.",
        lane: "bulk",
        leaseSec: 120,
        async run() {
          const removed = await pruneSamples(db, clock.now(), pruneRowsMax);
          return Object.values(removed).some((rows) => rows >= pruneRowsMax)
            ? { again: clock.now() }
            : undefined;
        },
      },
    ],
    schedules: [{ job: "signals.prune", everySec: pruneEverySec }],
    metrics: [
      {
        name: "quarterdeck_scrape_targets",
        help: "Metrics pages scraped, by instance and whether they answer.",
        type: "gauge",
        async read() {
          const rows = await db
            .selectFrom("metric_targets")
            .select((eb) => [
              "source",
              eb("failing_since", "is", null).as("is_well"),
              eb.fn.countAll<string>().as("n"),
            ])
            .groupBy(["source", "is_well"])
            .execute();
          return rows.map((row) => ({
            labels: { instance: row.source, state: row.is_well ? "answers" : "fails" },
            value: Number(row.n),
          }));
        },
      },
    ],
    migrations: metricsMigrations,
    // signals.prune removes samples sooner; these hold even where it does not run.
    retention: [
      { table: "metric_samples_raw", column: "at", keepDays: 1 },
      { table: "metric_samples_1m", column: "at", keepDays: 36 },
      { table: "metric_samples_1h", column: "at", keepDays: 36 },
      { table: "metric_series", column: "last_at", keepDays: 36 },
      { table: "metric_targets", column: "last_ok_at", keepDays: 36 },
      { table: "metric_scrapers", column: "round_at", keepDays: 36 },
    ],
  };
  return { feature, api: createSignalsApi(platform, providers) };
}
