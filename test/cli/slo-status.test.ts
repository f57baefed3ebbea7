import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allMigrations } from "../../src/features/all.ts";
import { createCatalogs } from "../../src/platform/catalogs.ts";
import { createDatabase, createPool, openKysely } from "../../src/platform/db/database.ts";
import { migrate } from "../../src/platform/db/migrate.ts";
import { systemActor } from "../../src/platform/people.ts";
import { sampleCatalog } from "../features/signals/rig.ts";
import { seedShop } from "../features/slos/seed.ts";
import { backfillText, momentsBefore } from "../support/backfill.ts";
import { freshDatabase } from "../support/postgres.ts";
import { startPrometheus, type TestPrometheus } from "../support/prometheus.ts";
import { requireService } from "../support/services.ts";
import { keptLog } from "../support/silent-log.ts";
import { quarterdeck } from "./quarterdeck.ts";

const prometheus = requireService("prometheus");

describe.runIf(prometheus)("slo status beside a Prometheus alone", () => {
  let server: TestPrometheus;
  let dir: string;
  beforeAll(async () => {
    const nowSec = Math.floor(Date.now() / 1000);
    const times = momentsBefore(nowSec, {
      spanSec: 3 * 86_400,
      coarseSec: 600,
      fineForSec: 5_400,
      fineSec: 15,
      aheadSec: 300,
    });
    const begunSec = times[0] ?? 0;
    const rising = (perSec: number) => (atSec: number) => (atSec - begunSec) * perSec;
    const counters = backfillText(
      "counter",
      [
        { name: "requests_total", labels: { service: "shop", code: "200" }, value: rising(99.95) },
        { name: "requests_total", labels: { service: "shop", code: "500" }, value: rising(0.05) },
      ],
      times,
    );
    const gauges = backfillText(
      "gauge",
      [{ name: "probe_success", labels: { service: "shop" }, value: (atSec) => (atSec > 0 ? 1 : 0) }],
      times,
    );
    server = await startPrometheus(prometheus ?? "", { backfill: `${counters}${gauges}# EOF\n` });
    dir = await mkdtemp(join(tmpdir(), "quarterdeck-test-"));
    await writeFile(join(dir, "catalog.yaml"), catalogText(server.url));
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  const status = (...args: string[]) => quarterdeck(["slo", "status", ...args], { CATALOG_PATH: dir });

  it("prints budget, burns and how long the rest lasts of every kind of SLO", async () => {
    const { code, out } = await status("--json");
    expect(code).toBe(0);
    const report = JSON.parse(out) as { catalog: string; slos: Record<string, unknown>[] };
    expect(report.catalog).toBe("files");
    const [availability, probes, promql, away] = ["answers", "probes", "recorded", "away"].map((name) =>
      report.slos.find(({ slo }) => slo === name),
    );
    expect(availability).toMatchObject({
      service: "shop",
      objective: 99.9,
      window: "28d",
      state: "healthy",
      // Half of the budget's pace over three days, against the events of all 28; when the first was is known roughly.
      remaining: expect.closeTo(1 - (0.5 * 3) / 28, 1),
      burns: { "5m": expect.closeTo(0.5, 1), "1h": expect.closeTo(0.5, 1), "3d": expect.closeTo(0.5, 1) },
      timeToExhaustion: { when: "in", seconds: expect.any(Number) },
      owner: "Olive",
    });
    const lasts = availability?.timeToExhaustion as { seconds: number } | undefined;
    expect((lasts?.seconds ?? 0) / 86_400).toBeCloseTo((28 - 1.5) / 0.5, -1);
    expect(probes).toMatchObject({ state: "healthy", remaining: 1, timeToExhaustion: { when: "never" } });
    expect(promql).toMatchObject({
      state: "healthy",
      window: "the quarter in Europe/Berlin",
      renewsAt: expect.any(String),
    });
    expect(away).toMatchObject({ state: "unknown", remaining: null, timeToExhaustion: { when: "unknown" } });
    expect(away?.why).toMatch(/samples/);
  });

  it("prints a table for people, of one service if one is named, and says what it could not read", async () => {
    const { code, out } = await status("--service", "shop");
    expect(code).toBe(0);
    expect(out).toMatch(/^service +state +SLO +goal +left +burn +lasts\n/);
    expect(out).toMatch(/shop +healthy +answers +99\.9 % +9\d % +0\.5x +\d\dd/);
    expect(out).toMatch(/shop away: its metrics have no samples/);
    const unknown = await status("--service", "shpo");
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining("Did you mean shop?") });
  });
});

describe("slo status beside a database", () => {
  it("takes the catalog in force and the samples Quarterdeck scraped itself", async () => {
    const fresh = await freshDatabase();
    try {
      await migrate(fresh.ownerUrl, allMigrations());
      const db = openKysely(createPool(fresh.url, 2, () => undefined));
      const clock = { now: () => new Date() };
      const database = createDatabase(db, {
        clock,
        catalogDigest: () => "x",
        subscribers: () => [],
      } as never);
      const catalogs = createCatalogs(
        db,
        () => database,
        keptLog(),
        () => [],
      );
      await catalogs.put(await sampleCatalog(), "in-force", "test", systemActor);
      await seedShop(db, new Date(Date.now() + 120_000), () => 0.0008);
      await db.destroy();
      const { code, out } = await quarterdeck(["slo", "status", "--json"], {
        DATABASE_URL: fresh.url,
        CATALOG_PATH: "/nowhere",
      });
      expect(code).toBe(0);
      const report = JSON.parse(out) as { catalog: string; slos: unknown[] };
      expect(report.catalog).toBe("in force");
      expect(report.slos).toMatchObject([
        { slo: "shop-availability", state: "healthy", remaining: expect.closeTo(0.84, 1), userFacing: true },
        { slo: "shop-latency", window: "28d", owner: "team storefront" },
        { slo: "shop-patience", window: "the month in UTC" },
      ]);
    } finally {
      await fresh.drop();
    }
  });
});

const catalogText = (url: string): string => `organisation:
  name: Test
  slackTeams: [T0A]
  defaultChannel: ops
  defaultOwner: storefront
channels: [{ name: ops, slack: { T0A: C0OPS } }]
people: [{ id: olive, name: Olive }]
teams: [{ name: storefront, leads: [olive], alertChannel: ops, leadsChannel: ops }]
providers: { metrics: [{ name: prom, kind: prometheus, url: "${url}", deadline: 10s }] }
services: [{ name: shop, team: storefront, dri: olive, metrics: prom }]
slos:
  - name: answers
    service: shop
    objective: 99.9
    window: { rolling: 28d }
    indicator: { kind: ratio, total: { metric: requests_total }, bad: { metric: requests_total, labels: { code: { matches: "5.." } } } }
  - name: probes
    service: shop
    objective: 99.5
    window: { rolling: 30d }
    indicator: { kind: availability, gauge: { metric: probe_success } }
  - name: recorded
    service: shop
    objective: 99
    window: { calendar: quarter, zone: Europe/Berlin }
    indicator: { kind: promql, total: "sum(increase(requests_total{$labels}[$range]))", bad: 'sum(increase(requests_total{code="500",$labels}[$range]))' }
  - name: away
    service: shop
    objective: 99.9
    window: { rolling: 28d }
    indicator: { kind: latency, histogram: { metric: not_there }, threshold: 1 }
`;
