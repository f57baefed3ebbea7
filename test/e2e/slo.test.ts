import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDeploys } from "../../src/features/deploys/index.ts";
import { seedShop } from "../features/slos/seed.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { launchBrowser } from "../support/browser.ts";
import { requireService } from "../support/services.ts";

const chromium = requireService("chromium");
let quarterdeck: TestApp;
let browser: Browser;
let page: Page;
const problems: string[] = [];

beforeAll(async () => {
  if (!chromium) return;
  quarterdeck = await startTestApp({ withWorker: false });
  const { app } = quarterdeck;
  const now = app.clock.now();
  // A bad afternoon twelve days ago, and a worse hour four days ago.
  // Samples of the next minutes too: however slow this machine is, the newest is fresh when the page is read.
  await seedShop(app.database.db, new Date(now.getTime() + 120_000), (hoursAgo) =>
    hoursAgo > 286 && hoursAgo < 290 ? 0.25 : hoursAgo > 96 && hoursAgo < 98 ? 0.8 : 0.0008,
  );
  const deploys = createDeploys(app, { alerts: { eventOf: async () => undefined } });
  for (const [hoursAgo, version] of [
    [500, "v39"],
    [290, "v40"],
    [97.5, "v41"],
  ] as const)
    await app.database.tx((tx) =>
      deploys.api.record(tx, {
        service: "shop",
        environment: "production",
        version,
        by: "ci <build>",
        source: "deploys",
        reference: version,
        at: new Date(now.getTime() - hoursAgo * 3_600_000),
      }),
    );
  browser = await launchBrowser(chromium);
  page = await browser.newPage({ viewport: { width: 1180, height: 1200 } });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (line) => {
    if (line.type() === "error") problems.push(line.text());
  });
  await page.goto(`${quarterdeck.base}/`);
  const answered = page.waitForResponse((response) => response.url().endsWith("/workspace/api/act-as"));
  await page.getByLabel(/act as/i).selectOption({ label: "Lena Lind · team lead" });
  await answered;
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await quarterdeck?.close();
});

describe.runIf(chromium)("the console's pages of error budgets", () => {
  it("list every service's budgets, the way to each, and what is left", async () => {
    await page.goto(`${quarterdeck.base}/slo`);
    const text = await page.locator("main").innerText();
    expect(text).toMatch(/shop\s+shop-availability\s+healthy/);
    await page.getByRole("link", { name: "shop" }).click();
    expect(page.url()).toBe(`${quarterdeck.base}/slo/shop`);
  });

  it("show one service's windows, policy, chart and what went out, with nothing from outside as markup", async () => {
    const text = await page.locator("main").innerText();
    expect(text).toMatch(/shop-availability has \d\d(\.\d+)? % of its budget left: steps of at most 25 %/);
    expect(text).toContain("99.5 % over 28d");
    expect(text).toContain("99 % over the month in UTC");
    expect(text).toMatch(/v41\s+ci <build>/);
    expect(text).toContain("Olive Okafor");
    const chart = page.getByRole("img", { name: "shop: error budget left" });
    await page.waitForLoadState("load");
    // Read by the browser, not only sent: a picture that is none has no width.
    expect(await chart.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)).toBe(
      1280,
    );
  });

  it("answer 404 for what is not in the catalog, and run no script", async () => {
    expect((await page.goto(`${quarterdeck.base}/slo/ledger`))?.status()).toBe(404);
    expect((await page.goto(`${quarterdeck.base}/slo/payments/budget.png`))?.status()).toBe(404);
    expect(problems.filter((problem) => !problem.includes("status of 404"))).toEqual([]);
    expect((await fetch(`${quarterdeck.base}/slo/shop/budget.png`)).status).toBe(401);
  });
});
