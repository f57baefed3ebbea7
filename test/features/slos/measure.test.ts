import { describe, expect, it } from "vitest";
import type { Slo } from "../../../src/catalog/schema.ts";
import { measureSlo, queryOf } from "../../../src/features/slos/measure.ts";
import { budgetStatus } from "../../../src/features/slos/model.ts";
import { createLog } from "../../../src/platform/log.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import type {
  CountAnswer,
  MetricsProvider,
  SpanCounts,
  SpansAnswer,
} from "../../../src/providers/metrics/contract.ts";
import { base, catalogOf, team } from "../../catalog/files.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const slos = (more: string) =>
  catalogOf(
    base,
    team,
    `slos:\n  - { name: s, service: shop, objective: 99.9, indicator: { kind: ratio, total: { metric: m }, bad: { metric: b } }, ${more} }\n`,
  );

/** A metrics system that saw `total` events and `bad` ones each hour since `since`. */
const system = (perHour: { bad: number; total: number }, since?: string) => {
  const asked: { from: string; to: string; binSec: number | undefined }[] = [];
  const answer = (from: Date, to: Date, binSec = (to.getTime() - from.getTime()) / 1000): CountAnswer => {
    const oldest = since === undefined ? null : new Date(Math.max(from.getTime(), Date.parse(since)));
    const bins = [];
    for (let at = from.getTime(); at + binSec * 1000 <= to.getTime(); at += binSec * 1000) {
      const end = at + binSec * 1000;
      const hours = (end - Math.max(at, oldest?.getTime() ?? at)) / hour;
      if (hours > 0)
        bins.push({
          from: new Date(at),
          to: new Date(end),
          group: null,
          bad: perHour.bad * hours,
          total: perHour.total * hours,
        });
    }
    return { bins, oldestSampleAt: oldest, newestSampleAt: new Map(), partial: null, invalid: null };
  };
  const provider = {
    spans: async (_query, { to, spansSec }) => {
      const spans = spansSec.map((sec) => {
        const from = new Date(to.getTime() - sec * 1000);
        asked.push({ from: from.toISOString(), to: to.toISOString(), binSec: undefined });
        const [bin] = answer(from, to).bins;
        return { counts: bin ? { bad: bin.bad, total: bin.total } : null, invalid: null };
      });
      const longest = new Date(to.getTime() - Math.max(...spansSec) * 1000);
      return { spans, oldestSampleAt: answer(longest, to).oldestSampleAt, partial: null };
    },
    counts: async (_query, { from, to, binSec }) => {
      asked.push({ from: from.toISOString(), to: to.toISOString(), binSec });
      return answer(from, to, binSec);
    },
  } as Partial<MetricsProvider> as MetricsProvider;
  return { provider, asked };
};

async function measure(window: string, at: string, provider: MetricsProvider) {
  const catalog = slos(window);
  const [slo] = catalog.slos as [Slo];
  const parts = {
    catalog,
    providers: { of: () => provider } as never,
    log: createLog("silent"),
    deadlineMs: 20,
  };
  const found = await measureSlo(parts, { ...slo, provider: "prom" }, new Date(at));
  const windowMs = found.period.to.getTime() - found.period.from.getTime();
  const status = budgetStatus(
    { objectivePercent: slo.objective, windowMs, rows: slo.alerting, minBad: 5 },
    found.measured,
  );
  return { ...found, status, windowMs };
}

describe("a calendar window", () => {
  const november = "window: { calendar: month, zone: Europe/Berlin }";

  it("weighs what was spent by the events the whole period is expected to have", async () => {
    // Ten of November's thirty days, 4,000,000 events of which 2,800 are bad.
    const { provider, asked } = system({ bad: 2_800 / 240, total: 4_000_000 / 240 });
    const { status, windowMs } = await measure(november, "2026-11-10T23:00:00Z", provider);
    expect(asked[0]).toMatchObject({ from: "2026-10-31T23:00:00.000Z", to: "2026-11-10T23:00:00.000Z" });
    expect(windowMs).toBe(30 * day);
    expect(status.consumed).toBeCloseTo(0.2333, 4);
    expect(status.remaining).toBeCloseTo(0.7667, 4);
  });

  it("is as long as its days, clock changes included", async () => {
    const { provider } = system({ bad: 0, total: 100 });
    const march = await measure(november, "2026-03-31T21:00:00Z", provider);
    expect(march.windowMs).toBe(31 * day - hour);
    const sunday =
      "window: { calendar: day, zone: Europe/Berlin }, alerting: [{ severity: page, long: 1h, short: 5m, burn: 10 }]";
    const { windowMs, measured, status } = await measure(sunday, "2026-10-25T11:00:00Z", provider);
    expect(windowMs).toBe(25 * hour);
    expect(measured.period).toMatchObject({ elapsedMs: 13 * hour });
    expect(status.budgetEvents).toBeCloseTo(2500 * 0.001, 10);
  });

  it("starts with nothing spent, and with nothing shown to be good", async () => {
    const { provider } = system({ bad: 50, total: 100 });
    const first = await measure(november, "2026-10-31T23:00:00.500Z", provider);
    expect(first.measured.period?.counts).toEqual({ bad: 0, total: 0 });
    expect(first.status).toMatchObject({ remaining: null, severity: "page" });
    const quiet = await measure(november, "2026-10-31T23:00:00.500Z", system({ bad: 0, total: 1 }).provider);
    expect(quiet.status.state).toBe("no-data");
  });

  it("counts a service that began within it from its first sample", async () => {
    const { provider } = system({ bad: 0, total: 10 }, "2026-11-20T00:00:00Z");
    const { measured } = await measure(november, "2026-11-25T00:00:00Z", provider);
    expect(measured.period).toMatchObject({ counts: { total: 1_200 }, elapsedMs: 5 * day });
  });
});

describe("slices", () => {
  const week =
    "window: { rolling: 7d }, slices: { length: 1m, goodPercent: 95 }, alerting: [{ severity: page, long: 1h, short: 5m, burn: 10 }]";

  it("are asked for at once, and end with the last whole one", async () => {
    const { provider, asked } = system({ bad: 6, total: 60 });
    const { measured, status } = await measure(week, "2026-11-25T10:00:42Z", provider);
    expect(asked).toEqual([{ from: "2026-11-18T10:00:00.000Z", to: "2026-11-25T10:00:00.000Z", binSec: 60 }]);
    // Each minute has a tenth of its events bad, more than 5 %.
    expect(measured.windows.get(hour)).toEqual({ bad: 60, total: 60 });
    expect(status).toMatchObject({ state: "exhausted", severity: "page" });
  });

  it("spend nothing while enough of their events are good", async () => {
    const { provider } = system({ bad: 3, total: 60 });
    const { status } = await measure(week, "2026-11-25T10:00:42Z", provider);
    expect(status).toMatchObject({ state: "healthy", consumed: 0 });
  });

  it("are unknown where there are none", async () => {
    const { provider } = system({ bad: 0, total: 60 }, "2026-11-25T10:00:00Z");
    const { status, troubles } = await measure(week, "2026-11-25T10:00:42Z", provider);
    expect(status.state).toBe("unknown");
    expect(troubles).toEqual([]);
  });
});

describe("what cannot be measured", () => {
  const rolling = "window: { rolling: 28d }";
  const failing = (answer: () => Promise<Partial<SpanCounts & SpansAnswer>>) =>
    ({
      spans: async (_query, { spansSec }) => {
        const { invalid = null, partial = null } = await answer();
        return { spans: spansSec.map(() => ({ counts: null, invalid })), oldestSampleAt: null, partial };
      },
    }) as Partial<MetricsProvider> as MetricsProvider;
  const nothing = {};

  it.each([
    ["no series at all", async () => nothing, "its metrics have no samples"],
    [
      "more bad events than events",
      async () => ({ invalid: "11 bad of 10 events contradict each other" }),
      "11 bad of 10 events contradict each other",
    ],
    [
      "a metrics system that is away",
      async () => {
        throw new ProviderError("unreachable", "Prometheus does not answer", "Look at it", undefined);
      },
      "Prometheus does not answer. Look at it",
    ],
  ])("for %s is unknown, with the reason", async (_, answer, why) => {
    const { status, troubles } = await measure(rolling, "2026-11-25T10:00:00Z", failing(answer));
    expect(status).toMatchObject({ state: "unknown", severity: "none", remaining: null });
    expect(troubles[0]).toBe(why);
  });

  it("keeps what a metrics system says is missing", async () => {
    const { provider } = system({ bad: 0, total: 10 });
    const partly = failing(async () => ({ partial: "one store is away" }));
    expect((await measure(rolling, "2026-11-25T10:00:00Z", partly)).partials[0]).toBe("one store is away");
    expect((await measure(rolling, "2026-11-25T10:00:00Z", provider)).partials).toEqual([]);
  });
});

it("loses none of the windows that page to one that takes too long", async () => {
  const { provider } = system({ bad: 50, total: 100 });
  const slow: MetricsProvider = {
    ...provider,
    spans: (query, options) =>
      Math.max(...options.spansSec) > 86_400 ? new Promise(() => undefined) : provider.spans(query, options),
  };
  const { status, troubles } = await measure("window: { rolling: 28d }", "2026-11-25T10:00:00Z", slow);
  expect(status).toMatchObject({ state: "burning", severity: "page", remaining: null });
  expect(troubles[0]).toBe("no answer within 20 ms");
});

it("counts what is not good as bad where PromQL names the good events", () => {
  const catalog = catalogOf(
    base,
    team.replace("metrics: direct", "metrics: prom"),
    "slos:\n  - { name: s, service: shop, objective: 99.9, window: { rolling: 90d }, indicator: { kind: promql, total: 'sum(t)', good: 'sum(g)' } }\n",
  );
  expect(catalog.slos.map(queryOf)).toEqual([
    { kind: "expression", promql: { total: "sum(t)", bad: "(sum(t)) - ((sum(g)) or vector(0))" } },
  ]);
});
