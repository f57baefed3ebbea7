import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { type Told, toldLine, toldOf } from "../../../src/features/alerts/index.ts";
import type { Budget } from "../../../src/features/slos/index.ts";
import { replay } from "../../../src/features/tickets/index.ts";
import { hurting } from "./rooms.ts";

let catalog: Catalog;
beforeAll(async () => {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  catalog = loaded.catalog;
  const shop = catalog.services.find(({ name }) => name === "shop");
  if (shop === undefined) throw new Error("no shop");
  const plain = { ...shop, alertRules: [], dependencies: [] as string[] };
  catalog.services.push(
    { ...plain, name: "database" },
    { ...plain, name: "app-1", dependencies: ["database"] },
    { ...plain, name: "app-2", dependencies: ["database"] },
  );
});

const at = (minute: number): Date => new Date(Date.UTC(2026, 2, 2, 10, minute));
const told = (service: string, minute: number, over: Partial<Told> = {}): Told => ({
  source: "alertmanager",
  fingerprint: `${service}-a`,
  status: "firing",
  labels: { alertname: "HighErrorRate", service },
  severity: "critical",
  severityText: "critical",
  at: at(minute),
  seenAt: at(minute),
  ...over,
});
const usersAre =
  (budget: Pick<Budget, "users" | "readings" | "worst"> | undefined) => async (service: string, when: Date) =>
    budget && { service, at: when, ...budget };

describe("alerts told again", () => {
  it("become the cards and pages they would have been, with suspects", async () => {
    const report = await replay(
      [
        told("app-1", 0),
        told("database", 1),
        told("app-2", 1),
        told("app-1", 9, { status: "resolved" }),
        told("database", 9, { status: "resolved" }),
        told("app-2", 10, { status: "resolved" }),
        told("app-2", 60, { fingerprint: "later" }),
      ],
      {
        catalog,
        budgetOf: usersAre(hurting),
        changes: [
          {
            id: "D-1",
            service: "app-2",
            environment: "production",
            change: "deploy",
            version: "v7",
            by: "ci",
            at: at(-5),
          },
        ],
      },
    );
    expect(report).toMatchObject({
      changeCount: 7,
      alertCount: 4,
      cardCount: 2,
      pageCount: 2,
      ticketCount: 0,
    });
    expect(report.causes[0]).toMatchObject({
      service: "database",
      services: ["app-1", "database", "app-2"],
      rule: "users-hurting",
      pagedAt: at(0).toISOString(),
      closedAt: at(10).toISOString(),
      suspects: [{ service: "app-2", version: "v7" }],
    });
    expect(report.causes[1]).toMatchObject({ service: "app-2", closedAt: null });
  });

  it("go by the sender's word where no budget can be known, and count that", async () => {
    const world = { catalog, budgetOf: usersAre(undefined), changes: [] };
    const warning = { severity: "warning", severityText: "warning" } as const;
    const report = await replay([told("app-1", 0), told("database", 30, warning)], world);
    expect(report).toMatchObject({ cardCount: 2, pageCount: 1, ticketCount: 1, unknownPageCount: 1 });
  });

  it("leave out what was over before its card was due", async () => {
    const world = { catalog, budgetOf: usersAre(undefined), changes: [] };
    const quiet = { severity: "warning", severityText: "warning" } as const;
    const shortly = new Date(at(0).getTime() + 300);
    const report = await replay(
      [
        told("app-1", 0, quiet),
        told("app-1", 0, { ...quiet, status: "resolved", seenAt: shortly, at: shortly }),
      ],
      world,
    );
    expect(report).toMatchObject({ cardCount: 0, transientCount: 1 });
  });
});

describe("exported alerts", () => {
  it("are read as deliveries, as our own lines and as Alertmanager lists them, and what cannot be is named", async () => {
    const body = JSON.parse(
      await readFile("test/fixtures/payloads/alertmanager-v4_grouped_firing.json", "utf8"),
    );
    const delivery = { source: "alertmanager", receivedAt: "2026-03-02T10:00:00Z", body };
    const line = toldLine({ ...told("app-1", 3), groupId: "1" });
    const listed = {
      labels: { alertname: "Disk", service: "app-1", severity: "warning" },
      startsAt: "2026-03-02T10:04:00Z",
      endsAt: "2026-03-02T10:05:00Z",
    };
    const read = toldOf(
      [delivery, delivery, line, listed, { labels: 3 }, { ...delivery, source: "nobody" }],
      catalog,
      at(10),
    );
    expect(read.told.map(({ status, fingerprint }) => `${status} ${fingerprint}`)).toEqual([
      "firing f404ecabc8dd5cd7",
      "firing f8f08d4e32c61a9d",
      "firing app-1-a",
      expect.stringMatching(/^firing [0-9a-f]{16}$/),
      expect.stringMatching(/^resolved [0-9a-f]{16}$/),
    ]);
    expect(read.problems.map(({ field }) => field)).toEqual(["[4].labels", "[5].source"]);
  });
});
