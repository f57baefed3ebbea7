import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FaultKind } from "../../../src/platform/audit/chain.ts";
import { sealHash, sealText, signSeal } from "../../../src/platform/audit/seal.ts";
import { sealsFrom } from "../../../src/platform/audit/seals.ts";
import { type AuditWorld, auditWorld } from "./world.ts";

let world: AuditWorld;
const kept = ["audit_chained", "audit_head", "audit_seals", "audit_pending"];

beforeAll(async () => {
  world = await auditWorld();
  // Seals 1 to 3 end with entries 20, 40 and 60; seal 4 is a sign of life; 61 to 65 have none.
  for (let seal = 0; seal < 3; seal += 1) {
    await world.add(20);
    await world.keeper.turn();
    world.test.clock.advance(60_000);
  }
  world.test.clock.advance(600_000);
  await world.keeper.turn();
  await world.add(5);
  await world.dba.query(`
    create function rechain() returns void language plpgsql as $f$
    declare entry record; last bytea := decode(repeat('00', 32), 'hex');
    begin
      for entry in select seq, body from audit_chained order by seq loop
        last := sha256(last || convert_to(entry.body, 'UTF8'));
        update audit_chained set hash = last where seq = entry.seq;
      end loop;
      update audit_head set hash = last, seq = coalesce((select max(seq) from audit_chained), 0);
    end $f$;
    create function renumber(by_how_much integer, above integer) returns void language sql as $f$
      update audit_chained set seq = -seq where seq > above;
      update audit_chained set seq = -seq + by_how_much,
        body = replace(body, '"seq":' || -seq || ',', '"seq":' || -seq + by_how_much || ',') where seq < 0;
    $f$;`);
  for (const table of kept) await world.dba.query(`create table kept_${table} as select * from ${table}`);
});
afterAll(() => world.close());

/** Does something to the database, looks, and takes it back. */
async function tampered(
  statement: string | (() => Promise<void>),
  options?: Parameters<AuditWorld["verify"]>[0],
) {
  try {
    if (typeof statement === "string") await world.dba.query(statement);
    else await statement();
    return await world.verify(options);
  } finally {
    for (const table of kept.filter((name) => name !== "audit_pending"))
      await world.dba.query(`delete from ${table}; insert into ${table} select * from kept_${table}`);
  }
}

/** What somebody can do who owns the database, and has neither the key nor the archive. */
async function resealByAnotherKey(): Promise<void> {
  const forger = generateKeyPairSync("ed25519").privateKey;
  await world.dba.query(
    "update audit_chained set body = replace(body, 'S-30\"', 'S-31\"'), subject = 'S-31' where seq = 30; select rechain()",
  );
  let previous: string | undefined;
  for (const { seal } of await sealsFrom(world.test.db, 1, 10)) {
    const { signature: _, keyId: __, ...unsigned } = seal;
    const text = sealText(signSeal({ ...unsigned, previous: previous ?? seal.previous }, forger));
    previous = sealHash(text);
    await world.dba.query("update audit_seals set body = $1 where number = $2", [text, seal.number]);
  }
}

const rewritten = `update audit_chained set body = replace(body, '"subject":"S-30"', '"subject":"S-99"'), subject = 'S-99' where seq = 30; select rechain()`;
const reordered = `
  update audit_chained a set body = replace(b.body, '"seq":' || b.seq || ',', '"seq":' || a.seq || ','), subject = b.subject, service = b.service
  from audit_chained b where (a.seq, b.seq) in ((10, 12), (12, 10)); select rechain()`;
const inserted = `select renumber(1, 24); insert into audit_chained
  select 25, at, team, person, action, subject, service, replace(body, '"seq":24,', '"seq":25,'), hash from audit_chained where seq = 24;
  select rechain()`;
const deleted = "delete from audit_chained where seq = 25; select renumber(-1, 25); select rechain()";
const older =
  "delete from audit_chained where seq > 40; delete from audit_seals where number > 2; update audit_head set seq = 40, hash = (select hash from audit_chained where seq = 40)";

const wentOn = `${older}; insert into audit_chained
  select 41, at, team, person, action, subject, service, replace(body, '"seq":40,', '"seq":41,'), hash from audit_chained where seq = 40;
  select rechain()`;

describe("34. Audit row edited, tail cut, DB rolled back", () => {
  it("finds an untouched audit whole, with and without the archive", async () => {
    expect(await world.verify()).toMatchObject({
      ok: true,
      entries: 65,
      sealed: 60,
      from: 1,
      waiting: 0,
      notes: [],
    });
    expect(await world.verify({ archive: undefined })).toMatchObject({ ok: true, entries: 65, sealed: 60 });
  });

  it("begins behind the last seal before an entry that is named", async () => {
    expect(await world.verify({ archive: world.archive, from: 41 })).toMatchObject({
      ok: true,
      from: 41,
      entries: 25,
    });
    expect(await world.verify({ archive: world.archive, from: 35 })).toMatchObject({
      ok: true,
      from: 21,
      entries: 45,
    });
  });

  it.each<[string, string | (() => Promise<void>), number, FaultKind]>([
    [
      "an entry that was edited",
      "update audit_chained set body = replace(body, 'done', 'undo') where seq = 30",
      30,
      "hash",
    ],
    [
      "a column that says something else",
      "update audit_chained set person = 'U0EVIL' where seq = 30",
      30,
      "columns",
    ],
    ["an entry that is missing", "delete from audit_chained where seq = 17", 17, "gap"],
    ["the first entries missing", "delete from audit_chained where seq <= 20", 1, "gap"],
    ["an entry edited, the whole chain made anew", rewritten, 30, "archive"],
    ["two entries in each other's place, the chain made anew", reordered, 10, "archive"],
    ["an entry put between, the chain made anew", inserted, 25, "archive"],
    ["an entry taken out, the chain made anew", deleted, 25, "archive"],
    ["everything signed again by another key", resealByAnotherKey, 1, "seal"],
    ["a tail that was cut", "delete from audit_chained where seq > 62", 63, "tail"],
    [
      "a tail that was cut, sealed entries too",
      "delete from audit_chained where seq > 50; select rechain()",
      51,
      "tail",
    ],
    [
      "a tail cut with its seals",
      "delete from audit_chained where seq > 50; delete from audit_seals where number > 2; select rechain()",
      51,
      "restored",
    ],
    ["a database restored to an older state", older, 41, "restored"],
    ["an older state that went on", wentOn, 41, "restored"],
    ["no seal at all any more", "delete from audit_seals", 1, "restored"],
    [
      "a seal that was rewritten",
      "update audit_seals set body = replace(body, '\"count\":20', '\"count\":2x')",
      1,
      "seal",
    ],
    ["a seal that is missing", "delete from audit_seals where number = 2", 21, "seal"],
    ["a head that was changed", "update audit_head set seq = 66", 66, "tail"],
    [
      "everything gone",
      "delete from audit_chained; delete from audit_seals; select rechain()",
      1,
      "restored",
    ],
  ])("names %s", async (_what, statement, seq, fault) => {
    expect(await tampered(statement)).toMatchObject({ ok: false, fault: { seq, fault } });
  });

  it.each<[string, string | (() => Promise<void>), number, FaultKind]>([
    ["the range of an edited entry", rewritten, 21, "seal"],
    ["the first seal of another key", resealByAnotherKey, 1, "seal"],
    ["a cut tail by its seals", "delete from audit_chained where seq > 50; select rechain()", 51, "tail"],
  ])("names %s without the archive too", async (_what, statement, seq, fault) => {
    expect(await tampered(statement, { archive: undefined })).toMatchObject({
      ok: false,
      fault: { seq, fault },
    });
  });

  it("notes a clock that went back, and goes on", async () => {
    const report = await tampered(async () => {
      await world.dba.query(
        `update audit_chained set body = replace(body, '"at":"2026-03-02T10:13', '"at":"2026-03-01T10:13'), at = at - interval '1 day' where seq > 62; select rechain()`,
      );
    });
    expect(report.ok).toBe(true);
    expect(report.notes).toEqual([expect.stringMatching(/^Entry 63: the clock went back/)]);
  });
});
