import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { standardRows } from "../../../src/catalog/slo-rows.ts";
import { createSlosApi } from "../../../src/features/slos/service.ts";
import { createMetricsProviders } from "../../../src/providers/metrics/instances.ts";
import { startPrometheus, type TestPrometheus } from "../../support/prometheus.ts";
import { requireService } from "../../support/services.ts";
import { alert, type Rooms, startRooms } from "./rooms.ts";

const binary = requireService("prometheus");
const stepSec = 60;
const hours = 3;
const end = new Date("2026-03-02T10:00:00Z");

/** Ten requests a second of which one in ten thousand fails, a sample a minute, until the alert. */
function quietHours(): string {
  const lines = ["# TYPE http_requests counter"];
  const steps = (hours * 3_600) / stepSec;
  for (const [code, perStep] of [
    ["200", 600],
    ["500", 0.06],
  ] as const)
    for (let step = 0; step <= steps; step += 1) {
      const at = end.getTime() / 1_000 - (steps - step) * stepSec;
      lines.push(`http_requests_total{service="shop",version="v41",code="${code}"} ${step * perStep} ${at}`);
    }
  return `${lines.join("\n")}\n# EOF\n`;
}

const onPrometheus = (url: string) => (catalog: Catalog) => {
  catalog.policies.alerts.joinWithin = 0;
  catalog.providers.metrics.push({ name: "prom", kind: "prometheus", url, deadline: 2_000 });
  const day = 86_400_000;
  catalog.slos = catalog.slos
    .filter(({ name }) => name === "shop-availability")
    .map((slo) => ({ ...slo, provider: "prom", alerting: standardRows(28 * day) }));
};

describe.runIf(binary)("alerts of a service whose metrics are in a real Prometheus", () => {
  let prometheus: TestPrometheus;
  let rooms: Rooms;
  beforeAll(async () => {
    prometheus = await startPrometheus(binary as string, { backfill: quietHours() });
    rooms = await startRooms({
      change: onPrometheus(prometheus.url),
      slos: (platform) => createSlosApi(platform, createMetricsProviders(platform)),
    });
  });
  afterAll(async () => {
    await rooms?.close();
    await prometheus?.stop();
  });

  it("page nobody while it says that users are well, and by the sender's word once it is gone", async () => {
    await rooms.send([alert({ labels: { alertname: "Before" } })]);
    expect(rooms.paging.pages).toEqual([]);
    expect((await rooms.messages("ticket:T-1"))[0]?.all).toContain("No page: users are well: burn");

    await prometheus.stop();
    rooms.clock.advance(60_000);
    await rooms.send([
      alert({ labels: { alertname: "Gone" } }),
      alert({ labels: { alertname: "Minor", severity: "warning" } }),
    ]);
    expect(rooms.paging.pages.map(({ headline }) => headline)).toEqual([
      expect.stringMatching(/^PAGE shop: Gone: the sender says critical\. Whether users hurt is not known: /),
    ]);
    const said = (await rooms.messages("ticket:T-%")).filter(({ all }) =>
      all.includes("Whether users hurt is not known"),
    );
    expect(said).toHaveLength(2);
    const why = await rooms.tickets.summaries?.why?.({ id: "T-2" });
    expect(why?.map(({ text }) => text).join("\n")).toMatch(/rule .users-unknown/);
  });
});
