import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import type { Accessor, CallOptions } from "../../../src/providers/accessors/contract.ts";
import { withDeadline } from "../../../src/providers/accessors/deadline.ts";
import { createGithubAccessor } from "../../../src/providers/accessors/github.ts";
import { type StandIn, startStandIn } from "../../support/stand-in.ts";
import { anybody } from "./granted.ts";

const terms = { team: "release", role: "member" };
const intent = {
  externalName: "qd_g12",
  grantee: anybody,
  terms,
  expiresAt: new Date("2099-01-01T00:00:00Z"),
};

let slow: StandIn;
beforeAll(async () => {
  slow = await startStandIn(async () => {
    await wait(150);
    return { status: 200, body: { role: "member", state: "active", id: 1, login: "dev" } };
  });
});
afterAll(() => slow.close());

it("ends a call of several requests, each of which is quick enough by itself", async () => {
  const accessor = createGithubAccessor({
    who: "github-acme",
    apiUrl: slow.url,
    org: "acme",
    token: new Secret("ghp_tests"),
    grantable: [terms],
    deadlineMs: 250,
    now: () => new Date("2026-11-25T16:00:00Z"),
  });
  await expect(accessor.prepare?.(intent)).resolves.toMatchObject({ membership: "active" });
  await expect(withDeadline(accessor, 250).prepare?.(intent)).rejects.toMatchObject({ code: "timeout" });
});

it("gives every call but a list one signal, which the caller's ends too", async () => {
  const given: [string, CallOptions | undefined][] = [];
  const noting =
    (name: string) =>
    async (...args: unknown[]) => {
      given.push([name, args.at(-1) as CallOptions | undefined]);
      return undefined as never;
    };
  const bare: Accessor = {
    plan: noting("plan"),
    grant: noting("grant"),
    verify: noting("verify"),
    revoke: noting("revoke"),
    list: noting("list"),
  };
  const accessor = withDeadline({ ...bare, prepare: noting("prepare"), sharedKey: () => "key" }, 60_000);
  const stop = new AbortController();
  const call = { signal: stop.signal };
  await accessor.plan(intent, call);
  await accessor.prepare?.(intent, call);
  await accessor.grant(intent, "G-12", call);
  await accessor.verify(intent, call);
  await accessor.revoke(intent, call);
  await accessor.list(call);
  expect(given.map(([name, options]) => [name, options?.signal === stop.signal])).toEqual([
    ["plan", false],
    ["prepare", false],
    ["grant", false],
    ["verify", false],
    ["revoke", false],
    ["list", true],
  ]);
  stop.abort();
  expect(given.every(([, options]) => options?.signal?.aborted)).toBe(true);
  expect(accessor.sharedKey?.(intent)).toBe("key");
  expect(withDeadline(bare, 60_000)).not.toHaveProperty("prepare");
});
