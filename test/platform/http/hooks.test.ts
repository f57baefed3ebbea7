import { afterAll, beforeAll, expect, it } from "vitest";
import type { Hook, HookRequest } from "../../../src/platform/feature.ts";
import { hookBytesMax, hookHandler } from "../../../src/platform/http/hooks.ts";
import { type HttpServer, listen } from "../../../src/platform/http/server.ts";
import { SetClock } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

const taken: HookRequest[] = [];
const tooLarge: object[] = [];
const hook = (source: string, over: Partial<Hook> = {}): Hook => ({
  source,
  about: "",
  handle: async (request) => {
    taken.push(request);
    return { status: 200 };
  },
  tooLarge: async (told) => void tooLarge.push(told),
  ...over,
});
const hooks = [
  hook("plain"),
  hook("named", { tokenHeader: "x-named-token" }),
  hook("signed", {
    authenticate: ({ headers, body }) => {
      const value = headers["x-signature"];
      if (value === undefined) return { state: "unsigned" };
      return value === `good ${body.length}`
        ? { state: "proven", team: "of-the-source" }
        : { state: "refused", why: "it does not fit" };
    },
  }),
];

let server: HttpServer;
/** The token whose budget is used up. */
let busy = "";
beforeAll(async () => {
  server = await listen({
    host: "127.0.0.1",
    port: 0,
    portOption: "PORT",
    log: keptLog(),
    handlers: [
      hookHandler({
        hooks: () => hooks,
        authenticate: async (_source, token) =>
          token === "right" ? { id: "tok_1", team: "of-the-token" } : undefined,
        clock: new SetClock(),
        limits: { take: (_counted, sender) => (sender === busy ? 7 : undefined) },
      }),
    ],
  });
});
afterAll(() => server.close());

it("has a sender that sends too much come back later, in a way that Alertmanager takes up", async () => {
  busy = "tok_1";
  try {
    const answer = await post("plain", { authorization: "Bearer right" });
    expect(answer).toMatchObject({ status: 503, taken: undefined });
    expect(answer.said).toContain("again in 7 s");
  } finally {
    busy = "";
  }
});

async function post(path: string, headers: Record<string, string> = {}, body: string | Buffer = "body") {
  taken.length = 0;
  const answer = await fetch(`http://127.0.0.1:${server.port}/hooks/${path}`, {
    method: "POST",
    headers,
    body,
  });
  return { status: answer.status, said: await answer.text(), taken: taken[0] };
}

it.each([
  ["bearer", "plain", { authorization: "Bearer right" }],
  ["basic", "plain", { authorization: `Basic ${Buffer.from("any:right").toString("base64")}` }],
  ["the address", "plain?token=right", {}],
  ["a header of the sender's", "named", { "x-named-token": "right" }],
])("takes a token by %s", async (_how, path, headers) => {
  const { status, taken: request } = await post(path, headers);
  expect(status).toBe(200);
  expect(request).toMatchObject({ team: "of-the-token", tokenId: "tok_1" });
});

it("takes nothing without a token, with a wrong one, or for a source nobody declared", async () => {
  expect((await post("plain")).status).toBe(401);
  expect((await post("plain", { authorization: "Bearer wrong" })).status).toBe(401);
  expect((await post("nobody", { authorization: "Bearer right" })).status).toBe(401);
  expect((await post("plain", { "x-named-token": "right" })).status).toBe(401);
  expect(taken).toEqual([]);
});

it("takes a sender's signature over the bytes as they came in place of a token", async () => {
  const { status, taken: request } = await post("signed", { "x-signature": "good 4" });
  expect(status).toBe(200);
  expect(request).toMatchObject({ team: "of-the-source", tokenId: null });
  expect(request?.body.toString()).toBe("body");
});

it("refuses a wrong signature whatever token comes with it, and takes the token where there is none", async () => {
  const wrong = await post("signed", { "x-signature": "good 5", authorization: "Bearer right" });
  expect(wrong.status).toBe(401);
  expect(wrong.said).toContain("it does not fit");
  expect((await post("signed", { authorization: "Bearer right" })).taken).toMatchObject({
    team: "of-the-token",
  });
  expect((await post("signed")).status).toBe(401);
});

it("takes no body past its limit, and tells the hook of it, so that people hear", async () => {
  const { status } = await post("plain", { authorization: "Bearer right" }, Buffer.alloc(hookBytesMax + 1));
  expect(status).toBe(413);
  expect(tooLarge).toEqual([{ source: "plain", bytesMax: hookBytesMax, receivedAt: expect.any(Date) }]);
  // Nobody knows who sends this one, so less of it is read, and nobody is told.
  expect((await post("signed", { "x-signature": "good" }, Buffer.alloc(10_000_001))).status).toBe(413);
  expect(tooLarge).toHaveLength(1);
});
