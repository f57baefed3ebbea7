import { afterAll, beforeAll, expect, it } from "vitest";
import { tables } from "../../../src/platform/db/database.ts";
import { systemActor } from "../../../src/platform/people.ts";
import { metricsText } from "../../../src/platform/telemetry.ts";
import type { MetricsTables } from "../../../src/providers/metrics/samples.ts";
import { startWorker } from "../../../src/roles.ts";
import { type RunningShop, startShop } from "../../../src/sandbox/shop/shop.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { until } from "../../support/until.ts";

let shop: RunningShop;
let quarterdeck: TestApp;
beforeAll(async () => {
  shop = await startShop({
    version: "v41",
    host: "127.0.0.1",
    port: 0,
    fault: { errorRatio: 0, delayMs: 0 },
    random: () => 0.5,
  });
  quarterdeck = await startTestApp({ vars: { SHOP_V41_URL: `http://127.0.0.1:${shop.port}` } });
});
afterAll(async () => {
  await quarterdeck.close();
  await shop.close();
});

const db = () => tables<MetricsTables>(quarterdeck.app.database.db);
const holder = async () =>
  (await db().selectFrom("metric_scrapers").select("holder").executeTakeFirst())?.holder ?? undefined;
const lastRead = async () =>
  (
    await db()
      .selectFrom("metric_targets")
      .select("last_ok_at")
      .where("url", "like", `%:${shop.port}/%`)
      .executeTakeFirst()
  )?.last_ok_at ?? undefined;

it("reads the catalog's pages in a worker, and tells how the users are", async () => {
  const olive = await quarterdeck.person("U0ONCALL");
  await until("well users", async () => {
    await (await fetch(`http://127.0.0.1:${shop.port}/checkout`)).arrayBuffer();
    const text = await metricsText(quarterdeck.app);
    return /quarterdeck_slo_budget_left_ratio\{service="shop",slo="shop-availability"\} 1\n/.test(text);
  });
  await olive.send("C0OPS", "/ops slo shop");
  const answer = await olive.sees("C0OPS", /shop-availability/);
  expect(answer.text).toMatch(/budget left 100 % \(shop-availability 99\.5 % over 28d\)/);
  await olive.send("C0OPS", "/ops slo payments");
  await olive.sees("C0OPS", /payments has no SLO/);
});

it("keeps nothing but what signals and SLOs need", async () => {
  const rows = await db().selectFrom("metric_series").select("name").distinct().orderBy("name").execute();
  expect(rows.map(({ name }) => name)).toEqual([
    "http_request_duration_seconds_bucket",
    "http_requests_total",
    "orders_total",
    "shop_inflight_requests",
  ]);
});

it("scrapes in one of two workers, and in the other once the first stops", async () => {
  const first = await holder();
  const second = await startWorker(quarterdeck.app);
  try {
    const before = await lastRead();
    await until("another round", async () => {
      const now = await lastRead();
      return now && before && now > before;
    });
    expect(await holder()).toBe(first);
    await quarterdeck.worker?.stop();
    quarterdeck.worker = undefined;
    await until("the other worker", async () => {
      const now = await holder();
      return now !== undefined && now !== first;
    });
  } finally {
    quarterdeck.worker = second;
  }
});

it("follows a switch of the catalog", async () => {
  const { catalogs } = quarterdeck.app;
  const catalog = structuredClone(catalogs.current());
  const [scrape] = catalog.providers.metrics;
  if (scrape?.kind !== "scrape") throw new Error("the sample's metrics are scraped");
  scrape.targets = scrape.targets.slice(0, 1);
  await catalogs.put(catalog, "one-target", "test", systemActor);
  await until("the other targets to be forgotten", async () => {
    const rows = await db().selectFrom("metric_targets").select("url").execute();
    return rows.length === 1;
  });
  const before = await lastRead();
  await until("a round of the new catalog", async () => {
    const now = await lastRead();
    return now && before && now > before;
  });
});
