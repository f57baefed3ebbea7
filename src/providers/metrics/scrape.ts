import { createHash } from "node:crypto";
import type { Clock } from "../../platform/clock.ts";
import { ProviderError } from "../errors.ts";
import type { MetricsProvider } from "./contract.ts";
import { ingest, seriesPerTargetMax } from "./ingest.ts";
import { readPage } from "./page.ts";
import { createMetricsProvider } from "./provider.ts";
import { knownSeries, type MetricsDb, writeSamples } from "./samples.ts";
import { createSamplesSource } from "./samples-source.ts";

export interface ScrapeTarget {
  url: string;
  labels: Readonly<Record<string, string>>;
}

export interface ScraperOptions {
  db: MetricsDb;
  clock: Clock;
  /** Name of the scrape instance; one process at a time scrapes for it. */
  source: string;
  targets: readonly ScrapeTarget[];
  intervalMs: number;
  /** One target's answer, in milliseconds. */
  deadlineMs: number;
  /** Metric names that some signal or SLO needs (`process_start_time_seconds` is read without being kept). */
  families: ReadonlySet<string>;
  /** Names this process in the lease. */
  holder: string;
  fetch?: typeof fetch;
  /** Called for what must not end the loop: Postgres away, say. */
  onError: (error: unknown) => void;
}

export interface Round {
  /** False when another process holds the lease: nothing was scraped. */
  isOurs: boolean;
  scraped: number;
  failed: readonly { url: string; error: string }[];
}

export interface Scraper {
  /** One round over all targets; what the loop does each interval. */
  round(): Promise<Round>;
  start(): void;
  /** Ends the loop and gives the lease back, so that another process goes on at once. */
  stop(): Promise<void>;
}

/** Rounds a holder may miss before another takes over. */
const leaseRounds = 3;
const leaseMsMin = 10_000;
/** Targets read at the same time. */
const parallel = 8;

/** A scraper lost its lease between reading a page and writing it: another process writes now. */
class LeaseLost extends Error {}

/** Reads metrics pages into Postgres. State between rounds is in the tables, so that any process can take over. */
export function createScraper(options: ScraperOptions): Scraper {
  const { db, clock, source } = options;
  const keepDigest = createHash("sha256")
    .update([...options.families].sort().join("\n"))
    .digest("hex");
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();

  const round = async (): Promise<Round> => {
    const roundBeforeAt = await takeLease();
    if (roundBeforeAt === undefined) return { isOurs: false, scraped: 0, failed: [] };
    const failed: { url: string; error: string }[] = [];
    const waiting = [...options.targets];
    let isOurs = true;
    const work = async (): Promise<void> => {
      for (
        let target = waiting.shift();
        target && isOurs && !stopping.signal.aborted;
        target = waiting.shift()
      ) {
        try {
          const error = await scrape(target, roundBeforeAt);
          if (error !== null) failed.push({ url: target.url, error });
        } catch (error) {
          if (!(error instanceof LeaseLost)) throw error;
          isOurs = false;
        }
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    await forgetOtherTargets();
    return { isOurs, scraped: options.targets.length - failed.length, failed };
  };

  /** @returns when the last round was (null: never), or undefined when another process holds the lease */
  const takeLease = async (): Promise<Date | null | undefined> => {
    const now = clock.now();
    const lease_until = new Date(now.getTime() + Math.max(leaseMsMin, leaseRounds * options.intervalMs));
    return await db.transaction().execute(async (trx) => {
      await trx
        .insertInto("metric_scrapers")
        .values({ source, holder: null, lease_until: null, round_at: null })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const row = await trx
        .selectFrom("metric_scrapers")
        .selectAll()
        .where("source", "=", source)
        .forUpdate()
        .executeTakeFirstOrThrow();
      if (
        row.holder !== null &&
        row.holder !== options.holder &&
        row.lease_until !== null &&
        row.lease_until > now
      )
        return undefined;
      await trx
        .updateTable("metric_scrapers")
        .set({ holder: options.holder, lease_until, round_at: now })
        .where("source", "=", source)
        .execute();
      return row.round_at;
    });
  };

  /** @returns what went wrong with the target, or null */
  const scrape = async (target: ScrapeTarget, roundBeforeAt: Date | null): Promise<string | null> => {
    const at = clock.now();
    try {
      const exposition = await readPage(target.url, {
        deadlineMs: options.deadlineMs,
        signal: stopping.signal,
        fetch: options.fetch,
      });
      const dropped = await db.transaction().execute(async (trx) => {
        const lease = await trx
          .selectFrom("metric_scrapers")
          .select("holder")
          .where("source", "=", source)
          .forShare()
          .executeTakeFirst();
        if (lease?.holder !== options.holder) throw new LeaseLost();
        const seen = await trx
          .selectFrom("metric_targets")
          .selectAll()
          .where("source", "=", source)
          .where("url", "=", target.url)
          .executeTakeFirst();
        const page = ingest({
          source,
          target: target.url,
          exposition,
          at,
          targetLabels: { instance: new URL(target.url).host, ...target.labels },
          keep: (name) => options.families.has(name),
          known: await knownSeries(trx, source, target.url),
          targetSeenAt: seen?.keep_digest === keepDigest ? seen.last_ok_at : null,
          roundBeforeAt,
        });
        await writeSamples(trx, source, target.url, page.series);
        await trx
          .insertInto("metric_targets")
          .values({
            source,
            url: target.url,
            last_ok_at: at,
            failing_since: null,
            error: null,
            keep_digest: keepDigest,
          })
          .onConflict((conflict) =>
            conflict
              .columns(["source", "url"])
              .doUpdateSet({ last_ok_at: at, failing_since: null, error: null, keep_digest: keepDigest }),
          )
          .execute();
        return page.dropped;
      });
      return dropped > 0 ? `${dropped} series past ${seriesPerTargetMax} were left out` : null;
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      if (!stopping.signal.aborted) await recordFailure(target.url, at, error.message);
      return error.message;
    }
  };

  const recordFailure = async (url: string, at: Date, error: string): Promise<void> => {
    await db
      .insertInto("metric_targets")
      .values({ source, url, last_ok_at: null, failing_since: at, error, keep_digest: null })
      .onConflict((conflict) =>
        conflict.columns(["source", "url"]).doUpdateSet((row) => ({
          failing_since: row.fn.coalesce("metric_targets.failing_since", row.val(at)),
          error,
        })),
      )
      .execute();
  };

  /** A target taken out of the catalog is not "failing" for ever. */
  const forgetOtherTargets = async (): Promise<void> => {
    const urls = options.targets.map(({ url }) => url);
    await db
      .deleteFrom("metric_targets")
      .where("source", "=", source)
      .$if(urls.length > 0, (query) => query.where("url", "not in", urls))
      .execute();
  };

  const loop = (): void => {
    const begunMs = clock.now().getTime();
    running = round()
      .catch(options.onError)
      .finally(() => {
        const tookMs = Math.max(0, clock.now().getTime() - begunMs);
        if (!stopping.signal.aborted) timer = setTimeout(loop, Math.max(0, options.intervalMs - tookMs));
      });
  };

  return {
    round,
    start: loop,
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await running;
      await db
        .updateTable("metric_scrapers")
        .set({ holder: null, lease_until: null })
        .where("source", "=", source)
        .where("holder", "=", options.holder)
        .execute();
    },
  };
}

export interface ScrapeProviderOptions {
  db: MetricsDb;
  clock: Clock;
  source: string;
  intervalMs: number;
  deadlineMs: number;
}

/** Missed rounds after which a sample is stale. */
const staleRounds = 4;
const staleSecMin = 15;

/** Answers from what the scraper of the same `source` wrote; any process may ask. */
export function createScrapeProvider(options: ScrapeProviderOptions): MetricsProvider {
  const staleAfterSec = Math.max(staleSecMin, (staleRounds * options.intervalMs) / 1000);
  return createMetricsProvider(createSamplesSource({ ...options, staleAfterSec }));
}
