import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { grammarOf } from "../../../src/catalog/grammar.ts";
import { digestOf, loadCatalog } from "../../../src/catalog/load.ts";
import { loosened } from "../../../src/catalog/loosening/index.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { createCatalogRoom } from "../../../src/features/catalog/index.ts";
import { type Catalogs, createCatalogs } from "../../../src/platform/catalogs.ts";
import { parseLine } from "../../../src/platform/commands/parse.ts";
import type { Feature } from "../../../src/platform/feature.ts";
import type { Wanted } from "../../../src/platform/messages/say.ts";
import { type Actor, systemActor } from "../../../src/platform/people.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { refusalText } from "../../../src/platform/refusal.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

const actorOf = (person: string, team = "T0LOCAL"): Actor => ({ team, person, door: "slack" });
const [lena, olive, dev] = [actorOf("U0LEAD"), actorOf("U0ONCALL"), actorOf("U0DEV")];
const lenaToo = actorOf("U0LENA2", "T0OTHER");

let world: TestDatabase;
let catalogs: Catalogs;
let room: Feature;
let sample: Catalog;
beforeAll(async () => {
  world = await testDatabase({ "catalog.proposal": [{ job: "catalog.tell", lane: "urgent" }] });
  catalogs = createCatalogs(world.db, () => world.database, keptLog(), loosened);
  const platform = {
    database: world.database,
    catalogs,
    slackTeam: () => "T0LOCAL",
    publicUrl: "http://q.test",
  } as unknown as Platform;
  room = createCatalogRoom(platform);
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  sample = loaded.catalog;
  // Two owners, one of them with two accounts.
  sample.organisation.slackTeams.push("T0OTHER");
  for (const team of sample.teams) if (team.name === "storefront") team.leads = ["lena", "olive"];
  for (const person of sample.people) if (person.id === "lena") person.slack.T0OTHER = "U0LENA2";
});
afterAll(() => world.close());

const policyOf = (catalog: Catalog) => {
  const policy = catalog.resources.find(({ name }) => name === "orders-db")?.roles[0]?.policy;
  if (!policy) throw new Error("the sample has no policy");
  return policy;
};
/** The sample with a longest time of so many minutes; and a name that no other test gives. */
let tests = 0;
const lasting = (minutes: number): Catalog => {
  const catalog = structuredClone(sample);
  catalog.organisation.name = `test ${tests}`;
  policyOf(catalog).durationMax = minutes * 60_000;
  return catalog;
};
const offer = (catalog: Catalog, actor: Actor = systemActor) =>
  catalogs.offer(catalog, digestOf(catalog), "/catalog", actor);
const waitingId = (offered: Awaited<ReturnType<typeof offer>>): string => {
  if (offered.state === "in-force") throw new Error("nothing waits");
  return offered.id;
};
const inForceMinutes = () => policyOf(catalogs.current()).durationMax / 60_000;

const ask = async (actor: Actor, text: string): Promise<{ ok: boolean; text: string }> => {
  const commands = room.commands ?? [];
  const typist = {
    slackTeam: actor.team,
    slackUser: actor.person,
    typedAt: world.clock.now(),
    hasModals: false,
  };
  const parsed = parseLine(
    text,
    commands.map(({ spec }) => spec),
    grammarOf(catalogs.current(), typist),
  );
  if (!parsed.ok) return { ok: false, text: refusalText(parsed.refusal) };
  const decision = await commands
    .find(({ spec }) => spec === parsed.value.spec)
    ?.run({
      line: parsed.value,
      actor,
      catalog: catalogs.current(),
      inboxId: "",
      now: world.clock.now(),
      place: { channel: "C0OPS" },
    });
  if (!decision) throw new Error(text);
  return decision.ok
    ? { ok: true, text: decision.value.text }
    : { ok: false, text: `${decision.refusal.rule}: ${refusalText(decision.refusal)}` };
};
const cardOf = async (id: string): Promise<string> => {
  await room.jobs?.[0]?.run(id, { attempt: 1 });
  const row = await world.db
    .selectFrom("messages")
    .select(["channel", "wanted"])
    .where("key", "=", `catalog:${id}`)
    .executeTakeFirstOrThrow();
  const { text, blocks } = row.wanted as Wanted;
  return `${row.channel} ${text} ${JSON.stringify(blocks)}`;
};
const audited = async (subject: string) =>
  (
    await world.db.selectFrom("audit").selectAll().where("subject", "=", subject).orderBy("seq").execute()
  ).map(({ action, person, body }) => ({
    action,
    person,
    body: JSON.parse(body) as Record<string, unknown>,
  }));

beforeEach(async () => {
  tests += 1;
  const catalog = lasting(60);
  await catalogs.put(catalog, digestOf(catalog), "test", systemActor);
});

describe("a catalog", () => {
  it("that gives nothing comes in force at once", async () => {
    expect(await offer(lasting(30))).toEqual({ state: "in-force" });
    expect(inForceMinutes()).toBe(30);
    expect((await ask(dev, "catalog")).text).toContain("None waits");
  });

  it("that is the first of an installation waits for nobody", async () => {
    const fresh = await testDatabase();
    try {
      const first = createCatalogs(fresh.db, () => fresh.database, keptLog(), loosened);
      expect(await first.offer(lasting(600), "d1", "/catalog", systemActor)).toEqual({ state: "in-force" });
    } finally {
      await fresh.close();
    }
  });

  it("that gives a right waits for two owners, who read in words what it gives", async () => {
    const offered = await offer(lasting(120));
    const id = waitingId(offered);
    expect(offered).toMatchObject({ state: "waiting", words: ["orders-db readonly: longest time 1h → 2h"] });
    expect(inForceMinutes()).toBe(60);
    const card = await cardOf(id);
    expect(card).toMatch(/^C0LEADS 🟠 catalog \w+ gives 1 more right · waits for 2 more owners/);
    for (const part of [
      "longest time 1h → 2h",
      `catalog approve ${id}`,
      `modal catalog deny: ${id}`,
      "<@U0LEAD>",
      "<@U0ONCALL>",
      `/audit?subject=${id}`,
    ])
      expect(card).toContain(part);
    // Offered again, as at each start: nothing new.
    expect(await offer(lasting(120))).toEqual(offered);

    expect((await ask(dev, `catalog approve ${id}`)).text).toMatch(
      /^owners-only: .*leads of storefront.*Who could: U0LEAD, U0ONCALL/,
    );
    expect((await ask(lena, `catalog approve ${id} --dry-run`)).text).toMatch(/^Dry run: .*Nothing was done/);
    expect((await ask(lena, `catalog approve ${id}`)).text).toBe(
      `Approved; catalog ${id} waits for 1 more of olive.`,
    );
    // Neither twice nor by a second account.
    expect((await ask(lena, `catalog approve ${id}`)).text).toContain("You approved it before");
    expect((await ask(lenaToo, `catalog approve ${id}`)).text).toContain("You approved it before");
    expect(inForceMinutes()).toBe(60);
    expect((await ask(olive, `catalog approve ${id}`)).text).toBe(
      `Catalog ${id} is in force: 2 of 2 owners approved it.`,
    );
    expect(inForceMinutes()).toBe(120);
    expect(await cardOf(id)).toContain("In force since");
    expect((await ask(lena, `catalog approve ${id}`)).text).toMatch(/^still-waiting: .*in force already/);
    expect((await audited(id)).map(({ action, person }) => `${action} ${person}`)).toEqual([
      "catalog.waiting quarterdeck",
      "catalog.approved U0LEAD",
      "catalog.approved U0ONCALL",
    ]);
  });

  it("whose author is known waits for one other owner", async () => {
    const id = waitingId(await offer(lasting(120), lena));
    expect((await ask(lenaToo, `catalog approve ${id}`)).text).toMatch(/^not-your-own-catalog/);
    expect((await ask(olive, `catalog approve ${id}`)).ok).toBe(true);
    expect(inForceMinutes()).toBe(120);
  });

  it("that was denied stays so when it is read again, and can be approved after all", async () => {
    const id = waitingId(await offer(lasting(120)));
    await ask(lena, `catalog approve ${id}`);
    expect((await ask(olive, `catalog deny ${id} nobody needs it`)).text).toMatch(/^Denied\./);
    expect(await offer(lasting(120))).toMatchObject({ state: "denied", id });
    expect(await cardOf(id)).toMatch(/denied.*nobody needs it/s);
    // What was approved before the no counts no more.
    expect((await ask(olive, `catalog approve ${id}`)).text).toContain("waits for 1 more of lena");
    expect((await ask(lena, `catalog approve ${id}`)).text).toContain("in force");
  });

  it("gives way to another, and is not approved once what it was shown against has changed", async () => {
    const first = waitingId(await offer(lasting(120)));
    await ask(lena, `catalog approve ${first}`);
    const second = waitingId(await offer(lasting(180)));
    expect((await ask(olive, `catalog approve ${first}`)).text).toMatch(/^still-waiting: .*replaced/);
    expect(await cardOf(first)).toContain("another catalog took its place");
    const other = structuredClone(lasting(45));
    await catalogs.put(other, digestOf(other), "test", systemActor);
    expect((await ask(olive, `catalog approve ${second}`)).text).toMatch(/^as-it-was-shown: .*Nothing done/);
    expect(inForceMinutes()).toBe(45);
  });

  it("needs its one owner where there is only one, who then knows what it gives", async () => {
    const alone = lasting(60);
    for (const team of alone.teams) team.leads = ["lena"];
    await catalogs.put(alone, digestOf(alone), "test", systemActor);
    const wider = structuredClone(alone);
    policyOf(wider).durationMax *= 2;
    const id = waitingId(await offer(wider));
    expect((await ask(lena, `catalog approve ${id}`)).text).toContain("in force: 1 of 1");
  });
});

describe("abuse", () => {
  it("30. Policy loosened, used, restored: waits for two people each time, is audited, and each catalog is kept by digest", async () => {
    const [strict, loose] = [lasting(60), lasting(600)];
    const id = waitingId(await offer(loose));
    await ask(lena, `catalog approve ${id}`);
    await ask(olive, `catalog approve ${id}`);
    expect(await offer(strict)).toEqual({ state: "in-force" });
    // The approvals of before are of no use.
    const again = await offer(loose);
    expect(again).toMatchObject({ state: "waiting", id });
    expect((await ask(lena, `catalog approve ${id}`)).text).toContain("waits for 1 more of olive");
    expect(inForceMinutes()).toBe(60);

    const loads = (
      await world.db
        .selectFrom("audit")
        .select("body")
        .where("action", "=", "catalog.loaded")
        .orderBy("seq")
        .execute()
    )
      .slice(-2)
      .map(({ body }) => JSON.parse(body) as { before: string; after: string });
    expect(loads).toMatchObject([
      { before: digestOf(strict), after: digestOf(loose) },
      { before: digestOf(loose), after: digestOf(strict) },
    ]);
    for (const catalog of [strict, loose]) {
      const kept = await world.db
        .selectFrom("catalogs")
        .select("content")
        .where("digest", "=", digestOf(catalog))
        .executeTakeFirstOrThrow();
      expect(digestOf(kept.content as Catalog)).toBe(digestOf(catalog));
    }
    // In words for the owners, as a digest in what nobody can take back.
    const [waiting] = await audited(id);
    expect(waiting?.body.detail).toEqual({
      source: "/catalog",
      gives: 1,
      words: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });
});
