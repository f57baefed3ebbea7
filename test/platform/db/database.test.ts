import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { allMigrations } from "../../../src/features/all.ts";
import { ChainVerifier } from "../../../src/platform/audit/chain.ts";
import { AlreadyDone } from "../../../src/platform/db/database.ts";
import { assertSchemaCurrent, migrate } from "../../../src/platform/db/migrate.ts";
import { createInbox } from "../../../src/platform/inbox.ts";
import { systemActor } from "../../../src/platform/people.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await testDatabase({ "thing.changed": [{ job: "other.follow", lane: "normal" }] });
});
afterAll(() => test.close());

const entry = (subject: string) => ({ actor: systemActor, action: "thing.changed", subject });

it("commits audit, rings and messages with the state, or none of them", async () => {
  await test.database.tx(async (tx) => {
    tx.audit(entry("kept"));
    tx.emit("thing.changed", "kept");
    tx.say({ key: "thing:kept", channel: "C1", text: "kept" });
  });
  await expect(
    test.database.tx(async (tx) => {
      tx.audit(entry("lost"));
      tx.emit("thing.changed", "lost");
      tx.say({ key: "thing:lost", channel: "C1", text: "lost" });
      throw new Error("the use case failed");
    }),
  ).rejects.toThrow("the use case failed");
  expect((await test.db.selectFrom("audit").select("subject").execute()).map((row) => row.subject)).toEqual([
    "kept",
  ]);
  expect(
    (await test.db.selectFrom("rings").select(["job", "ref"]).orderBy("job").execute()).map(
      (row) => `${row.job} ${row.ref}`,
    ),
  ).toEqual(["messages.project thing:kept", "other.follow kept"]);
  expect((await test.db.selectFrom("messages").select("key").execute()).map((row) => row.key)).toEqual([
    "thing:kept",
  ]);
});

it("keeps one unbroken chain under sixteen writers at once", async () => {
  await Promise.all(
    Array.from({ length: 16 }, (_, writer) =>
      Promise.all(
        Array.from({ length: 5 }, (_, turn) =>
          test.database.tx(async (tx) => tx.audit(entry(`w${writer}-${turn}`))),
        ),
      ),
    ),
  );
  const rows = await test.db.selectFrom("audit").select(["seq", "body", "hash"]).orderBy("seq").execute();
  expect(rows.length).toBeGreaterThanOrEqual(80);
  const verifier = new ChainVerifier();
  for (const row of rows)
    expect(verifier.take({ seq: Number(row.seq), body: row.body, hash: row.hash })).toBeUndefined();
  const head = await test.db.selectFrom("audit_head").select(["seq", "hash"]).executeTakeFirstOrThrow();
  expect(verifier.finish({ seq: Number(head.seq), hash: head.hash })).toBeUndefined();
});

it.each([
  ["update", "update audit set action = 'x'"],
  ["delete", "delete from audit"],
  ["truncate", "truncate audit"],
  ["disable the trigger", "alter table audit disable trigger all"],
])("does not let the app role %s the audit", async (_what, statement) => {
  await expect(sql.raw(statement).execute(test.db)).rejects.toMatchObject({ code: "42501" });
});

it("says the same thing twice without a second version, and a new thing on the same message", async () => {
  const say = (text: string) =>
    test.database.tx(async (tx) => tx.say({ key: "card:1", channel: "C1", text }));
  const version = async () =>
    (
      await test.db
        .selectFrom("messages")
        .select("wanted_version")
        .where("key", "=", "card:1")
        .executeTakeFirstOrThrow()
    ).wanted_version;
  await say("one");
  await say("one");
  expect(await version()).toBe(1);
  await say("two");
  expect(await version()).toBe(2);
});

it("lets an inbox row take effect once", async () => {
  const inbox = createInbox(test.database, test.clock);
  const row = {
    kind: "command" as const,
    dedup: "d1",
    team: "T0LOCAL",
    person: "U0DEV",
    payload: { line: "help", door: "slack" as const, channel: "C1" },
  };
  const [first, repeated] = await Promise.all([inbox.receive(row), inbox.receive(row)]);
  expect(first.id).toBe(repeated.id);
  expect([first.isNew, repeated.isNew].filter(Boolean)).toHaveLength(1);
  await test.database.tx(async () => undefined, { inboxId: first.id });
  await expect(
    test.database.tx(async (tx) => tx.audit(entry("doubled")), { inboxId: first.id }),
  ).rejects.toBeInstanceOf(AlreadyDone);
  expect(await test.db.selectFrom("audit").select("seq").where("subject", "=", "doubled").execute()).toEqual(
    [],
  );
});

it("migrates again after the queue made sequences of its own as the app role", async () => {
  await sql`create sequence bullmq.bullmq_jid_made_by_the_app`.execute(test.db);
  expect(await migrate(test.fresh.ownerUrl, allMigrations())).toEqual([]);
});

it("refuses a schema that lacks a migration, naming it", async () => {
  await expect(
    assertSchemaCurrent(test.db as never, { "2099-01-01T0000-later": { up: async () => undefined } }),
  ).rejects.toMatchObject({
    code: "schema_older",
    message: expect.stringContaining("2099-01-01T0000-later"),
  });
});
