import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  CountAnswer,
  CountQuery,
  MetricsProvider,
  Reading,
  SignalQuery,
} from "../../../src/providers/metrics/contract.ts";
import { createPrometheusProvider } from "../../../src/providers/metrics/prometheus.ts";
import { createScrapeProvider, createScraper } from "../../../src/providers/metrics/scrape.ts";
import { startPrometheus, type TestPrometheus } from "../../support/prometheus.ts";
import { requireService } from "../../support/services.ts";
import { type MetricsDatabase, metricsDatabase } from "./database.ts";
import {
  at,
  type Exporter,
  pageAt,
  pageText,
  startExporter,
  stepSec,
  steps,
  storyStart,
  storyText,
  versions,
} from "./story.ts";

const binary = requireService("prometheus");

const service = { service: "shop" };
const total = { metric: "requests_total", labels: {} };
const bad = { metric: "requests_total", labels: { code: { matches: "5.." } } };
const good = { metric: "requests_total", labels: { code: { notMatches: "5.." } } };
const histogram = { metric: "duration_seconds", labels: {} };
const errors: SignalQuery & { kind: "ratio" } = { kind: "ratio", total, bad };
const slow: SignalQuery & { kind: "slower-than" } = { kind: "slower-than", histogram, bound: 1 };

describe("the direct-scrape provider, told the same story as Prometheus", () => {
  let now = storyStart;
  let database: MetricsDatabase;
  let exporters: Exporter[];
  let prometheusServer: TestPrometheus | undefined;
  let scrape: MetricsProvider;
  let prometheus: MetricsProvider;

  beforeAll(async () => {
    database = await metricsDatabase();
    exporters = await Promise.all(versions.map(() => startExporter()));
    const clock = { now: () => now };
    const common = {
      db: database.db,
      clock,
      source: "local",
      intervalMs: stepSec * 1000,
      deadlineMs: 10_000,
    };
    const scraper = createScraper({
      ...common,
      holder: "test",
      targets: exporters.map(({ url }) => ({ url, labels: {} })),
      families: new Set(["requests_total", "duration_seconds_bucket", "pool_used", "answering"]),
      onError: (error) => {
        throw error;
      },
    });
    for (let step = 0; step <= steps; step += 1) {
      now = new Date(storyStart.getTime() + step * stepSec * 1000);
      for (const [i, version] of versions.entries()) {
        const page = pageAt(version, step);
        exporters[i]?.show(page && pageText(page));
      }
      expect((await scraper.round()).isOurs).toBe(true);
    }
    scrape = createScrapeProvider(common);
    if (binary) {
      const [v41 = "", v42 = ""] = exporters.map(({ url }) => new URL(url).host);
      prometheusServer = await startPrometheus(binary, { backfill: storyText({ v41, v42 }) });
      prometheus = createPrometheusProvider({ url: prometheusServer.url, deadlineMs: 20_000 });
    }
  }, 120_000);
  afterAll(async () => {
    await prometheusServer?.stop();
    for (const exporter of exporters ?? []) await exporter.close();
    await database?.close();
  });

  const valuesOf = (readings: readonly Reading[]) => readings.map(({ group, value }) => ({ group, value }));
  const expectClose = (
    ours: readonly Reading[],
    theirs: readonly Reading[],
    share: number,
    isRatio: boolean,
  ) => {
    expect(ours.map(({ group }) => group)).toEqual(theirs.map(({ group }) => group));
    for (const [i, reading] of ours.entries()) {
      const both = `${reading.group}: ${JSON.stringify([reading, theirs[i]])}`;
      const value = reading.value ?? Number.NaN;
      const other = theirs[i]?.value ?? Number.NaN;
      // One event at the window's edge falls inside for the one and outside for the other.
      const slack = isRatio ? 1.5 / (reading.samples ?? 1) : 0;
      expect(Math.abs(value - other), both).toBeLessThanOrEqual(share * Math.abs(other) + slack);
    }
  };

  describe.runIf(binary)("gives close values", () => {
    for (const [name, query, share] of [
      ["an error ratio", errors, 0.05],
      ["a ratio declared by its good events", { kind: "ratio", total, good }, 0.05],
      ["a median", { kind: "quantile", histogram, quantile: 0.5 }, 0.05],
      ["a p99", { kind: "quantile", histogram, quantile: 0.99 }, 0.05],
      ["a share slower than a bound", slow, 0.05],
      [
        "the share of looks at a gauge that found it down",
        { kind: "availability", gauge: { metric: "answering", labels: {} } },
        0.05,
      ],
      ["a rate", { kind: "rate", counter: total }, 0.05],
      [
        "the mean of a gauge",
        { kind: "gauge", gauge: { metric: "pool_used", labels: {} }, aggregate: "avg" },
        0.02,
      ],
      [
        "the sum of a gauge",
        { kind: "gauge", gauge: { metric: "pool_used", labels: {} }, aggregate: "sum" },
        0.02,
      ],
      [
        "the highest of a gauge",
        { kind: "gauge", gauge: { metric: "pool_used", labels: {} }, aggregate: "max" },
        0,
      ],
      [
        "the lowest of a gauge",
        { kind: "gauge", gauge: { metric: "pool_used", labels: {} }, aggregate: "min" },
        0,
      ],
    ] as [string, SignalQuery, number][])
      it(`for ${name}, over short and long windows, across a restart, whole and by version`, async () => {
        for (const by of [undefined, "version"])
          for (const [minute, windowSec] of [
            [70, 300],
            [77, 600],
            [100, 1_800],
            [118, 3_000],
          ] as const) {
            const options = { at: at(minute), windowSec, by, labels: service };
            expectClose(
              await scrape.instant(query, options),
              await prometheus.instant(query, options),
              share,
              query.kind === "ratio" || query.kind === "slower-than" || query.kind === "availability",
            );
          }
      });

    it("for spans that end together, asked for at once as one by one", async () => {
      const up: CountQuery = { kind: "availability", gauge: { metric: "answering", labels: {} } };
      const spansSec = [300, 600, 3_000, 5_400];
      const common = { to: at(118), labels: service };
      for (const query of [errors, slow, up])
        for (const provider of [scrape, prometheus]) {
          const answer = await provider.spans(query, { ...common, spansSec, withOldest: true });
          for (const [index, sec] of spansSec.entries()) {
            const from = new Date(common.to.getTime() - sec * 1000);
            const { bins, oldestSampleAt } = await provider.counts(query, { ...common, from });
            const { bad = 0, total = 0 } = bins[0] ?? {};
            expect(total).toBeGreaterThan(0);
            expect(answer.spans[index]).toEqual({ counts: { bad, total }, invalid: null });
            if (index === 3) expect(answer.oldestSampleAt).toEqual(oldestSampleAt);
          }
        }
      const none: CountQuery = { kind: "ratio", total: { metric: "not_there", labels: {} }, bad };
      for (const provider of [scrape, prometheus])
        expect(await provider.spans(none, { ...common, spansSec: [300, 5_400] })).toEqual({
          spans: [
            { counts: null, invalid: null },
            { counts: null, invalid: null },
          ],
          oldestSampleAt: null,
          partial: null,
        });
    });

    it("for a series of points", async () => {
      const options = { from: at(66), to: at(110), stepSec: 240, by: "version", labels: service };
      const ours = await scrape.range(errors, options);
      const theirs = await prometheus.range(errors, options);
      expect(ours.series.map(({ group, points }) => [group, points.map((point) => point.at)])).toEqual(
        theirs.series.map(({ group, points }) => [group, points.map((point) => point.at)]),
      );
      for (const [i, series] of ours.series.entries())
        for (const [j, point] of series.points.entries()) {
          const other = theirs.series[i]?.points[j]?.value ?? Number.NaN;
          expect(Math.abs((point.value ?? Number.NaN) - other)).toBeLessThanOrEqual(0.1 * other + 0.002);
        }
    });

    it("and the very same counts in the judge's bins, the first errors of a new process and a restart included", async () => {
      const sorted = (answer: CountAnswer) =>
        [...answer.bins].sort(
          (a, b) => a.from.getTime() - b.from.getTime() || (a.group ?? "").localeCompare(b.group ?? ""),
        );
      for (const query of [errors, slow])
        for (const [from, to] of [
          [48, 64],
          [60, 100],
          [73, 78],
        ] as const) {
          const options = { from: at(from), to: at(to), binSec: 60, by: "version", labels: service };
          const ours = await scrape.counts(query, options);
          const theirs = await prometheus.counts(query, options);
          expect(sorted(ours)).toEqual(sorted(theirs));
          expect(ours.bins.length).toBeGreaterThan(5);
          expect(ours.newestSampleAt).toEqual(theirs.newestSampleAt);
        }
    });

    it("and counts over hours within what Prometheus' estimate can tell", async () => {
      const options = { from: at(0), to: at(110), labels: service };
      const [ours] = (await scrape.counts(errors, options)).bins;
      const theirs = await prometheus.counts(errors, options);
      expect(Math.abs((ours?.total ?? 0) / (theirs.bins[0]?.total ?? 0) - 1)).toBeLessThan(0.02);
      expect(Math.abs((theirs.oldestSampleAt?.getTime() ?? 0) - at(0).getTime())).toBeLessThan(120_000);
    });

    it("and the same refusals to say anything", async () => {
      const nothing = { kind: "rate", counter: { metric: "no_such_total", labels: {} } } as const;
      const offBound = { ...slow, bound: 0.3 };
      const noTraffic = { kind: "ratio", total: bad, bad } as const;
      for (const provider of [scrape, prometheus]) {
        expect(await provider.instant(nothing, { at: at(100), windowSec: 300 })).toMatchObject([
          { value: null, reason: "no_data", samples: null },
        ]);
        expect(await provider.instant(offBound, { at: at(100), windowSec: 300 })).toMatchObject([
          { value: null, reason: "invalid", message: expect.stringContaining("0.1, 0.25, 0.5, 1, Infinity") },
        ]);
        // v41 failed last at minute 115: of its errors nothing is left in the window.
        expect(
          await provider.instant(noTraffic, { at: at(119), windowSec: 120, labels: { version: "v41" } }),
        ).toMatchObject([{ value: null, reason: "no_traffic", samples: 0 }]);
        expect(await provider.instant(errors, { at: at(128), windowSec: 1_200 })).toMatchObject([
          { value: null, reason: "stale", newestSampleAt: at(120) },
        ]);
        expect(
          valuesOf(await provider.instant(errors, { at: at(40), windowSec: 60, by: "version" })),
        ).toMatchObject([{ group: "v41" }]);
      }
    });
  });

  it("counts a new process from its first request on, and a restarted one on from 0", async () => {
    const counted = await scrape.counts(errors, { from: at(49), to: at(121), by: "version" });
    const real = (first: number, last: number) => {
      let [requests, failed] = [0, 0];
      for (let i = first; i <= last; i += 1) {
        requests += 10 + (i % 3);
        failed += i >= 120 ? 3 : 0;
      }
      return { total: requests, bad: failed };
    };
    expect(counted.bins.find(({ group }) => group === "v42")).toMatchObject(real(100, 240));
  });

  it("adds up bins, minutes, hours and odd ends to the same totals", async () => {
    const whole = await scrape.counts(errors, { from: at(7.5), to: at(119.5) });
    for (const binSec of [30, 60, 240, 960]) {
      const binned = await scrape.counts(errors, { from: at(7.5), to: at(119.5), binSec });
      const sum = binned.bins.reduce(
        (all, bin) => ({ bad: all.bad + bin.bad, total: all.total + bin.total }),
        { bad: 0, total: 0 },
      );
      expect(sum).toEqual({ bad: whole.bins[0]?.bad, total: whole.bins[0]?.total });
    }
  });

  it("answers from the roll-ups alone once raw samples are gone", async () => {
    const before = await scrape.counts(errors, { from: at(10), to: at(100) });
    now = at(120 + 6 * 60 + 10);
    await database.db.deleteFrom("metric_samples_raw").execute();
    expect((await scrape.counts(errors, { from: at(10), to: at(100) })).bins).toEqual(before.bins);
    const widened = await scrape.counts(errors, { from: new Date(at(10).getTime() + 20_000), to: at(100) });
    expect(widened.bins[0]?.total).toBe(before.bins[0]?.total);
  });

  it("keeps only the families that are asked for", async () => {
    const names = await database.db
      .selectFrom("metric_series")
      .select("name")
      .distinct()
      .orderBy("name")
      .execute();
    expect(names.map(({ name }) => name)).toEqual([
      "answering",
      "duration_seconds_bucket",
      "pool_used",
      "requests_total",
    ]);
  });
});
