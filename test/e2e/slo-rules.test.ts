import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { loadCatalog } from "../../src/catalog/load.ts";
import { ruleFileText } from "../../src/cli/slo-rules.ts";
import { rulesOf, sloOfAlert } from "../../src/features/slos/index.ts";
import { freePort } from "../../src/platform/embedded/ports.ts";
import { createHookToken } from "../../src/platform/hooktokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { localPeople } from "../../src/sandbox/people.ts";
import { dmIdOf } from "../../src/sandbox/workspace/emulator.ts";
import { startAlertmanager, type TestAlertmanager } from "../support/alertmanager.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { Person } from "../support/person.ts";
import { startPrometheus, type TestPrometheus } from "../support/prometheus.ts";
import { requireService } from "../support/services.ts";

const prometheusBinary = requireService("prometheus");
const alertmanagerBinary = requireService("alertmanager");

/** Windows of seconds, so that a burning budget shows while one looks on. */
const storefront = `teams:
  - { name: storefront, members: [olive, dev], leads: [lena], alertChannel: shop-alerts, leadsChannel: storefront-leads,
      onCall: { rotation: [olive], start: "2026-01-05T09:00", zone: UTC } }
services:
  - { name: shop, team: storefront, dri: olive, metrics: prom }
providers:
  metrics:
    - { name: prom, kind: prometheus, url: "\${PROM_URL}" }
slos:
  - name: checkout
    service: shop
    indicator:
      kind: ratio
      total: { metric: checkout_total }
      bad: { metric: checkout_total, labels: { code: { matches: "5.." } } }
    objective: 99
    window: { rolling: 1h }
    userFacing: true
    alerting:
      - { severity: page, long: 6s, short: 2s, burn: 10 }
`;

/** A service whose counters rise with each scrape, by good checkouts or by failing ones. */
class Shop {
  isFailing = false;
  readonly #counts = { good: 0, bad: 0 };
  readonly server: Server = createServer((_request, response) => {
    this.#counts[this.isFailing ? "bad" : "good"] += 10;
    const { good, bad } = this.#counts;
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(
      `# TYPE checkout_total counter\ncheckout_total{code="200"} ${good}\ncheckout_total{code="500"} ${bad}\n`,
    );
  });
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe.runIf(prometheusBinary && alertmanagerBinary)("the rules of an SLO, in a real Prometheus", () => {
  const shop = new Shop();
  let catalogDir: string;
  let quarterdeck: TestApp;
  let olive: Person;
  let prometheus: TestPrometheus;
  let alertmanager: TestAlertmanager;

  beforeAll(async () => {
    catalogDir = mkdtempSync(join(tmpdir(), "quarterdeck-test-"));
    cpSync("config/sample/organisation.yaml", join(catalogDir, "organisation.yaml"));
    writeFileSync(join(catalogDir, "storefront.yaml"), storefront);
    const loaded = await loadCatalog(catalogDir, { PROM_URL: "http://127.0.0.1:1" });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const alertmanagerPort = await freePort();
    prometheus = await startPrometheus(prometheusBinary ?? "", {
      rules: ruleFileText(rulesOf(loaded.catalog)),
      config: stringify({
        global: { scrape_interval: "250ms", scrape_timeout: "250ms" },
        rule_files: ["rules.yml"],
        alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanagerPort}`] }] }] },
        scrape_configs: [
          {
            job_name: "shop",
            static_configs: [{ targets: [await shop.start()], labels: { service: "shop" } }],
          },
        ],
      }),
    });
    quarterdeck = await startTestApp({ catalogDir, vars: { PROM_URL: prometheus.url } });
    olive = await quarterdeck.person("U0ONCALL");
    const { database } = quarterdeck.app;
    const made = await createHookToken(database, systemActor, "alertmanager", "storefront");
    if (!made.ok) throw new Error(made.refusal.message);
    alertmanager = await startAlertmanager(alertmanagerBinary ?? "", {
      port: alertmanagerPort,
      config: stringify({
        route: {
          receiver: "quarterdeck",
          group_by: ["alertname", "service"],
          group_wait: "0s",
          group_interval: "1s",
          repeat_interval: "1h",
        },
        receivers: [
          {
            name: "quarterdeck",
            webhook_configs: [
              {
                url: `${quarterdeck.base}/hooks/alertmanager`,
                send_resolved: true,
                http_config: { authorization: { credentials: made.value.token } },
              },
            ],
          },
        ],
      }),
    });
  });
  afterAll(async () => {
    await Promise.all([quarterdeck?.close(), prometheus?.stop(), alertmanager?.stop(), shop.stop()]);
    rmSync(catalogDir, { recursive: true });
  });

  it("page through a real Alertmanager when the budget burns, and the card is over when it stops", async () => {
    shop.isFailing = true;
    const page = await olive.sees(dmIdOf(olive.id, localPeople.botUser.id), /PAGE shop/);
    expect(page.text).toMatch(/burn \d+/);
    await olive.sees("C0SHOPALERTS", /🔴 shop · SloErrorBudgetBurn · critical/);
    const rows = await quarterdeck.app.database.db
      .selectFrom("alerts" as never)
      .selectAll()
      .execute();
    const alerts = rows as { labels: Record<string, string>; annotations: Record<string, string> }[];
    const catalog = quarterdeck.app.catalogs.current();
    const burning = alerts.find(({ labels }) => labels.severity === "critical");
    expect(burning && sloOfAlert(catalog, burning.labels)?.name).toBe("checkout");
    expect(burning?.annotations.description).toMatch(/^\d+(\.\d+)?% of events were bad/);
    shop.isFailing = false;
    await olive.sees("C0SHOPALERTS", /SloErrorBudgetBurn.*resolved/s);
  });
});
