import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { claimGrant, revealSecret } from "../../../src/features/access/claim.ts";
import type { GrantId } from "../../../src/features/access/model.ts";
import { type ExternalObject, externalNameOf } from "../../../src/providers/accessors/contract.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import { anybody } from "../../providers/accessors/granted.ts";
import { Memberships } from "./memberships.ts";
import { type AccessRoom, dev, lena, startAccess } from "./rooms.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const minuteMs = 60_000;
let access: AccessRoom;
let team: Memberships;

beforeEach(async () => {
  team = new Memberships();
  access = await startAccess({ ordersUrl: "postgres://nobody@127.0.0.1:1/none", accessor: () => team });
});
afterEach(() => access.close());

const isMember = (): boolean => team.members.has("dev");
const stateOf = async (id: GrantId) => (await access.grantOf(id)).state;

/** Asked for, approved, claimed; a worker has not come yet. */
async function claimed(words: string): Promise<GrantId> {
  const id = await access.request(words);
  await access.ask(lena, `access approve ${id}`);
  expect((await claimGrant(access.room, id, dev)).ok).toBe(true);
  return id;
}
async function given(words: string): Promise<GrantId> {
  const id = await claimed(words);
  await access.work();
  expect((await stateOf(id)).is).toBe("active");
  return id;
}

it("23: a membership that two grants give stays until the last of them ends, in whichever order", async () => {
  for (const [firstTime, secondTime] of [
    ["15m", "25m"],
    ["25m", "15m"],
  ]) {
    const first = await given(`orders-db readonly ${firstTime} INC-42 look`);
    const second = await given(`orders-db readwrite ${secondTime} INC-42 fix`);
    access.clock.advance(15 * minuteMs);
    await access.work();
    const [short, long] = firstTime === "15m" ? [first, second] : [second, first];
    expect((await stateOf(short)).is).toBe("ended");
    expect(await access.said(`access:${short}`)).toContain(`${long} gives the same`);
    expect(isMember()).toBe(true);
    access.clock.advance(10 * minuteMs);
    await access.work();
    expect((await stateOf(long)).is).toBe("ended");
    expect(isMember()).toBe(false);
  }
});

it("23: what was there before the first of them is there after the last", async () => {
  team.members.add("dev");
  const first = await given("orders-db readonly 15m INC-42 look");
  await given("orders-db readwrite 25m INC-42 fix");
  await access.ask(dev, `access return ${first}`);
  access.clock.advance(25 * minuteMs);
  await access.work();
  expect(isMember()).toBe(true);
});

it("23: a grant that is made while another ends is not taken away with it", async () => {
  const first = await given("orders-db readonly 15m INC-42 look");
  const second = await claimed("orders-db readwrite 25m INC-42 fix");
  let made: Promise<void> | undefined;
  team.between = async (call) => {
    if (call !== "revoke") return;
    team.between = async () => undefined;
    // It finds the other at it, and waits for its turn.
    made = access.run("access.grant", second);
    await made;
    expect((await stateOf(second)).is).toBe("granting");
  };
  await access.db.deleteFrom("rings").execute();
  await access.ask(dev, `access return ${first}`);
  await access.run("access.end", first);
  expect(made).toBeDefined();
  expect((await stateOf(first)).is).toBe("ended");
  await access.run("access.grant", second);
  expect((await stateOf(second)).is).toBe("active");
  expect(isMember()).toBe(true);
});

it("23: a worker killed in its turn gives it back after a while", async () => {
  const first = await given("orders-db readonly 15m INC-42 look");
  const reached = new Promise<void>((resolve) => {
    team.between = () => {
      resolve();
      return new Promise(() => undefined);
    };
  });
  access.clock.advance(15 * minuteMs);
  void access.run("access.end", first);
  await reached;
  team.between = async () => undefined;
  await access.run("access.end", first);
  expect((await stateOf(first)).is).toBe("active");
  access.clock.advance(46_000);
  await access.run("access.end", first);
  expect((await stateOf(first)).is).toBe("ended");
  expect(isMember()).toBe(false);
});

it("a membership that a grant gives is none on no record, and one look at the list finds it there or gone", async () => {
  const id = await given("orders-db readonly 15m INC-42 look");
  team.members.add("stranger");
  team.verified = 0;
  await access.run("access.reconcile");
  const outside = await access.said("access:outside:orders-postgres");
  expect(outside).toContain("stranger is in the team");
  expect(outside).not.toContain("dev is in the team");
  expect(team.verified).toBe(0);
  team.members.delete("dev");
  await access.run("access.reconcile");
  await access.work();
  expect(await stateOf(id)).toMatchObject({ is: "ended", because: { is: "vanished" } });
});

/** An object at the system that bears the key of a grant. */
const bearing = (grant: string, words = "a key"): ExternalObject => ({
  ref: { externalName: externalNameOf(grant), grantee: anybody, terms: {} },
  idempotencyKey: grant,
  words,
  readBack: { exists: true, canLogin: true, validUntil: null, memberships: [], openSessions: null },
});

it("one right of ours that cannot be removed is shown, and keeps nothing else from being compared", async () => {
  const id = await given("orders-db readonly 15m INC-42 look");
  const { list, revoke } = team;
  team.list = async () => [bearing("G-998"), bearing("G-999"), ...(await list.call(team))];
  const removed: string[] = [];
  team.revoke = async (ref) => {
    if (ref.externalName === "qd_g998") throw new ProviderError("rejected", "It is protected", "Lift that");
    removed.push(ref.externalName);
    return revoke.call(team, ref);
  };
  team.members.delete("dev");
  team.members.add("stranger");
  await access.run("access.reconcile");
  await access.work();
  expect(removed).toEqual(["qd_g999", "qd_g1"]);
  const outside = await access.said("access:outside:orders-postgres");
  expect(outside).toContain("stranger is in the team");
  expect(outside).toMatch(/g998: a key: no grant needs it, and removing it fails/);
  expect(outside).not.toContain("g999");
  expect(await stateOf(id)).toMatchObject({ is: "ended", because: { is: "vanished" } });
  team.revoke = revoke;
  await access.run("access.reconcile");
  expect(await access.said("access:outside:orders-postgres")).not.toContain("g998");
});

it("what ended and lasts until a time it named is no orphan before that", async () => {
  const lastsUntil = new Date(access.clock.now().getTime() + 60 * minuteMs);
  const { revoke } = team;
  const revoked: string[] = [];
  team.revoke = async (ref) => {
    revoked.push(ref.externalName);
    return { ...(await revoke.call(team, ref)), lastsUntil };
  };
  const id = await given("orders-db readonly 15m INC-42 look");
  team.list = async () => [bearing(id)];
  access.clock.advance(15 * minuteMs);
  await access.work();
  expect((await stateOf(id)).is).toBe("ended");
  await access.run("access.reconcile");
  expect(revoked).toEqual(["qd_g1"]);
  access.clock.advance(45 * minuteMs);
  await access.run("access.reconcile");
  expect(revoked).toEqual(["qd_g1", "qd_g1"]);
  expect((await access.audit("qd_g1")).map(({ action }) => action)).toEqual(["access.orphan-removed"]);
});

it("an end is not believed for a time that has passed or a thing that stays without a word", async () => {
  const { revoke } = team;
  team.revoke = async (ref) => {
    const done = await revoke.call(team, ref);
    team.members.add(ref.grantee.personId);
    return { ...done, lastsUntil: new Date(access.clock.now().getTime() - minuteMs), stays: "" };
  };
  const id = await given("orders-db readonly 15m INC-42 look");
  access.clock.advance(15 * minuteMs);
  await access.work();
  expect(await stateOf(id)).toMatchObject({ is: "revoking", trouble: { code: "conflict" } });
});

it("a grant used with one's own account has nothing to reveal, and its page says so", async () => {
  const id = await given("orders-db readonly 15m INC-42 look");
  expect(await revealSecret(access.room, id, dev)).toMatchObject({
    ok: false,
    refusal: { rule: "own-account" },
  });
  expect(await access.said(`access:${id}:requester`)).toContain("use your own account");
  expect(await access.db.selectFrom("secrets").selectAll().execute()).toEqual([]);
});

it("a grant that hands nothing out warns some minutes before its end too", async () => {
  const id = await given("orders-db readonly 15m INC-42 look");
  access.clock.advance(10 * minuteMs);
  await access.work();
  expect(await access.said(`access:${id}:warning`)).toContain(`access extend ${id}`);
});

it("what cannot be called back says until when it may last: while it is used, and once it ended", async () => {
  const lastsUntil = new Date(access.clock.now().getTime() + 60 * minuteMs);
  const { grant, revoke } = team;
  team.grant = async (ref) => ({ ...(await grant.call(team, ref)), lastsUntil });
  team.revoke = async (ref) => ({ ...(await revoke.call(team, ref)), lastsUntil, seen: "two calls" });
  const id = await given("orders-db readonly 15m INC-42 look");
  expect(await access.said(`access:${id}`)).toContain("may last until");
  access.clock.advance(15 * minuteMs);
  await access.work();
  const over = await access.said(`access:${id}`);
  expect(over).toContain("what was handed out may last until");
  expect(over).toContain("seen: two calls");
  expect(over).not.toContain("login dead");
});
