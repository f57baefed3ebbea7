import { expect, it } from "vitest";
import type { Resource } from "../../../src/catalog/schema.ts";
import { type Grant, type GrantId, termsDigest } from "../../../src/features/access/model.ts";
import { accessReport, grantIds, spreadOf } from "../../../src/features/access/report.ts";

const from = new Date("2026-11-01T00:00:00Z");
const to = new Date("2026-12-01T00:00:00Z");
const minuteMs = 60_000;
const at = (minutes: number): Date => new Date(from.getTime() + minutes * minuteMs);

const policy = { approvers: ["storefront"] };
const resources = [
  {
    name: "orders-db",
    accessor: "orders-postgres",
    roles: [
      { name: "readonly", narrowerThan: ["readwrite"], policy },
      { name: "readwrite", policy },
      { name: "owner", policy },
    ],
  },
] as unknown as Resource[];

let made = 0;
/** Asked at minute 0, decided after 5, claimed after 10, ended `lastedMin` later, given for 60. */
function grant(change: Partial<Grant> & { lastedMin?: number; revealed?: boolean; by?: string } = {}): Grant {
  made += 1;
  const { lastedMin = 50, revealed = true, by = "lena", ...rest } = change;
  const base = {
    id: `G-${made}` as GrantId,
    personId: "dev",
    requester: { team: "T", person: "U" },
    resource: "orders-db",
    role: "readonly",
    terms: { approvers: ["storefront"] },
    reason: "why",
    askedMs: 60 * minuteMs,
    notAfter: null,
    startAt: null,
    requestedAt: at(0),
    decidedAt: at(5),
    claimedAt: at(10),
    basis: { is: "approval" },
    ...rest,
  } as unknown as Grant;
  const approvals = [
    {
      by: { team: "T", person: "L" },
      personId: by,
      at: at(5),
      durationMs: 60 * minuteMs,
      terms: termsDigest(base),
    },
  ];
  const ended = {
    is: "ended",
    approvals,
    durationMs: 60 * minuteMs,
    endsAt: at(70),
    at: at(10 + lastedMin),
    revealedAt: revealed ? at(11) : null,
  };
  return { ...base, state: rest.state ?? ended } as unknown as Grant;
}

it("a spread is the nearest rank, and nothing of nothing", () => {
  expect(spreadOf([])).toEqual({ count: 0, medianMs: 0, p95Ms: 0 });
  expect(spreadOf([5])).toEqual({ count: 1, medianMs: 5, p95Ms: 5 });
  expect(spreadOf(Array.from({ length: 100 }, (_, nth) => 100 - nth))).toEqual({
    count: 100,
    medianMs: 50,
    p95Ms: 95,
  });
});

it("counts how long grants lasted and decisions of people took, those of policies left out", () => {
  const report = accessReport(
    [
      grant({ lastedMin: 10 }),
      grant({ lastedMin: 30 }),
      grant({ basis: { is: "none-needed" }, decidedAt: at(0) }),
      grant({ requestedAt: new Date(from.getTime() - 1) }),
    ],
    resources,
    { from, to },
  );
  expect(report.lasted).toEqual({ count: 3, medianMs: 30 * minuteMs, p95Ms: 50 * minuteMs });
  expect(report.decided).toEqual({ count: 2, medianMs: 5 * minuteMs, p95Ms: 5 * minuteMs });
});

it("says who holds something now whenever it was asked for, the soonest to end first", () => {
  const active = (minutes: number) =>
    grant({
      requestedAt: new Date(from.getTime() - 1),
      state: { is: "active", approvals: [], endsAt: at(minutes) } as unknown as Grant["state"],
    });
  const [late, soon] = [active(90), active(30)];
  expect(grantIds(accessReport([late, soon, grant()], resources, { from, to }).holding)).toEqual(
    grantIds([soon, late]),
  );
});

it("names what was claimed and never looked at, not what hands nothing out, and what was taken", () => {
  const unused = grant({ revealed: false });
  const own = grant({ revealed: false });
  const ownAccount = { ...own, state: { ...own.state, ownAccount: true } } as Grant;
  const taken = grant({ basis: { is: "break-glass" } });
  const report = accessReport([unused, ownAccount, taken, grant()], resources, { from, to });
  expect(grantIds(report.unused)).toEqual([unused.id]);
  expect(grantIds(report.taken)).toEqual([taken.id]);
});

it("finds roles nobody asks for, wide ones that are had, and ones given for far longer than they last", () => {
  const report = accessReport(
    [
      grant({ role: "readwrite", lastedMin: 6 }),
      grant({ role: "readwrite", lastedMin: 7 }),
      grant({ role: "readwrite", lastedMin: 8 }),
      grant({ lastedMin: 5 }),
    ],
    resources,
    { from, to },
  );
  expect(report.neverAsked).toEqual([{ resource: "orders-db", role: "owner" }]);
  expect(report.wide).toMatchObject([
    { role: "readwrite", had: 3, narrower: [{ role: "readonly", had: 1 }] },
  ]);
  // Two of a role are no habit.
  expect(report.tooLong).toMatchObject([
    { role: "readwrite", grantedMs: 60 * minuteMs, lastedMs: 7 * minuteMs },
  ]);
});

it("9: names people who approve each other's, once, with how often", () => {
  const report = accessReport(
    [grant(), grant(), grant({ personId: "lena", by: "dev" }), grant({ personId: "olive", by: "lena" })],
    resources,
    { from, to },
  );
  expect(report.inReturn).toEqual([{ one: "dev", other: "lena", count: 1, back: 2 }]);
});
