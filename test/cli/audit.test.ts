import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyAudit } from "../../src/cli/audit.ts";
import { chainPending } from "../../src/platform/audit/chainer.ts";
import { systemActor } from "../../src/platform/people.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

let world: TestDatabase;
let admin: pg.Client;
beforeAll(async () => {
  world = await testDatabase();
  admin = new pg.Client({ connectionString: world.fresh.adminUrl });
  await admin.connect();
  await admin.query("alter table audit_chained disable trigger all");
  for (let batch = 0; batch < 5; batch += 1)
    await world.database.tx(async (tx) => {
      for (let entry = 0; entry < 500; entry += 1)
        tx.audit({ actor: systemActor, action: "test.done", subject: `${batch}-${entry}` });
    });
  await chainPending(world.db);
});
afterAll(async () => {
  await admin.end();
  await world.close();
});

/** Does something to the audit that its rights forbid, looks, and takes it back. */
async function after(statement: string) {
  await admin.query("create table kept as select * from audit_chained");
  await admin.query("create table kept_head as select * from audit_head");
  try {
    await admin.query(statement);
    return await verifyAudit(world.db);
  } finally {
    await admin.query("delete from audit_chained");
    await admin.query("insert into audit_chained select * from kept");
    await admin.query("delete from audit_head");
    await admin.query("insert into audit_head select * from kept_head");
    await admin.query("drop table kept, kept_head");
  }
}

describe("audit verify", () => {
  it("finds an untouched chain whole, over several pages", async () => {
    expect(await verifyAudit(world.db)).toMatchObject({ ok: true, entries: 2_500 });
  });

  it.each([
    [
      "an entry that was rewritten",
      "update audit_chained set body = replace(body, 'test.done', 'test.dome') where seq = 2100",
      2_100,
    ],
    ["an entry that is missing", "delete from audit_chained where seq = 17", 17],
    ["a tail that was cut off", "delete from audit_chained where seq > 2490", 2_491],
    ["a head that was changed", "update audit_head set seq = 2501", 2_501],
    ["everything gone", "delete from audit_chained", 1],
  ])("names %s", async (_what, statement, seq) => {
    expect(await after(statement)).toMatchObject({ ok: false, fault: { seq } });
  });
});
