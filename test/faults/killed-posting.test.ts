import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { alertsNamed } from "./alerts.ts";
import { doubled, type Installation, settled, startInstallation } from "./installation.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
  await Promise.all([installation.start("web"), installation.start("worker")]);
}, 120_000);
afterAll(() => installation.close());

/** Waits for a call without missing its first millisecond. */
async function called(method: string, times: number): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (installation.workspace.faults.calls(method) < times) {
    if (performance.now() > deadlineMs) throw new Error(`${method} was not called ${times} times`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it("a worker killed while Slack takes its card leaves one card, which the next worker finds and keeps", async () => {
  const { workspace, sql, count } = installation;
  for (const round of [1, 2, 3]) {
    const before = workspace.faults.calls("chat.postMessage");
    expect(await installation.alert(alertsNamed([`Posting${round}`]))).toBe(200);
    await called("chat.postMessage", before + 1);
    const [victim] = installation.workers;
    if (!victim) throw new Error("no worker runs");
    await installation.kill(victim);
    // Slack has the card, and nobody of ours knows.
    await until("the card", async () =>
      (await installation.posted("C0SHOPALERTS")).some(({ text }) => text.includes(`Posting${round}`)),
    );
    expect(await count("select count(*) from messages where ts is null and posting_at is not null")).toBe(1);
    // Time passes: the dead worker's leases are over, and what it held is rung again.
    await sql(
      "update rings set lease_until = null, rung_at = null, version = version + 1 where lease_until is not null",
    );
    await installation.start("worker");
    await settled(installation);
  }
  expect(await doubled(installation, ["C0SHOPALERTS"])).toEqual([]);
  const cards = (await installation.posted("C0SHOPALERTS")).filter(({ text }) => /Posting\d/.test(text));
  expect(cards).toHaveLength(3);
  expect(await count("select count(*) from messages where kind = 'post' and ts is null")).toBe(0);
}, 180_000);
