import { afterEach, expect, it } from "vitest";
import { createSlosApi } from "../../../src/features/slos/service.ts";
import type { Slos } from "../../../src/features/slos/types.ts";
import { startRig } from "../signals/rig.ts";

type Rig = Awaited<ReturnType<typeof startRig>>;
let rig: Rig;
afterEach(() => rig.close());

const start = async (declare?: Parameters<typeof startRig>[0]): Promise<Slos> => {
  rig = await startRig(declare);
  return createSlosApi(rig.platform, rig.providers);
};
/** Budgets are read at a quarter of a second; a whole one later holds the newest sample. */
const budget = (slos: Slos) => slos.budgetOf("shop", new Date(rig.clock.now().getTime() + 250));

it("says that users hurt while errors burn the budget, and that they are well again after", async () => {
  const slos = await start();
  await rig.second({});
  for (let i = 0; i < 6; i += 1) await rig.second({ v41: 10 });
  expect(await budget(slos)).toMatchObject({ users: "well", worst: { state: "healthy", burn: 0 } });

  await rig.fault("v41", { errorRatio: 1 });
  for (let i = 0; i < 6; i += 1) await rig.second({ v41: 2, v42: 8 });
  const hurting = await budget(slos);
  expect(hurting.users).toBe("hurting");
  // 12 bad of 120 in the long window, of which the short one saw a fifth: 20 % of 0.5 % is 40.
  expect(hurting.worst).toMatchObject({
    slo: "shop-availability",
    state: "burning",
    severity: "page",
    errorRatio: 0.2,
    firing: { severity: "page", longMs: 60_000, shortMs: 5_000, burn: 10 },
  });
  expect(hurting.worst?.burn).toBeCloseTo(40);

  await rig.fault("v41", { errorRatio: 0 });
  for (let i = 0; i < 6; i += 1) await rig.second({ v41: 10 });
  expect(await budget(slos)).toMatchObject({ users: "well", worst: { severity: "none", errorRatio: 0 } });
});

it("pages for no fewer bad events than the SLO asks for", async () => {
  const slos = await start();
  await rig.second({});
  await rig.fault("v41", { errorRatio: 1 });
  await rig.second({ v41: 4 });
  expect(await budget(slos)).toMatchObject({ users: "well", worst: { severity: "ticket" } });
  await rig.second({ v41: 1 });
  expect(await budget(slos)).toMatchObject({ users: "hurting" });
});

it("weighs the budget by the events of the whole window, of which little has passed", async () => {
  const slos = await start();
  await rig.second({});
  await rig.second({ v41: 100 });
  await rig.fault("v41", { errorRatio: 1 });
  await rig.second({ v41: 1 });
  const { worst } = await budget(slos);
  // 101 events in about 2 s of 28 days, and 0.5 % of what that makes in all may fail.
  // … and many times that however slow this machine is.
  expect(worst?.budgetEvents).toBeGreaterThan(1_000);
  expect(worst?.remaining).toBeGreaterThan(0.99);
  expect(worst?.remaining).toBeLessThan(1);
});

it("does not know how users are before anything was measured, and says why", async () => {
  const slos = await start();
  const { users, worst } = await budget(slos);
  expect(users).toBe("unknown");
  expect(worst).toMatchObject({ state: "unknown", remaining: null, why: "its metrics have no samples" });
});

it("does not know once the pages are no longer read, though the last numbers were good", async () => {
  const slos = await start();
  await rig.second({});
  for (let i = 0; i < 6; i += 1) await rig.second({ v41: 10 });
  expect((await budget(slos)).users).toBe("well");
  rig.unread(6);
  expect(await budget(slos)).toMatchObject({ users: "unknown", worst: { state: "unknown" } });
});

it("takes no traffic for neither good nor bad", async () => {
  const slos = await start();
  for (let i = 0; i < 6; i += 1) await rig.second({});
  expect(await budget(slos)).toMatchObject({ users: "unknown", worst: { state: "no-data" } });
});

it("knows nothing of users where no SLO faces them", async () => {
  const slos = await start((catalog) => {
    for (const slo of catalog.slos) slo.userFacing = false;
  });
  await rig.second({});
  await rig.fault("v41", { errorRatio: 1 });
  await rig.second({ v41: 10 });
  const { users, worst, readings } = await budget(slos);
  expect(users).toBe("unknown");
  expect(worst).toBeUndefined();
  expect(readings[0]).toMatchObject({ severity: "page", isUserFacing: false });
});

it("counts slow requests for an SLO on latency", async () => {
  const slos = await start((catalog) => {
    for (const slo of catalog.slos)
      slo.indicator = {
        kind: "latency",
        histogram: { metric: "http_request_duration_seconds", labels: {} },
        threshold: 0.3,
      };
  });
  await rig.second({});
  await rig.fault("v41", { delayMs: 400 });
  await rig.second({ v41: 10 });
  expect(await budget(slos)).toMatchObject({ users: "hurting", worst: { errorRatio: 1 } });
});

it("names a metrics system that cannot answer, without failing", async () => {
  const slos = await start((catalog) => {
    catalog.providers.metrics = [
      { name: "local-scrape", kind: "prometheus", url: "http://127.0.0.1:1", deadline: 500 },
    ];
    // The rig scrapes by the sample's instance; the SLO asks the one that is not there.
  });
  const { users, worst } = await budget(slos);
  expect(users).toBe("unknown");
  expect(worst?.why).toMatch(/127\.0\.0\.1:1|connection|reached/i);
});
