import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import type { Person } from "../../support/person.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let quarterdeck: TestApp;
let dev: Person;
beforeAll(async () => {
  quarterdeck = await startTestApp({ withWorker: false });
  dev = await quarterdeck.person("U0DEV");
});
afterAll(() => quarterdeck?.close());

const get = (path: string, cookie = "") =>
  fetch(quarterdeck.base + path, { headers: { cookie }, redirect: "manual" });
/** As a browser asks for a page; fetch() sets this header itself. */
const navigate = async (path: string) => {
  const asked = request(quarterdeck.base + path, { headers: { "sec-fetch-mode": "navigate" } }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  return [answer.statusCode, answer.headers.location];
};
const csrfOf = async (cookie: string) =>
  /name="csrf" value="([^"]+)"/.exec(await (await get("/console", cookie)).text())?.[1] as string;
const post = async (cookie: string, origin: string | undefined, csrf: string | undefined) =>
  fetch(`${quarterdeck.base}/sign-out`, {
    method: "POST",
    body: new URLSearchParams(csrf === undefined ? {} : { csrf }),
    headers: { cookie, ...(origin === undefined ? {} : { origin }) },
    redirect: "manual",
  });

describe("a page of the console", () => {
  it("runs no script but its own file, is framed by nobody and kept nowhere", async () => {
    const answer = await get("/console", dev.cookie);
    const html = await answer.text();
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy).not.toMatch(/unsafe|nonce|\*/);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "cache-control": "no-store",
    });
    expect(html).not.toMatch(/<script(?![^>]* src="\/)|<style|\son\w+=|style="|javascript:/i);
  });

  it("27: is told to programs and link previews, and nothing is kept of them; a person's browser is led to the sign-in", async () => {
    const before = await quarterdeck.app.database.db.selectFrom("sessions").select("id_hash").execute();
    expect((await get("/console")).status).toBe(401);
    expect(await navigate("/console?a=b")).toEqual([303, "/sign-in?next=%2Fconsole%3Fa%3Db"]);
    const token = await quarterdeck.app.sessions.createLink({ team: "T0LOCAL", person: "U0DEV" }, "/console");
    for (let look = 0; look < 3; look += 1) expect((await get(`/sign-in?token=${token}`)).status).toBe(200);
    const links = quarterdeck.app.database.db
      .selectFrom("sign_in_links")
      .select("used_at")
      .where("used_at", "is", null);
    expect(await links.execute()).toHaveLength(1);
    expect(await quarterdeck.app.database.db.selectFrom("sessions").select("id_hash").execute()).toHaveLength(
      before.length,
    );
  });
});

describe("28: a form", () => {
  it("of another site signs nobody in with that site's own link", async () => {
    const token = await quarterdeck.app.sessions.createLink({ team: "T0LOCAL", person: "U0DEV" }, "/console");
    const press = (origin?: string) =>
      fetch(`${quarterdeck.base}/sign-in?token=${token}`, {
        method: "POST",
        headers: origin === undefined ? {} : { origin },
        redirect: "manual",
      });
    for (const origin of ["http://evil.example", "null", "http://127.0.0.1:1"]) {
      const answer = await press(origin);
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
    }
    expect((await press(quarterdeck.base)).status).toBe(303);
  });

  it.each([
    ["of another site", "http://evil.example", "right"],
    ["of a page without an origin", "null", "right"],
    ["that names no origin", undefined, "right"],
    ["of this host at another port", "http://127.0.0.1:1", "right"],
    ["without its token", "own", undefined],
    ["with a guessed token", "own", "guessed"],
    ["with the token of another person's session", "own", "lena's"],
  ])("%s does nothing", async (_what, origin, token) => {
    const csrf = await csrfOf(dev.cookie);
    const lenas = token === "lena's" ? await csrfOf((await quarterdeck.person("U0LEAD")).cookie) : undefined;
    const answer = await post(
      dev.cookie,
      origin === "own" ? quarterdeck.base : origin,
      token === "right" ? csrf : (lenas ?? token),
    );
    expect(answer.status).toBe(403);
    expect((await get("/console", dev.cookie)).status).toBe(200);
  });

  it("of the page itself signs out, and what was stolen before is worth nothing after", async () => {
    const olive = await quarterdeck.person("U0ONCALL");
    const stolen = olive.cookie;
    const csrf = await csrfOf(stolen);
    expect((await post(stolen, quarterdeck.base, csrf)).status).toBe(200);
    expect((await get("/console", stolen)).status).toBe(401);
    expect((await post(stolen, quarterdeck.base, csrf)).status).toBe(401);
  });
});

describe("1,000 requests in a minute", () => {
  it("by one person are cut with a page that says how long, and neither others nor Slack's door and webhooks are", async () => {
    const lena = await quarterdeck.person("U0LEAD");
    const statuses = new Map<number, number>();
    let cut: Response | undefined;
    for (let sent = 0; sent < 450; sent += 50) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => get("/console/tokens", lena.cookie)),
      );
      for (const answer of answers) {
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        if (answer.status === 429) cut ??= answer;
        else await answer.body?.cancel();
      }
    }
    expect(statuses.get(429)).toBeGreaterThan(50);
    expect(Number(cut?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await cut?.text()).toContain("Slack and webhooks go on");
    expect((await get("/console", dev.cookie)).status).toBe(200);
    const deed = await lena.send("C0OPS", "/ops help status");
    expect(deed.ack?.status).toBe(200);
    const hook = await fetch(`${quarterdeck.base}/hooks/alertmanager`, { method: "POST", body: "{}" });
    expect(hook.status).toBe(401);
  });

  it("that guess a terminal's token are cut too, and neither they nor ways back from no sign-in shut the sign-in", async () => {
    const guess = (token: string) =>
      fetch(`${quarterdeck.base}/api/ops`, {
        method: "POST",
        body: "{}",
        headers: { authorization: `Bearer ${token}` },
      });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => guess(`qdo_${index}`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    const stale = { headers: { authorization: "Bearer qda_stale" } };
    expect((await fetch(`${quarterdeck.base}/api/v1/rollouts`, stale)).status).toBe(429);
    expect((await get("/sign-in")).status).toBe(303);
    for (let sent = 0; sent < 35; sent += 1) await get("/sign-in/callback?code=a&state=b");
    expect((await get("/sign-in")).status).toBe(303);
  });

  it("by nobody known are cut by their address, and who is signed in goes on", async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => get("/console")));
    expect(answers.some(({ status }) => status === 429)).toBe(true);
    expect((await get("/console", dev.cookie)).status).toBe(200);
  });
});
