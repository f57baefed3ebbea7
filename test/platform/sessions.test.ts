import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { SecretBox } from "../../src/platform/secretbox.ts";
import {
  absoluteMs,
  confirmUrl,
  createSessions,
  idleMs,
  linkLifeMs,
  type Sessions,
} from "../../src/platform/sessions.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const dev = { team: "T0LOCAL", person: "U0DEV" };
const lena = { team: "T0LOCAL", person: "U0LEAD" };
const gone = new Set<string>();
let test: TestDatabase;
let sessions: Sessions;
const made = (isSecure: boolean) =>
  createSessions({
    database: test.database,
    box: new SecretBox("ab".repeat(32)),
    isSecure,
    isKnown: ({ person }) => !gone.has(person),
    now: () => test.clock.now(),
  });
beforeAll(async () => {
  test = await testDatabase();
  sessions = made(false);
});
afterAll(() => test?.close());

const request = (cookie = "") => ({ headers: { cookie } }) as IncomingMessage;
/** What a browser keeps of what `work` sets on a response. */
async function cookieOf(
  work: (res: ServerResponse) => Promise<unknown>,
): Promise<{ line: string; pair: string }> {
  let line = "";
  await work({
    appendHeader: (_name: string, value: string) => {
      line = value;
    },
  } as unknown as ServerResponse);
  return { line, pair: line.split(";")[0] as string };
}
const signedIn = async (who = dev, confirmedAt?: Date) =>
  (await cookieOf((res) => sessions.begin(res, who, { by: "oidc", confirmedAt }))).pair;

describe("a console session", () => {
  it("29: ends when nobody uses it, and after its whole time however much it is used", async () => {
    const [idle, busy] = [await signedIn(), await signedIn()];
    for (let usedMs = 0; usedMs < absoluteMs - idleMs; usedMs += idleMs / 2) {
      test.clock.advance(idleMs / 2);
      expect(await sessions.of(request(busy))).toBeDefined();
    }
    expect(await sessions.of(request(idle))).toBeUndefined();
    test.clock.advance(idleMs - 1);
    expect(await sessions.of(request(busy))).toBeDefined();
    test.clock.advance(1);
    expect(await sessions.of(request(busy))).toBeUndefined();
  });

  it("29: a stolen cookie is worth nothing once its person signed out", async () => {
    const stolen = await signedIn();
    const { line } = await cookieOf((res) => sessions.end(request(stolen), res));
    expect(line).toContain("Max-Age=0");
    expect(await sessions.of(request(stolen))).toBeUndefined();
  });

  it("gets a new id at each sign-in, and the one the browser brought ends", async () => {
    const planted = await signedIn(lena);
    const { pair } = await cookieOf((res) => sessions.begin(res, dev, { by: "oidc", req: request(planted) }));
    expect(pair).not.toBe(planted);
    expect(await sessions.of(request(planted))).toBeUndefined();
    expect((await sessions.of(request(pair)))?.actor.person).toBe("U0DEV");
  });

  it("is made once by what may be used once, however often that is played again", async () => {
    const begin = () => cookieOf((res) => sessions.begin(res, dev, { by: "oidc", once: "state-1" }));
    const [first, second] = await Promise.all([begin(), begin()]);
    expect([first.pair, second.pair].filter(Boolean)).toHaveLength(1);
  });

  it("takes no id that it did not sign itself", async () => {
    const cookie = await signedIn();
    const forged = cookie.replace(/=.{8}/, "=AAAAAAAA");
    for (const wrong of [forged, cookie.split(".")[0], "qd_session=", "qd_session=a.b", ""])
      expect(await sessions.of(request(wrong))).toBeUndefined();
  });

  it("says when its person last proved who they are, and says nothing for one by a link", async () => {
    const at = new Date(test.clock.now().getTime() - 30_000);
    expect((await sessions.of(request(await signedIn(dev, at))))?.actor.confirmedAt).toEqual(at);
    const token = await sessions.createLink(dev, "/console");
    const { pair } = await cookieOf((res) => sessions.useLink(token, request(), res));
    expect((await sessions.of(request(pair)))?.actor.confirmedAt).toBeUndefined();
  });

  it("ends when its person is in the catalog no more, and stays ended should they come back", async () => {
    const cookie = await signedIn();
    gone.add("U0DEV");
    expect(await sessions.of(request(cookie))).toBeUndefined();
    gone.delete("U0DEV");
    expect(await sessions.of(request(cookie))).toBeUndefined();
  });

  it("ends with all others of its person when they leave, and nobody else's does", async () => {
    const [one, two, other] = [await signedIn(), await signedIn(), await signedIn(lena)];
    expect(await sessions.endAllOf(dev, "left the workspace")).toBeGreaterThanOrEqual(2);
    for (const cookie of [one, two]) expect(await sessions.of(request(cookie))).toBeUndefined();
    expect(await sessions.of(request(other))).toBeDefined();
    const entries = await test.db
      .selectFrom("audit")
      .select("body")
      .where("action", "=", "session.ended")
      .orderBy("seq", "desc")
      .execute();
    expect(entries[0]?.body).toContain("left the workspace");
  });

  it("is kept by the browser for https and this host alone", async () => {
    const { line } = await cookieOf((res) => made(true).begin(res, dev, { by: "oidc" }));
    expect(line).toMatch(/^__Host-qd_session=\S+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+; Secure$/);
  });
});

describe("a sign-in link", () => {
  it("works once, and not after its time", async () => {
    const use = async (token: string) => {
      let next: string | undefined;
      await cookieOf(async (res) => {
        next = (await sessions.useLink(token, request(), res))?.next;
      });
      return next;
    };
    const token = await sessions.createLink(dev, "//elsewhere.example/");
    expect(await use(token)).toBe("/");
    expect(await use(token)).toBeUndefined();
    const late = await sessions.createLink(dev, "/console");
    test.clock.advance(linkLifeMs);
    expect(await use(late)).toBeUndefined();
  });

  it("for a fresh sign-in leads back to a page of ours only", () => {
    expect(confirmUrl("/access/G-1?a=b")).toBe("/sign-in?fresh=1&next=%2Faccess%2FG-1%3Fa%3Db");
    expect(confirmUrl("https://elsewhere.example")).toBe("/sign-in?fresh=1&next=%2F");
  });
});
