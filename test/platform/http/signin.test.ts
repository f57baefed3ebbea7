import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { confirmUrl } from "../../../src/platform/sessions.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let quarterdeck: TestApp;
/** What the identity provider says instead of the truth. */
let lie: (claims: Record<string, unknown>) => Record<string, unknown>;
beforeAll(async () => {
  quarterdeck = await startTestApp({ withWorker: false, alterClaims: (claims) => lie(claims) });
});
afterAll(() => quarterdeck?.close());
beforeEach(() => {
  lie = (claims) => claims;
});

/** A browser: it keeps cookies and shows each redirect. */
class Browser {
  readonly jar = new Map<string, string>();
  async go(to: string, init: RequestInit = {}) {
    const headers = {
      cookie: [...this.jar].map(([name, value]) => `${name}=${value}`).join("; "),
      ...(init.headers as Record<string, string>),
    };
    const answer = await fetch(new URL(to, quarterdeck.base), { ...init, headers, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = (line.split(";")[0] as string).split("=") as [string, string];
      if (line.includes("Max-Age=0")) this.jar.delete(name);
      else this.jar.set(name, value);
    }
    return {
      status: answer.status,
      to: answer.headers.get("location") ?? "",
      html: await answer.text(),
      answer,
    };
  }
  /** Sits down at the workspace as somebody, as its page does. */
  async sit(user: string): Promise<this> {
    const session = JSON.parse((await this.go("/workspace/api/session")).html) as { token: string };
    await this.go("/workspace/api/act-as", {
      method: "POST",
      body: JSON.stringify({ user }),
      headers: { "x-csrf-token": session.token, origin: quarterdeck.base },
    });
    return this;
  }
  /** As far as the way back from the provider, which is not gone. */
  async toCallback(path = "/sign-in"): Promise<string> {
    const begun = await this.go(path);
    expect(begun.status).toBe(303);
    const back = await this.go(begun.to);
    expect(back.to).toContain("/sign-in/callback?");
    return back.to;
  }
  async who(): Promise<string | undefined> {
    const cookie = `qd_session=${this.jar.get("qd_session") ?? ""}`;
    return (await quarterdeck.app.sessions.of({ headers: { cookie } } as never))?.actor.person;
  }
}
const dev = () => new Browser().sit("U0DEV");

describe("signing in by the identity provider", () => {
  it("goes there with code, PKCE, state and nonce, comes back, and leads to the page that was asked for", async () => {
    const browser = await dev();
    const asked = await browser.go("/access/G-7?a=b");
    expect(asked.status).toBe(401);
    expect(asked.html).toContain('href="/sign-in?next=%2Faccess%2FG-7%3Fa%3Db"');
    const begun = await browser.go("/sign-in?next=%2Faccess%2FG-7%3Fa%3Db");
    const query = new URL(begun.to).searchParams;
    expect(Object.fromEntries(query)).toMatchObject({
      response_type: "code",
      scope: "openid email",
      code_challenge_method: "S256",
      redirect_uri: `${quarterdeck.base}/sign-in/callback`,
    });
    for (const name of ["state", "nonce", "code_challenge"])
      expect(query.get(name)?.length).toBeGreaterThan(40);
    const done = await browser.go((await browser.go(begun.to)).to);
    expect(done).toMatchObject({ status: 303, to: "/access/G-7?a=b" });
    expect(done.answer.headers.getSetCookie().join()).toMatch(/qd_session=.*HttpOnly; SameSite=Lax/);
    expect(await browser.who()).toBe("U0DEV");
    expect(browser.jar.has("qd_sign_in")).toBe(false);
  });

  it("is refused when the answer belongs to a question of another browser, or to none", async () => {
    const [mine, theirs] = [await dev(), await new Browser().sit("U0LEAD")];
    const callback = await theirs.toCallback();
    for (const browser of [mine, new Browser()]) {
      const answer = await browser.go(callback);
      expect(answer.status).toBe(400);
      expect(answer.html).toContain("was not begun in this browser");
      expect(await browser.who()).toBeUndefined();
    }
    await mine.toCallback();
    expect((await mine.go(callback)).status).toBe(400);
  });

  it("is refused when state and cookie are played again, and the session it made goes on", async () => {
    const browser = await dev();
    const callback = await browser.toCallback();
    const kept = browser.jar.get("qd_sign_in") as string;
    expect((await browser.go(callback)).status).toBe(303);
    const again = new Browser();
    again.jar.set("qd_sign_in", kept);
    const answer = await again.go(callback);
    expect(answer.status).toBe(403);
    expect(answer.html).toContain("invalid_grant");
    expect(await again.who()).toBeUndefined();
    expect(await browser.who()).toBe("U0DEV");
  });

  it.each([
    ["a wrong nonce", (claims: object) => ({ ...claims, nonce: "another" })],
    ["no nonce", (claims: object) => ({ ...claims, nonce: undefined })],
    ["a wrong issuer", (claims: object) => ({ ...claims, iss: "https://elsewhere.example" })],
    ["an ID token for somebody else's client", (claims: object) => ({ ...claims, aud: "another" })],
    ["an ID token that has run out", (claims: object) => ({ ...claims, exp: 1_000 })],
  ])("is refused with %s", async (_what, alter) => {
    lie = alter;
    const browser = await dev();
    const answer = await browser.go(await browser.toCallback());
    expect(answer.status).toBe(403);
    expect(answer.html).toContain("cannot be trusted");
    expect(await browser.who()).toBeUndefined();
  });

  it("is refused when the answer names another provider than the one that was asked", async () => {
    const browser = await dev();
    const callback = new URL(await browser.toCallback());
    callback.searchParams.set("iss", "https://elsewhere.example");
    expect((await browser.go(callback.href)).status).toBe(403);
  });

  it("10: refuses people of other workspaces and whom the catalog does not know", async () => {
    for (const [claims, words] of [
      [{ "https://slack.com/team_id": "T0OTHER" }, "not of a workspace this Quarterdeck serves"],
      [{ "https://slack.com/user_id": "U0NOBODY" }, "The catalog does not know you"],
      [{ "https://slack.com/user_id": undefined }, "named no Slack user"],
    ] as const) {
      lie = (truth) => ({ ...truth, ...claims });
      const browser = await dev();
      const answer = await browser.go(await browser.toCallback());
      expect(answer.status).toBe(403);
      expect(answer.html).toContain(words);
      expect(await browser.who()).toBeUndefined();
    }
  });

  it("says what the provider said when it signs nobody in, and lets start again", async () => {
    const browser = await dev();
    const state = new URL((await browser.go("/sign-in")).to).searchParams.get("state");
    const iss = encodeURIComponent(`${quarterdeck.base}/workspace/oidc`);
    const answer = await browser.go(`/sign-in/callback?error=access_denied<b>&state=${state}&iss=${iss}`);
    expect(answer.status).toBe(403);
    expect(answer.html).toContain("did not sign you in (access_deniedb)");
    expect(answer.html).toContain('href="/sign-in"');
  });
});

describe("a fresh sign-in", () => {
  const now = () => quarterdeck.app.clock.now().getTime();
  const confirmedAt = async (browser: Browser) =>
    (
      await quarterdeck.app.sessions.of({
        headers: { cookie: `qd_session=${browser.jar.get("qd_session")}` },
      } as never)
    )?.actor.confirmedAt?.getTime();
  /** The provider asks again, and the person says so. */
  const confirm = async (browser: Browser) => {
    const begun = await browser.go(confirmUrl("/access/G-1"));
    expect(new URL(begun.to).searchParams).toMatchObject({});
    expect(Object.fromEntries(new URL(begun.to).searchParams)).toMatchObject({
      prompt: "login",
      max_age: "0",
    });
    const page = await browser.go(begun.to);
    expect(page.html).toContain("who are you?");
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] as string;
    const pressed = await browser.go(begun.to, {
      method: "POST",
      body: new URLSearchParams({ csrf, person: "U0DEV" }),
      headers: { origin: quarterdeck.base },
    });
    return browser.go(pressed.to);
  };

  it("has the provider ask again and says when it did, in a session with a new id", async () => {
    const browser = await dev();
    await browser.go(await browser.toCallback());
    const before = browser.jar.get("qd_session");
    expect(await confirm(browser)).toMatchObject({ status: 303, to: "/access/G-1" });
    expect(browser.jar.get("qd_session")).not.toBe(before);
    expect(Math.abs(now() - ((await confirmedAt(browser)) ?? 0))).toBeLessThan(5_000);
    const old = { headers: { cookie: `qd_session=${before}` } } as never;
    expect(await quarterdeck.app.sessions.of(old)).toBeUndefined();
  });

  it.each([
    [
      "before it began",
      (claims: { auth_time?: number }) => ({ ...claims, auth_time: (claims.auth_time ?? 0) - 300 }),
    ],
    ["at no time it tells", (claims: object) => ({ ...claims, auth_time: undefined })],
  ])("does not count when the provider asked %s", async (_what, alter) => {
    lie = alter as typeof lie;
    const browser = await dev();
    const answer = await confirm(browser);
    expect(answer.status).toBe(403);
    expect(await browser.who()).toBeUndefined();
  });

  it("never lies ahead of us, however far the provider's clock is", async () => {
    lie = (claims) => ({ ...claims, auth_time: Math.floor(now() / 1_000) + 20 });
    const browser = await dev();
    await confirm(browser);
    expect(await confirmedAt(browser)).toBeLessThanOrEqual(now());
  });
});
