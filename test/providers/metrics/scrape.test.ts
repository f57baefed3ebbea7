import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { poll } from "../../../src/platform/embedded/wait.ts";
import { pruneSamples, rawKeepMs, rollupKeepMs } from "../../../src/providers/metrics/samples.ts";
import {
  createScrapeProvider,
  createScraper,
  type ScraperOptions,
} from "../../../src/providers/metrics/scrape.ts";
import { type MetricsDatabase, metricsDatabase } from "./database.ts";
import { type Exporter, startExporter } from "./story.ts";

const start = new Date("2026-11-01T12:00:00Z");
const total = { metric: "x_total", labels: {} };
const errors = { kind: "ratio", total, bad: { metric: "x_total", labels: { code: "500" } } } as const;
const rate = { kind: "rate", counter: total } as const;

describe("the scraper", () => {
  let database: MetricsDatabase;
  let exporter: Exporter;
  let other: Exporter;
  let now = start;
  let number = 0;
  let source = "";
  const clock = { now: () => now };
  const at = (sec: number): Date => new Date(start.getTime() + sec * 1000);

  beforeAll(async () => {
    database = await metricsDatabase();
    [exporter, other] = await Promise.all([startExporter(), startExporter()]);
  });
  beforeEach(() => {
    number += 1;
    source = `local-${number}`;
    now = start;
  });
  afterEach(() => {
    exporter.show(null);
    other.show(null);
  });
  afterAll(async () => {
    await exporter?.close();
    await other?.close();
    await database?.close();
  });

  const scraper = (change: Partial<ScraperOptions> = {}) =>
    createScraper({
      db: database.db,
      clock,
      source,
      targets: [{ url: exporter.url, labels: { version: "v41" } }],
      intervalMs: 15_000,
      deadlineMs: 5_000,
      families: new Set(["x_total", "y"]),
      holder: "one",
      onError: (error) => {
        throw error;
      },
      ...change,
    });
  const provider = () =>
    createScrapeProvider({ db: database.db, clock, source, intervalMs: 15_000, deadlineMs: 10_000 });
  const show = (ok: number, bad = 0, which = exporter) =>
    which.show(
      `# TYPE x_total counter\nx_total{code="200"} ${ok}\n${bad > 0 ? `x_total{code="500"} ${bad}\n` : ""}`,
    );
  const round = async (by: ReturnType<typeof scraper>, sec: number, ok: number, bad = 0) => {
    now = at(sec);
    show(ok, bad);
    return await by.round();
  };

  it("counts on where another process stopped, and two at once count nothing twice", async () => {
    const [one, two] = [scraper({ holder: "one" }), scraper({ holder: "two" })];
    await round(one, 0, 100);
    expect((await round(two, 5, 105)).isOurs).toBe(false);
    await round(one, 15, 110);
    // The first one is gone; its lease lasts three rounds.
    expect((await round(two, 59, 150)).isOurs).toBe(false);
    expect((await round(two, 61, 160)).isOurs).toBe(true);
    const [reading] = await provider().instant(rate, { at: at(62), windowSec: 62 });
    expect(reading).toMatchObject({ samples: 60, newestSampleAt: at(61) });
    const rounds = await Promise.all([one.round(), two.round(), scraper({ holder: "three" }).round()]);
    expect(rounds.map(({ isOurs }) => isOurs)).toEqual([false, true, false]);
  });

  it("writes nothing of a page it read before it lost its lease", async () => {
    const two = scraper({ holder: "two" });
    await round(scraper(), 0, 100);
    const slow = scraper({
      fetch: async (...request) => {
        const page = await fetch(...request);
        // While the first one still reads, its lease runs out and the second one makes its round.
        await round(two, 100, 160);
        return page;
      },
    });
    expect(await round(slow, 15, 150)).toMatchObject({ isOurs: false });
    const series = await database.db
      .selectFrom("metric_series")
      .select(["last_value", "last_at"])
      .where("source", "=", source)
      .execute();
    expect(series).toEqual([{ last_value: 160, last_at: at(100) }]);
    expect((await provider().counts(errors, { from: at(0), to: at(200) })).bins[0]?.total).toBe(60);
  });

  it("hands its lease on at once when it is stopped in order", async () => {
    const one = scraper({ holder: "one" });
    await round(one, 0, 100);
    await one.stop();
    expect((await round(scraper({ holder: "two" }), 1, 101)).isOurs).toBe(true);
  });

  it("runs by itself at its interval until it is stopped", async () => {
    show(5);
    let machineMs = start.getTime();
    const ticking = {
      now: () => {
        machineMs += 7;
        return new Date(machineMs);
      },
    };
    const running = scraper({ intervalMs: 20, clock: ticking });
    running.start();
    const rounds = await poll(async () => {
      const { n } = await database.db
        .selectFrom("metric_samples_raw")
        .innerJoin("metric_series", "metric_series.id", "series_id")
        .where("source", "=", source)
        .select((row) => row.fn.countAll<string>().as("n"))
        .executeTakeFirstOrThrow();
      return Number(n) >= 3 ? Number(n) : undefined;
    }, 15_000);
    await running.stop();
    expect(rounds).toBeGreaterThanOrEqual(3);
    const lease = await database.db
      .selectFrom("metric_scrapers")
      .select("holder")
      .where("source", "=", source)
      .executeTakeFirstOrThrow();
    expect(lease.holder).toBeNull();
  });

  it("says which target cannot be read and since when, and takes that back once it can", async () => {
    const both = scraper({
      targets: [
        { url: exporter.url, labels: { version: "v41" } },
        { url: other.url, labels: { version: "v42" } },
      ],
    });
    show(100, 0, other);
    await round(both, 0, 100);
    show(110, 0, other);
    await round(both, 15, 110);
    other.show(null);
    expect((await round(both, 30, 120)).failed).toEqual([{ url: other.url, error: "HTTP 503" }]);
    await round(both, 45, 130);
    const [partly] = await provider().instant(rate, { at: at(46), windowSec: 46 });
    expect(partly?.value).not.toBeNull();
    expect(partly?.partial).toBe(
      `1 of 2 targets cannot be read, ${other.url} since ${at(30).toISOString()}: HTTP 503`,
    );
    const [healthy] = await provider().instant(rate, {
      at: at(46),
      windowSec: 46,
      labels: { version: "v41" },
    });
    expect(healthy?.partial).toBeNull();
    show(115, 0, other);
    await round(both, 60, 140);
    const [whole] = await provider().instant(rate, { at: at(61), windowSec: 61 });
    expect(whole).toMatchObject({ partial: null, samples: 55 });
  });

  it("is quiet about a target that was taken out of the catalog", async () => {
    const both = scraper({
      targets: [
        { url: exporter.url, labels: {} },
        { url: other.url, labels: {} },
      ],
    });
    await round(both, 0, 100);
    await round(scraper(), 15, 100);
    const left = await database.db
      .selectFrom("metric_targets")
      .select("url")
      .where("source", "=", source)
      .execute();
    expect(left).toEqual([{ url: exporter.url }]);
  });

  it("uses nothing of a page that was cut off", async () => {
    const one = scraper();
    await round(one, 0, 100);
    now = at(15);
    exporter.show('# TYPE x_total counter\nx_total{code="200"} 1');
    expect((await one.round()).failed).toEqual([
      { url: exporter.url, error: expect.stringContaining("no line feed") },
    ]);
    await round(one, 30, 130);
    expect((await provider().instant(rate, { at: at(31), windowSec: 31 }))[0]).toMatchObject({ samples: 30 });
  });

  it("counts the first error of a running process, and not the past of a family asked for later", async () => {
    const narrow = scraper({ families: new Set(["x_total"]) });
    exporter.show('# TYPE x_total counter\nx_total{code="200"} 100\n# TYPE z_total counter\nz_total 9000\n');
    await narrow.round();
    now = at(15);
    exporter.show(
      '# TYPE x_total counter\nx_total{code="200"} 107\nx_total{code="500"} 3\n# TYPE z_total counter\nz_total 9001\n',
    );
    await narrow.round();
    const [reading] = await provider().instant(errors, { at: at(16), windowSec: 16 });
    expect(reading).toMatchObject({ value: 0.3, samples: 10 });
    now = at(30);
    const wide = scraper({ families: new Set(["x_total", "z_total"]) });
    exporter.show('# TYPE x_total counter\nx_total{code="200"} 107\n# TYPE z_total counter\nz_total 9002\n');
    await wide.round();
    now = at(45);
    exporter.show('# TYPE x_total counter\nx_total{code="200"} 107\n# TYPE z_total counter\nz_total 9006\n');
    await wide.round();
    const z = { kind: "rate", counter: { metric: "z_total", labels: {} } } as const;
    expect((await provider().instant(z, { at: at(46), windowSec: 46 }))[0]).toMatchObject({ samples: 4 });
  });

  it("after it was down for an hour, does not show the hour as a spike of now", async () => {
    const one = scraper();
    await round(one, 0, 1_000);
    await round(one, 15, 1_000);
    await round(one, 3_615, 4_600);
    const [short] = await provider().instant(rate, { at: at(3_616), windowSec: 300 });
    expect(short?.value).toBeCloseTo(1, 1);
    expect((await provider().counts(errors, { from: at(0), to: at(3_616) })).bins[0]?.total).toBeCloseTo(
      3_600,
      6,
    );
  });

  it("keeps two scrape instances apart", async () => {
    await round(scraper(), 0, 100);
    await round(scraper(), 15, 110);
    source = `${source}-other`;
    expect((await provider().instant(rate, { at: at(16), windowSec: 16 }))[0]).toMatchObject({
      value: null,
      reason: "no_data",
    });
  });

  it("stops at its caller's wish and refuses what it cannot answer", async () => {
    const gone = AbortSignal.abort();
    await expect(provider().instant(rate, { at: at(0), windowSec: 60, signal: gone })).rejects.toMatchObject({
      code: "timeout",
    });
    const expression = { ...rate, promql: { value: "sum(x)" } };
    await expect(provider().instant(expression, { at: at(0), windowSec: 60 })).rejects.toMatchObject({
      code: "rejected",
      hint: expect.stringContaining("Prometheus"),
    });
    await expect(provider().range(rate, { from: at(0), to: at(11_001), stepSec: 1 })).rejects.toMatchObject({
      code: "rejected",
    });
    await expect(provider().range(rate, { from: at(10), to: at(0), stepSec: 1 })).rejects.toMatchObject({
      code: "rejected",
    });
    const neither = { kind: "ratio", total } as const;
    await expect(provider().counts(neither, { from: at(0), to: at(60) })).rejects.toMatchObject({
      code: "rejected",
    });
  });

  it("prunes raw samples after hours and roll-ups after weeks, and series nobody has seen since", async () => {
    const one = scraper();
    await round(one, 0, 100);
    await round(one, 15, 110);
    const countRows = async () => {
      const counted = async (table: "metric_samples_raw" | "metric_samples_1m" | "metric_samples_1h") =>
        Number(
          (
            await database.db
              .selectFrom(table)
              .innerJoin("metric_series", "metric_series.id", `${table}.series_id`)
              .where("source", "=", source)
              .select((row) => row.fn.countAll<string>().as("n"))
              .executeTakeFirstOrThrow()
          ).n,
        );
      return [
        await counted("metric_samples_raw"),
        await counted("metric_samples_1m"),
        await counted("metric_samples_1h"),
      ];
    };
    expect(await countRows()).toEqual([1, 1, 1]);
    await pruneSamples(database.db, new Date(at(15).getTime() + rawKeepMs));
    expect(await countRows()).toEqual([1, 1, 1]);
    await pruneSamples(database.db, new Date(at(15).getTime() + rawKeepMs + 1));
    expect(await countRows()).toEqual([0, 1, 1]);
    now = new Date(at(0).getTime() + rollupKeepMs);
    expect((await provider().counts(errors, { from: at(0), to: at(60) })).bins[0]?.total).toBe(10);
    await pruneSamples(database.db, new Date(at(15).getTime() + rollupKeepMs + 2 * 3_600_000));
    expect(await countRows()).toEqual([0, 0, 0]);
    expect(
      await database.db.selectFrom("metric_series").select("id").where("source", "=", source).execute(),
    ).toEqual([]);
  });
});
