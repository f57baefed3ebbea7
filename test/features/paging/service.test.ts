import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { createPaging, type PageRequest, type Paging } from "../../../src/features/paging/index.ts";
import { createStepJob } from "../../../src/features/paging/jobs.ts";
import { insertOverride } from "../../../src/features/paging/override-store.ts";
import type { PagingTables } from "../../../src/features/paging/store.ts";
import type { Catalogs } from "../../../src/platform/catalogs.ts";
import { tables } from "../../../src/platform/db/database.ts";
import type { Wanted } from "../../../src/platform/messages/say.ts";
import { type Actor, systemActor } from "../../../src/platform/people.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import type { Job } from "../../../src/platform/rings/runner.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";
import { sampleCatalog } from "../signals/rig.ts";

let base: TestDatabase;
let catalog: Catalog;
let paging: Paging;
let step: Job;
beforeAll(async () => {
  base = await testDatabase({ "pages.acknowledged": [{ job: "test.acknowledged", lane: "normal" }] });
  catalog = await sampleCatalog();
  const platform: Pick<Platform, "catalogs" | "database" | "slackTeam" | "log" | "clock"> = {
    catalogs: { current: () => catalog } as Catalogs,
    database: base.database,
    slackTeam: () => "T0LOCAL",
    log: keptLog(),
    clock: base.clock,
  };
  paging = createPaging(platform as Platform).api;
  step = createStepJob(platform);
});
afterAll(() => base.close());
beforeEach(async () => {
  catalog = await sampleCatalog();
});

const olive: Actor = { team: "T0LOCAL", person: "U0ONCALL", door: "slack" };
const lena: Actor = { team: "T0LOCAL", person: "U0LEAD", door: "slack" };
const requestFor = (key: string, more: Partial<PageRequest> = {}): PageRequest => ({
  team: "storefront",
  service: "shop",
  headline: `PAGE shop: errors 9 %, burn 90x${key.startsWith("T-") ? ` (${key})` : ""}`,
  dedupKey: key,
  subject: key,
  verbs: [{ label: "Roll back", line: "rollback shop", style: "danger" }],
  detail: { burn: 90 },
  actor: systemActor,
  ...more,
});
const send = (request: PageRequest) => base.database.tx((tx) => paging.page(tx, request));
const acknowledge = (key: string, actor: Actor) =>
  base.database.tx((tx) => paging.acknowledge(tx, key, actor));
const pageOf = (key: string) =>
  tables<PagingTables>(base.db)
    .selectFrom("pages")
    .selectAll()
    .where("dedup_key", "=", key)
    .orderBy("opened_at", "desc")
    .executeTakeFirstOrThrow();
const said = async (key: string) => {
  const { id } = await pageOf(key);
  const rows = await base.db
    .selectFrom("messages")
    .select(["key", "channel", "parent", "urgent", "wanted"])
    .where("key", "like", `page:${id}%`)
    .orderBy("key")
    .execute();
  return rows.map((row) => ({ ...row, key: row.key.replace(id, "P"), wanted: row.wanted as Wanted }));
};
const labels = ({ blocks }: Wanted) =>
  (blocks ?? []).flatMap((block) =>
    block.type === "actions"
      ? block.elements.map((element) => (element.type === "button" ? element.text.text : "more"))
      : [],
  );
const audited = async (subject: string) =>
  (
    await base.db
      .selectFrom("audit")
      .select(["action"])
      .where("subject", "=", subject)
      .orderBy("seq")
      .execute()
  ).map(({ action }) => action);
/** As the projector does once Slack has taken what was said so far. */
const deliver = async () => {
  await base.db
    .updateTable("messages")
    .set({ ts: "1.1", posted_channel: "C" })
    .where("ts", "is", null)
    .execute();
};
const stepOf = async (key: string) => step.run((await pageOf(key)).id, { attempt: 1 });

it("wakes who is on call in a message of their own and in the team's channel, acknowledge first", async () => {
  await send(requestFor("T-1"));
  const messages = await said("T-1");
  expect(messages).toMatchObject([
    { key: "page:P", channel: "C0SHOPALERTS", urgent: true },
    { key: "page:P:U0ONCALL", channel: "U0ONCALL", urgent: true },
  ]);
  for (const { wanted } of messages) {
    expect(wanted.text.slice(0, 80)).toBe("🔴 PAGE shop: errors 9 %, burn 90x (T-1)");
    expect(labels(wanted)).toEqual(["Acknowledge", "Roll back"]);
    expect(JSON.stringify(wanted.blocks)).toContain("<@U0ONCALL>");
    expect(JSON.stringify(wanted.blocks)).toContain('"value":"ack T-1"');
  }
  const { id } = await pageOf("T-1");
  const ring = await base.db.selectFrom("rings").selectAll().where("ref", "=", id).executeTakeFirst();
  expect(ring).toMatchObject({ job: "paging.step", lane: "urgent" });
});

it("wakes nobody again for the same key, and takes the newer words", async () => {
  await send(requestFor("T-2"));
  await send(requestFor("T-2", { headline: "PAGE shop: errors 12 %" }));
  expect((await said("T-2")).map(({ wanted }) => wanted.text)).toEqual([
    "🔴 PAGE shop: errors 12 %",
    "🔴 PAGE shop: errors 12 %",
  ]);
  expect(await audited("T-2")).toEqual(["page.sent"]);
});

it("sends one page when many ask for it at the same moment", async () => {
  await Promise.all(Array.from({ length: 10 }, () => send(requestFor("T-storm"))));
  expect(await audited("T-storm")).toEqual(["page.sent"]);
  expect(await said("T-storm")).toHaveLength(2);
});

it("reminds in the thread of each message until somebody acknowledges, then says who and when", async () => {
  await send(requestFor("T-4"));
  await deliver();
  const first = await stepOf("T-4");
  expect(first?.again.getTime()).toBe(base.clock.now().getTime() + 300_000);
  base.clock.advance(300_000);
  await stepOf("T-4");
  const reminders = (await said("T-4")).filter(({ key }) => key.includes("reminder"));
  expect(reminders).toMatchObject([
    { key: "page:P:U0ONCALL:reminder:1", parent: expect.stringContaining("U0ONCALL"), channel: "U0ONCALL" },
    { key: "page:P:reminder:1", channel: "C0SHOPALERTS" },
  ]);
  expect(reminders[1]?.wanted.text).toContain("<@U0ONCALL> not acknowledged for 5 min");

  const again = await stepOf("T-4");
  expect(again?.again.getTime()).toBe(base.clock.now().getTime() + 300_000);
  expect((await said("T-4")).filter(({ key }) => key.includes("reminder"))).toHaveLength(2);

  expect(await acknowledge("T-4", olive)).toEqual({ state: "acknowledged" });
  const cards = (await said("T-4")).filter(({ key }) => !key.includes("reminder"));
  for (const { wanted } of cards) {
    expect(labels(wanted)).toEqual(["Roll back"]);
    expect(JSON.stringify(wanted.blocks)).toContain("Acknowledged by Olive Okafor");
  }
  base.clock.advance(3_600_000);
  expect(await stepOf("T-4")).toBeUndefined();
  expect(await audited("T-4")).toEqual(["page.sent", "page.reminded", "page.acknowledged"]);
});

it("wakes the next person when nobody acknowledged in time, and asks nobody twice", async () => {
  await send(requestFor("T-5"));
  await deliver();
  base.clock.advance(900_000);
  await stepOf("T-5");
  const messages = await said("T-5");
  expect(messages.map(({ key }) => key)).toContain("page:P:U0LEAD");
  expect(messages.find(({ key }) => key === "page:P:next:lena")).toMatchObject({
    channel: "C0SHOPALERTS",
    wanted: { text: expect.stringContaining("<@U0LEAD>") },
  });
  await deliver();
  base.clock.advance(900_000);
  await stepOf("T-5");
  expect((await audited("T-5")).filter((action) => action === "page.escalated")).toHaveLength(1);
  expect(await acknowledge("T-5", lena)).toEqual({ state: "acknowledged" });
});

it("tells others of an acknowledgement by the page's key, once, and how the newest page for a key stands", async () => {
  const standing = () => paging.standing(base.db, "T-12");
  expect(await standing()).toBeUndefined();
  await send(requestFor("T-12"));
  expect(await standing()).toEqual({ state: "open", acknowledgedBy: null, acknowledgedAt: null });
  await acknowledge("T-12", olive);
  await acknowledge("T-12", lena);
  const rings = () =>
    base.db
      .selectFrom("rings")
      .select(["ref", "version"])
      .where("job", "=", "test.acknowledged")
      .where("ref", "=", "T-12")
      .execute();
  expect(await rings()).toEqual([{ ref: "T-12", version: 1 }]);
  const acknowledged = { acknowledgedBy: "U0ONCALL", acknowledgedAt: base.clock.now() };
  expect(await standing()).toEqual({ state: "acknowledged", ...acknowledged });
  await base.database.tx((tx) => paging.resolve(tx, "T-12", systemActor));
  expect(await standing()).toEqual({ state: "resolved", ...acknowledged });
  base.clock.advance(60_000);
  await send(requestFor("T-12"));
  expect((await standing())?.state).toBe("open");
});

it("keeps which sources' alerts are behind a page, those that join it as well", async () => {
  await send(requestFor("T-13", { from: ["pagerduty"] }));
  await send(requestFor("T-13", { from: ["alertmanager", "pagerduty"] }));
  await send(requestFor("T-13"));
  expect((await pageOf("T-13")).from_sources).toEqual(["pagerduty", "alertmanager"]);
});

it("gives an acknowledgement to one of many who press at once, and tells the others who and when", async () => {
  await send(requestFor("T-6"));
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => acknowledge("T-6", i % 2 === 0 ? olive : lena)),
  );
  const taken = answers.filter(({ state }) => state === "acknowledged");
  expect(taken).toHaveLength(1);
  const { acknowledged_by: by, acknowledged_at: at } = await pageOf("T-6");
  for (const answer of answers)
    if (answer.state !== "acknowledged") expect(answer).toEqual({ state: "was-acknowledged", by, at });
  expect(await audited("T-6")).toEqual(["page.sent", "page.acknowledged"]);
});

it("shows what it is about as text, whatever that says", async () => {
  await send(requestFor("<!channel> *T*"));
  for (const { wanted } of await said("<!channel> *T*"))
    expect(JSON.stringify(wanted.blocks)).not.toMatch(/"[^"]*<!channel>/);
});

it("acknowledges nothing that is not open", async () => {
  expect(await acknowledge("T-404", olive)).toEqual({ state: "not-open" });
});

it("ends when what it was about is over, and pages again when that comes back", async () => {
  await send(requestFor("T-7"));
  base.clock.advance(60_000);
  await base.database.tx((tx) => paging.resolve(tx, "T-7", systemActor));
  for (const { wanted } of await said("T-7")) {
    expect(wanted.text.startsWith("⚫")).toBe(true);
    expect(labels(wanted)).toEqual([]);
    expect(JSON.stringify(wanted.blocks)).toContain("Nobody had acknowledged it.");
  }
  expect(await stepOf("T-7")).toBeUndefined();
  expect(await acknowledge("T-7", olive)).toEqual({ state: "not-open" });
  base.clock.advance(60_000);
  await send(requestFor("T-7"));
  expect((await pageOf("T-7")).state).toBe("open");
  expect(await audited("T-7")).toEqual(["page.sent", "page.resolved", "page.sent"]);
});

describe("a page that does not arrive", () => {
  it("goes to the next person when Slack refuses it, and the leads are told", async () => {
    await send(requestFor("T-8"));
    const { id } = await pageOf("T-8");
    await base.db
      .updateTable("messages")
      .set({ error: "chat.postMessage: user_disabled" })
      .where("key", "=", `page:${id}:U0ONCALL`)
      .execute();
    await stepOf("T-8");
    const messages = await said("T-8");
    expect(messages.map(({ key }) => key)).toContain("page:P:U0LEAD");
    const told = messages.find(({ key }) => key === "page:P:leads");
    expect(told).toMatchObject({ channel: "C0LEADS", urgent: true });
    expect(JSON.stringify(told?.wanted.blocks)).toMatch(/did not reach Olive Okafor.*user.*disabled/);
    expect(JSON.stringify(told?.wanted.blocks)).toContain("Lena Lind is woken instead");
    expect(await audited("T-8")).toEqual(["page.sent", "page.undelivered", "page.escalated"]);
  });

  it("goes to the next person after a minute, and asks whoever reads it once nobody is left", async () => {
    await send(requestFor("T-9"));
    base.clock.advance(60_000);
    await stepOf("T-9");
    base.clock.advance(60_000);
    await stepOf("T-9");
    const told = (await said("T-9")).find(({ key }) => key === "page:P:leads");
    expect(JSON.stringify(told?.wanted.blocks)).toContain("Nobody is left to wake");
    expect(labels(told?.wanted as Wanted)).toEqual(["Acknowledge", "Roll back"]);
    await acknowledge("T-9", lena);
    const after = (await said("T-9")).find(({ key }) => key === "page:P:leads");
    expect(JSON.stringify(after?.wanted.blocks)).toContain("Acknowledged by Lena Lind");
  });

  it("is told to the leads at once when nobody can be woken by name", async () => {
    for (const person of catalog.people) person.slack = {};
    await send(requestFor("T-10"));
    expect((await said("T-10")).map(({ key }) => key)).toEqual(["page:P"]);
    await stepOf("T-10");
    const told = (await said("T-10")).find(({ key }) => key === "page:P:leads");
    expect(JSON.stringify(told?.wanted.blocks)).toContain("Nobody who is on call can be woken");
  });
});

it("keeps nothing of a page whose transaction fails", async () => {
  await expect(
    base.database.tx(async (tx) => {
      await paging.page(tx, requestFor("T-11"));
      throw new Error("the ticket could not be written");
    }),
  ).rejects.toThrow("the ticket");
  await expect(pageOf("T-11")).rejects.toThrow();
});

it("says who has the duty and since when an override gave it to them, and nobody in a gap", async () => {
  const now = base.clock.now();
  const later = new Date(now.getTime() + 3_600_000);
  expect(await paging.dutyOf("storefront", now)).toMatchObject({ person: { id: "olive" } });
  expect((await paging.dutyOf("storefront", now))?.takenOverAt).toBeUndefined();
  await base.db
    .transaction()
    .execute((trx) =>
      insertOverride(
        trx,
        { team: "storefront", person: "lena", from: now, until: later, madeBy: "U0LEAD" },
        now,
      ),
    );
  expect(await paging.dutyOf("storefront", now)).toMatchObject({ person: { id: "lena" }, takenOverAt: now });
  for (const team of catalog.teams) delete team.onCall;
  expect(await paging.dutyOf("payments", now)).toBeUndefined();
});
