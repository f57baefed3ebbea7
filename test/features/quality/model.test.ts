import { describe, expect, it } from "vitest";
import { digestCard, precisionText } from "../../../src/features/quality/cards.ts";
import { digestOf, lastMonday, weekName } from "../../../src/features/quality/digest.ts";
import {
  blindPages,
  classOf,
  isMuteProposed,
  pagesPerShift,
  precisionOf,
  repeatRate,
  rulesOf,
  topShare,
  wilson,
} from "../../../src/features/quality/model.ts";
import { observedOf } from "../../../src/features/quality/observed.ts";
import type { TicketRecord } from "../../../src/features/tickets/index.ts";

const at = (text: string) => new Date(text);
let sequence = 0;
function record(over: Partial<TicketRecord> = {}): TicketRecord {
  sequence += 1;
  return {
    id: `T-${sequence}` as TicketRecord["id"],
    groupId: String(sequence),
    service: "shop",
    team: "storefront",
    name: "HighErrorRate",
    openedAt: at("2026-03-02T10:00:00Z"),
    closedAt: at("2026-03-02T11:00:00Z"),
    lastedMs: 3_600_000,
    closedBecause: "resolved",
    isTaken: false,
    mark: null,
    wasPaged: false,
    decision: "users-well",
    isObserved: false,
    wouldPage: false,
    sources: ["alertmanager"],
    ...over,
  };
}
const many = (count: number, over: Partial<TicketRecord>) =>
  Array.from({ length: count }, () => record(over));

describe("the interval of a share", () => {
  // Newcombe 1998, table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
    [29, 29, 0.883, 1],
  ])("of %i in %i is [%f, %f]", (hits, trials, low, high) => {
    const interval = wilson(hits, trials);
    expect(interval?.low).toBeCloseTo(low, 4);
    expect(interval?.high).toBeCloseTo(high, 4);
  });

  it("is unknown without trials", () => {
    expect(wilson(0, 0)).toBeUndefined();
  });
});

describe("a rule's precision", () => {
  it.each([
    [0, 0, "too few", "precision unknown: none judged"],
    [9, 0, "too few", "precision 100 % (70–100 %, n 9), too few to judge"],
    [10, 0, "worth it", "precision 100 % (72–100 %, n 10): worth it"],
    [1, 9, "noisy", "precision 10 % (2–40 %, n 10): noisy"],
    [5, 5, "unclear", "precision 50 % (24–76 %, n 10): unclear"],
  ] as const)("with %i actioned and %i noise: %s", (actioned, noise, verdict, text) => {
    const precision = precisionOf(actioned, noise);
    expect(precision.verdict).toBe(verdict);
    expect(precisionText(precision)).toBe(text);
  });
});

describe("what became of a card", () => {
  it.each([
    ["judged, however short", { mark: "noise", lastedMs: 1 }, "noise"],
    ["gone within five minutes, untouched", { lastedMs: 300_000 }, "transient"],
    ["gone after five minutes", { lastedMs: 300_001 }, "unjudged"],
    ["gone quickly, but somebody had it", { lastedMs: 60_000, isTaken: true }, "unjudged"],
    ["closed quickly by a person", { lastedMs: 60_000, closedBecause: "person" }, "unjudged"],
    ["still open", { lastedMs: null, closedBecause: null }, "unjudged"],
  ] as const)("%s: counts as such", (_what, over, expected) => {
    expect(classOf(record(over))).toBe(expected);
  });
});

describe("rules", () => {
  const tickets = [
    ...many(3, { name: "Quiet", mark: "actioned" }),
    ...many(2, { name: "Noisy", mark: "noise" }),
    record({ name: "Noisy", mark: "noise", openedAt: at("2026-03-03T10:00:00Z"), wasPaged: true }),
    ...many(4, { name: "Flashing", lastedMs: 1_000 }),
    ...many(1, { name: "Noisy", service: "payments", team: "payments", mark: "actioned" }),
  ];

  it("are counted in cards, by service and owner, the noisiest first, with their newest ticket", () => {
    const rules = rulesOf(tickets);
    expect(rules.map(({ rule, owner, cards, pages }) => [rule, owner, cards, pages])).toEqual([
      ["Noisy", "storefront", 3, 1],
      ["Flashing", "storefront", 4, 0],
      ["Quiet", "storefront", 3, 0],
      ["Noisy", "payments", 1, 0],
    ]);
    expect(rules[0]?.newest.wasPaged).toBe(true);
    expect(rules.map(isMuteProposed)).toEqual([true, true, false, false]);
  });

  it("make a share of all tickets by their ten largest", () => {
    const rules = rulesOf(Array.from({ length: 12 }, (_, index) => record({ name: `R${index}` })));
    expect(topShare(rules)).toBeCloseTo(10 / 12);
    expect(topShare([])).toBeUndefined();
  });

  it("repeat when an alert fires twice a day", () => {
    expect(
      repeatRate([
        { firings: 3, distinct: 2 },
        { firings: 1, distinct: 1 },
      ]),
    ).toBe(0.25);
    expect(repeatRate([])).toBeUndefined();
  });

  it("load shifts of twelve hours", () => {
    const from = at("2026-03-02T00:00:00Z");
    const to = at("2026-03-04T00:00:00Z");
    const paged = [
      ...many(3, { wasPaged: true, openedAt: at("2026-03-02T11:59:59Z") }),
      ...many(1, { wasPaged: true, openedAt: at("2026-03-02T12:00:00Z") }),
      ...many(1, { wasPaged: true, openedAt: to }),
      ...many(5, {}),
    ];
    expect(pagesPerShift(paged, from, to)).toEqual({ mean: 1, worst: 3 });
  });

  it("page blind when nobody knew how users were", () => {
    const blind = [
      record({ wasPaged: true, decision: "users-unknown-critical" }),
      record({ wasPaged: true, decision: "users-hurting" }),
      record({ decision: "users-unknown" }),
    ];
    expect(blindPages(blind)).toEqual([blind[0]]);
  });
});

describe("Monday morning", () => {
  it.each([
    // In Berlin, 09:00 is 08:00 UTC in winter and 07:00 in summer.
    ["2026-03-02T08:00:00Z", "2026-03-02T08:00:00.000Z", "2026-W10"],
    ["2026-03-02T07:59:59Z", "2026-02-23T08:00:00.000Z", "2026-W09"],
    ["2026-03-30T07:00:00Z", "2026-03-30T07:00:00.000Z", "2026-W14"],
    ["2026-04-05T22:30:00Z", "2026-03-30T07:00:00.000Z", "2026-W14"],
    ["2027-01-03T12:00:00Z", "2026-12-28T08:00:00.000Z", "2026-W53"],
  ])("%s: the last was %s, of %s", (now, monday, week) => {
    const last = lastMonday(at(now), "Europe/Berlin");
    expect(last.toISOString()).toBe(monday);
    expect(weekName(last, "Europe/Berlin")).toBe(week);
  });
});

it("says what a team's alerts were worth, with a mute for what was not worth it", () => {
  const to = at("2026-03-09T09:00:00Z");
  const tickets = [
    ...many(9, { name: "Disk<b>Full", mark: "noise" }),
    ...many(2, { name: "Disk<b>Full", mark: "actioned" }),
    ...many(3, {
      name: "HighErrorRate",
      mark: "actioned",
      wasPaged: true,
      decision: "users-unknown-critical",
    }),
    ...many(1, { name: "Orphan", service: null }),
    ...many(1, { name: "Old", openedAt: at("2026-02-20T10:00:00Z") }),
  ];
  const scene = { team: "storefront", fired: [], observed: [], paging: new Set<string>() };
  const digest = digestOf(scene, tickets, ({ name }) => name === "HighErrorRate", to);
  expect(digest).toMatchObject({ cards: 15, pages: 3, counts: { actioned: 5, noise: 9, unjudged: 2 } });
  const { text, blocks } = digestCard(digest, "2026-W10", "http://q.test/console/quality");
  expect(text).toBe(
    "🟠 storefront · alerts of 2026-W10 · 15 tickets, 3 pages · precision 36 % (16–61 %, n 14): unclear",
  );
  const all = JSON.stringify(blocks);
  expect(all).toContain(
    "1. *Disk&lt;b&gt;Full* · shop · 11 tickets: 2 actioned, 9 noise · precision 18 % (5–48 %, n 11): noisy",
  );
  expect(all.match(/modal mute: T-\d+/g)).toHaveLength(1);
  expect(all).toContain("*No runbook* for 2 rules: Disk&lt;b&gt;Full (shop), Old (shop)");
  expect(all).toContain("*No owner* for 1 rule: Orphan.");
  expect(all).toContain("*Paged blind* 3 ×");
});

describe("a service that is only observed", () => {
  it("has what would have been paged set beside what a paging provider told of", () => {
    const told = { service: "orders", sources: ["alertmanager", "pd"] };
    const tickets = [
      record({ ...told, wouldPage: true }),
      record({ service: "orders", wouldPage: true }),
      record(told),
      record({ service: "orders" }),
      record({ service: "shop", wouldPage: true }),
    ];
    const [orders, quiet] = observedOf(tickets, ["orders", "quiet"], new Set(["pd"]));
    const [both, only, was] = tickets.map(({ id }) => id);
    expect(orders).toEqual({
      service: "orders",
      tickets: 4,
      both: [both],
      onlyWould: [only],
      onlyWas: [was],
    });
    expect(quiet).toMatchObject({ tickets: 0 });
    const scene = { team: "t", fired: [], observed: ["orders"], paging: new Set(["pd"]) };
    const { blocks } = digestCard(
      digestOf(scene, tickets, () => true, at("2026-03-09T09:00:00Z")),
      "w",
      "http://q",
    );
    expect(JSON.stringify(blocks)).toContain(
      `*orders, observed*: 4 tickets. Would have paged 2 (paged as well: ${both}; not paged: ${only}). Was paged and would not have been: 1 (${was}).`,
    );
  });
});
