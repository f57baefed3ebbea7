import { createEmulator, type Emulator } from "emulate";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import type { Ticketing } from "../../../src/providers/ticketing/contract.ts";
import { createGithubTicketing } from "../../../src/providers/ticketing/github.ts";
import { type StandIn, startStandIn } from "../../support/stand-in.ts";
import { ticketingConformance } from "./conformance.ts";

const token = "ghp_tests";
const now = () => new Date();

let emulator: Emulator;
/** Stands before the emulation, which checks neither token, version nor limits: what is asked is checked here. */
let proxy: StandIn;
beforeAll(async () => {
  emulator = await createEmulator({
    service: "github",
    port: 0,
    seed: {
      tokens: { [token]: { login: "quarterdeck-bot", scopes: ["repo"] } },
      github: {
        users: [{ login: "quarterdeck-bot" }, { login: "dana" }],
        repos: [{ owner: "quarterdeck-bot", name: "ops", private: true }],
      },
    },
  });
  const inner = emulator.url.replace("localhost", "127.0.0.1");
  proxy = await startStandIn(async ({ method, path, headers, body }) => {
    if (headers.authorization !== `Bearer ${token}`)
      return { status: 401, body: { message: "Bad credentials" } };
    if (headers["x-github-api-version"] !== "2022-11-28" || headers["user-agent"] === undefined)
      return { status: 400, body: { message: "not as documented" } };
    const { title, body: words } = (body ?? {}) as { title?: string; body?: string };
    if ((title?.length ?? 0) > 256 || (words?.length ?? 0) > 65_536)
      return { status: 422, body: { message: "Validation Failed" } };
    const reply = await fetch(`${inner}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: reply.status, body: await reply.json() };
  });
});
afterAll(async () => {
  await proxy.close();
  await emulator.close();
});
beforeEach(() => void proxy.requests.splice(0));

const ticketing = (over: { token?: string; url?: string; deadlineMs?: number } = {}): Ticketing =>
  createGithubTicketing({
    apiUrl: over.url ?? proxy.url,
    repo: "quarterdeck-bot/ops",
    token: new Secret(over.token ?? token),
    deadlineMs: over.deadlineMs ?? 10_000,
    now,
  });

const content = {
  title: "shop: slow",
  body: "Checkout\n\nis @dana slow #1",
  owner: "storefront",
  severity: "error",
};
const issues = "/repos/quarterdeck-bot/ops/issues";
const commentsOf = async (key: string) => {
  const reply = await fetch(`${proxy.url}${issues}/${key}/comments`, {
    headers: { authorization: `Bearer ${token}`, "x-github-api-version": "2022-11-28", "user-agent": "t" },
  });
  return ((await reply.json()) as { body: string }[]).map(({ body }) => body);
};

describe("GitHub Issues, emulated", () => {
  ticketingConformance(() => ({
    ticketing,
    now,
    loseNext: () => proxy.loseNext("POST"),
    notes: commentsOf,
    account: { id: "dana", shown: "dana" },
    titleCharsMax: 256,
  }));

  it("asks for exactly this", async () => {
    const since = new Date("2026-03-02T10:00:00Z");
    const { key, url } = await ticketing().create(content, "T-700", null);
    expect(url).toContain(`/quarterdeck-bot/ops/issues/${key}`);
    expect(proxy.requests[0]).toMatchObject({
      method: "POST",
      path: issues,
      body: {
        title: "shop: slow",
        body: "<!-- quarterdeck T-700 -->\nCheckout\n\nis @\u2060dana slow #\u20601\n\nOwner: storefront · severity: error · Quarterdeck T-700\n\n<!-- /quarterdeck -->",
      },
    });
    proxy.requests.splice(0);
    await ticketing().create(content, "T-700", new Date());
    await ticketing().close(key, { text: "Over.", mark: "T-700/2", since });
    await ticketing().update(key, content, "T-700");
    expect(proxy.asked()).toEqual([
      `GET ${issues}?state=all&sort=created&direction=desc&per_page=100&page=1`,
      `GET ${issues}/${key}`,
      `GET ${issues}/${key}/comments?since=2026-03-02T09%3A55%3A00.000Z&per_page=100`,
      `POST ${issues}/${key}/comments`,
      `PATCH ${issues}/${key}`,
      `GET ${issues}/${key}`,
      `PATCH ${issues}/${key}`,
    ]);
    expect(proxy.requests.map(({ body }) => body).filter((body) => body !== undefined)).toEqual([
      { body: "Over.\n<!-- quarterdeck note T-700/2 -->" },
      { state: "closed", state_reason: "completed" },
      { title: "shop: slow", state: "open", state_reason: "reopened" },
    ]);
  });

  it("says where tickets go, and that a repository takes none", async () => {
    expect(await ticketing().check()).toBe("quarterdeck-bot/ops");
    proxy.refuseNext({ status: 200, body: { full_name: "a/b", has_issues: false } });
    await expect(ticketing().check()).rejects.toMatchObject({ code: "rejected" });
    expect(proxy.asked()).toEqual(["GET /repos/quarterdeck-bot/ops", "GET /repos/quarterdeck-bot/ops"]);
  });

  it("leaves what people wrote around its part of the body", async () => {
    const { key } = await ticketing().create(content, "T-701", null);
    const inner = emulator.url.replace("localhost", "127.0.0.1");
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const before = (await (await fetch(`${inner}${issues}/${key}`, { headers })).json()) as { body: string };
    await fetch(`${inner}${issues}/${key}`, {
      method: "PATCH",
      headers,
      body: JSON.stringify({ body: `Seen before\n${before.body}\nAsked the vendor` }),
    });
    await ticketing().update(key, { ...content, body: "now worse" }, "T-701");
    const after = (await (await fetch(`${inner}${issues}/${key}`, { headers })).json()) as { body: string };
    expect(after.body).toMatch(
      /^Seen before\n<!-- quarterdeck T-701 -->\nnow worse\n[\s\S]*\nAsked the vendor$/,
    );
  });

  it.each([
    [
      "Retry-After",
      { status: 403, body: { message: "secondary rate limit" }, headers: { "retry-after": "17" } },
      17_000,
    ],
    ["no time named", { status: 403, body: { message: "You have exceeded a secondary rate limit" } }, 60_000],
    ["a 429", { status: 429, body: { message: "slow down" } }, 60_000],
    [
      "an hour's requests used up",
      { status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999" } },
      3_600_000,
    ],
  ])("stays away as long as it is asked to: %s", async (_what, answer, retryAfterMs) => {
    proxy.refuseNext(answer);
    await expect(ticketing().create(content, "T-702", null)).rejects.toMatchObject({
      name: "ProviderError",
      code: "unreachable",
      retryAfterMs,
    });
    expect(proxy.requests).toHaveLength(1);
  });

  it.each([
    [401, "unauthorised"],
    [403, "unauthorised"],
    [410, "not_found"],
    [301, "not_found"],
    [409, "conflict"],
    [422, "rejected"],
    [502, "unreachable"],
  ])("says of a %i that it is %s", async (status, code) => {
    proxy.refuseNext({ status, body: { message: "why" } });
    await expect(ticketing().create(content, "T-703", null)).rejects.toMatchObject({
      code,
      message: expect.stringContaining("why"),
    });
  });

  it("says when nobody answers, when it is not in time, and when it is not GitHub", async () => {
    await expect(ticketing({ url: "http://127.0.0.1:9" }).read("1")).rejects.toMatchObject({
      code: "unreachable",
    });
    await expect(ticketing({ token: "wrong" }).read("1")).rejects.toMatchObject({ code: "unauthorised" });
    const silent = await startStandIn(() => new Promise(() => undefined));
    await expect(ticketing({ url: silent.url, deadlineMs: 30 }).read("1")).rejects.toMatchObject({
      code: "timeout",
    });
    await silent.close();
    proxy.refuseNext({ status: 200, body: { hello: "world" } });
    await expect(ticketing().read("1")).rejects.toMatchObject({ code: "rejected" });
  });
});
