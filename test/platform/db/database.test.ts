import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { allMigrations } from "../../../src/features/all.ts";
import { ChainVerifier, chainHash } from "../../../src/platform/audit/chain.ts";
import { chainPending } from "../../../src/platform/audit/chainer.ts";
import { canonicalJson } from "../../../src/platform/canonical.ts";
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
  await Promise.all([chainPending(test.db), chainPending(test.db)]);
  const rows = await test.db
    .selectFrom("audit_chained")
    .select(["seq", "body", "hash"])
    .orderBy("seq")
    .execute();
  expect(rows.length).toBeGreaterThanOrEqual(80);
  const verifier = new ChainVerifier();
  for (const row of rows)
    expect(verifier.take({ seq: Number(row.seq), body: row.body, hash: row.hash })).toBeUndefined();
  const head = await test.db.selectFrom("audit_head").select(["seq", "hash"]).executeTakeFirstOrThrow();
  expect(verifier.finish({ seq: Number(head.seq), hash: head.hash })).toBeUndefined();
});

it("shows an entry at once, in the words that it will be chained with", async () => {
  const shown = () =>
    test.db.selectFrom("audit").select(["seq", "body"]).where("subject", "=", "at once").execute();
  await chainPending(test.db);
  await test.database.tx(async (tx) =>
    tx.audit({
      ...entry("at once"),
      service: "shop",
      reason: 'said "seq":7,',
      detail: { seq: 9, to: [1], of: { seq: 1 } },
    }),
  );
  const before = await shown();
  expect(before).toHaveLength(1);
  expect(await chainPending(test.db)).toBe(1);
  expect(await shown()).toEqual(before);
  const body = before[0]?.body as string;
  expect(canonicalJson(JSON.parse(body))).toBe(body);
  expect(JSON.parse(body)).toMatchObject({
    seq: Number(before[0]?.seq),
    service: "shop",
    subject: "at once",
  });
});

it("takes what the release before this one appends", async () => {
  await chainPending(test.db);
  const head = () => test.db.selectFrom("audit_head").select(["seq", "hash"]).executeTakeFirstOrThrow();
  const { seq, hash } = await head();
  const next = String(Number(seq) + 1);
  const body = canonicalJson({ seq: Number(next), action: "thing.changed" });
  const row = { at: test.clock.now(), team: "-", person: "p", action: "thing.changed", subject: "older" };
  await test.db.transaction().execute(async (trx) => {
    await trx.selectFrom("audit_head").select("seq").forUpdate().executeTakeFirst();
    await trx
      .with("added", (db) =>
        db
          .insertInto("audit")
          .values({ ...row, seq: next, service: null, body, hash: chainHash(hash, body) })
          .returning("seq"),
      )
      .updateTable("audit_head")
      .set({ seq: next, hash: chainHash(hash, body) })
      .where("id", "=", 1)
      .execute();
  });
  expect(await head()).toMatchObject({ seq: next });
  expect(
    await test.db.selectFrom("audit_chained").select("seq").where("subject", "=", "older").execute(),
  ).toEqual([{ seq: next }]);
});

it.each([
  ["truncate the chain of", "truncate audit_chained"],
  ["update the chain of", "update audit_chained set action = 'x'"],
  ["update a part of", "update audit_part_1 set action = 'x'"],
  ["delete from the chain of", "delete from audit_chained"],
  ["insert into the chain of", "insert into audit_chained select * from audit_chained limit 1"],
  ["update what waits in", "update audit_pending set action = 'x'"],
  ["delete what waits in", "delete from audit_pending"],
  ["take a seal from", "delete from audit_seals"],
  ["rewrite a seal of", "update audit_seals set body = ''"],
  ["disable the trigger of", "alter table audit_chained disable trigger all"],
])("does not let the app role %s the audit", async (_what, statement) => {
  await expect(sql.raw(statement).execute(test.db)).rejects.toMatchObject({ code: "42501" });
});

it("does not let the app role take back that the archive has a seal, and with it the entries", async () => {
  const seal = {
    number: "1",
    seq: "1",
    count: 1,
    at: test.clock.now(),
    body: "{}",
    archived_at: test.clock.now(),
  };
  await test.db.insertInto("audit_seals").values(seal).execute();
  for (const statement of ["update audit_seals set archived_at = null", "select audit_unchain(0, 0)"])
    await expect(sql.raw(statement).execute(test.db)).rejects.toMatchObject({ code: "42501" });
});

it("does not even let the owner change an entry while the triggers stand", async () => {
  const owner = new pg.Client({ connectionString: test.fresh.ownerUrl });
  await owner.connect();
  try {
    for (const statement of [
      "update audit_chained set action = 'x'",
      "delete from audit_part_1",
      "truncate audit_part_1",
      "truncate audit_chained",
    ])
      await expect(owner.query(statement)).rejects.toThrow("append-only");
  } finally {
    await owner.end();
  }
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
