import { beforeAll, describe, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { type Preview, previewOf, sourceNamed } from "../../../src/features/alerts/index.ts";

let catalog: Catalog;
beforeAll(async () => {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error("the sample catalog does not load");
  catalog = { ...loaded.catalog, hookSources: [{ name: "am-eu", kind: "alertmanager", team: "storefront" }] };
});
const preview = (labels: object, sourceName = "am-eu"): Preview => {
  const source = sourceNamed(catalog, sourceName);
  if (source === undefined) throw new Error("no source");
  const body = { version: "4", status: "firing", alerts: [{ labels }] };
  return previewOf(catalog, source, {
    body: Buffer.from(JSON.stringify(body)),
    headers: {},
    receivedAt: new Date("2026-11-25T10:00:00Z"),
  });
};

it.each([
  ["am-eu", "am-eu"],
  ["alertmanager", "am-eu"],
  ["prometheus", "am-eu"],
  ["google-cloud", "gcp_monitoring"],
  ["Azure", "azure_monitor"],
  ["pagerduty", "pagerduty"],
])("takes %s for the source %s", (name, source) => {
  expect(sourceNamed(catalog, name)?.name).toBe(source);
});

it("knows no source by a word that is neither declared nor a kind", () => {
  expect(sourceNamed(catalog, "smoke-signals")).toBeUndefined();
  expect(sourceNamed(catalog, "mapping")).toBeUndefined();
  expect(sourceNamed(catalog, "constructor")).toBeUndefined();
});

describe("the route of an alert", () => {
  it("says which rule of the catalog found its service, and that its word may page", () => {
    expect(preview({ alertname: "Down", service: "shop", severity: "critical" })).toMatchObject({
      alerts: [{ status: "firing", service: "shop", startsAt: null, endsAt: null, title: "Down", links: [] }],
      events: [],
      route: {
        to: "#shop-alerts, team storefront",
        why: 'A rule of the catalog matches (service="shop"): it is about shop, production. Should it not be known whether users hurt, it pages: the sender says critical.',
      },
    });
  });

  it("says that its sender's own word found it", () => {
    const { alerts, route } = preview({ alertname: "Down", app: "Shop" });
    expect(alerts[0]?.service).toBe("shop");
    expect(route.why).toContain("Its sender names it");
    expect(route.why).toContain("it pages: the sender gives no severity");
  });

  it("is the default owner's where nothing declared matches, and the sender's word for the service is kept", () => {
    const { alerts, route } = preview({ alertname: "Down", app: "unheard-of" });
    expect(alerts[0]?.service).toBe("unheard-of");
    expect(route.to).toBe("#ops, team storefront");
    expect(route.why).toContain('the catalog knows no service "unheard-of"');
    expect(preview({ alertname: "Down", job: "node" }).alerts[0]?.service).toBeNull();
    // What it says outright is believed, not what else may be meant.
    expect(preview({ alertname: "Down", service: "shop-v2", job: "shop" }).alerts[0]?.service).toBe(
      "shop-v2",
    );
    expect(preview({ alertname: "Down", job: "shop" }).alerts[0]?.service).toBe("shop");
  });

  it("is nobody's when there is no alert", () => {
    const source = sourceNamed(catalog, "sentry");
    if (source === undefined) throw new Error("no source");
    const body = Buffer.from('{"action":"created","data":{"installation":{}}}');
    expect(previewOf(catalog, source, { body, headers: {}, receivedAt: new Date(0) })).toMatchObject({
      alerts: [],
      events: [{ kind: "other", type: "installation.created" }],
      route: { to: null, why: "It holds no alert; nobody acts on other events." },
    });
  });
});

it("says what the sender left out of its list, shows labels to write rules with, and says nothing twice", () => {
  const source = sourceNamed(catalog, "am-eu");
  if (source === undefined) throw new Error("no source");
  const labels = { alertname: "Down", team: "x" };
  const alerts = [{ labels }, { labels: { ...labels, host: "b" } }, { labels, status: "resolved" }];
  const body = { version: "4", status: "firing", truncatedAlerts: 123, alerts };
  const shown = previewOf(catalog, source, {
    body: Buffer.from(JSON.stringify(body)),
    headers: {},
    receivedAt: new Date("2026-11-25T10:00:00Z"),
  });
  expect(shown.alerts[0]?.labels).toEqual(labels);
  expect(shown.route.why.match(/no rule of the catalog/g)).toHaveLength(1);
  expect(shown.route.why).toContain("123 more alerts out of its list");
});

it.each([
  ["github", { deployment: {}, repository: { full_name: "a/b" } }, "deployment.sha"],
  ["github", { workflow_run: {}, action: "completed" }, "workflow_run.head_sha"],
  ["gitlab", { object_kind: "deployment" }, "project"],
  ["alertmanager", { version: "4", status: "firing", alerts: [{}] }, "alerts[0].labels"],
])("refuses what %s left out by its field, in words: %o", (kind, body, field) => {
  const source = sourceNamed(catalog, kind);
  if (source === undefined) throw new Error("no source");
  const { problems } = previewOf(catalog, source, {
    body: Buffer.from(JSON.stringify(body)),
    headers: {},
    receivedAt: new Date("2026-11-25T10:00:00Z"),
  });
  expect(problems.map((problem) => problem.field)).toContain(field);
  expect(JSON.stringify(problems)).not.toMatch(/Invalid input|undefined/);
});
