import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grammarOf } from "../../src/catalog/grammar.ts";
import {
  approversOf,
  channelFor,
  environmentsOf,
  matchesLabels,
  owningTeam,
  personBySlack,
  requestersOf,
  resource,
  rolloutStrategyOf,
  serviceOfAlert,
  signalsOf,
  sloOf,
  zoneOf,
} from "../../src/catalog/lookup.ts";
import { onCall } from "../../src/catalog/on-call.ts";
import { budgetRatio, burnMax, standardRows } from "../../src/catalog/slo-rows.ts";
import { base, catalogOf, team } from "./files.ts";

const catalog = catalogOf(
  base,
  `${team}    environments: [staging, production]
    alertRules: [{ labels: { app: { matches: "shop|checkout" }, env: { not: dev } } }]
    signals: [{ name: rps, kind: rate, golden: traffic, counter: { metric: m } }, { name: up, kind: gauge, golden: kpi, gauge: { metric: up }, provider: prom }]
`,
  `channels:
  - { name: ledger-alerts, slack: { T0A: C0LEDGER } }
services:
  - { name: ledger, team: storefront, dri: lena, alertChannel: ledger-alerts }
slos:
  - { name: z, service: shop, objective: 99, window: { rolling: 28d }, userFacing: true, indicator: { kind: latency, histogram: { metric: h }, threshold: 1 } }
  - { name: a, service: shop, objective: 99, window: { rolling: 28d }, indicator: { kind: latency, histogram: { metric: h }, threshold: 1 } }
resources:
  - name: db
    accessor: pg
    service: shop
    roles:
      - { name: ro, grants: read, terms: { grantRole: ro }, policy: { requesters: [storefront], approvers: [storefront] } }
`,
);

describe("questions of the catalog", () => {
  it("knows people by (team, id): the same id elsewhere is someone else", () => {
    expect(personBySlack(catalog, "T0A", "U0ONE")?.id).toBe("olive");
    expect(personBySlack(catalog, "T0B", "U0ONE")?.id).toBe("lena");
    expect(personBySlack(catalog, "T0C", "U0ONE")).toBeUndefined();
    expect(personBySlack(catalog, "constructor", "U0ONE")).toBeUndefined();
  });

  it("falls back to the team's channel and the organisation's, and to the default owner", () => {
    expect(channelFor(catalog, "ledger").name).toBe("ledger-alerts");
    expect(channelFor(catalog, "shop").name).toBe("ops");
    expect(channelFor(catalog, "nobody-knows").name).toBe("ops");
    expect(owningTeam(catalog, "nobody-knows").name).toBe("storefront");
  });

  it("fills in metrics instances, environments and a careful strategy", () => {
    expect(signalsOf(catalog, "shop").map(({ name, provider }) => [name, provider])).toEqual([
      ["rps", "direct"],
      ["up", "prom"],
    ]);
    expect(environmentsOf(catalog, "shop")).toEqual(["production", "staging"]);
    expect(environmentsOf(catalog, "ledger")).toEqual(["production"]);
    expect(
      rolloutStrategyOf(catalog, "ledger").steps.map(({ weightPercent, upperBoundMax }) => [
        weightPercent,
        upperBoundMax,
      ]),
    ).toEqual([
      [1, undefined],
      [10, undefined],
      [50, undefined],
      [100, 1.5],
    ]);
    expect(sloOf(catalog, "shop")).toMatchObject({ name: "z", provider: "direct" });
    expect(sloOf(catalog, "ledger")).toBeUndefined();
    expect([zoneOf(catalog, "olive"), zoneOf(catalog, "lena")]).toEqual([
      "America/New_York",
      "Europe/Berlin",
    ]);
  });

  it("names who may ask and who may approve, each once", () => {
    const [role] = resource(catalog, "db")?.roles ?? [];
    if (role === undefined) throw new Error("no role");
    expect(approversOf(catalog, role)).toEqual(["lena"]);
    expect(requestersOf(catalog, role)).toEqual(["olive", "lena"]);
  });

  it("finds the service of an alert by its rules, else by the label service", () => {
    expect(serviceOfAlert(catalog, { app: "checkout" })?.name).toBe("shop");
    expect(serviceOfAlert(catalog, { app: "checkout", env: "dev" })).toBeUndefined();
    expect(serviceOfAlert(catalog, { app: "checkout2" })).toBeUndefined();
    expect(serviceOfAlert(catalog, { service: "ledger" })?.name).toBe("ledger");
    expect(serviceOfAlert(catalog, {})).toBeUndefined();
  });

  it("takes a missing label for an empty one and anchors patterns", () => {
    expect(matchesLabels({}, { a: "" })).toBe(true);
    expect(matchesLabels({}, { a: { not: "" } })).toBe(false);
    expect(matchesLabels({ a: "xby" }, { a: { matches: "b" } })).toBe(false);
    expect(matchesLabels({ a: "b" }, { a: { matches: "a|b" } })).toBe(true);
    expect(matchesLabels({ a: "b" }, { a: { notMatches: "a|b" } })).toBe(false);
    expect(matchesLabels({}, { toString: { matches: ".+" } })).toBe(false);
  });

  it("tells the grammar services, resources and people in the typist's own team and zone", () => {
    const context = grammarOf(catalog, {
      slackTeam: "T0B",
      slackUser: "U0ONE",
      typedAt: new Date("2026-01-01T00:00:00Z"),
      hasModals: false,
    });
    expect(context).toMatchObject({
      zone: "Europe/Berlin",
      resources: [{ name: "db", service: "shop" }],
      teams: ["storefront"],
    });
    expect(context.services).toEqual([
      { name: "ledger", environments: ["production"], defaultEnvironment: "production" },
      { name: "shop", environments: ["production", "staging"], defaultEnvironment: "production" },
    ]);
    expect(context.people.map(({ id, slackUserIds }) => [id, slackUserIds])).toEqual([
      ["lena", ["U0ONE"]],
      ["olive", []],
    ]);
  });
});

describe("on call", () => {
  const [storefront] = catalog.teams;
  if (storefront === undefined) throw new Error("no team");
  const at = (time: string) => {
    const shift = onCall(catalog, storefront, new Date(time));
    return shift === undefined
      ? undefined
      : [shift.person.id, shift.since.toISOString(), shift.until.toISOString()];
  };

  it("hands over at the same clock time when clocks change", () => {
    // Clocks in Berlin go forward on 29 March 2026: the first week has 167 hours.
    const first = ["olive", "2026-03-23T08:00:00.000Z", "2026-03-30T07:00:00.000Z"];
    const second = ["lena", "2026-03-30T07:00:00.000Z", "2026-04-06T07:00:00.000Z"];
    expect(at("2026-03-23T08:00:00.000Z")).toEqual(first);
    expect(at("2026-03-30T06:59:59.999Z")).toEqual(first);
    expect(at("2026-03-30T07:00:00.000Z")).toEqual(second);
    expect(at("2026-04-06T07:00:00.000Z")?.[0]).toBe("olive");
  });

  it("runs backwards from its start", () => {
    expect(at("2026-03-23T07:59:59.999Z")).toEqual([
      "lena",
      "2026-03-16T08:00:00.000Z",
      "2026-03-23T08:00:00.000Z",
    ]);
  });

  it("always has exactly one person, whose shift holds the moment", () => {
    for (const rotate of ["daily", "weekly"] as const) {
      const rotating = {
        ...storefront,
        onCall: { rotation: ["olive", "lena"], rotate, start: "2026-03-23T02:30", zone: "Europe/Berlin" },
      };
      // Around the nights on which clocks change, minute by minute in effect, and anywhere else.
      const nearChange = fc
        .tuple(
          fc.constantFrom("2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2027-03-28T01:00:00Z"),
          fc.integer({ min: -180, max: 180 }),
        )
        .map(([change, minutes]) => new Date(new Date(change).getTime() + minutes * 60_000));
      const anywhere = fc.date({
        min: new Date("2025-01-01T00:00:00Z"),
        max: new Date("2028-01-01T00:00:00Z"),
        noInvalidDate: true,
      });
      fc.assert(
        fc.property(fc.oneof(nearChange, anywhere), (now) => {
          const shift = onCall(catalog, rotating, now);
          expect(shift !== undefined && shift.since <= now && now < shift.until).toBe(true);
        }),
        { numRuns: 600 },
      );
    }
  });

  it("is nobody for a team without a rotation", () => {
    expect(
      onCall(catalog, { ...storefront, onCall: undefined }, new Date("2026-03-23T08:00:00Z")),
    ).toBeUndefined();
  });
});

describe("standard alerting rows", () => {
  const dayMs = 86_400_000;
  const burns = (days: number) => standardRows(days * dayMs).map(({ burn }) => burn);

  it("are those of the SRE workbook", () => {
    expect(burns(30)).toEqual([14.4, 6, 3, 1]);
    expect(burns(28)).toEqual([13.44, 5.6, 2.8, 0.933333333333]);
    expect(burns(7)).toEqual([13.44, 3.5, 1.4, 0.98]);
    expect(
      standardRows(30 * dayMs).map(({ severity, long, short }) => [severity, long / 60_000, short / 60_000]),
    ).toEqual([
      ["page", 60, 5],
      ["page", 360, 30],
      ["ticket", 1_440, 120],
      ["ticket", 4_320, 360],
    ]);
  });

  it("are computed in decimal", () => {
    expect([budgetRatio(99.9), burnMax(99.9), budgetRatio(99.5), burnMax(99.5)]).toEqual([
      0.001, 1_000, 0.005, 200,
    ]);
  });
});
