import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkLive, runnerOf } from "../../src/cli/doctor/live.ts";
import type { LiveParts } from "../../src/cli/doctor/live-parts.ts";
import { ask } from "../../src/cli/ops.ts";
import { signLocalOperator } from "../../src/platform/operatortokens.ts";
import { Secret } from "../../src/platform/secret.ts";
import { type RunningRouter, startRouter } from "../../src/router/index.ts";
import { type Orders, startOrders } from "../features/access/orders.ts";
import { silentLog, token } from "../router/support.ts";
import { startTestApp, type TestApp } from "../support/app.ts";

let orders: Orders;
let router: RunningRouter;
let quarterdeck: TestApp;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "quarterdeck-doctor-"));
  [orders, router] = await Promise.all([
    startOrders(),
    startRouter({
      host: "127.0.0.1",
      port: 0,
      adminPort: 0,
      token: new Secret(token),
      log: silentLog,
      stateFile: join(folder, "routes.json"),
    }),
  ]);
  quarterdeck = await startTestApp({
    vars: { ROUTER_ADMIN_URL: `http://127.0.0.1:${router.adminPort}` },
    env: { ROUTER_TOKEN: token, ORDERS_DB_URL: orders.url },
  });
  await fetch(`http://127.0.0.1:${router.adminPort}/routes/shop`, {
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({
      backends: [
        { version: "v41", weight: 90, url: "http://127.0.0.1:3221" },
        { version: "v42", weight: 10, url: "http://127.0.0.1:3222" },
      ],
    }),
  });
});
afterAll(async () => {
  await quarterdeck?.close();
  await Promise.all([router?.close(), orders?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function live(over: Partial<LiveParts> = {}) {
  const { app, base } = quarterdeck;
  const catalog = app.catalogs.current();
  const runner = await runnerOf({ app, catalog, as: undefined, token: undefined });
  if (!runner) throw new Error("nobody is on call");
  const said: string[] = [];
  const findings: { system: string; state: string; saw: string; cure?: string | undefined }[] = [];
  await checkLive(
    {
      app,
      catalog,
      options: {},
      runner,
      actsForPeople: true,
      mayWait: true,
      ask: (person, line) =>
        ask({ url: base, token: signLocalOperator(app.box, person, app.clock.now()) }, line),
      url: base,
      say: (line) => void said.push(line),
      grantSec: 2,
      ...over,
    },
    (found) => void findings.push(...found),
  );
  return { findings, said };
}

it("proves a page acknowledged, a revert that changes nothing and a grant that ends, all marked as tests", async () => {
  const { findings } = await live();
  expect(
    findings.map(({ system, state, saw }) => `${state} ${system}: ${saw.replace(/[0-9.]+ s\b/g, "N s")}`),
  ).toEqual([
    "ok Live page: shown to Olive Okafor after N s, acknowledged by Olive Okafor at the terminal's door after N s, ended (N s)",
    "ok Live revert: shop v41 90 %, v42 10 % set to what it is, read back, parity ok: nothing changed (N s)",
    "ok Live grant: G-1 orders-db readonly: login qd_g1 there after N s, ended by itself after N s, read back: login gone, 0 sessions (N s)",
  ]);
  expect(await orders.logins()).toEqual([]);
  const olive = await quarterdeck.person("U0ONCALL");
  await olive.sees("C0SHOPALERTS", /TEST page by Olive Okafor, quarterdeck doctor: nothing is wrong/);
  await olive.sees("C0LEADS", /Test by Olive Okafor, quarterdeck doctor/);
  const audit = await quarterdeck.app.database.db
    .selectFrom("audit")
    .select("action")
    .where("subject", "=", "doctor")
    .orderBy("seq")
    .execute();
  expect(audit.map(({ action }) => action)).toEqual([
    "page.sent",
    "page.acknowledged",
    "page.resolved",
    "doctor.revert-begun",
    "doctor.revert-done",
  ]);
});

it("names the cure when the router does not answer, and goes on", async () => {
  await router.close();
  const { findings } = await live({ mayWait: false, actsForPeople: false, options: { person: "U0LEAD" } });
  expect(findings).toMatchObject([
    { system: "Live page", state: "not proven", saw: expect.stringContaining("Lena Lind") },
    { system: "Live revert", state: "failed", cure: expect.stringMatching(/router/i) },
    {
      system: "Live grant",
      state: "not proven",
      saw: expect.stringContaining("somebody else has to approve"),
    },
  ]);
});
