import { randomUUID } from "node:crypto";
import { metricsInstance, signalsOf, slosOf } from "../../catalog/lookup.ts";
import type { Catalog, MetricsInstance } from "../../catalog/schema.ts";
import type { Clock } from "../../platform/clock.ts";
import { tables } from "../../platform/db/database.ts";
import type { Platform } from "../../platform/platform.ts";
import { ProviderError } from "../errors.ts";
import type { MetricsProvider } from "./contract.ts";
import { prometheusOf } from "./prometheus-instance.ts";
import type { MetricsTables } from "./samples.ts";
import { createScrapeProvider, createScraper, type Scraper } from "./scrape.ts";

export interface MetricsProviders {
  /** The instance of that name in the catalog in force. Throws ProviderError `not_found`. */
  of(name: string): MetricsProvider;
  /** Milliseconds after which what an instance says of a moment no longer changes: two scrapes. */
  lagMs(name: string): number;
  /** Scrapes every scrape instance of the catalog in force, following its switches. One of many workers does it. */
  startScraping(): Promise<{ stop(): Promise<void> }>;
}

/** How old a moment must be for Prometheus to know it: it may scrape us rarely, and remote writes come late. */
const prometheusLagMs = 30_000;

/** Instances by name, built anew when the catalog switches. */
export function createMetricsProviders(
  platform: Pick<Platform, "database" | "log" | "env"> & {
    catalogs: Pick<Platform["catalogs"], "current" | "digest" | "onSwitch">;
    clock: Clock;
  },
): MetricsProviders {
  const { catalogs, clock, database, log } = platform;
  const db = tables<MetricsTables>(database.db);
  let built = { digest: "none", providers: new Map<string, MetricsProvider>() };
  const followers = new Set<() => void>();
  catalogs.onSwitch(() => {
    for (const follow of followers) follow();
  });

  const build = (instance: MetricsInstance): MetricsProvider => {
    if (instance.kind === "scrape")
      return createScrapeProvider({
        db,
        clock,
        source: instance.name,
        intervalMs: instance.interval,
        deadlineMs: instance.deadline,
      });
    return prometheusOf(instance, platform.env);
  };

  const declared = (name: string): MetricsInstance => {
    const instance = metricsInstance(catalogs.current(), name);
    if (instance) return instance;
    throw new ProviderError(
      "not_found",
      name === "" ? "No metrics instance is named for it" : `The catalog has no metrics instance ${name}`,
      "Name one of providers.metrics as the service's metrics",
    );
  };

  const scraperOf = (
    instance: Extract<MetricsInstance, { kind: "scrape" }>,
    families: readonly string[],
    holder: string,
  ) =>
    createScraper({
      db,
      clock,
      source: instance.name,
      targets: instance.targets,
      intervalMs: instance.interval,
      deadlineMs: instance.deadline,
      families: new Set(families),
      holder,
      onError: (error) =>
        log.warn({ err: error, source: instance.name }, "a round of scraping failed; the next one goes on"),
    });

  return {
    of(name) {
      if (built.digest !== catalogs.digest()) built = { digest: catalogs.digest(), providers: new Map() };
      const known = built.providers.get(name);
      if (known) return known;
      const provider = build(declared(name));
      built.providers.set(name, provider);
      return provider;
    },

    lagMs(name) {
      const instance = declared(name);
      return instance.kind === "scrape" ? 2 * instance.interval : prometheusLagMs;
    },

    async startScraping() {
      const running = new Map<string, { key: string; scraper: Scraper }>();
      const holder = randomUUID();
      let isStopping = false;

      const bringUp = async (): Promise<void> => {
        const wanted = new Map(
          (catalogs.digest() === "none" ? [] : catalogs.current().providers.metrics).flatMap((instance) => {
            if (instance.kind !== "scrape" || isStopping) return [];
            const families = familiesOf(catalogs.current(), instance.name);
            return [
              [instance.name, { instance, families, key: JSON.stringify([instance, families]) }] as const,
            ];
          }),
        );
        const ended = [...running].filter(([name, { key }]) => wanted.get(name)?.key !== key);
        for (const [name, { scraper }] of ended) {
          running.delete(name);
          await scraper
            .stop()
            .catch((error: unknown) =>
              log.warn({ err: error, source: name }, "a scraper's lease was not given back; it runs out"),
            );
        }
        for (const [name, { instance, families, key }] of wanted) {
          if (running.has(name)) continue;
          const scraper = scraperOf(instance, families, holder);
          running.set(name, { key, scraper });
          scraper.start();
        }
      };

      // One at a time: a switch during a switch waits for it.
      let last = bringUp();
      const next = () => {
        last = last.then(bringUp);
        return last;
      };
      const follow = () => void next();
      followers.add(follow);
      await last;
      return {
        stop: async () => {
          isStopping = true;
          followers.delete(follow);
          await next();
        },
      };
    },
  };
}

/** Metric names that signals and SLOs bound to the instance need, sorted: nothing else is stored. */
export function familiesOf(catalog: Catalog, instance: string): readonly string[] {
  const names = new Set<string>();
  const add = (part: { metric: string } | undefined, suffix = "") => {
    if (part) names.add(part.metric + suffix);
  };
  for (const service of catalog.services) {
    for (const signal of signalsOf(catalog, service.name)) {
      if (signal.provider !== instance) continue;
      switch (signal.kind) {
        case "ratio":
          for (const part of [signal.total, signal.bad, signal.good]) add(part);
          break;
        case "quantile":
          add(signal.histogram, "_bucket");
          break;
        case "rate":
          add(signal.counter);
          break;
        case "gauge":
          add(signal.gauge);
          break;
      }
    }
    for (const { provider, indicator } of slosOf(catalog, service.name)) {
      if (provider !== instance) continue;
      switch (indicator.kind) {
        case "ratio":
          for (const part of [indicator.total, indicator.bad, indicator.good]) add(part);
          break;
        case "latency":
          add(indicator.histogram, "_bucket");
          break;
        case "availability":
          add(indicator.gauge);
          break;
        case "promql":
          break;
      }
    }
  }
  return [...names].sort();
}
