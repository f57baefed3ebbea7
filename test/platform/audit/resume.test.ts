import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { loadCatalog } from "../../../src/catalog/load.ts";
import { resumptionLines } from "../../../src/cli/resume.ts";
import { sealName } from "../../../src/platform/audit/archive.ts";
import { chainPending } from "../../../src/platform/audit/chainer.ts";
import { createHeld } from "../../../src/platform/audit/held.ts";
import { type Resumption, resumeAfterRestore } from "../../../src/platform/audit/resume.ts";
import { defineCommand } from "../../../src/platform/commands/spec.ts";
import { createDispatcher } from "../../../src/platform/dispatch.ts";
import type { Command } from "../../../src/platform/feature.ts";
import { systemActor } from "../../../src/platform/people.ts";
import { nextPublicId } from "../../../src/platform/publicids.ts";
import { allow } from "../../../src/platform/refusal.ts";
import { type Job, Runner } from "../../../src/platform/rings/runner.ts";
import { keptLog } from "../../support/silent-log.ts";
import { type AuditWorld, auditWorld } from "./world.ts";

const tables = ["audit_chained", "audit_head", "audit_log", "audit_pending", "audit_seals", "public_ids"];
let world: AuditWorld;
beforeAll(async () => {
  world = await auditWorld();
  await world.add(10);
  await world.keeper.turn();
  // When the copy is made, three entries are chained and not sealed, and two are not chained.
  await world.add(3);
  await write("kept.before", "G-7", "R-2");
  for (const table of tables) await world.dba.query(`create table copy_${table} as select * from ${table}`);
  await chainPending(world.test.db);
  world.test.clock.advance(60_000);
  await world.keeper.turn();
  await write("access.approved", "G-8", "G-9");
  await write("access.active", "G-8");
  await write("rollout.started", "R-3");
  await chainPending(world.test.db);
  world.test.clock.advance(60_000);
  await world.keeper.turn();
  for (const table of tables)
    await world.dba.query(`delete from ${table};
      insert into ${table} ${table === "audit_pending" ? "overriding system value" : ""} select * from copy_${table}`);
});
afterAll(() => world.close());

const write = (action: string, ...subjects: string[]) =>
  world.test.database.tx(async (tx) => {
    for (const subject of subjects) tx.audit({ actor: systemActor, action, subject });
  });
const held = () => createHeld(world.test.db, () => world.test.clock.now().getTime()).why();
const resume = (isDryRun: boolean) =>
  resumeAfterRestore({
    database: world.test.database,
    archive: world.archive,
    keys: world.keys,
    actor: systemActor,
    now: world.test.clock.now(),
    isDryRun,
  });

describe("after a restore to an older state", () => {
  it("holds everything, chains nothing and seals nothing, because the archive knows more", async () => {
    expect(await held()).toBeUndefined();
    await world.keeper.start();
    expect(await held()).toMatch(/seals up to 3, this database up to 1: it was restored to an older state/);
    // Alerts go on: what they are called must not be what the archive has given out.
    expect(await world.test.database.tx((tx) => nextPublicId(tx.trx, "ticket"))).toBe("T-1001");
    await write("access.ended", "G-7");
    world.test.clock.advance(60_000);
    expect(await world.keeper.turn()).toEqual([]);
    expect(await chainPending(world.test.db)).toBe(0);
    expect(await world.verify()).toMatchObject({
      ok: false,
      waiting: 3,
      fault: { seq: 14, fault: "restored" },
    });
    const metric = world.keeper.metrics.find(({ name }) => name === "quarterdeck_audit_held");
    expect(await metric?.read()).toEqual([{ value: 1 }]);
  });

  it("refuses commands that begin something, and does those that end something", async () => {
    const loaded = await loadCatalog("config/sample", {});
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const command = (name: string, acts: boolean, whileHeld: boolean): Command => ({
      spec: defineCommand({
        name,
        args: z.object({}),
        role: "anyone",
        acts,
        whileHeld,
        summary: name,
        example: name,
      }),
      run: async () => allow({ text: name }),
    });
    const commands = [
      command("begin", true, false),
      command("finish", true, true),
      command("look", false, false),
    ];
    const dispatcher = createDispatcher({
      database: world.test.database,
      clock: world.test.clock,
      log: keptLog(),
      catalogs: { current: () => loaded.catalog } as never,
      authz: { authorise: async () => allow(undefined) } as never,
      commands: () => commands,
      heldWhy: held,
    });
    const actor = { team: "T0LOCAL", person: "U0LEAD", door: "slack" as const };
    const check = (line: string) => dispatcher.check(actor, line, world.test.clock.now());
    expect(await check("begin")).toMatchObject({
      ok: false,
      refusal: {
        rule: "held-after-restore",
        message: expect.stringContaining("restored to an older state"),
        hint: expect.stringContaining("quarterdeck resume --after-restore"),
      },
    });
    expect(await check("finish")).toMatchObject({ ok: true });
    expect(await check("look")).toMatchObject({ ok: true });
  });

  it("runs jobs that end something, and keeps the others for later", async () => {
    const ran: string[] = [];
    const job = (name: string, whileHeld: boolean): Job => ({
      name,
      about: name,
      lane: "normal",
      whileHeld,
      run: async () => void ran.push(name),
    });
    const { db, clock } = world.test;
    const runner = new Runner({ db, clock, log: keptLog(), random: () => 0.5, heldWhy: held }, [
      job("thing.end", true),
      job("thing.begin", false),
    ]);
    const due_at = clock.now();
    const created_at = due_at;
    const ids = [randomUUID(), randomUUID()] as const;
    await db
      .insertInto("rings")
      .values([
        { id: ids[0], job: "thing.begin", ref: "1", lane: "normal", due_at, created_at },
        { id: ids[1], job: "thing.end", ref: "1", lane: "normal", due_at, created_at },
      ])
      .execute();
    for (const id of ids) await runner.run(id);
    expect(ran).toEqual(["thing.end"]);
    expect(await db.selectFrom("rings").select(["job", "attempts"]).execute()).toEqual([
      { job: "thing.begin", attempts: 0 },
    ]);
  });

  it("lists what differs, and changes nothing when asked to list only", async () => {
    const listed = await resume(true);
    expect(listed).toMatchObject({
      ok: true,
      value: { entries: 6, from: 14, upTo: 19, seals: 2, writtenSince: 3 },
    });
    const lines = resumptionLines((listed as { value: Resumption }).value, true);
    expect(lines[0]).toBe("This database did not know 6 entries (14 to 19, 2 seals) that the archive has.");
    expect(lines).toContainEqual(expect.stringContaining("G-8  access.approved, access.active"));
    expect(lines).toContainEqual(expect.stringContaining("R-3  rollout.started"));
    expect(await held()).toBeDefined();
  });

  it("is refused by an archive whose seals are signed by nobody that is known", async () => {
    const { archive, test } = world;
    const refused = await resumeAfterRestore({
      database: test.database,
      archive,
      keys: new Map([["00", world.key]]),
      actor: systemActor,
      now: test.clock.now(),
      isDryRun: false,
    });
    expect(refused).toMatchObject({ ok: false, refusal: { rule: "archive-does-not-hold" } });
    expect(await held()).toBeDefined();
  });

  it("brings the entries back, once each, behind them what was written since, and goes on", async () => {
    expect(await resume(false)).toMatchObject({ ok: true });
    expect(await held()).toBeUndefined();
    await chainPending(world.test.db);
    world.test.clock.advance(60_000);
    expect(await world.keeper.turn()).toMatchObject([{ number: 4, seq: 21, count: 2 }]);
    expect(await world.verify()).toMatchObject({ ok: true, entries: 21, sealed: 21, notes: [] });
    const rows = await world.test.db
      .selectFrom("audit_chained")
      .select(["action", "subject"])
      .where("seq", ">", "13")
      .orderBy("seq")
      .execute();
    expect(rows.map(({ action, subject }) => `${action} ${subject}`)).toEqual([
      "kept.before G-7",
      "kept.before R-2",
      "access.approved G-8",
      "access.approved G-9",
      "access.active G-8",
      "rollout.started R-3",
      "access.ended G-7",
      "audit.resumed audit",
    ]);
    expect(await world.test.database.tx((tx) => nextPublicId(tx.trx, "grant"))).toBe("G-1001");
    expect(await resume(false)).toMatchObject({ ok: false, refusal: { rule: "nothing-to-resume" } });
  });
});

it("takes what was chained and sealed since a restore off again, when nobody had asked the archive", async () => {
  const forked = await auditWorld();
  try {
    await forked.add(4);
    await forked.keeper.turn();
    for (const table of tables)
      await forked.dba.query(`create table copy_${table} as select * from ${table}`);
    await forked.add(2);
    forked.test.clock.advance(60_000);
    await forked.keeper.turn();
    for (const table of tables)
      await forked.dba.query(`delete from ${table};
        insert into ${table} ${table === "audit_pending" ? "overriding system value" : ""} select * from copy_${table}`);
    await forked.add(3);
    forked.test.clock.advance(60_000);
    await forked.keeperFor(undefined).turn();
    // Its own seal 2 cannot be archived: another one stands there.
    expect(await forked.keeper.turn()).toEqual([]);
    expect(await createHeld(forked.test.db, () => 0).why()).toMatch(/is not the one of this database/);
    const { database, clock } = forked.test;
    const parts = { database, archive: forked.archive, keys: forked.keys, now: clock.now() };
    expect(await resumeAfterRestore({ ...parts, actor: systemActor, isDryRun: false })).toMatchObject({
      ok: true,
      value: { entries: 2, from: 5, upTo: 6, writtenSince: 3 },
    });
    await chainPending(forked.test.db);
    await forked.keeper.turn();
    expect(await forked.verify()).toMatchObject({ ok: true, entries: 10, sealed: 10 });
  } finally {
    await forked.close();
  }
});

it("follows an archive whose clock went back, and refuses one that lacks a seal in between", async () => {
  const back = await auditWorld();
  try {
    await back.add(2);
    await back.keeper.turn();
    for (const table of tables) await back.dba.query(`create table copy_${table} as select * from ${table}`);
    const restore = async () => {
      for (const table of tables)
        await back.dba.query(`delete from ${table};
          insert into ${table} ${table === "audit_pending" ? "overriding system value" : ""} select * from copy_${table}`);
    };
    await back.add(2);
    back.test.clock.advance(-60_000);
    await back.keeper.turn();
    await back.add(1);
    await back.keeper.turn();
    await restore();
    await back.keeper.start();
    const { database, clock } = back.test;
    const parts = { database, now: clock.now(), keys: back.keys, actor: systemActor, isDryRun: false };
    for (const missing of [2, 3]) {
      const get = (name: string) =>
        name === sealName(missing) ? Promise.resolve(undefined) : back.archive.get(name);
      const { place, put, list, close } = back.archive;
      expect(await resumeAfterRestore({ ...parts, archive: { place, put, list, close, get } })).toMatchObject(
        {
          ok: false,
          refusal: { rule: "archive-has-a-hole", message: expect.stringContaining(`not seal ${missing}`) },
        },
      );
    }
    expect(await resumeAfterRestore({ ...parts, archive: back.archive })).toMatchObject({
      ok: true,
      value: { entries: 3, seals: 2 },
    });
    await chainPending(back.test.db);
    await back.keeper.turn();
    expect(await back.verify()).toMatchObject({ ok: true, entries: 6 });
  } finally {
    await back.close();
  }
});
