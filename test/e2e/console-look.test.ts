import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHookToken } from "../../src/platform/hooktokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { launchBrowser } from "../support/browser.ts";
import { keepRollout } from "../support/console-things.ts";
import type { Person } from "../support/person.ts";
import { requireService } from "../support/services.ts";

const chromium = requireService("chromium");
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Where pictures are put, for people who look at them. */
const shots = process.env.CONSOLE_SHOTS;

const paths = [
  "/console",
  "/console/inbox",
  "/services",
  "/services/shop",
  "/rollouts",
  "/rollouts/R-1",
  "/tickets",
  "/tickets/T-1",
  "/access",
  "/access/G-1",
  "/audit",
  "/audit?subject=G-1",
  "/slo",
  "/slo/shop",
  "/console/quality",
  "/form?line=modal+access+deny%3A+G-1",
  "/form?line=status+shop",
];
interface Look {
  name: string;
  width: number;
  height: number;
  colorScheme: "light" | "dark";
}
const desktop: Look = { name: "desktop", width: 1280, height: 900, colorScheme: "light" };
const phone: Look = { name: "phone", width: 375, height: 812, colorScheme: "dark" };
const looks: readonly Look[] = [
  desktop,
  phone,
  ...(shots === undefined ? [] : [{ ...phone, name: "phone-light", colorScheme: "light" as const }]),
];

let quarterdeck: TestApp;
let browser: Browser;
let lena: Person;
const problems: string[] = [];

const open = async (look: Look, person: Person): Promise<BrowserContext> => {
  const { width, height, colorScheme } = look;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, timezoneId: "UTC" });
  const url = quarterdeck.base;
  await context.addCookies(
    person.cookie.split("; ").map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return { name, value: value.join("="), url };
    }),
  );
  return context;
};

beforeAll(async () => {
  if (!chromium) return;
  quarterdeck = await startTestApp();
  const { app, base } = quarterdeck;
  const [olive, dev] = await Promise.all([quarterdeck.person("U0ONCALL"), quarterdeck.person("U0DEV")]);
  lena = await quarterdeck.person("U0LEAD");
  const token = await createHookToken(app.database, systemActor, "alertmanager", "storefront");
  if (!token.ok) throw new Error(token.refusal.message);
  await fetch(`${base}/hooks/alertmanager`, {
    method: "POST",
    headers: { authorization: `Bearer ${token.value.token}`, "content-type": "application/json" },
    body: JSON.stringify({
      version: "4",
      status: "firing",
      groupKey: "{}",
      alerts: [
        {
          status: "firing",
          labels: { alertname: "HighErrorRate", service: "shop", severity: "warning" },
          annotations: { summary: "Checkout fails for one in ten" },
          startsAt: new Date(Date.now() - 60_000).toISOString(),
          endsAt: "0001-01-01T00:00:00Z",
          fingerprint: "a",
        },
      ],
    }),
  });
  await keepRollout(app, 1);
  await dev.send("C0OPS", "/ops access request orders-db readonly 15m INC-42 orders are stuck since noon");
  await olive.send("C0OPS", "/ops page @lena checkout hangs for everybody");
  await lena.sees("C0LEADS", /G-1/, 30_000);
  await olive.sees("C0SHOPALERTS", /HighErrorRate/, 30_000);
  browser = await launchBrowser(chromium);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await quarterdeck?.close();
});

/** Where the keyboard is among all that can be pressed, and whether that can be seen. */
const focusNow = `(() => {
  const { activeElement } = document;
  if (!activeElement || activeElement === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(activeElement);
  return {
    index: [...document.querySelectorAll("a, button, summary, input")].indexOf(activeElement),
    isSeen: outlineStyle !== "none" && outlineWidth !== "0px",
    text: activeElement.textContent,
  };
})()`;

interface Violation {
  id: string;
  impact: string | null;
  nodes: { html: string; failureSummary: string }[];
}

async function violationsOn(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const found = (await page.evaluate("axe.run().then(({ violations }) => violations)")) as Violation[];
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}

describe.runIf(chromium)("the console in a browser", () => {
  it.each(looks)(
    "has no serious finding of axe and fits its width: $name",
    async (look) => {
      const context = await open(look, lena);
      const page = await context.newPage();
      page.on("pageerror", (error) => problems.push(error.message));
      page.on("console", (line) => {
        if (line.type() === "error") problems.push(`${page.url()}: ${line.text()}`);
      });
      const found: string[] = [];
      for (const path of paths) {
        const answer = await page.goto(quarterdeck.base + path);
        if (answer?.status() !== 200) found.push(`${path}: answered ${answer?.status()}`);
        found.push(...(await violationsOn(page)).map((violation) => `${path}: ${violation}`));
        const [wide, width] = (await page.evaluate(
          "[document.documentElement.scrollWidth, innerWidth]",
        )) as number[];
        if ((wide ?? 0) > (width ?? 0)) found.push(`${path}: ${wide} px wide on ${width}`);
        if (shots) {
          mkdirSync(shots, { recursive: true });
          const name = `${path.replace(/\W+/g, "-").replace(/^-|-$/g, "")}-${look.name}.png`;
          await page.screenshot({ path: join(shots, name), fullPage: true });
        }
      }
      expect(found).toEqual([]);
      await context.close();
    },
    120_000,
  );

  it("lets the keyboard reach everything that can be pressed, and shows where it is", async () => {
    const context = await open(desktop, lena);
    const page = await context.newPage();
    await page.goto(`${quarterdeck.base}/console/inbox`);
    const wanted = await page.locator("a:visible, button:visible, summary:visible, input:visible").count();
    const reached = new Set<number>();
    const unseen: string[] = [];
    for (let press = 0; press < wanted + 2; press += 1) {
      await page.keyboard.press("Tab");
      const at = (await page.evaluate(focusNow)) as { index: number; isSeen: boolean; text: string } | null;
      if (!at) continue;
      reached.add(at.index);
      if (!at.isSeen) unseen.push(at.text);
    }
    expect(unseen).toEqual([]);
    expect(reached.size).toBeGreaterThanOrEqual(wanted);
    await context.close();
  }, 60_000);

  it("denies by keyboard on a phone, without a script", async () => {
    const { width, height } = phone;
    const context = await browser.newContext({ viewport: { width, height }, javaScriptEnabled: false });
    await context.addCookies(await (await open(desktop, lena)).cookies());
    const page = await context.newPage();
    await page.goto(`${quarterdeck.base}/access/G-1`);
    await page.getByRole("link", { name: /Deny/ }).focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Why").fill("use the replica");
    await page.keyboard.press("Enter");
    await page.getByText("G-1").first().waitFor();
    await page.getByRole("link", { name: "Back" }).click();
    expect(await page.locator("main").innerText()).toContain("use the replica");
    await context.close();
  }, 60_000);

  it("brings what it shows up to date by itself", async () => {
    const context = await open(desktop, lena);
    const page = await context.newPage();
    await page.goto(`${quarterdeck.base}/tickets/T-1`);
    const events = page.waitForResponse((response) => response.url().includes("/events"));
    await page.reload();
    await events;
    await lena.send("C0OPS", "/ops ack T-1");
    await page
      .getByText(/Taken by/)
      .first()
      .waitFor({ timeout: 30_000 });
    await context.close();
  }, 60_000);

  it("meets no script error and nothing the content policy blocks", () => {
    expect(problems).toEqual([]);
  });
});
