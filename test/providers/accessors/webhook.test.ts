import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import type { GrantIntent } from "../../../src/providers/accessors/contract.ts";
import {
  createWebhookAccessor,
  type WebhookAccessorOptions,
} from "../../../src/providers/accessors/webhook.ts";
import { accessorConformance } from "./conformance.ts";
import { anybody, partOf } from "./granted.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const key = Buffer.from("0123456789abcdef0123456789abcdef");
const vpn = { role: "vpn", site: "berlin" };
const admin = { role: "vpn-admin", site: "berlin" };
const now = () => new Date("2026-11-25T16:00:00Z");

let receiver: Receiver;
let ids = 0;
beforeAll(async () => {
  receiver = await startReceiver(key, now);
});
afterAll(() => receiver.close());
beforeEach(() => {
  receiver.received.splice(0);
  ids = 0;
});

const accessor = (over: Partial<WebhookAccessorOptions> = {}) =>
  createWebhookAccessor({
    who: "vpn-gate",
    url: receiver.url,
    secret: new Secret(`whsec_${key.toString("base64")}`),
    grantable: [vpn, admin],
    deadlineMs: 5_000,
    now,
    randomId: () => {
      ids += 1;
      return `id-${ids}`;
    },
    ...over,
  });
const intent: GrantIntent = {
  externalName: "qd_g12",
  grantee: anybody,
  terms: vpn,
  expiresAt: new Date("2026-11-25T17:00:00Z"),
};

describe("a system behind a signed webhook", () => {
  accessorConformance(
    {
      ownEndPrecisionMs: 1,
      takesPastEnds: true,
      sessions: "unknown",
      secrets: "renewed",
      effect: "own",
      isMarked: true,
      isListed: true,
      endsAtOnce: true,
    },
    async () => ({
      accessor: accessor(),
      roles: [vpn, admin],
      membershipsOf: ({ role }) => [String(role)],
      hostileTerms: [{ role: "root" }, { ...vpn, site: "*" }, {}],
      works: async (granted) => {
        const held = receiver.held.get(partOf(granted, "login"));
        return held?.password === partOf(granted, "password") && new Date(held.expiresAt) > now();
      },
      losingAnswers: async () => {
        receiver.isHanging = true;
        return {
          accessor: accessor({ deadlineMs: 200 }),
          close: async () => {
            receiver.isHanging = false;
          },
        };
      },
    }),
  );
});

const person = { id: "dev", slack: { team: "T0", user: "U0" }, accounts: { github: "dev" } };

it("is told who receives what until when, with an id that stays the same at every attempt", async () => {
  receiver.answerNext(500);
  await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({ code: "unreachable" });
  const { externalId } = await accessor().grant(intent, "G-12");
  await accessor().revoke({ ...intent, externalId });
  const granting = {
    id: "grant:G-12",
    request: {
      type: "access.grant",
      timestamp: "2026-11-25T16:00:00.000Z",
      data: { grant: "qd_g12", key: "G-12", person, terms: vpn, expiresAt: "2026-11-25T17:00:00.000Z" },
    },
  };
  expect(receiver.received).toEqual([
    granting,
    granting,
    {
      id: "revoke:qd_g12:id-1",
      request: {
        type: "access.revoke",
        timestamp: "2026-11-25T16:00:00.000Z",
        data: { grant: "qd_g12", externalId: "vpn/qd_g12", person, terms: vpn },
      },
    },
  ]);
});

describe("an answer", () => {
  it("of 202 is waited for: the same is asked again", async () => {
    receiver.answerNext(202, { message: "the firewall is being told" });
    await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({
      code: "in_progress",
      message: "vpn-gate has taken access.grant and is not done: the firewall is being told",
    });
  });

  it.each([
    ["that is no JSON", undefined],
    ["without an id", { credential: [] }],
    ["with a part that is no file's name", credentialOf({ fileName: "../../etc/passwd" })],
    ["with a part that has no label", credentialOf({ label: "" })],
    ["with an end that is no time", { externalId: "1", expiresAt: "tomorrow" }],
  ])("%s is no grant", async (_what, body) => {
    receiver.answerNext(200, body);
    await expect(accessor().grant(intent, "G-12")).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringContaining("otherwise than documented"),
    });
  });

  it.each([
    [401, "unauthorised", /both clocks/],
    [307, "not_found", /redirects are not followed/],
    [409, "conflict", /another grant's/],
    [422, "rejected", /names the field/],
    [503, "unreachable", /asked again/],
  ])("of %i says what to do", async (status, code, hint) => {
    receiver.answerNext(status, { message: "no" });
    await expect(accessor().verify(intent)).rejects.toMatchObject({
      code,
      hint: expect.stringMatching(hint),
    });
  });

  it("that asks to come back later is kept to", async () => {
    receiver.answerNext(429, {}, { "retry-after": "20" });
    await expect(accessor().verify(intent)).rejects.toMatchObject({ retryAfterMs: 20_000 });
  });

  it("may leave what was there before, and what cannot be called back", async () => {
    const readBack = { exists: false, canLogin: false };
    receiver.answerNext(200, {
      readBack,
      lastsUntil: "2026-11-25T16:30:00Z",
      stays: "was there",
      seen: "2 logins",
    });
    expect(await accessor().revoke(intent)).toMatchObject({
      lastsUntil: new Date("2026-11-25T16:30:00Z"),
      stays: "was there",
      seen: "2 logins",
    });
    receiver.answerNext(200, { readBack, stays: "" });
    await expect(accessor().revoke(intent)).rejects.toMatchObject({ code: "rejected" });
  });
});

it("is refused by a receiver whose secret or clock is another", async () => {
  const other = new Secret(`whsec_${Buffer.alloc(32, 1).toString("base64")}`);
  await expect(accessor({ secret: other }).verify(intent)).rejects.toMatchObject({ code: "unauthorised" });
  const late = () => new Date("2026-11-25T16:06:00Z");
  await expect(accessor({ now: late }).verify(intent)).rejects.toMatchObject({ code: "unauthorised" });
});

it("is not asked with a secret that can be guessed", async () => {
  await expect(accessor({ secret: new Secret("short") }).verify(intent)).rejects.toMatchObject({
    code: "unauthorised",
    message: "The secret of vpn-gate is shorter than 24 bytes",
  });
  expect(receiver.received).toEqual([]);
});

function credentialOf(part: Record<string, string>) {
  return { externalId: "1", credential: [{ id: "file", label: "File", value: "x", ...part }] };
}
