import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import type { Catalogs } from "../../../src/platform/catalogs.ts";
import { tables } from "../../../src/platform/db/database.ts";
import { createMetricsProviders, familiesOf } from "../../../src/providers/metrics/instances.ts";
import type { MetricsTables } from "../../../src/providers/metrics/samples.ts";
import { createScraper, type Scraper } from "../../../src/providers/metrics/scrape.ts";
import { type RunningShop, startShop } from "../../../src/sandbox/shop/shop.ts";
import { SetClock, type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

export const shopVersions = ["v41", "v42"] as const;
export type ShopVersion = (typeof shopVersions)[number];

/**
 * Two versions of the demo shop that really answer, and the scrape provider over a real database. Time is the test's:
 * each `second()` moves the clock and reads the shops' pages once.
 */
export async function startRig(declare: (catalog: Catalog) => void = () => undefined) {
  const clock = new SetClock(new Date());
  const database: TestDatabase = await testDatabase({}, clock);
  const shops = new Map<ShopVersion, RunningShop>();
  for (const version of shopVersions)
    shops.set(
      version,
      await startShop({
        version,
        host: "127.0.0.1",
        port: 0,
        fault: { errorRatio: 0, delayMs: 0 },
        random: () => 0.5,
      }),
    );
  const portOf = (version: ShopVersion): number => shops.get(version)?.port ?? 0;
  const catalog = await sampleCatalog({
    SHOP_V41_URL: `http://127.0.0.1:${portOf("v41")}`,
    SHOP_V42_URL: `http://127.0.0.1:${portOf("v42")}`,
  });
  const scrape = catalog.providers.metrics[0];
  if (scrape?.kind !== "scrape") throw new Error("the sample's metrics are scraped");
  scrape.targets = scrape.targets.filter(({ labels }) =>
    shopVersions.some((name) => name === labels.version),
  );
  declare(catalog);
  const log = keptLog();
  let digest = "first";
  const catalogs: Pick<Catalogs, "current" | "digest" | "onSwitch"> = {
    current: () => catalog,
    digest: () => digest,
    onSwitch: () => undefined,
  };
  const platform = {
    catalogs: catalogs as Catalogs,
    clock,
    database: database.database,
    log,
    env: () => undefined,
  };
  const scraper: Scraper = createScraper({
    db: tables<MetricsTables>(database.db),
    clock,
    source: scrape.name,
    targets: scrape.targets,
    intervalMs: scrape.interval,
    deadlineMs: scrape.deadline,
    families: new Set(familiesOf(catalog, scrape.name)),
    holder: "test",
    onError: (error) => {
      throw error;
    },
  });

  const request = async (version: ShopVersion, count: number): Promise<void> => {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const answer = await fetch(`http://127.0.0.1:${portOf(version)}/checkout`);
        await answer.arrayBuffer();
      }),
    );
  };
  return {
    catalog,
    clock,
    database,
    log,
    platform,
    providers: createMetricsProviders(platform),
    /** The catalog counts as another one from here on. */
    switchCatalog: () => {
      digest = `${digest}+`;
    },
    /** A second passes in which each version answers that many requests; then its page is read. */
    async second(requests: Partial<Record<ShopVersion, number>>): Promise<void> {
      for (const version of shopVersions) await request(version, requests[version] ?? 0);
      clock.advance(1_000);
      await scraper.round();
    },
    /** A second in which nobody reads the pages. */
    unread: (count: number) => clock.advance(1_000 * count),
    async fault(version: ShopVersion, fault: { errorRatio?: number; delayMs?: number }): Promise<void> {
      const answer = await fetch(`http://127.0.0.1:${portOf(version)}/fault`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(fault),
      });
      if (!answer.ok) throw new Error(await answer.text());
    },
    async close(): Promise<void> {
      await scraper.stop();
      for (const shop of shops.values()) await shop.close();
      await database.close();
    },
  };
}

export async function sampleCatalog(vars: Record<string, string> = {}): Promise<Catalog> {
  const loaded = await loadCatalog("config/sample", vars);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.catalog;
}

/** The sample's files with words replaced, in a folder of their own. */
export async function sampleFolder(
  replace: readonly (readonly [string, string])[],
): Promise<{ dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "quarterdeck-test-"));
  for (const name of ["organisation.yaml", "payments.yaml", "storefront.yaml"]) {
    let text = await readFile(join("config/sample", name), "utf8");
    for (const [from, to] of replace) text = text.replace(from, to);
    await writeFile(join(dir, name), text);
  }
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}
