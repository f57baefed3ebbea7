import { describe, expect, it } from "vitest";
import { readPost } from "../../../src/features/deploys/posts.ts";
import { dev, startRoom, type TestRoom } from "../rollouts/harness.ts";

const known = {
  names: ["shop", "payments"],
  environmentsOf: (name: string) =>
    name === "shop" ? ["production"] : name === "payments" ? ["production", "staging"] : undefined,
};
const now = new Date("2026-03-02T10:00:00Z");

function post(room: TestRoom, body: unknown) {
  const hook = room.features.flatMap(({ hooks = [] }) => hooks).find(({ source }) => source === "deploys");
  if (!hook) throw new Error("no hook");
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return hook.handle({
    source: "deploys",
    team: "storefront",
    tokenId: "tok_1",
    headers: {},
    body: Buffer.from(text),
    receivedAt: room.clock.now(),
  });
}

describe("readPost", () => {
  it("reads one deploy or a list, in the default environment unless named", () => {
    const one = { service: "payments", version: "v9", by: "ci" };
    expect(readPost(JSON.stringify(one), known, now).deploys).toMatchObject([
      { environment: "production", version: "v9" },
    ]);
    const list = readPost(
      JSON.stringify([one, { ...one, environment: "staging", at: "2026-03-02T09:00:00+01:00" }]),
      known,
      now,
    );
    expect(list.deploys.map(({ environment }) => environment)).toEqual(["production", "staging"]);
    expect(list.deploys[1]?.at).toEqual(new Date("2026-03-02T08:00:00Z"));
  });

  it.each([
    ["{", "body"],
    ["[]", "body"],
    ['{"service":"shop","by":"ci"}', "version"],
    ['{"service":"shp","version":"v1","by":"ci"}', "service"],
    ['{"service":"shop","version":"v1","by":"ci","environment":"staging"}', "environment"],
    ['{"service":"shop","version":"v1","by":"ci","kind":"build"}', "kind"],
    ['{"service":"shop","version":"v1","by":"ci","url":"javascript:alert(1)"}', "url"],
    ['{"service":"shop","version":"v1","by":"ci","at":"yesterday"}', "at"],
    ['{"service":"shop","version":"v1","by":"ci","at":"2026-03-02T10:05:01Z"}', "at"],
    ['{"service":"shop","version":"v1","by":"ci","migration":{"note":"drops it"}}', "migration.id"],
    ['{"service":"shop","version":"x=1","by":"ci","kind":"config","migration":{"id":"0117"}}', "migration"],
    ['[{"service":"shop","version":"v1","by":"ci"},{"service":"shop"}]', "[1].version"],
  ])("names the field of what it cannot read: %s", (body, field) => {
    expect(readPost(body, known, now).problems.map((problem) => problem.field)).toEqual([field]);
  });

  it("takes a time as far ahead as clocks may differ", () => {
    const body = JSON.stringify({ service: "shop", version: "v1", by: "ci", at: "2026-03-02T10:05:00Z" });
    expect(readPost(body, known, now).problems).toEqual([]);
  });
});

describe("POST /hooks/deploys", () => {
  it("records each deploy once, however often it is delivered, and again when the version comes back", async () => {
    const room = await startRoom();
    const v7 = { service: "payments", version: "v7", by: "ci" };
    expect(await post(room, v7)).toEqual({ status: 200, body: { ok: true, deploys: ["D-1"] } });
    expect(await post(room, v7)).toEqual({ status: 200, body: { ok: true, deploys: ["D-1"] } });
    room.clock.advance(60_000);
    await post(room, { ...v7, version: "v8", reference: "build-8" });
    room.clock.advance(60_000);
    expect(await post(room, v7)).toMatchObject({ body: { deploys: ["D-3"] } });
    const found = await room.deploys.recent("payments", { since: new Date(0), limit: 10 });
    expect(found.map(({ version, previous }) => [version, previous])).toEqual([
      ["v7", "v8"],
      ["v8", "v7"],
      ["v7", undefined],
    ]);
  });

  it("is one deploy when ten deliveries come at once", async () => {
    const room = await startRoom();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => post(room, { service: "payments", version: "v7", by: "ci" })),
    );
    expect(new Set(answers.map(({ body }) => JSON.stringify(body?.deploys))).size).toBe(1);
    expect(await room.deploys.recent("payments", { since: new Date(0), limit: 10 })).toHaveLength(1);
  });

  it("takes what can be read of a batch, keeps the rest as it came and names its field to the sender and the team", async () => {
    const room = await startRoom();
    const answer = await post(room, [
      { service: "payments", version: "v7", by: "ci" },
      { service: "payments", version: "v8", by: "<!channel>", url: "no address" },
    ]);
    expect(answer).toMatchObject({ status: 400, body: { field: "[1].url", deploys: ["D-1"] } });
    const said = await room.said("deploy-post:deploys:storefront");
    expect(said.text).toContain("[1].url");
    expect(said.text).not.toContain("<!channel>");
    const rows = (await room.db
      .selectFrom("deploy_posts" as never)
      .selectAll()
      .execute()) as { body: string; problem: string }[];
    expect(rows).toHaveLength(1);
    expect(JSON.parse(rows[0]?.body ?? "")).toMatchObject({ version: "v8" });
  });
});

describe("deploys", () => {
  it("keeps settings and flags beside versions: among recent changes, never the version that runs", async () => {
    const room = await startRoom();
    const base = { service: "payments", by: "ci", reference: "run-7" };
    await post(room, { ...base, version: "v7" });
    room.clock.advance(60_000);
    await post(room, { ...base, version: "pool=<50>", kind: "config" });
    // The same words and reference as the version's are a change of their own.
    await post(room, { ...base, version: "v7", kind: "flag" });
    await post(room, { ...base, version: "v7", kind: "flag" });
    room.clock.advance(60_000);
    await post(room, { service: "payments", version: "v8", by: "ci" });
    await post(room, { service: "shop", version: "v42", by: "ci" });

    const since = new Date(0);
    const changes = await room.deploys.recentChanges(["payments"], since);
    expect(changes.map(({ change, version, previous }) => [change, version, previous])).toEqual([
      ["deploy", "v8", "v7"],
      ["flag", "v7", undefined],
      ["config", "pool=<50>", undefined],
      ["deploy", "v7", undefined],
    ]);
    expect(await room.deploys.recentChanges(["payments", "shop"], since)).toHaveLength(5);
    expect(await room.deploys.recentChanges(["payments"], room.clock.now())).toHaveLength(1);
    expect(await room.deploys.recentChanges([], since)).toEqual([]);

    await room.database.tx(async (tx) => {
      for (const { id } of changes) await room.deploys.markOutcome(tx, id, "good");
    });
    const versions = ["v8", "v7"];
    const only = async (found: Promise<readonly { version: string }[]>) =>
      (await found).map(({ version }) => version);
    expect(await only(room.deploys.good("payments", "production"))).toEqual(versions);
    expect(await only(room.deploys.recent("payments", { since, limit: 9 }))).toEqual(versions);
    expect(await room.deploys.current("payments", "production")).toMatchObject({ version: "v8" });
    const { text } = await room.type(dev, "deploys payments");
    expect(text).toContain("config pool=&lt;50&gt; · ");
    expect(text).toContain("flag v7 · ");
  });

  it("know which data migrations ran since a version went out, each once, with what was told of it last", async () => {
    const room = await startRoom((catalog) => {
      const shop = catalog.services.find(({ name }) => name === "shop");
      const v43 = shop?.traffic?.[0]?.versions.find(({ name }) => name === "v43");
      if (v43) v43.migration = { id: "0118", reversal: "v42 ignores the new column" };
    });
    const send = async (version: string, more: object = {}) => {
      room.clock.advance(60_000);
      expect(await post(room, { service: "shop", version, by: "ci", ...more })).toMatchObject({
        status: 200,
      });
    };
    await send("v41", { migration: { id: "0116" } });
    await send("v42", { migration: { id: "0117", note: "drops orders.note" }, reference: "b42" });
    await send("v41");
    await send("v43");
    // Told again, with what was missing.
    await send("v42", {
      migration: { id: "0117", reversal: "restore from orders_note_0117" },
      reference: "b42",
    });
    const since = async (version: string) =>
      (await room.deploys.migrationsSince("shop", "production", version)).map(
        ({ id, version: by, note, reversal }) => [id, by, note, reversal],
      );
    const v43 = ["0118", "v43", undefined, "v42 ignores the new column"];
    expect(await since("v41")).toEqual([
      v43,
      ["0117", "v42", "drops orders.note", "restore from orders_note_0117"],
    ]);
    expect((await since("v42"))[0]).toEqual(v43);
    expect(await since("v43")).toEqual([]);
    expect(await since("v9")).toEqual([]);
    expect(await room.deploys.migrationOf("shop", "v42")).toMatchObject({
      id: "0117",
      note: "drops orders.note",
    });
    expect(await room.deploys.migrationOf("shop", "v44")).toBeUndefined();
    expect(await room.audited("D-2")).toEqual(["deploy.recorded", "deploy.migration-told"]);
  });

  it("knows the version a service began with as good", async () => {
    const room = await startRoom();
    await Promise.all(
      [1, 2, 3].map(() =>
        room.database.tx((tx) => room.deploys.seed(tx, { service: "shop", environment: "production" })),
      ),
    );
    const found = await room.deploys.recent("shop", { since: new Date(0), limit: 10 });
    expect(found).toMatchObject([{ version: "v41", outcome: "good", source: "catalog" }]);
  });

  it("are one when the same is recorded by several at once", async () => {
    const room = await startRoom();
    const deploy = {
      service: "shop",
      environment: "production",
      version: "v42",
      by: "ci",
      source: "x",
      reference: "b1",
    };
    const record = () => room.database.tx((tx) => room.deploys.record(tx, { ...deploy, at: tx.now }));
    const recorded = await Promise.all(Array.from({ length: 10 }, record));
    expect(new Set(recorded.map(({ id }) => id)).size).toBe(1);
  });

  it("does not offer a version as good whose newest verdict is bad", async () => {
    const room = await startRoom();
    const base = { service: "shop", environment: "production", by: "ci", source: "deploys" };
    const ids = await room.database.tx(async (tx) => {
      const made = [];
      for (const [index, version] of ["v41", "v42", "v42"].entries())
        made.push(
          await room.deploys.record(tx, {
            ...base,
            version,
            reference: `b${index}`,
            at: new Date(tx.now.getTime() + index),
          }),
        );
      return made.map(({ id }) => id);
    });
    const judge = async (index: number, outcome: "good" | "bad") => {
      room.clock.advance(1_000);
      await room.database.tx((tx) =>
        room.deploys.markOutcome(tx, ids[index] as (typeof ids)[number], outcome),
      );
    };
    await judge(0, "good");
    await judge(1, "good");
    expect(await room.deploys.lastGood("shop", "production", "v99")).toMatchObject({ version: "v42" });
    await judge(2, "bad");
    expect(await room.deploys.lastGood("shop", "production", "v99")).toMatchObject({ version: "v41" });
    expect(await room.deploys.current("shop", "production")).toMatchObject({ id: ids[1] });
  });

  it("lists who brought what and how it turned out, with words from outside as text", async () => {
    const room = await startRoom();
    await post(room, { service: "payments", version: "v7", by: "<!channel> *ci*" });
    const { text } = await room.type(dev, "deploys payments");
    expect(text).toContain("v7 · ");
    expect(text).toContain("not judged yet");
    expect(text).not.toContain("<!channel>");
    room.clock.advance(8 * 86_400_000);
    expect((await room.type(dev, "deploys payments --since 1d")).text).toContain("Runs: v7");
  });
});
