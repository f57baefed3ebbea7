import { beforeAll, expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { onCallAt, wakeOrder } from "../../../src/features/paging/rotation.ts";
import type { Override } from "../../../src/features/paging/store.ts";
import { sampleCatalog } from "../signals/rig.ts";

let catalog: Catalog;
beforeAll(async () => {
  catalog = await sampleCatalog();
});

const at = new Date("2026-01-06T12:00:00Z");
const ids = (people: readonly { id: string }[]) => people.map(({ id }) => id);
const override = (person: string, from: string, until: string): Override => ({
  team: "payments",
  person,
  from: new Date(from),
  until: new Date(until),
  madeBy: "U0LEAD",
});

it("asks who is on call, then the rotation in turn, then the leads, each once", () => {
  expect(ids(wakeOrder(catalog, "payments", [], at))).toEqual(["dev", "lena"]);
  const nextWeek = new Date("2026-01-13T12:00:00Z");
  expect(ids(wakeOrder(catalog, "payments", [], nextWeek))).toEqual(["lena", "dev"]);
  expect(ids(wakeOrder(catalog, "storefront", [], at))).toEqual(["olive", "lena"]);
});

it("puts an override first while it lasts, its end excluded", () => {
  const overrides = [override("olive", "2026-01-06T10:00:00Z", "2026-01-06T14:00:00Z")];
  expect(ids(onCallAt(catalog, "payments", overrides, at))).toEqual(["olive"]);
  expect(ids(onCallAt(catalog, "payments", overrides, new Date("2026-01-06T10:00:00Z")))).toEqual(["olive"]);
  expect(ids(onCallAt(catalog, "payments", overrides, new Date("2026-01-06T14:00:00Z")))).toEqual(["dev"]);
  expect(ids(wakeOrder(catalog, "payments", overrides, at))).toEqual(["olive", "dev", "lena"]);
});

it("takes the newest of two overrides", () => {
  const overrides = [
    override("lena", "2026-01-06T11:00:00Z", "2026-01-06T13:00:00Z"),
    override("olive", "2026-01-06T10:00:00Z", "2026-01-06T14:00:00Z"),
  ];
  expect(ids(onCallAt(catalog, "payments", overrides, at))).toEqual(["lena"]);
});

it("passes over an override by somebody the catalog no longer knows", () => {
  const overrides = [override("gone", "2026-01-06T10:00:00Z", "2026-01-06T14:00:00Z")];
  expect(ids(onCallAt(catalog, "payments", overrides, at))).toEqual(["dev"]);
});

it("takes the leads of a team without rotation, and the default owner for a team nobody declared", () => {
  const without = structuredClone(catalog);
  for (const team of without.teams) if (team.name === "payments") team.onCall = undefined;
  expect(ids(onCallAt(without, "payments", [], at))).toEqual(["lena"]);
  expect(ids(wakeOrder(without, "nobodys", [], at))).toEqual(["olive", "lena"]);
});
