import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { Accessor } from "../../../src/providers/accessors/contract.ts";
import { failing } from "../../bench/failing-accessor.ts";
import { makeGrants } from "./many.ts";
import { canSignIn, type Orders, startOrders } from "./orders.ts";
import { type AccessRoom, startAccess } from "./rooms.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let orders: Orders;
let access: AccessRoom;
/** Workers that died in the middle of an end: what they asked of the provider took effect, nobody heard of it. */
let dying = 0;

const dies = (accessor: Accessor): Accessor => ({
  ...accessor,
  revoke: async (...input) => {
    if (dying === 0) return accessor.revoke(...input);
    dying -= 1;
    await accessor.revoke(...input);
    return new Promise(() => undefined);
  },
});

beforeAll(async () => {
  orders = await startOrders();
});
afterAll(() => orders?.stop());
beforeEach(async () => {
  access = await startAccess({ ordersUrl: orders.url, accessor: (accessor) => failing(3)(dies(accessor)) });
});
afterEach(() => access.close());

it("thirty grants that end together are gone within a minute of their end, though one answer of three is lost and two workers die", async () => {
  const password = "the-same-for-every-login-of-this-test";
  const startAt = new Date(access.clock.now().getTime() + 5_000);
  const grants = await makeGrants(access.room.platform, orders, startAt, {
    count: 30,
    withinMs: 2_000,
    password,
  });
  const [first, second] = grants;
  access.clock.advance(7_000);
  dying = 2;
  // Their rings are lost with them: the sweep finds what is due.
  for (const one of [first, second]) void access.run("access.end", one?.id);
  await vi.waitFor(() => expect(dying).toBe(0), { timeout: 20_000 });
  await access.db.deleteFrom("rings").execute();
  const dueAt = access.clock.now().getTime();
  await access.run("access.sweep");
  for (let look = 0; look < 55 && (await orders.logins()).length > 0; look += 1) {
    await access.work();
    access.clock.advance(1_000);
  }
  await access.work();
  expect(access.clock.now().getTime() - dueAt).toBeLessThan(60_000);
  expect(await orders.logins()).toEqual([]);
  const url = new URL(orders.url);
  expect(
    await canSignIn({
      login: first?.login ?? "",
      password,
      address: `${url.hostname}:${url.port}${url.pathname}`,
    }),
  ).toBe(false);
  for (let look = 0; look < 60; look += 1) {
    access.clock.advance(1_000);
    await access.work();
  }
  const states = await Promise.all(grants.map(async ({ id }) => (await access.grantOf(id)).state.is));
  expect(new Set(states)).toEqual(new Set(["ended"]));
});
