import { afterAll, beforeAll, expect, it } from "vitest";
import { startWorker } from "../src/roles.ts";
import { startTestApp, type TestApp } from "./support/app.ts";

let quarterdeck: TestApp;
beforeAll(async () => {
  quarterdeck = await startTestApp({ withWorker: false });
}, 60_000);
afterAll(() => quarterdeck.close());

it("a worker works while the archive of the audit does not answer", async () => {
  const { app } = quarterdeck;
  const silent = { ...app.audit, start: () => new Promise<void>(() => undefined) };
  const worker = await startWorker({ ...app, audit: silent });
  const seen = app.database.db.selectFrom("workers").select("role").where("id", "=", app.instanceId);
  expect(await seen.execute()).toEqual([{ role: "worker" }]);
  await worker.stop();
}, 10_000);
