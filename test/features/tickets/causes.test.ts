import { describe, expect, it } from "vitest";
import { dependencyGraph } from "../../../src/catalog/dependencies.ts";
import { type Newcomer, type OpenCause, placeOf, rootOf } from "../../../src/features/tickets/causes.ts";
import type { TicketId } from "../../../src/features/tickets/model.ts";
import { neighbourhood, type RecentChange, suspectsOf } from "../../../src/features/tickets/suspects.ts";

const at = (minute: number): Date => new Date(Date.UTC(2026, 2, 2, 10, minute));
const service = (name: string, ...dependencies: string[]) => ({ name, dependencies });
const graph = dependencyGraph({
  services: [
    service("shop", "orders-db", "auth"),
    service("payments", "orders-db"),
    service("search", "index"),
    service("web", "shop"),
    service("orders-db"),
    service("auth"),
    service("index"),
  ] as never,
});
const newcomer = (name: string | null, minute: number): Newcomer => ({
  service: name,
  since: at(minute),
  sources: ["alertmanager"],
});
const cause = (
  id: string,
  services: (readonly [string | null, number])[],
  over: Partial<OpenCause> = {},
): OpenCause => ({
  id: id as TicketId,
  services: services.map(([name, minute]) => ({ service: name, since: at(minute) })),
  sources: ["alertmanager"],
  since: at(Math.min(...services.map(([, minute]) => minute))),
  joinedAt: at(Math.max(...services.map(([, minute]) => minute))),
  openedAt: at(Math.min(...services.map(([, minute]) => minute))),
  isPaged: false,
  ...over,
});
const around = (now: number, changed: Record<string, number> = {}, joinWithinMs = 300_000) => ({
  graph,
  changedAt: new Map(Object.entries(changed).map(([name, minute]) => [name, at(minute)])),
  now: at(now),
  joinWithinMs,
});

describe("a group that begins to fire", () => {
  it.each<[string, Newcomer, OpenCause[], ReturnType<typeof around>, string]>([
    ["opens alone when nothing fires", newcomer("shop", 0), [], around(0), "open"],
    [
      "joins another rule of its service of the same minutes",
      newcomer("shop", 4),
      [cause("T-1", [["shop", 0]])],
      around(4),
      "T-1 same-service",
    ],
    [
      "opens alone when its service's other ticket is older",
      newcomer("shop", 40),
      [cause("T-1", [["shop", 0]])],
      around(40),
      "open",
    ],
    [
      "opens alone when nothing joins by time",
      newcomer("shop", 0),
      [cause("T-1", [["shop", 0]])],
      around(0, {}, 0),
      "open",
    ],
    [
      "is explained by a dependency that fires, however late",
      newcomer("payments", 50),
      [cause("T-1", [["orders-db", 0]])],
      around(50),
      "T-1 dependency",
    ],
    [
      "is explained through others",
      newcomer("web", 1),
      [cause("T-1", [["orders-db", 0]])],
      around(1),
      "T-1 dependency",
    ],
    [
      "is not explained by what began long after it",
      newcomer("payments", 0),
      [cause("T-1", [["orders-db", 20]])],
      around(20),
      "open",
    ],
    [
      "was changed before the others began: it joins, and will be a suspect",
      newcomer("payments", 2),
      [cause("T-1", [["orders-db", 0]])],
      around(2, { payments: -3 }),
      "T-1 dependency",
    ],
    [
      "was changed after the others began: a cause of its own",
      newcomer("payments", 12),
      [cause("T-1", [["orders-db", 0]])],
      around(12, { payments: 10 }),
      "open",
    ],
    [
      "was changed lately and failed well after the others: a cause of its own",
      newcomer("payments", 30),
      [cause("T-1", [["orders-db", 0]])],
      around(30, { payments: -5 }),
      "open",
    ],
    [
      "explains its callers, whose tickets become one: the oldest",
      newcomer("orders-db", 2),
      [cause("T-1", [["shop", 0]]), cause("T-2", [["payments", 1]])],
      around(2),
      "T-1 explains absorbing T-2",
    ],
    [
      "explains its callers, whose tickets become the one that paged",
      newcomer("orders-db", 2),
      [cause("T-1", [["shop", 0]]), cause("T-2", [["payments", 1]], { isPaged: true })],
      around(2),
      "T-2 explains absorbing T-1",
    ],
    [
      "shares a silent dependency with one that began at once",
      newcomer("payments", 1),
      [cause("T-1", [["shop", 0]])],
      around(1),
      "T-1 shared-dependency",
    ],
    [
      "shares a silent dependency with one that began minutes apart: not enough",
      newcomer("payments", 4),
      [cause("T-1", [["shop", 0]])],
      around(4),
      "open",
    ],
    [
      "shares nothing with what fires",
      newcomer("search", 0),
      [cause("T-1", [["shop", 0]])],
      around(0),
      "open",
    ],
    ["of no known service opens alone", newcomer(null, 1), [cause("T-1", [[null, 0]])], around(1), "open"],
    [
      "of no known service joins the storm of its sender",
      newcomer(null, 4),
      [cause("T-1", [[null, 0]]), cause("T-2", [[null, 1]]), cause("T-3", [[null, 2]])],
      around(4),
      "T-3 unknown-storm",
    ],
  ])("%s", (_name, one, open, surroundings, expected) => {
    const place = placeOf(one, open, surroundings);
    const text =
      place.do === "open"
        ? "open"
        : `${place.ticket} ${place.because}${place.absorb.length > 0 ? ` absorbing ${place.absorb.join(", ")}` : ""}`;
    expect(text).toBe(expected);
  });

  it("names the service the others depend on as the root, and none where there is none", () => {
    const hits = (names: readonly string[]) =>
      names.map((name, minute) => ({ service: name, since: at(minute) }));
    expect(rootOf(hits(["shop", "payments", "orders-db"]), graph)).toBe("orders-db");
    expect(rootOf(hits(["web", "shop"]), graph)).toBe("shop");
    expect(rootOf(hits(["shop", "payments"]), graph)).toBeNull();
    expect(rootOf(hits(["shop"]), graph)).toBe("shop");
  });
});

describe("suspects", () => {
  const change = (name: string, minute: number, over: Partial<RecentChange> = {}): RecentChange => ({
    id: `D-${name}-${minute}`,
    service: name,
    change: "deploy",
    version: "v2",
    by: "ci",
    at: at(minute),
    ...over,
  });
  const hits = [
    { service: "orders-db", since: at(0) },
    { service: "shop", since: at(0) },
  ];

  it("include what calls the root although it does not fail, the nearest in time first, each with its reason", () => {
    const found = suspectsOf(
      hits,
      [change("shop", -50), change("payments", -4), change("orders-db", -20)],
      graph,
    );
    expect(found.map(({ service: name, reason }) => `${name}: ${reason}`)).toEqual([
      "payments: 4 min before it began; calls orders-db",
      "orders-db: 20 min before it began; fails itself",
      "shop: 50 min before it began; calls orders-db and fails too",
    ]);
  });

  it("count settings and flags as deploys", () => {
    const found = suspectsOf(hits, [change("auth", -2, { change: "flag", version: "sso on" })], graph);
    expect(found).toMatchObject([
      { service: "auth", change: "flag", reason: "2 min before it began; shop depends on it" },
    ]);
  });

  it("leave out what came after, what is an hour old, and what has nothing to do with it", () => {
    const changes = [change("shop", 5), change("shop", -61), change("search", -1), change("index", -1)];
    expect(suspectsOf(hits, changes, graph)).toEqual([]);
  });

  it("of one service that fails include another caller of what it needs", () => {
    const found = suspectsOf([{ service: "shop", since: at(0) }], [change("payments", -3)], graph);
    expect(found.map(({ reason }) => reason)).toEqual([
      "3 min before it began; calls orders-db, as shop does",
    ]);
    expect(neighbourhood("shop", graph).sort()).toEqual(["auth", "orders-db", "payments", "shop", "web"]);
  });
});
