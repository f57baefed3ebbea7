import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { claimGrant, revealSecret } from "../../../src/features/access/claim.ts";
import type { Accessor } from "../../../src/providers/accessors/contract.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import { anybody } from "../../providers/accessors/granted.ts";
import { until } from "../../support/until.ts";
import { canSignIn, loginFrom, type Orders, signIn, startOrders } from "./orders.ts";
import { type AccessRoom, dev, lena, olive, startAccess } from "./rooms.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let orders: Orders;
let access: AccessRoom;
/** Stands between the room and the real accessor; each test sets what it needs. */
let between: Partial<Accessor> = {};
let real: Accessor | undefined;

const minuteMs = 60_000;
const down = () => {
  throw new ProviderError("unreachable", "Postgres cannot be reached", "Check that Postgres runs");
};

beforeAll(async () => {
  orders = await startOrders();
});
afterAll(() => orders?.stop());
beforeEach(async () => {
  between = {};
  access = await startAccess({
    ordersUrl: orders.url,
    accessor: (accessor) => {
      real = accessor;
      return { ...accessor, ...between };
    },
  });
});
afterEach(async () => {
  between = {};
  // What a test leaves open ends with it: the next one begins with no login of ours.
  for (const name of await orders.logins()) await orders.asAdmin(`drop owned by ${name}; drop role ${name}`);
  await access.close();
});

/** Up to the claim; the worker has not come yet. */
async function claimed(): Promise<Awaited<ReturnType<AccessRoom["request"]>>> {
  const id = await access.request();
  await access.ask(lena, `access approve ${id}`);
  expect((await claimGrant(access.room, id, dev)).ok).toBe(true);
  return id;
}

describe("a grant", () => {
  it("is foreseen by its system in a dry run, which makes nothing", async () => {
    const line = "access request orders-db readonly 15m INC-42 look at the queue --dry-run";
    const { ok, text } = await access.ask(dev, line);
    expect(ok).toBe(true);
    expect(text).toContain("Nothing was done.\nAt orders-postgres it would:\n• Make the login qd");
    expect(text).toContain("Nothing is in the way there.");
    expect(await orders.logins()).toEqual([]);
    between.plan = down;
    expect((await access.ask(dev, line)).text).toContain("cannot be said now: Postgres cannot be reached");
  });

  it("counts its time from the claim, not from the approval", async () => {
    const id = await access.request();
    await access.ask(lena, `access approve ${id}`);
    access.clock.advance(30 * minuteMs);
    const at = access.clock.now();
    await claimGrant(access.room, id, dev);
    expect((await access.grantOf(id)).state).toMatchObject({
      is: "granting",
      endsAt: new Date(at.getTime() + 15 * minuteMs),
    });
  });

  /** A worker that makes the login and is never heard of again. */
  async function killedAfterGrant(id: Parameters<typeof access.grantOf>[0]): Promise<void> {
    between.grant = async (...input) => {
      await real?.grant(...input);
      return new Promise(() => undefined);
    };
    void access.run("access.grant", id);
    await until("the login to be made", async () => (await orders.logins()).length === 1);
    expect((await access.grantOf(id)).state.is).toBe("granting");
    between = {};
  }

  it("18: whose worker was killed between grant and record is finished by the next, with one login", async () => {
    const id = await claimed();
    await killedAfterGrant(id);
    await access.work();
    const revealed = await revealSecret(access.room, id, dev);
    expect(revealed.ok && (await canSignIn(loginFrom(revealed.value)))).toBe(true);
    expect(await orders.logins()).toEqual(["qd_g1"]);
  });

  it("18: returned while its worker was dead leaves no orphan", async () => {
    const id = await claimed();
    await killedAfterGrant(id);
    await access.ask(dev, `access return ${id}`);
    await access.work();
    expect((await access.grantOf(id)).state.is).toBe("ended");
    expect(await orders.logins()).toEqual([]);
  });

  it("that ends while it is being made is taken away by whoever made it", async () => {
    const id = await claimed();
    between.grant = async (...input) => {
      await access.ask(lena, `access revoke ${id} wrong database`);
      await access.run("access.end", id);
      expect((await access.grantOf(id)).state.is).toBe("ended");
      if (!real) throw new Error("no accessor");
      return real.grant(...input);
    };
    await access.work();
    expect((await access.grantOf(id)).state.is).toBe("ended");
    expect(await orders.logins()).toEqual([]);
  });

  it("made by two workers at once is one login, recorded once and left in place", async () => {
    const id = await claimed();
    await Promise.all([access.run("access.grant", id), access.run("access.grant", id)]);
    expect((await access.grantOf(id)).state.is).toBe("active");
    expect(await orders.logins()).toEqual(["qd_g1"]);
    const actions = (await access.audit(id)).map(({ action }) => action);
    expect(actions.filter((action) => action === "access.active")).toHaveLength(1);
  });

  it("20: whose answer timed out though it took effect is one login, and it works", async () => {
    const id = await claimed();
    between.grant = async (...input) => {
      await real?.grant(...input);
      throw new ProviderError("timeout", "Postgres did not answer in time", "Read back");
    };
    await access.work();
    expect(await access.said(`access:${id}`)).toContain("did not answer in time");
    between = {};
    access.clock.advance(1_000);
    await access.work();
    const revealed = await revealSecret(access.room, id, dev);
    expect(revealed.ok && (await canSignIn(loginFrom(revealed.value)))).toBe(true);
    expect(await orders.logins()).toEqual(["qd_g1"]);
  });

  it("that could not be made before its end is over, and says why", async () => {
    const id = await claimed();
    between.grant = down;
    await access.work();
    access.clock.advance(16 * minuteMs);
    await access.work();
    expect((await access.grantOf(id)).state).toMatchObject({ is: "ended", because: { is: "not-made" } });
    expect(await access.said(`access:${id}`)).toContain("could not be made: Postgres cannot be reached");
  });

  it("whose secret nobody looked at is active without it, and the secret is destroyed", async () => {
    const id = await claimed();
    await access.work();
    expect(await access.db.selectFrom("secrets").select("purpose").execute()).toEqual([
      { purpose: "access" },
    ]);
    access.clock.advance(10 * minuteMs);
    await access.work();
    expect(await access.db.selectFrom("secrets").select("purpose").execute()).toEqual([]);
    expect(await revealSecret(access.room, id, dev)).toMatchObject({
      ok: false,
      refusal: { rule: "shown-in-time" },
    });
  });

  it("warns some minutes before its end", async () => {
    const { id } = await access.grant();
    access.clock.advance(10 * minuteMs);
    await access.work();
    expect(await access.said(`access:${id}:warning`)).toContain(`access extend ${id}`);
  });
});

describe("an end", () => {
  it("19: while the provider is down stays revoking, retries for ever, pages after a minute with what to do by hand", async () => {
    const { id, login } = await access.grant();
    const session = await signIn(login);
    between.revoke = async () => down();
    access.clock.advance(15 * minuteMs);
    await access.work();
    expect((await access.grantOf(id)).state.is).toBe("revoking");
    expect(access.paging.pages).toEqual([]);
    for (let round = 0; round < 10; round += 1) {
      access.clock.advance(20_000);
      await access.work();
      expect((await access.grantOf(id)).state.is).toBe("revoking");
    }
    expect(access.paging.pages).toHaveLength(1);
    expect(access.paging.pages[0]).toMatchObject({
      team: "storefront",
      subject: id,
      dedupKey: `access:${id}`,
    });
    expect(access.paging.pages[0]?.headline).toMatch(/^PAGE orders-db: G-1 of Dev Dara cannot be ended for/);
    expect(access.paging.pages[0]?.headline).toContain("DROP ROLE");
    expect(await access.said(`access:${id}`)).toContain("🔴");
    expect(await access.said(`access:${id}`)).not.toMatch(/ended/);

    between = {};
    access.clock.advance(20_000);
    await access.work();
    expect((await access.grantOf(id)).state).toMatchObject({ is: "ended", sessionsEnded: 1 });
    const card = await access.said(`access:${id}`);
    expect(card).toMatch(/Ended .*, 4 min late: orders-postgres could not be reached or refused/);
    expect(card).toContain("one open session ended");
    expect(access.paging.open.size).toBe(0);
    expect(await canSignIn(login)).toBe(false);
    await expect(session.query("select 1")).rejects.toThrow();
    await session.end().catch(() => undefined);
  });

  it("whose revoke says it worked and did nothing is never believed", async () => {
    const { id } = await access.grant();
    between.revoke = async () => ({
      sessionsEnded: 0,
      cleaned: [],
      readBack: { exists: false, canLogin: false, validUntil: null, memberships: [], openSessions: 0 },
      lastsUntil: null,
    });
    access.clock.advance(15 * minuteMs);
    await access.work();
    expect((await access.grantOf(id)).state).toMatchObject({ is: "revoking", trouble: { code: "conflict" } });
  });

  it("21: comes although every ring was lost", async () => {
    const { id, login } = await access.grant();
    await access.db.deleteFrom("rings").execute();
    access.clock.advance(15 * minuteMs + 1);
    await access.work();
    expect((await access.grantOf(id)).state.is).toBe("active");
    await access.run("access.sweep");
    await access.work();
    expect((await access.grantOf(id)).state.is).toBe("ended");
    expect(await canSignIn(login)).toBe(false);
  });

  it("23: of one of two overlapping grants leaves the other, and its own end removes it", async () => {
    const first = await access.grant();
    const second = await access.grant("orders-db readwrite 20m INC-42 fix them");
    access.clock.advance(15 * minuteMs);
    await access.work();
    expect([await canSignIn(first.login), await canSignIn(second.login)]).toEqual([false, true]);
    access.clock.advance(5 * minuteMs);
    await access.work();
    expect(await canSignIn(second.login)).toBe(false);
    expect(await orders.logins()).toEqual([]);
  });

  it("24: comes at once for whom the catalog no longer lists", async () => {
    const { id, login } = await access.grant();
    access.switchTo((catalog) => {
      catalog.people = catalog.people.filter((person) => person.id !== "dev");
      for (const team of catalog.teams) team.members = team.members.filter((member) => member !== "dev");
    });
    await vi.waitFor(async () => {
      await access.work();
      expect((await access.grantOf(id)).state).toMatchObject({ is: "ended", because: { is: "rights-lost" } });
    });
    expect(await canSignIn(login)).toBe(false);
  });

  it("24: comes at once for whose account is deactivated in Slack, and not while Slack cannot say", async () => {
    const { id, login } = await access.grant();
    access.slack.left.add(dev.person);
    access.slack.isUnreachable = true;
    await access.run("access.sweep");
    await access.run("access.left", dev.person);
    expect((await access.grantOf(id)).state.is).toBe("active");
    access.slack.isUnreachable = false;
    // As when Slack tells of the change; the sweep finds it within a minute without being told.
    await access.run("access.left", dev.person);
    await access.work();
    expect((await access.grantOf(id)).state).toMatchObject({ is: "ended", because: { is: "rights-lost" } });
    expect(await access.said(`access:${id}`)).toContain("Dev Dara left the workspace");
    expect(await canSignIn(login)).toBe(false);

    const next = await access.request();
    await access.run("access.sweep");
    expect((await access.grantOf(next)).state.is).toBe("lapsed");
  });

  it("24: comes for whoever left every team that may ask", async () => {
    const { id } = await access.grant();
    access.switchTo((catalog) => {
      for (const team of catalog.teams) team.members = team.members.filter((member) => member !== "dev");
      for (const team of catalog.teams) delete team.onCall;
    });
    await access.run("access.sweep");
    await access.work();
    expect((await access.grantOf(id)).state).toMatchObject({ is: "ended", because: { is: "rights-lost" } });
  });

  it("works when the catalog names neither resource nor accessor any more", async () => {
    const { id, login } = await access.grant();
    access.switchTo((catalog) => {
      catalog.resources = [];
      catalog.providers.accessors = [];
    });
    access.clock.advance(15 * minuteMs);
    await access.work();
    expect((await access.grantOf(id)).state.is).toBe("ended");
    expect(await canSignIn(login)).toBe(false);
  });

  it("is its owner's or a lead's to bring about, once, and the second is told", async () => {
    const { id, login } = await access.grant();
    expect(await access.ask(olive, `access revoke ${id} mine`)).toMatchObject({ rule: "leads-approve" });
    expect(await access.ask(lena, `access return ${id}`)).toMatchObject({ rule: "own-grants-only" });
    const both = await Promise.all([
      access.ask(dev, `access return ${id}`),
      access.ask(lena, `access revoke ${id} wrong database`),
    ]);
    expect(both.filter(({ ok }) => ok)).toHaveLength(1);
    expect(both.find(({ ok }) => !ok)?.text).toMatch(/it is being ended: .*Nothing done/);
    await access.work();
    expect((await access.grantOf(id)).state.is).toBe("ended");
    expect(await canSignIn(login)).toBe(false);
  });
});

describe("the reconciler", () => {
  it("removes a login of ours that no grant on record needs, and leaves what others made", async () => {
    const { id } = await access.grant();
    await real?.grant(
      {
        externalName: "qd_g998",
        grantee: anybody,
        terms: { grantRole: "app_ro" },
        expiresAt: new Date("2099-01-01T00:00:00Z"),
      },
      "G-998",
    );
    await orders.asAdmin("create role qd_theirs login");
    expect(await orders.logins()).toContain("qd_g998");
    await access.run("access.reconcile");
    const left = await orders.logins();
    expect(left).toContain("qd_theirs");
    expect(left).toContain("qd_g1");
    expect((await access.grantOf(id)).state.is).toBe("active");
    expect(left).not.toContain("qd_g998");
    expect((await access.audit("qd_g998")).map(({ action }) => action)).toEqual(["access.orphan-removed"]);
  });

  it("shows what others made in one card, in the list and as a number, until it is gone", async () => {
    await orders.asAdmin("create role qd_theirs login");
    await access.run("access.reconcile");
    expect(await access.said("access:outside:orders-postgres")).toMatch(
      /orders-postgres · one right outside that is on no record .*qd.*theirs/,
    );
    expect((await access.ask(lena, "access list orders-db")).text).toMatch(
      /Outside, on no record: .*qd.*theirs/,
    );
    const metric = access.feature.metrics?.find(({ name }) => name === "quarterdeck_access_outside");
    expect(await metric?.read()).toEqual([{ labels: { instance: "orders-postgres" }, value: 1 }]);
    await orders.asAdmin("drop role qd_theirs");
    await access.run("access.reconcile");
    expect(await access.said("access:outside:orders-postgres")).toContain("no right outside");
    expect(await metric?.read()).toEqual([]);
  });

  it("removes what a worker made for a grant that was over by then", async () => {
    const { id } = await access.grant();
    await access.ask(dev, `access return ${id}`);
    await access.work();
    await real?.grant(
      {
        externalName: "qd_g1",
        grantee: anybody,
        terms: { grantRole: "app_ro" },
        expiresAt: new Date("2099-01-01T00:00:00Z"),
      },
      id,
    );
    await access.run("access.reconcile");
    expect(await orders.logins()).toEqual([]);
  });

  it("ends a grant whose login somebody dropped outside", async () => {
    const { id } = await access.grant();
    await orders.asAdmin("drop owned by qd_g1; drop role qd_g1");
    await access.run("access.reconcile");
    await access.work();
    expect((await access.grantOf(id)).state).toMatchObject({ is: "ended", because: { is: "vanished" } });
  });
});

describe("an extension", () => {
  it("is taken away with what it extends, and the answer names it", async () => {
    const { id, login } = await access.grant("orders-db readwrite 10m INC-42 fix");
    const asked = await access.ask(dev, `access extend ${id} 10m INC-42 more`);
    const next = /^G-\d+/.exec(asked.text)?.[0] as typeof id;
    await access.ask(lena, `access approve ${next}`);
    const answer = await access.ask(lena, `access revoke ${id} stolen laptop`);
    expect(answer.text).toContain(`So is its extension ${next}.`);
    await access.work();
    expect((await access.grantOf(next)).state).toMatchObject({ is: "denied", reason: "stolen laptop" });
    expect((await access.grantOf(id)).state.is).toBe("ended");
    expect(await canSignIn(login)).toBe(false);
    expect(await claimGrant(access.room, next, dev)).toMatchObject({ ok: false });
  });

  it("13: is a new approval each time, with a login of its own, up to the total cap", async () => {
    const { id } = await access.grant("orders-db readwrite 30m INC-42 fix");
    expect(await access.ask(lena, `access extend ${id} 10m INC-42 more`)).toMatchObject({
      rule: "own-grants-only",
    });
    const asked = await access.ask(dev, `access extend ${id} 30m INC-42 more`);
    const next = /^G-\d+/.exec(asked.text)?.[0] as typeof id;
    expect((await access.grantOf(next)).state.is).toBe("requested");
    expect((await access.ask(dev, `access extend ${id} 30m INC-42 more`)).rule).toBe("one-open-request");
    expect((await access.ask(dev, `access approve ${next}`)).rule).toBe("not-your-own-request");
    await access.ask(lena, `access approve ${next}`);
    await claimGrant(access.room, next, dev);
    await access.work();
    const revealed = await revealSecret(access.room, next, dev);
    expect(revealed.ok && (await canSignIn(loginFrom(revealed.value)))).toBe(true);
    const third = await access.ask(dev, `access extend ${next} 1m INC-42 more`);
    expect(third).toMatchObject({ ok: false, rule: "total-duration-max" });
    expect(third.text).toContain("1h at most with all extensions");
  });
});
