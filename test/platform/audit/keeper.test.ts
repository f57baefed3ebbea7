import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Archive, ArchiveError, entriesName, sealName } from "../../../src/platform/audit/archive.ts";
import { compareWithArchive } from "../../../src/platform/audit/compare.ts";
import { createHeld } from "../../../src/platform/audit/held.ts";
import { keyIdOf, readSeal } from "../../../src/platform/audit/seal.ts";
import { bodiesOf, newestSeal, notArchived, sealOver } from "../../../src/platform/audit/seals.ts";
import { verifyAudit } from "../../../src/platform/audit/verify.ts";
import { systemActor } from "../../../src/platform/people.ts";
import { createDirectoryArchive } from "../../../src/providers/archive/directory.ts";
import { type AuditWorld, auditWorld } from "./world.ts";

let world: AuditWorld;
beforeAll(async () => {
  world = await auditWorld();
});
afterAll(() => world.close());

const minutes = (count: number) => world.test.clock.advance(count * 60_000);
const numbers = async () => (await world.keeper.turn()).map(({ number }) => number);

it("seals what was added, says nothing new at once, and gives a sign of life after ten minutes", async () => {
  await world.add(3);
  expect(await world.keeper.turn()).toMatchObject([{ number: 1, seq: 3, count: 3 }]);
  minutes(1);
  expect(await numbers()).toEqual([]);
  minutes(9);
  expect(await world.keeper.turn()).toMatchObject([{ number: 2, seq: 3, count: 0 }]);
  expect(await world.verify()).toMatchObject({ ok: true, entries: 3, sealed: 3 });
});

it("puts the entries and then their seal into the archive, and remembers that", async () => {
  const { seal, text, archivedAt } = (await sealOver(world.test.db, 2)) ?? {};
  expect(seal).toMatchObject({ number: 1 });
  expect(archivedAt).toBeInstanceOf(Date);
  expect((await world.archive.get(sealName(1)))?.toString()).toBe(text);
  const bodies = await bodiesOf(world.test.db, 1, 3);
  expect((await world.archive.get(entriesName(1)))?.toString()).toBe(`${bodies.join("\n")}\n`);
  expect(await sealOver(world.test.db, 4)).toBeUndefined();
});

it("goes on sealing while the archive is away, and brings it all once it is back", async () => {
  const away: Archive = {
    ...world.archive,
    list: world.archive.list,
    get: world.archive.get,
    place: "away",
    put: () => Promise.reject(new ArchiveError("unreachable", "away", "")),
  };
  const keeper = world.keeperFor(away);
  for (let turn = 0; turn < 2; turn += 1) {
    await world.add(2);
    await expect(keeper.turn()).rejects.toMatchObject({ code: "unreachable" });
    minutes(1);
  }
  expect(await notArchived(world.test.db)).toMatchObject({ seals: 2 });
  const lag = world.keeper.metrics.find(({ name }) => name === "quarterdeck_audit_archive_lag_seconds");
  expect(await lag?.read()).toEqual([{ value: 120 }]);
  await world.keeper.turn();
  expect(await notArchived(world.test.db)).toMatchObject({ seals: 0, since: null });
  expect(await world.verify()).toMatchObject({ ok: true, sealed: 7 });
});

it("chains in a worker that starts while the archive cannot be asked", async () => {
  const away = () => Promise.reject(new ArchiveError("unreachable", "away", ""));
  const keeper = world.keeperFor({ ...world.archive, place: "away", get: away });
  await keeper.start();
  await world.test.database.tx(async (tx) =>
    tx.audit({ actor: systemActor, action: "test.done", subject: "while away" }),
  );
  const chained = () =>
    world.test.db.selectFrom("audit_chained").select("seq").where("subject", "=", "while away").execute();
  await expect.poll(chained, { timeout: 10_000 }).toHaveLength(1);
  await keeper.stop();
  await world.keeper.turn();
});

it("is verified by old and new keys once the signing key was replaced", async () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  await world.add(1);
  await world.keeperFor(world.archive, privateKey).turn();
  expect(await world.verify()).toMatchObject({ ok: false, fault: { seq: 9, fault: "seal" } });
  const keys = new Map([...world.keys, [keyIdOf(privateKey), privateKey]]);
  const { db } = world.test;
  expect(await verifyAudit({ db, keys, archive: world.archive, now: world.test.clock.now() })).toMatchObject({
    ok: true,
  });
  // From here on by the first key again.
  await world.dba.query(
    "delete from audit_seals where seq = 9 and count = 1; update audit_seals set archived_at = archived_at",
  );
});

it("has two who seal at once take turns", async () => {
  const two = await auditWorld();
  try {
    await two.add(5);
    const sealed = await Promise.all([two.keeper.turn(), two.keeper.turn(), two.keeper.turn()]);
    expect(sealed.flat()).toMatchObject([{ number: 1, count: 5 }]);
    expect(readSeal((await newestSeal(two.test.db))?.text ?? "")).toMatchObject({ number: 1 });
  } finally {
    await two.close();
  }
});

it("lets a part leave when it is sealed, archived and old, says so, and still verifies", async () => {
  const old = await auditWorld();
  try {
    const gone = async () =>
      (
        await old.test.db
          .selectFrom("audit_parts")
          .select("number")
          .where("gone_at", "is not", null)
          .execute()
      ).length;
    await old.add(10);
    await old.keeper.turn();
    // Parts begin after a week; how old entries are, the database says by its own clock, which is months ahead of this one.
    await old.dba.query("update audit_parts set opened_at = timestamptz '2026-02-20'");
    await old.add(1);
    await old.keeperFor(undefined).turn();
    expect(await gone()).toBe(0);
    await old.dba.query("update audit_seals set archived_at = null where number = 2");
    await old.keeperFor(undefined).turn();
    expect(await gone()).toBe(0);
    await old.keeper.turn();
    expect(await gone()).toBe(1);
    await old.add(1);
    await old.keeper.turn();
    // Verifying goes by the times that the seals say.
    old.test.clock.advance(31 * 86_400_000);
    await old.keeper.turn();
    const report = await old.verify();
    expect(report).toMatchObject({ ok: true, from: 12, entries: 2, sealed: 13 });
    expect(
      await old.test.db
        .selectFrom("audit")
        .select("subject")
        .where("action", "=", "audit.part-left")
        .execute(),
    ).toEqual([{ subject: "part-1" }]);
    // Taken away by hand, the same way: nothing says that it left.
    await old.add(1);
    await old.dba.query("delete from audit_chained where seq <= 13");
    expect(await old.verify()).toMatchObject({ ok: false, fault: { seq: 1, fault: "gap" } });
  } finally {
    await old.close();
  }
});

it("names young entries that are gone, although an entry says that they left", async () => {
  const forged = await auditWorld();
  try {
    await forged.add(5);
    await forged.keeper.turn();
    forged.test.clock.advance(29 * 86_400_000);
    await forged.keeper.turn();
    await forged.dba.query("delete from audit_chained where seq <= 5");
    await forged.test.database.tx(async (tx) =>
      tx.audit({
        actor: systemActor,
        action: "audit.part-left",
        subject: "part-1",
        detail: { from: 1, upTo: 5 },
      }),
    );
    await forged.add(1);
    await forged.keeper.turn();
    expect(await forged.verify()).toMatchObject({
      ok: false,
      fault: {
        seq: 1,
        fault: "gap",
        detail: expect.stringMatching(/^entries 1 to 5 are gone, younger than any/),
      },
    });
    // Signs of life over the same entry do not make it younger.
    forged.test.clock.advance(2 * 86_400_000);
    await forged.keeper.turn();
    expect(await forged.verify()).toMatchObject({ ok: true });
    await forged.dba.query("delete from audit_seals where number = 1");
    expect(await forged.verify()).toMatchObject({ ok: false });
  } finally {
    await forged.close();
  }
});

it("keeps a part whose last seal is young, whatever times its entries say", async () => {
  const young = await auditWorld();
  try {
    await young.add(10);
    await young.keeper.turn();
    await young.dba.query(
      "update audit_parts set opened_at = timestamptz '2026-02-20'; update audit_seals set at = clock_timestamp() - interval '29 days'",
    );
    await young.keeper.turn();
    const gone = () => young.dba.query("select from audit_parts where gone_at is not null");
    expect((await gone()).rowCount).toBe(0);
    await young.dba.query("update audit_seals set at = clock_timestamp() - interval '31 days'");
    await young.keeper.turn();
    expect((await gone()).rowCount).toBe(1);
  } finally {
    await young.close();
  }
});

it("writes into no archive but its own: one that lost what it had waits, and so does another installation's", async () => {
  const [one, other] = [await auditWorld(), await auditWorld()];
  const dir = await mkdtemp(join(tmpdir(), "quarterdeck-test-"));
  try {
    await one.add(2);
    await one.keeper.turn();
    await other.add(3);
    await other.keeper.turn();
    await other.add(1);
    await other.keeper.turn();
    const why = () => createHeld(one.test.db, () => Math.random() * 1e12).why();
    // An empty mount point, and another installation's place: further than ours, and as far.
    const empty = createDirectoryArchive(dir);
    for (const wrong of [empty, other.archive]) {
      await one.add(1);
      one.test.clock.advance(60_000);
      expect(await one.keeperFor(wrong).turn()).toHaveLength(1);
      expect(await why()).toBeUndefined();
    }
    expect(await notArchived(one.test.db)).toMatchObject({ seals: 2 });
    const names = async (archive: Archive) => {
      const found: string[] = [];
      for await (const name of archive.list("")) found.push(name);
      return found;
    };
    expect(await names(empty)).toEqual([]);
    expect(await compareWithArchive(one.test.db, other.archive, one.test.clock.now())).toMatchObject({
      is: "foreign",
    });
    await one.keeper.turn();
    expect(await notArchived(one.test.db)).toMatchObject({ seals: 0 });
    // What an archive no longer has to keep is not lost.
    one.test.clock.advance(91 * 86_400_000);
    await one.keeperFor(empty).turn();
    expect(await notArchived(one.test.db)).toMatchObject({ seals: 0 });
    expect(await names(empty)).not.toEqual([]);
  } finally {
    await one.close();
    await other.close();
    await rm(dir, { recursive: true, force: true });
  }
});
