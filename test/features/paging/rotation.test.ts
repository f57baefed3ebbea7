import { beforeAll, describe, expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { onCallLine } from "../../../src/features/paging/on-call-line.ts";
import type { Override } from "../../../src/features/paging/override-store.ts";
import { onCallAt, wakeOrder } from "../../../src/features/paging/rotation.ts";
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

describe("what /ops oncall says", () => {
  const layered = (): Catalog => {
    const changed = structuredClone(catalog);
    for (const team of changed.teams)
      if (team.name === "payments")
        team.onCall = {
          layers: [
            {
              name: "office",
              rotation: ["dev", "olive"],
              rotate: "daily",
              start: "2026-01-05T09:00",
              zone: "UTC",
              during: [{ days: ["mon", "tue", "wed", "thu", "fri"], from: "09:00", to: "17:00" }],
            },
          ],
        };
    return changed;
  };
  const line = (at: string, overrides: readonly Override[] = []) =>
    onCallLine(layered(), "payments", overrides, new Date(at), "T0LOCAL").replace(
      /<!date[^|]*\|(.*?) UTC>/g,
      "$1",
    );

  it.each([
    [
      "2026-01-05T12:00:00Z",
      "*payments*: Dev Dara until 2026-01-05 17:00 (office) · after them Olive Okafor, Lena Lind · next nobody by its schedule",
    ],
    [
      "2026-01-05T20:00:00Z",
      "*payments*: nobody by its schedule until 2026-01-06 09:00, then Olive Okafor; its leads are woken · after them Lena Lind, Dev Dara, Olive Okafor",
    ],
  ])("at %s", (at, expected) => {
    expect(line(at)).toBe(expected);
  });

  it("cuts a shift short where an override begins, and names it and who is next", () => {
    const overrides = [override("lena", "2026-01-05T14:00:00Z", "2026-01-05T15:00:00Z")];
    expect(line("2026-01-05T12:00:00Z", overrides)).toBe(
      "*payments*: Dev Dara until 2026-01-05 14:00 (office) · then Lena Lind 2026-01-05 14:00 to 2026-01-05 15:00 · after them Olive Okafor, Lena Lind · next Lena Lind",
    );
  });
});

it("wakes the leads first in a gap of the schedule, then those the schedule names", () => {
  const gap = structuredClone(catalog);
  for (const team of gap.teams)
    if (team.name === "payments" && team.onCall?.rotation)
      team.onCall = {
        layers: [
          {
            name: "office",
            rotation: ["dev"],
            rotate: "weekly",
            start: "2026-01-05T09:00",
            zone: "UTC",
            during: [{ days: ["mon"], from: "09:00", to: "17:00" }],
          },
        ],
      };
  expect(ids(wakeOrder(gap, "payments", [], at))).toEqual(["lena", "dev"]);
  expect(ids(onCallAt(gap, "payments", [], at))[0]).toBe("lena");
});
