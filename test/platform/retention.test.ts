import { afterAll, beforeAll, expect, it } from "vitest";
import { retentionParts } from "../../src/platform/retention.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { keptLog } from "../support/silent-log.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test.close());

const dayMs = 86_400_000;
const prune = async () => {
  const { jobs } = retentionParts({ db: test.db, clock: test.clock, log: keptLog(), features: () => [] });
  await jobs[0]?.run("schedule", { attempt: 1 });
};

it("takes away an answered inbox row after 30 days, and never one that is still open", async () => {
  const receivedAt = test.clock.now();
  const row = { kind: "command" as const, payload: "{}", team: "T", person: "U", received_at: receivedAt };
  await test.db
    .insertInto("inbox")
    .values([
      { ...row, id: "00000000-0000-4000-8000-000000000001", dedup: "answered", done_at: receivedAt },
      { ...row, id: "00000000-0000-4000-8000-000000000002", dedup: "open" },
    ])
    .execute();
  const left = async () =>
    (await test.db.selectFrom("inbox").select("dedup").orderBy("dedup").execute()).map(({ dedup }) => dedup);
  test.clock.set(new Date(receivedAt.getTime() + 30 * dayMs));
  await prune();
  expect(await left()).toEqual(["answered", "open"]);
  test.clock.advance(1);
  await prune();
  expect(await left()).toEqual(["open"]);
});

it("destroys a secret as soon as it is past its time", async () => {
  const createdAt = test.clock.now();
  const secret = { purpose: "test", created_at: createdAt };
  const later = new Date(createdAt.getTime() + 600_000);
  await test.db
    .insertInto("secrets")
    .values([
      { ...secret, id: "past", sealed: Buffer.from("x"), expires_at: createdAt },
      { ...secret, id: "valid", sealed: Buffer.from("x"), expires_at: later },
    ])
    .execute();
  test.clock.advance(1);
  await prune();
  expect((await test.db.selectFrom("secrets").select("id").execute()).map(({ id }) => id)).toEqual(["valid"]);
});
