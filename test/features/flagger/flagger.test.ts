import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { createFlagger } from "../../../src/features/flagger/index.ts";
import type { PageRequest } from "../../../src/features/paging/index.ts";
import type { BudgetPolicy } from "../../../src/features/slos/index.ts";
import { createAuthz } from "../../../src/platform/authz.ts";
import { createDispatcher } from "../../../src/platform/dispatch.ts";
import type { HookRequest } from "../../../src/platform/feature.ts";
import { createHookAuth, createHookToken } from "../../../src/platform/hooktokens.ts";
import { hookHandler } from "../../../src/platform/http/hooks.ts";
import { createInbox } from "../../../src/platform/inbox.ts";
import type { Wanted } from "../../../src/platform/messages/say.ts";
import { type Actor, systemActor } from "../../../src/platform/people.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { Runner } from "../../../src/platform/rings/runner.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

const dev: Actor = { team: "T0LOCAL", person: "U0DEV", door: "slack" };
const lena: Actor = { team: "T0LOCAL", person: "U0LEAD", door: "slack" };
const fixture = JSON.parse(
  readFileSync("test/fixtures/payloads/flagger-rollout_hook_progressing.json", "utf8"),
) as Record<string, unknown>;

let test: TestDatabase;
let room: Awaited<ReturnType<typeof startFlagger>>;

/** The room behind the real door for webhooks, on a real database; how the service stands is the test's. */
async function startFlagger() {
  const { db, clock, database } = test;
  const log = keptLog();
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const catalog: Catalog = loaded.catalog;
  catalog.hookSources.push({ name: "flagger", kind: "flagger", team: "storefront" });
  const authz = createAuthz(
    () => catalog,
    async () => [],
  );
  const catalogs = { current: () => catalog, digest: () => loaded.digest };
  const platform = {
    log,
    clock,
    database,
    catalogs,
    authz,
    slackTeam: () => "T0LOCAL",
    publicUrl: "http://127.0.0.1:3210",
  } as unknown as Platform;
  const world = {
    level: "ship" as BudgetPolicy["level"],
    users: "well" as "well" | "hurting",
    frozen: undefined as string | undefined,
    events: [] as HookRequest[],
    pages: [] as PageRequest[],
    resolved: [] as string[],
  };
  const feature = createFlagger({
    platform,
    slos: {
      budgetOf: async (service, at) => ({ service, at, users: world.users, readings: [] }),
      policyOf: async (service, at) => ({
        service,
        at,
        level: world.level,
        state: "known",
        left: 0.5,
        slo: "shop-availability",
        heldUntil: undefined,
        words: `shop-availability asks for ${world.level}`,
        careful: { holdFactor: 2, stepMaxPercent: 25 },
      }),
    },
    paging: {
      page: async (_tx, request) => void world.pages.push(request),
      acknowledge: async () => ({ state: "not-open" }),
      resolve: async (_tx, key) => void world.resolved.push(key),
      standing: async () => undefined,
      onCall: async () => [],
      dutyOf: async () => undefined,
    },
    freezes: {
      stands: async (_db, { at }) =>
        world.frozen === undefined
          ? { frozen: false }
          : {
              frozen: true,
              freezes: [
                {
                  id: "F-1",
                  scope: "shop in production",
                  until: new Date(at.getTime() + 60_000),
                  reason: world.frozen,
                  by: "@lena",
                },
              ],
            },
    },
    tellEvent: async (request) => {
      world.events.push(request);
      return { status: 200 };
    },
  });
  const dispatcher = createDispatcher({
    database,
    clock,
    log,
    catalogs: catalogs as never,
    authz,
    commands: () => feature.commands ?? [],
  });
  const jobs = [...dispatcher.jobs, ...(feature.jobs ?? [])];
  const runner = new Runner({ db, clock, log, random: () => 0.5 }, jobs);
  const inbox = createInbox(database, clock);
  const handle = hookHandler({
    hooks: () => feature.hooks ?? [],
    authenticate: createHookAuth(db, () => clock.now()),
    clock,
    limits: { take: () => undefined },
  });
  const server = createServer((req, res) => {
    void Promise.resolve(handle(req, res, new URL(req.url ?? "/", "http://localhost"))).then((isTaken) => {
      if (!isTaken) res.writeHead(404).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const made = await createHookToken(database, systemActor, "flagger", "storefront");
  if (!made.ok) throw new Error(made.refusal.message);
  const { token } = made.value;
  let presses = 0;

  return {
    world,
    log,
    close: () => new Promise((resolve) => server.close(resolve)),
    async post(type: string, body: unknown, query = `?token=${token}`) {
      const answer = await fetch(`http://127.0.0.1:${port}/hooks/flagger${type}${query}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
      return { status: answer.status, ...((await answer.json()) as { message?: string }) };
    },
    async drain(): Promise<void> {
      for (let round = 0; round < 20; round += 1) {
        const due = await db
          .selectFrom("rings")
          .select(["id", "job"])
          .where("due_at", "<=", clock.now())
          .execute();
        const ours = due.filter(({ job }) => jobs.some(({ name }) => name === job));
        if (ours.length === 0) return;
        for (const { id } of ours) await runner.run(id);
      }
      throw new Error("what is due never ends");
    },
    async pass(seconds: number): Promise<void> {
      clock.advance(seconds * 1_000);
      await this.drain();
    },
    async type(actor: Actor, line: string): Promise<{ text: string; ok: boolean }> {
      presses += 1;
      const { id } = await inbox.receive({
        kind: "command",
        dedup: `press-${presses}`,
        team: actor.team,
        person: actor.person,
        payload: { line, door: "slack", channel: "C0OPS" },
      });
      await this.drain();
      const row = await db
        .selectFrom("inbox")
        .select("answer")
        .where("id", "=", id)
        .executeTakeFirstOrThrow();
      return row.answer as { text: string; ok: boolean };
    },
    async card(id: string): Promise<Wanted> {
      const row = await db
        .selectFrom("messages")
        .select("wanted")
        .where("key", "=", `flagger:${id}`)
        .executeTakeFirstOrThrow();
      return row.wanted as Wanted;
    },
    async audited(id: string): Promise<string[]> {
      const rows = await db
        .selectFrom("audit")
        .select("action")
        .where("subject", "=", id)
        .orderBy("seq")
        .execute();
      return rows.map(({ action }) => action);
    },
  };
}

beforeAll(async () => {
  test = await testDatabase();
  room = await startFlagger();
});
afterAll(async () => {
  await room.close();
  await test.close();
});

/** A canary of its own for each test; the sample's shop is meant by its metadata. */
const canary = (name: string) => ({
  ...fixture,
  name,
  metadata: { service: "shop", environment: "production", version: "v42" },
});
const told = (name: string, phase: string, eventMessage: string) => ({
  name,
  namespace: "test",
  phase,
  checksum: fixture.checksum,
  metadata: { eventMessage, eventType: "Normal", timestamp: String(test.clock.now().getTime()) },
});

describe("Flagger's webhooks", () => {
  it("are refused without a token, unreadable without their fields, and unknown without a type", async () => {
    expect((await room.post("/confirm-rollout", canary("a"), "")).status).toBe(401);
    expect(await room.post("/confirm-rollout", { name: "a", namespace: "test" })).toMatchObject({
      status: 400,
      message: expect.stringContaining("phase"),
    });
    expect((await room.post("/confirm-rollout", "{")).status).toBe(400);
    // No address answers 200 whatever is asked.
    expect((await room.post("", canary("a"))).status).toBe(401);
    expect((await room.post("/confirm", canary("a"))).status).toBe(401);
  });

  it("keep every gate and check closed for a canary of no known service", async () => {
    for (const type of ["confirm-rollout", "pre-rollout", "rollout", "confirm-promotion", "rollback"])
      expect(await room.post(`/${type}`, fixture)).toMatchObject({
        status: 403,
        message: 'no service is called "podinfo"',
      });
    expect((await room.post("/event", told("podinfo", "Progressing", "New revision detected!"))).status).toBe(
      200,
    );
  });

  it("take one canary from its closed gate to its promotion, on one card", async () => {
    const shop = canary("shop");
    expect(await room.post("/confirm-rollout", shop)).toMatchObject({ status: 403, canary: "R-1" });
    await room.drain();
    expect((await room.card("R-1")).text).toBe(
      "🟠 shop · Flagger canary R-1 → v42 · waits at confirm-rollout",
    );
    const blocks = JSON.stringify((await room.card("R-1")).blocks);
    expect(blocks).toContain("flagger open R-1 --gate confirm-rollout --seen 2");
    expect(blocks).not.toContain("flagger rollback R-1");
    expect((await room.type(dev, "flagger rollback R-1")).text).toContain("has not begun");
    expect(await room.type(dev, "flagger open shop numbers look right")).toMatchObject({ ok: true });
    expect((await room.card("R-1")).text).toContain("confirm-rollout is open");
    expect((await room.post("/confirm-rollout", shop)).status).toBe(200);
    expect((await room.post("/pre-rollout", shop)).status).toBe(200);
    expect((await room.post("/rollout", shop)).status).toBe(200);
    expect((await room.post("/rollback", shop)).status).toBe(403);
    expect(
      (await room.post("/event", told("shop", "Progressing", "Advance shop.test canary weight 10"))).status,
    ).toBe(200);
    expect((await room.card("R-1")).text).toBe("🔵 shop · Flagger canary R-1 → v42 · 10 % · progressing");
    // Another gate, another decision.
    expect((await room.post("/confirm-promotion", shop)).status).toBe(403);
    expect((await room.card("R-1")).text).toContain("10 % · waits at confirm-promotion");
    const opened = await room.type(dev, "flagger open R-1 30m");
    expect(opened.text).toMatch(/R-1: confirm-promotion is open until \d\d:\d\d:\d\d\./);
    expect((await room.post("/confirm-promotion", shop)).status).toBe(200);
    expect((await room.type(dev, "flagger close R-1")).ok).toBe(true);
    expect((await room.post("/confirm-promotion", shop)).status).toBe(403);
    await room.type(dev, "flagger open R-1 --gate confirm-promotion");
    expect((await room.post("/confirm-promotion", shop)).status).toBe(200);
    expect((await room.post("/post-rollout", { ...shop, phase: "Succeeded" })).status).toBe(200);
    expect((await room.card("R-1")).text).toBe("🟢 shop · Flagger canary R-1 → v42 · promoted");
    // What was decided opens nothing once it is over; a late event changes nothing.
    expect(
      (await room.post("/event", told("shop", "Promoting", "Routing all traffic to primary"))).status,
    ).toBe(200);
    expect((await room.card("R-1")).text).toContain("promoted");
    expect(await room.audited("R-1")).toEqual([
      "flagger.begun",
      "flagger.confirm-rollout-held",
      "flagger.gate-opened",
      "flagger.confirm-rollout-passed",
      "flagger.pre-rollout-passed",
      "flagger.rollout-passed",
      "flagger.rollback-held",
      "flagger.confirm-promotion-held",
      "flagger.gate-opened",
      "flagger.confirm-promotion-passed",
      "flagger.gates-closed",
      "flagger.confirm-promotion-held",
      "flagger.gate-opened",
      "flagger.confirm-promotion-passed",
      "flagger.promoted",
    ]);
    expect(room.world.events.length).toBeGreaterThan(2);
    // The same checksum again is another run, closed anew.
    test.clock.advance(60_000);
    expect(await room.post("/confirm-rollout", shop)).toMatchObject({ status: 403, canary: "R-2" });
    await room.post("/post-rollout", { ...shop, phase: "Failed" });
  });

  it("roll back once somebody decided to, never else, and wake a person when Flagger does not", async () => {
    const shop = canary("back");
    await room.post("/rollout", shop);
    await room.drain();
    expect((await room.post("/rollback", shop)).status).toBe(403);
    await room.type(dev, "flagger open R-3 --gate confirm-promotion");
    expect((await room.type(dev, "flagger rollback R-3 errors at checkout")).text).toContain(
      "Flagger takes it back at its next check",
    );
    expect((await room.card("R-3")).text).toBe(
      "🔴 shop · Flagger canary R-3 → v42 · going back: by <@U0DEV>: errors at checkout",
    );
    expect((await room.type(lena, "flagger open R-3 --gate confirm-promotion")).text).toContain(
      "Changed since you looked: @dev decided to roll R-3 back",
    );
    for (const type of ["confirm-promotion", "confirm-traffic-increase", "rollout"])
      expect(await room.post(`/${type}`, shop)).toMatchObject({
        status: 403,
        message: "it is being rolled back",
      });
    expect((await room.post("/rollback", shop)).status).toBe(200);
    await room.pass(100);
    expect(room.world.pages).toEqual([]);
    await room.pass(100);
    expect(room.world.pages[0]).toMatchObject({
      team: "storefront",
      subject: "R-3",
      headline: expect.stringContaining(
        "Flagger canary R-3 test/back: Flagger was told to roll back; its end was not heard",
      ),
    });
    // One page, so that one a person resolved at the pager stays resolved.
    await room.pass(25);
    await room.pass(25);
    expect(room.world.pages).toHaveLength(1);
    await room.post("/event", told("back", "Failed", "Canary failed! Scaling down back.test"));
    expect((await room.card("R-3")).text).toBe("⚫ shop · Flagger canary R-3 → v42 · taken back");
    expect(room.world.resolved).toEqual(["flagger:R-3:stuck"]);
    expect((await room.post("/rollback", shop)).status).toBe(403);
  });

  it("end the page of a canary that is not heard of any more, and say where Flagger never asks", async () => {
    const run = ((await room.post("/rollout", canary("silent"))) as { canary?: string }).canary ?? "";
    await room.drain();
    const before = room.world.pages.length;
    await room.type(dev, `flagger rollback ${run} errors`);
    await room.pass(200);
    expect(room.world.pages[before]?.headline).toContain(
      `Flagger canary ${run} test/silent is not rolled back: its canary has no webhook of type rollback`,
    );
    await room.pass(24 * 3_600);
    expect((await room.card(run)).text).toContain("not heard of any more");
    expect(room.world.resolved.filter((key) => key === `flagger:${run}:stuck`)).toHaveLength(1);
    expect(room.world.pages).toHaveLength(before + 1);
  });

  it("hold at the gates while users hurt, and fail no check for it; an open gate ends by itself", async () => {
    const shop = canary("burn");
    const run = ((await room.post("/confirm-traffic-increase", shop)) as { canary?: string }).canary ?? "";
    await room.drain();
    await room.type(dev, `flagger open ${run}`);
    expect((await room.post("/confirm-traffic-increase", shop)).status).toBe(200);
    room.world.users = "hurting";
    await room.pass(25);
    expect(await room.post("/confirm-traffic-increase", shop)).toMatchObject({
      status: 403,
      message: "users of the service are hurting",
    });
    expect((await room.card(run)).text).toContain(
      "waits at confirm-traffic-increase, held: users of the service are hurting",
    );
    expect((await room.post("/rollout", shop)).status).toBe(200);
    room.world.users = "well";
    await room.pass(25);
    expect((await room.post("/confirm-traffic-increase", shop)).status).toBe(200);
    await room.pass(15 * 60);
    expect((await room.post("/confirm-traffic-increase", shop)).status).toBe(403);
    // A worker that is gone leaves no gate open on what it read long ago.
    await room.type(dev, `flagger open ${run} --gate confirm-traffic-increase`);
    test.clock.advance(130_000);
    expect(await room.post("/confirm-traffic-increase", shop)).toMatchObject({
      status: 403,
      message: "how the service stands is not known now",
    });
    // A late word of an older revision takes nothing over; a newer revision does.
    await room.post("/event", { ...told("burn", "Progressing", "Advance burn.test"), checksum: "66bb" });
    expect((await room.card(run)).text).not.toContain("replaced");
    const newer = (await room.post("/confirm-traffic-increase", { ...shop, checksum: "77aa" })) as {
      canary?: string;
    };
    expect(newer.canary).not.toBe(run);
    expect((await room.card(run)).text).toContain("replaced by a newer revision");
    await room.post("/post-rollout", { ...shop, checksum: "77aa", phase: "Failed" });
  });

  it("ask a lead where little budget is left, and nobody opens a start in a freeze", async () => {
    const shop = canary("small");
    const run = ((await room.post("/confirm-rollout", shop)) as { canary?: string }).canary ?? "";
    room.world.level = "approval";
    await room.drain();
    const refused = await room.type(dev, `flagger open ${run}`);
    expect(refused).toMatchObject({ ok: false, text: expect.stringContaining("asks for approval") });
    expect((await room.type(lena, `flagger open ${run}`)).ok).toBe(true);
    expect((await room.post("/confirm-rollout", shop)).status).toBe(200);
    room.world.level = "ship";
    room.world.frozen = "holidays";
    await room.pass(25);
    expect(await room.post("/confirm-rollout", shop)).toMatchObject({
      status: 403,
      message: expect.stringMatching(/^F-1 freezes shop in production until .* UTC: holidays$/),
    });
    expect((await room.type(lena, `flagger open ${run}`)).text).toContain("UTC: holidays");
    expect((await room.type(lena, `flagger open ${run} 9h`)).ok).toBe(false);
    room.world.frozen = undefined;
    expect((await room.type(lena, `flagger open ${run} 9h`)).text).toContain("open for 4h at most");
    expect((await room.type(dev, `flagger open ${run} --seen 1`)).text).toContain("Changed since you looked");
  });

  it("answer a poll that changes nothing with one read", async () => {
    const shop = canary("poll");
    await room.post("/confirm-rollout", shop);
    await room.drain();
    await room.post("/confirm-rollout", shop);
    const version = async () =>
      (
        await test.db
          .selectFrom("messages")
          .select("wanted_version")
          .where("key", "like", "flagger:%")
          .execute()
      )
        .map(({ wanted_version: one }) => one)
        .join();
    const before = await version();
    for (let poll = 0; poll < 5; poll += 1)
      expect((await room.post("/confirm-rollout", shop)).status).toBe(403);
    expect(await version()).toBe(before);
  });
});
