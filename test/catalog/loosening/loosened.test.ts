import { beforeAll, describe, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import { loosened, ownersOf } from "../../../src/catalog/loosening/index.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { first, named, olive, policy, readonly, storefront, widening } from "./cases.ts";

let sample: Catalog;
beforeAll(async () => {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  sample = loaded.catalog;
  // What the cases begin with, whatever the sample shows otherwise.
  for (const { roles } of sample.resources)
    for (const role of roles)
      Object.assign(role, {
        policy: {
          requesters: ["storefront", "payments"],
          approvers: ["storefront"],
          quorum: 1,
          durationMax: 60 * 60_000,
          totalDurationMax: 240 * 60_000,
          ticketRequired: false,
          breakGlass: false,
        },
      });
});

const tightening: readonly [string, (after: Catalog, before: Catalog) => void][] = [
  ["nothing", () => undefined],
  [
    "fewer who ask",
    (after) => {
      policy(after).requesters = ["storefront"];
    },
  ],
  [
    "a higher quorum",
    (after) => {
      policy(after).quorum = 2;
    },
  ],
  [
    "shorter times",
    (after) => {
      policy(after).durationMax = 1;
      policy(after).totalDurationMax = 1;
    },
  ],
  [
    "a pattern, a ticket, an incident, a step-up",
    (after) =>
      Object.assign(policy(after), {
        reasonPattern: "^INC-",
        ticketRequired: true,
        incidentRequired: true,
        stepUp: true,
      }),
  ],
  [
    "hours",
    (after) => {
      policy(after).hours = { zone: "UTC", windows: [] };
    },
  ],
  [
    "fewer hours",
    (after, before) => {
      const mon = { days: ["mon"], from: "09:00", to: "17:00" };
      policy(before).hours = { zone: "UTC", windows: [mon, { ...mon, days: ["tue"] }] };
      policy(after).hours = { zone: "UTC", windows: [mon] };
    },
  ],
  [
    "no break-glass and no approval by itself",
    (after, before) => {
      Object.assign(policy(before), { breakGlass: true, automatic: { durationMax: 1, swapSettle: 1 } });
      Object.assign(policy(after), { breakGlass: false, automatic: undefined });
    },
  ],
  [
    "what a new release calls by its default",
    (after) =>
      Object.assign(policy(after), { stepUp: false, incidentRequired: undefined, reciprocal: "reported" }),
  ],
  [
    "a role, a resource, a person less",
    (after) => {
      named(after.resources, "orders-db").roles.pop();
      after.resources.splice(1);
      after.people.splice(0, 1);
    },
  ],
  [
    "fewer members and leads",
    (after) => {
      storefront(after).members = [];
    },
  ],
  [
    "a member on call, where that gives nothing more",
    (after) => {
      storefront(after).onCall = {
        rotation: ["olive", "dev"],
        rotate: "weekly",
        start: "2026-01-05T09:00",
        zone: "UTC",
      };
    },
  ],
  [
    "other words and channels",
    (after) => {
      readonly(after).grants = "look at orders";
      storefront(after).alertChannel = "ops";
      olive(after).name = "Olive O.";
    },
  ],
  [
    "other signals, steps and objectives",
    (after) => {
      after.slos = [];
      first(after.services).signals = [];
    },
  ],
];

const changed = (change: (after: Catalog, before: Catalog) => void) => {
  const [before, after] = [structuredClone(sample), structuredClone(sample)];
  change(after, before);
  return { before, after };
};

describe("a change of the catalog", () => {
  it.each(widening)("that gives %s is said", (_what, change, words) => {
    const { before, after } = changed(change);
    expect(loosened(before, after)).toContain(words);
  });

  it.each(tightening)("that gives no more waits for nobody: %s", (_what, change) => {
    const { before, after } = changed(change);
    expect(loosened(before, after)).toEqual([]);
  });

  it("that leaves one owner is said: who is left would need no second person", () => {
    const { before, after } = changed((_after, was) => void storefront(was).leads.push("olive"));
    expect([ownersOf(before), ownersOf(after)]).toEqual([["lena", "olive"], ["lena"]]);
    expect(loosened(before, after)).toEqual([
      "one owner is left: changes of the catalog need no second person any more",
    ]);
  });

  it("that names other owners is said", () => {
    const { before, after } = changed((next, was) => {
      for (const catalog of [was, next]) named(catalog.teams, "payments").leads = ["dev"];
      next.organisation.owners = "payments";
    });
    expect(loosened(before, after)).toEqual(["dev may approve changes of the catalog"]);
  });
});
