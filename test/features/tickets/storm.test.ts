import { afterAll, describe, expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import type { Deploy } from "../../../src/features/deploys/index.ts";
import { alert, hurting, olive, type Rooms, startRooms, unknown, well } from "./rooms.ts";

const minutes = (count: number) => count * 60_000;
const callers = Array.from({ length: 12 }, (_, index) => `app-${index + 1}`);

/** Twelve services on one database. */
const twelve = (catalog: Catalog): void => {
  const shop = catalog.services.find(({ name }) => name === "shop");
  if (shop === undefined) throw new Error("no service");
  const plain = {
    ...shop,
    alertRules: [],
    traffic: undefined,
    rollout: undefined,
    dependencies: [] as string[],
  };
  catalog.services.push(
    { ...plain, name: "orders-database" },
    ...callers.map((name) => ({ ...plain, name, dependencies: ["orders-database"] })),
  );
};

const opened: Rooms[] = [];
const roomsWith = async (change: (catalog: Catalog) => void = twelve): Promise<Rooms> => {
  const rooms = await startRooms({ change });
  opened.push(rooms);
  return rooms;
};
afterAll(async () => {
  for (const rooms of opened) await rooms.close();
});

const deployOf = (rooms: Rooms, service: string, minutesAgo: number): Deploy => ({
  id: `D-${service}` as Deploy["id"],
  service,
  environment: "production",
  change: "deploy",
  version: "v42",
  by: "ci",
  source: "github",
  outcome: "unknown",
  at: new Date(rooms.clock.now().getTime() - minutes(minutesAgo)),
});
const failing = (service: string, over: { startsAt?: Date; instance?: string; name?: string } = {}) =>
  alert({
    labels: { service, alertname: over.name ?? "HighErrorRate", instance: over.instance ?? "a" },
    ...(over.startsAt ? { startsAt: over.startsAt } : {}),
  });
const cards = async (rooms: Rooms) =>
  (await rooms.messages()).filter(({ key }) => /^ticket:T-\d+$/.test(key)).map(({ text }) => text);

describe("a deploy that saturates the database twelve services share", () => {
  it("is one card and one page, and suspect one on the card's first version", async () => {
    const rooms = await roomsWith();
    rooms.budget.now = hurting;
    rooms.changes.push(deployOf(rooms, "app-7", 6), deployOf(rooms, "app-2", 55));
    // The first to be heard of is none of those that were changed.
    await rooms.send([failing("app-3")]);
    const [first, ...others] = await rooms.messages("ticket:T-1");
    expect(others).toEqual([]);
    expect(first?.version).toBe(1);
    expect(first?.all).toMatch(
      /1\. app-7 v42 at .* by ci: 5 min before it began; calls orders-database, as app-3 does/,
    );
    await rooms.send([failing("app-1"), failing("app-2")]);
    await rooms.send([failing("orders-database", { name: "ConnectionsSaturated" })]);
    await rooms.send(callers.slice(3).map((name) => failing(name)));
    expect(await cards(rooms)).toEqual([
      "🔴 orders-database · ConnectionsSaturated and 12 more services · critical · 13 firing, paged",
    ]);
    const [card] = await rooms.messages("ticket:T-1");
    expect(card?.all).toContain("One cause, 13 services: app-");
    expect(card?.all).toMatch(/1\. app-7 v42 at .* calls orders-database and fails too/);
    expect(rooms.paging.pages.map(({ headline }) => headline)).toEqual([
      "PAGE app-3: HighErrorRate: burn 90x, errors 9.1 %. Suspect 1: app-7 v42, 09:54, by ci. T-1",
    ]);
    expect(rooms.paging.lines.get("T-1")).toMatch(
      /^PAGE orders-database: ConnectionsSaturated: .*12 more services hit/,
    );
    const why = (await rooms.tickets.summaries?.why?.({ id: "T-1" }))?.map(({ text }) => text).join("\n");
    expect(why).toContain("app-12 is on it because it depends on orders-database, which fires.");
    expect(await rooms.audit("T-1")).toEqual(["ticket.opened", ...Array(12).fill("ticket.joined")]);
  });

  it("with all of it in one delivery names the database and counts the services in the page", async () => {
    const rooms = await roomsWith();
    rooms.budget.now = hurting;
    rooms.changes.push(deployOf(rooms, "app-7", 6));
    await rooms.send([...callers.map((name) => failing(name)), failing("orders-database")]);
    expect(await cards(rooms)).toHaveLength(1);
    expect(rooms.paging.pages).toHaveLength(1);
    expect(rooms.paging.pages[0]?.headline).toMatch(
      /^PAGE orders-database: HighErrorRate: burn 90x, errors 9.1 %\. Suspect 1: app-7 v42, 09:54, by ci\. 12 more services hit\. T-1$/,
    );
  });

  it("hides nobody who was changed after it began: a cause of its own, with a page of its own", async () => {
    const rooms = await roomsWith();
    rooms.budget.now = hurting;
    await rooms.send([failing("orders-database"), failing("app-1")]);
    rooms.clock.advance(minutes(12));
    rooms.changes.push(deployOf(rooms, "app-5", 2));
    await rooms.send([failing("app-5", { startsAt: rooms.clock.now() })]);
    await rooms.send([failing("app-6", { startsAt: rooms.clock.now() })]);
    expect(await cards(rooms)).toEqual([
      "🔴 orders-database · HighErrorRate and 2 more services · critical · 3 firing, paged",
      "🔴 app-5 · HighErrorRate · critical · 1 firing, paged",
    ]);
    expect(rooms.paging.pages).toHaveLength(2);
  });
});

it("keeps a storm of 10,000 alerts of thirteen services on one card, and finds every alert", async () => {
  const rooms = await roomsWith();
  const names = ["orders-database", ...callers];
  const posts = Array.from({ length: 50 }, (_, post) =>
    Array.from({ length: 200 }, (_, index) =>
      failing(names[index % names.length] as string, {
        instance: `i-${post}-${index}`,
        name: `Rule${index % 3}`,
      }),
    ),
  );
  const answers = await Promise.all(posts.map((body) => rooms.post(body)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  await rooms.work();
  const shown = await cards(rooms);
  expect(shown).toHaveLength(1);
  expect(shown[0]).toMatch(/and 12 more services · critical · 10000 firing$/);
  expect((await rooms.ask(olive, "alerts T-1")).text).toContain("10,000 alerts");
  const last = await rooms.ask(olive, "alerts T-1 --page 500");
  expect(last.text).toContain("page 500 of 500");
  expect(last.text.match(/HighErrorRate|Rule\d/g)?.length).toBeGreaterThanOrEqual(20);
}, 60_000);

it("makes two tickets one when their shared dependency fires, keeps the page that is out, and one acknowledgement", async () => {
  const rooms = await roomsWith();
  rooms.budget.of.set("app-2", hurting);
  await rooms.send([failing("app-1")]);
  rooms.clock.advance(minutes(4));
  await rooms.send([failing("app-2", { startsAt: rooms.clock.now() })]);
  expect(await cards(rooms)).toHaveLength(2);
  expect((await rooms.ask(olive, "ack T-1")).text).toBe("T-1 is yours.");
  await rooms.send([failing("orders-database", { startsAt: rooms.clock.now() })]);
  expect(await cards(rooms)).toEqual([
    "⚫ app-1 · HighErrorRate · critical · over",
    "🔴 orders-database · HighErrorRate and 2 more services · critical · 3 firing, paged and taken",
  ]);
  const [merged] = await rooms.messages("ticket:T-1");
  expect(merged?.all).toContain("Part of T-2: orders-database fires too, and the others depend on it.");
  expect((await rooms.ask(olive, "resolve T-1")).text).toMatch(/^T-1 is part of T-2 by now\. Nothing done/);
  expect(rooms.paging.pages).toHaveLength(1);
  expect(rooms.paging.open.get("T-2")?.by).toBe("U0ONCALL");
  rooms.clock.advance(minutes(1));
  await rooms.send(
    ["app-1", "app-2", "orders-database"].map((service) =>
      alert({ labels: { service, instance: "a" }, status: "resolved", endsAt: rooms.clock.now() }),
    ),
  );
  expect((await rooms.tickets.api.ticketOf("T-2"))?.state).toBe("closed");
});

it("takes an alert that began long before anybody heard of it for as old as the hearing", async () => {
  const rooms = await roomsWith();
  rooms.changes.push(deployOf(rooms, "app-7", 6));
  await rooms.send([failing("app-1", { startsAt: new Date("2025-12-01T00:00:00Z") })]);
  await rooms.send([failing("orders-database"), failing("app-2")]);
  expect(await cards(rooms)).toEqual([
    "🟠 orders-database · HighErrorRate and 2 more services · critical · 3 firing",
  ]);
  const ticket = await rooms.tickets.api.ticketOf("T-1");
  expect(ticket?.suspects[0]?.reason).toMatch(/^5 min before it began/);
  expect(ticket?.since).toEqual(new Date("2026-03-02T09:59:00Z"));
});

it("lets whoever answers for any service on it take it, although another team owns what it is named by", async () => {
  const rooms = await roomsWith((catalog) => {
    twelve(catalog);
    const root = catalog.services.find(({ name }) => name === "orders-database");
    if (root) Object.assign(root, { team: "payments", dri: "dev" });
  });
  rooms.budget.now = hurting;
  await rooms.send([failing("app-1")]);
  await rooms.send([failing("orders-database")]);
  expect(rooms.paging.pages.map(({ team }) => team)).toEqual(["storefront"]);
  expect(await rooms.tickets.api.ticketOf("T-1")).toMatchObject({
    service: "orders-database",
    team: "payments",
  });
  expect((await rooms.ask(olive, "ack T-1")).text).toBe("T-1 is yours; the page stops.");
});

it("waits for company before it says something that pages nobody, and says nothing of what is over by then", async () => {
  const rooms = await roomsWith((catalog) => {
    twelve(catalog);
    catalog.policies.alerts.groupWait = 10_000;
  });
  await rooms.send([failing("app-1")]);
  await rooms.send([failing("shop")]);
  expect(await cards(rooms)).toEqual([]);
  rooms.clock.advance(5_000);
  await rooms.send([alert({ labels: { instance: "a" }, status: "resolved", endsAt: rooms.clock.now() })]);
  await rooms.send([failing("orders-database")]);
  rooms.clock.advance(5_000);
  await rooms.work();
  expect(await cards(rooms)).toEqual([
    "🟠 orders-database · HighErrorRate and 1 more service · critical · 2 firing",
  ]);
  rooms.budget.now = hurting;
  await rooms.send([failing("shop", { startsAt: rooms.clock.now() })]);
  expect(rooms.paging.pages).toHaveLength(1);
});

it("only shows what it would do for a service that is observed", async () => {
  const rooms = await roomsWith((catalog) => {
    for (const service of catalog.services) service.mode = "observe";
  });
  rooms.budget.now = hurting;
  await rooms.send([alert()]);
  expect(rooms.paging.pages).toEqual([]);
  const [card] = await rooms.messages();
  expect(card?.text).toBe("🟠 shop · HighErrorRate · critical · 1 firing, observed only");
  expect(card?.all).toContain(
    "Observing, so nothing is done. It would have paged: users are hurting: burn 90x",
  );
  expect(await rooms.tickets.api.ticketOf("T-1")).toMatchObject({ externalKey: null, publishedVersion: 0 });
});

it("pages when neither the budget nor a severity is known", async () => {
  const rooms = await roomsWith();
  rooms.budget.now = unknown;
  await rooms.send([alert({ labels: { severity: undefined } })]);
  expect(rooms.paging.pages[0]?.headline).toContain(
    "HighErrorRate: the sender gives no severity. Whether users hurt",
  );
});

it("keeps what turns on and off on one card, does not page for it, and closes it once it holds", async () => {
  const rooms = await roomsWith();
  rooms.budget.now = unknown;
  const turn = async (status: "firing" | "resolved") => {
    rooms.clock.advance(minutes(2));
    await rooms.send([
      alert({
        labels: { severity: "warning" },
        startsAt: rooms.clock.now(),
        status,
        ...(status === "resolved"
          ? { startsAt: new Date(rooms.clock.now().getTime() - minutes(2)), endsAt: rooms.clock.now() }
          : {}),
      }),
    ]);
  };
  for (let round = 0; round < 3; round += 1) {
    await turn("firing");
    await turn("resolved");
  }
  await turn("firing");
  expect(await cards(rooms)).toEqual(["🟠 shop · HighErrorRate · warning · 1 firing, flapping"]);
  await rooms.send([alert({ labels: { severity: "critical" }, startsAt: rooms.clock.now() })]);
  expect(rooms.paging.pages).toEqual([]);
  await turn("resolved");
  await rooms.send([
    alert({
      labels: { severity: "critical" },
      status: "resolved",
      startsAt: new Date(rooms.clock.now().getTime() - minutes(2)),
      endsAt: rooms.clock.now(),
    }),
  ]);
  expect((await rooms.tickets.api.ticketOf("T-1"))?.state).toBe("open");
  rooms.clock.advance(minutes(15));
  await rooms.work();
  expect((await rooms.tickets.api.ticketOf("T-1"))?.state).toBe("closed");
  rooms.budget.now = well;
});

it("says again that nobody has it, and stops once somebody does", async () => {
  const rooms = await roomsWith();
  await rooms.send([alert()]);
  const repeat = rooms.tickets.jobs?.find(({ name }) => name === "tickets.repeat");
  rooms.clock.advance(minutes(241));
  await repeat?.run("schedule", { attempt: 1 });
  await repeat?.run("schedule", { attempt: 1 });
  expect((await rooms.messages("ticket:T-1:still:%")).map(({ text }) => text)).toEqual([
    expect.stringContaining("nobody has it: shop · HighErrorRate · critical · 1 firing"),
  ]);
  await rooms.ask(olive, "ack T-1");
  rooms.clock.advance(minutes(241));
  await repeat?.run("schedule", { attempt: 1 });
  expect(await rooms.messages("ticket:T-1:still:%")).toHaveLength(1);
});

it("proposes the rule that would have found the service", async () => {
  const rooms = await roomsWith();
  await rooms.send([alert({ labels: { service: "checkout", team: "x", instance: "10.0.0.1:80" } })]);
  const [card] = await rooms.messages();
  expect(card?.verbs.join()).toContain("Propose a rule");
  const answer = await rooms.ask(olive, "alert-rule T-1 shop");
  expect(answer.text).toContain("alertRules:");
  expect(answer.text).toContain("- labels: { service: checkout }");
});
