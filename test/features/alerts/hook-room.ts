/** The rooms that hooks reach first, alerts and deploys, on a real database; what is fetched outside is the test's. */
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { createAlerts } from "../../../src/features/alerts/index.ts";
import { createDeploys } from "../../../src/features/deploys/index.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { Runner } from "../../../src/platform/rings/runner.ts";
import { SecretBox } from "../../../src/platform/secretbox.ts";
import { testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

export type HookRoom = Awaited<ReturnType<typeof startHookRoom>>;

export async function startHookRoom(
  change: (catalog: Catalog) => void,
  fetchBytes: (url: URL) => Promise<Buffer>,
) {
  const test = await testDatabase({
    "hooks.deploy": [{ job: "deploys.told", lane: "normal" }],
    "alerts.topic-offered": [{ job: "alerts.confirm-topic", lane: "normal" }],
  });
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  change(loaded.catalog);
  const { clock } = test;
  const log = keptLog();
  const platform = {
    log,
    clock,
    database: test.database,
    catalogs: { current: () => loaded.catalog, digest: () => loaded.digest },
    box: new SecretBox("ab".repeat(32)),
    slackTeam: () => "T0LOCAL",
    env: () => undefined,
  } as unknown as Platform;
  const alerts = createAlerts(platform, fetchBytes);
  const deploys = createDeploys(platform, { alerts: alerts.api });
  const jobs = [...(alerts.jobs ?? []), ...(deploys.feature.jobs ?? [])];
  const runner = new Runner({ db: test.db, clock, log, random: () => 0.5 }, jobs);
  const known = new Set(jobs.map(({ name }) => name));

  return {
    ...test,
    catalog: loaded.catalog,
    deploys: deploys.api,
    log,
    /** Runs what is due, as a worker would; what fails is due again later. */
    async work(): Promise<void> {
      for (let round = 0; round < 50; round += 1) {
        const rows = await test.db
          .selectFrom("rings")
          .select(["id", "job"])
          .where("due_at", "<=", clock.now())
          .execute();
        const due = rows.filter(({ job }) => known.has(job));
        if (due.length === 0) return;
        for (const { id } of due) await runner.run(id);
      }
    },
    async post(source: string, body: object, headers: Record<string, string> = {}) {
      const hook = alerts.hooks?.find((candidate) => candidate.source === source);
      if (!hook) throw new Error(`no hook ${source}`);
      const attempt = { headers, body: Buffer.from(JSON.stringify(body)), receivedAt: clock.now() };
      const proof = await hook.authenticate?.(attempt);
      if (proof?.state === "refused") return { status: 401, body: { why: proof.why } };
      return hook.handle({ ...attempt, source, team: "storefront", tokenId: null });
    },
    async said(key: string): Promise<string[]> {
      const rows = await test.db.selectFrom("messages").select("wanted").where("key", "like", key).execute();
      return rows.map(({ wanted }) => JSON.stringify(wanted));
    },
  };
}
