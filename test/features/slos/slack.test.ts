import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grammarOf } from "../../../src/catalog/grammar.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { createDeploys } from "../../../src/features/deploys/index.ts";
import { createSlos } from "../../../src/features/slos/index.ts";
import type { Catalogs } from "../../../src/platform/catalogs.ts";
import { parseLine } from "../../../src/platform/commands/parse.ts";
import type { Wanted } from "../../../src/platform/messages/say.ts";
import type { Actor } from "../../../src/platform/people.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { createMetricsProviders } from "../../../src/providers/metrics/instances.ts";
import { SetClock, type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";
import { sampleCatalog } from "../signals/rig.ts";
import { seedShop } from "./seed.ts";

const hourMs = 3_600_000;
const clock = new SetClock(new Date("2026-11-25T10:00:00Z"));
const olive: Actor = { team: "T0LOCAL", person: "U0ONCALL", door: "slack" };
let test: TestDatabase;
let catalog: Catalog;
let slos: ReturnType<typeof createSlos>;

beforeAll(async () => {
  test = await testDatabase({}, clock);
  catalog = await sampleCatalog();
  const catalogs: Pick<Catalogs, "current" | "digest" | "onSwitch"> = {
    current: () => catalog,
    digest: () => "first",
    onSwitch: () => undefined,
  };
  const platform = {
    catalogs,
    clock,
    database: test.database,
    log: keptLog(),
    env: () => undefined,
    slackTeam: () => "T0LOCAL",
    publicUrl: "http://127.0.0.1:3210",
  } as unknown as Platform;
  const deploys = createDeploys(platform, { alerts: { eventOf: async () => undefined } });
  slos = createSlos(platform, createMetricsProviders(platform), {
    deploys: deploys.api,
    markers: { between: async () => [] },
  });
  // A bad hour four days ago, and one that left the window of four weeks less than an hour ago.
  await seedShop(test.database.db, clock.now(), (hoursAgo) =>
    hoursAgo === 97 || hoursAgo === 673 ? 0.9 : 0.0008,
  );
  await test.database.tx((tx) =>
    deploys.api.record(tx, {
      service: "shop",
      environment: "production",
      version: "v41",
      by: "ci",
      source: "deploys",
      reference: "1",
      at: new Date(clock.now().getTime() - 97.5 * hourMs),
    }),
  );
});
afterAll(() => test?.close());

async function type(text: string, actor = olive, channel = "C0OPS") {
  const { db } = test.database;
  const inboxId = randomUUID();
  await sql`insert into inbox (id, kind, dedup, payload, team, person, received_at)
    values (${inboxId}, 'command', ${inboxId}, '{}', ${actor.team}, ${actor.person}, now())`.execute(db);
  const commands = slos.feature.commands ?? [];
  const grammar = { slackTeam: actor.team, slackUser: actor.person, typedAt: clock.now(), hasModals: true };
  const parsed = parseLine(
    text,
    commands.map(({ spec }) => spec),
    grammarOf(catalog, grammar),
  );
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  const now = clock.now();
  const answer = await commands[0]?.run({
    line: parsed.value,
    actor,
    catalog,
    inboxId,
    now,
    place: { channel },
  });
  if (!answer?.ok) throw new Error(answer?.refusal.message);
  const row = await db
    .selectFrom("messages")
    .select("wanted")
    .where("key", "=", `slo:${inboxId}`)
    .executeTakeFirst();
  return { reply: answer.value, said: row?.wanted as Wanted | undefined };
}

describe("slo of a service", () => {
  it("is a small table in the channel with what is left over the window and what went out", async () => {
    const { reply, said } = await type("slo shop");
    expect(reply.silent).toBe(true);
    expect(said?.text).toMatch(/^🟢 \*shop\* Users well: errors 0\.08 %, burn 0\.16x, budget left \d\d %/);
    expect(said?.text).toMatch(
      /\n.*57 % of its budget left, but .*: steps of at most 25 % and 2 times as long\.\n/,
    );
    const table = JSON.stringify(said?.blocks?.[1]);
    expect(table).toMatch(/SLO +goal +left +burn +lasts/);
    expect(table).toMatch(/shop-availability +99\.5 % +\d\d % +0\.16x +\d+d/);
    // At the pace of now the month ends before its budget does.
    expect(table).toMatch(/shop-patience +99 % +\d\d % +0\.1x +past its end/);
    const chart = said?.chart;
    expect(chart?.series.map(({ label }) => label)).toEqual(["availability", "latency", "patience"]);
    expect(chart?.markers).toMatchObject([{ label: "v41", kind: "deploy" }]);
    expect(chart?.limit).toMatchObject({ value: 20 });
  });

  it("draws a line that begins whole, falls where it was spent, and ends with what is left", async () => {
    const at = clock.now();
    const [[line], budget] = await Promise.all([slos.api.linesOf("shop", at), slos.api.budgetOf("shop", at)]);
    const points = line?.points ?? [];
    const leftAt = (hoursAgo: number) =>
      points.findLast((point) => point.at.getTime() <= at.getTime() - hoursAgo * hourMs)?.left ?? Number.NaN;
    expect(points.length).toBeGreaterThan(100);
    expect(points[0]?.left).toBeGreaterThan(0.99);
    expect(leftAt(100) - leftAt(90)).toBeGreaterThan(0.2);
    expect(points.at(-1)?.left).toBeCloseTo(budget.readings[0]?.remaining ?? Number.NaN, 2);
  });

  it("is words alone where no picture can be shown", async () => {
    for (const [actor, channel] of [
      [olive, "D0OLIVE"],
      [{ ...olive, door: "terminal" as const }, "C0OPS"],
    ] as const) {
      const { reply, said } = await type("slo shop", actor, channel);
      expect(said).toBeUndefined();
      expect(reply.silent).toBeUndefined();
      expect(reply.text).toContain("shop-latency");
    }
  });

  it("says that there is none, and where to declare one", async () => {
    expect((await type("slo payments")).reply.text).toContain("payments has no SLO. Declare one");
  });
});

it("is one line for each service without a service, with the page of all", async () => {
  const { reply } = await type("slo");
  expect(reply.text).toMatch(
    /^🟢 \*shop\* Users well: .*· 3 SLOs, least left: \d\d % of shop-availability\n/,
  );
  expect(reply.text).toContain("<http://127.0.0.1:3210/slo|");
});

it("keeps for an hour what little was left an hour ago", async () => {
  const policy = await slos.api.policyOf("shop", clock.now());
  expect(policy).toMatchObject({
    level: "careful",
    slo: "shop-availability",
    left: expect.closeTo(0.57, 1),
    heldUntil: clock.now(),
    words: expect.stringMatching(
      /has 57 % of its budget left, but shop-availability had 30 % .* last 1h: steps of/,
    ),
  });
  const later = new Date(clock.now().getTime() + 60_000);
  expect(await slos.api.policyOf("shop", later)).toMatchObject({ heldUntil: undefined });
});

describe("the level of the policy", () => {
  const run = () => slos.feature.jobs?.find(({ name }) => name === "slos.levels")?.run("", { attempt: 1 });
  const told = async () => {
    const rows = await test.database.db
      .selectFrom("messages")
      .select(["channel", "wanted"])
      .where("key", "like", "slo-level:%")
      .orderBy("created_at")
      .execute();
    return rows.map(({ channel, wanted }) => `${channel} ${(wanted as Wanted).text}`);
  };

  it("is told to the service's channel when it changes, and once", async () => {
    await run();
    expect(await told()).toEqual([]);
    const usual = catalog.policies.errorBudget;
    catalog.policies.errorBudget = { ...usual, levels: [{ leftPercent: 60, action: "approval" }] };
    await Promise.all([run(), run()]);
    await run();
    expect(await told()).toEqual([
      expect.stringMatching(
        /^C0SHOPALERTS 🟠 shop: shop-availability has 57 % of its budget left: a change needs a lead's approval, .* Before: changes may go out\. <http/,
      ),
    ]);
    const audited = await test.database.db.selectFrom("audit").select("body").execute();
    expect(audited.filter(({ body }) => JSON.stringify(body).includes("slo.level"))).toHaveLength(1);
    catalog.policies.errorBudget = usual;
    // Better, but not for an hour yet.
    await run();
    expect(await told()).toHaveLength(1);
  });
});
