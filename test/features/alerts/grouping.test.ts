import { beforeAll, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { groupOf } from "../../../src/features/alerts/grouping.ts";

let catalog: Catalog;
beforeAll(async () => {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error("the sample catalog does not load");
  catalog = loaded.catalog;
});
const key = (labels: Record<string, string>, source = "alertmanager") => groupOf(catalog, labels, source).key;

it("joins instances of one rule of one service, whoever sends them", () => {
  const one = { alertname: "Down", service: "shop", instance: "a" };
  expect(key(one)).toBe(key({ ...one, instance: "b" }));
  expect(key(one)).toBe(key(one, "another"));
});

it("keeps apart what differs in service, rule or environment", () => {
  const one = { alertname: "Down", service: "payments" };
  const keys = [
    one,
    { ...one, service: "shop" },
    { ...one, alertname: "Up" },
    { ...one, env: "staging" },
  ].map((labels) => key(labels));
  expect(new Set(keys).size).toBe(4);
});

it("reads a declared environment whatever its case, and takes an unknown one for the default", () => {
  const of = (environment: string) =>
    groupOf(catalog, { alertname: "Down", service: "payments", environment }, "s").environment;
  expect(of("Staging")).toBe("staging");
  expect(of("PRODUCTION")).toBe("production");
  expect(of("eu-west-1")).toBe("production");
});

it("never joins strangers by name alone", () => {
  const one = { alertname: "Down", job: "a" };
  expect(key(one)).not.toBe(key({ ...one, job: "b" }));
  expect(key(one)).not.toBe(key(one, "another"));
  expect(groupOf(catalog, one, "s")).toMatchObject({
    service: null,
    note: "Filed with the default owner: no rule of the catalog matches its labels.",
  });
  expect(groupOf(catalog, {}, "s").name).toBe("Alert without a name");
});

it("finds the service of the SLO whose burn an alert tells of, whoever wrote its rule", () => {
  const sloth = {
    alertname: "ShopErrors",
    sloth_service: "shop",
    sloth_slo: "shop-availability",
    sloth_severity: "page",
  };
  expect(groupOf(catalog, sloth, "s")).toMatchObject({ service: "shop", note: null });
});

it("finds the one service of a repository, and keeps apart those that no service owns", () => {
  const [shop, payments] = ["shop", "payments"].map((name) =>
    catalog.services.find((one) => one.name === name),
  );
  if (!shop || !payments) throw new Error("the sample catalog has other services");
  const of = (repository: string) =>
    groupOf(catalog, { alertname: "SecretLeaked", repository }, "github", { service: repository });
  expect(of("acme/shop").service).toBeNull();
  expect(of("acme/shop").key).not.toBe(of("acme/other").key);
  shop.repositories = ["acme/shop", "acme/both"];
  payments.repositories = ["acme/both"];
  expect(of("Acme/shop").service).toBe("shop");
  expect(of("acme/both").service).toBeNull();
});
