import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkCard } from "../../src/cli/doctor/card.ts";
import { checkPostgres } from "../../src/cli/doctor/postgres.ts";
import { checkProviders } from "../../src/cli/doctor/providers.ts";
import { checkQueue, checkRedis, checkWork } from "../../src/cli/doctor/queue.ts";
import { checkSignIn } from "../../src/cli/doctor/sign-in.ts";
import { checkSlack } from "../../src/cli/doctor/slack.ts";
import { Secret } from "../../src/platform/secret.ts";
import { createIdentityProvider } from "../../src/platform/signin/provider.ts";
import { startTestApp, type TestApp } from "../support/app.ts";

let quarterdeck: TestApp;
const wallClock = () => new Date();
beforeAll(async () => {
  quarterdeck = await startTestApp();
});
afterAll(() => quarterdeck.close());

const stateOf = (findings: readonly { system: string; state: string }[]) =>
  Object.fromEntries(findings.map(({ system, state }) => [system, state]));

describe("the doctor on Postgres", () => {
  it("is content with the app role on a current schema", async () => {
    expect(stateOf(await checkPostgres(quarterdeck.fresh.url, wallClock))).toEqual({
      Postgres: "ok",
      Schema: "ok",
      Seals: "not set",
      Rights: "ok",
    });
  });

  it("sees that the owner could change the audit", async () => {
    const findings = await checkPostgres(quarterdeck.fresh.ownerUrl, wallClock);
    expect(findings.at(-1)).toMatchObject({
      system: "Rights",
      state: "failed",
      cure: expect.stringContaining("quarterdeck_app"),
    });
  });

  it("sees a clock that is off", async () => {
    const late = () => new Date(wallClock().getTime() - 60_000);
    expect(stateOf(await checkPostgres(quarterdeck.fresh.url, late))).toMatchObject({ Clock: "failed" });
  });

  it("names the release step on an older schema", async () => {
    const owner = new pg.Client({ connectionString: quarterdeck.fresh.ownerUrl });
    await owner.connect();
    try {
      await owner.query("update quarterdeck_migration set name = name || '-x' where name like '%-platform'");
      const findings = await checkPostgres(quarterdeck.fresh.url, wallClock);
      expect(findings.at(-1)).toMatchObject({
        system: "Schema",
        state: "failed",
        cure: expect.stringContaining("quarterdeck migrate"),
      });
    } finally {
      await owner.query(
        "update quarterdeck_migration set name = '2026-11-23T0000-platform' where name like '%-platform-x'",
      );
      await owner.end();
    }
  });

  it("names the variable when nothing answers", async () => {
    expect(await checkPostgres("postgres://nobody@127.0.0.1:1/none", wallClock)).toMatchObject([
      { state: "failed", cure: expect.stringContaining("DATABASE_URL") },
    ]);
  });
});

describe("the doctor on queue and workers", () => {
  it("says that Redis is not set, and names it when it does not answer", async () => {
    expect(await checkRedis(undefined)).toMatchObject({ state: "not set" });
    expect(await checkRedis("redis://127.0.0.1:1")).toMatchObject({
      state: "failed",
      cure: expect.stringContaining("REDIS_URL"),
    });
  });

  it("sends a ring round, and counts who works", async () => {
    expect(await checkQueue(quarterdeck.app, quarterdeck.fresh.url)).toMatchObject({ state: "ok" });
    expect(await checkWork(quarterdeck.app)).toMatchObject([{ system: "Workers", state: "ok" }]);
  });
});

describe("the doctor on Slack", () => {
  const examine = (isLocal: boolean) =>
    checkSlack({
      slack: quarterdeck.app.slack,
      settings: quarterdeck.app.settings,
      catalog: quarterdeck.app.catalogs.current(),
      isLocal,
    });

  it("finds token, workspace and channels", async () => {
    expect(stateOf(await examine(true))).toMatchObject({
      "Slack token": "ok",
      "Slack workspace": "ok",
      "Slack scopes": "not proven",
      Channels: "ok",
    });
  });

  it("names the signing secret when real Slack is meant", async () => {
    expect(await examine(false)).toContainEqual(
      expect.objectContaining({
        system: "Slack signing",
        state: "failed",
        saw: "SLACK_SIGNING_SECRET is not set",
      }),
    );
  });

  it("says which channel is not there", async () => {
    const { app } = quarterdeck;
    const catalog = structuredClone(app.catalogs.current());
    catalog.channels.push({ name: "gone", slack: { T0LOCAL: "C0GONE" } });
    const findings = await checkSlack({ slack: app.slack, settings: app.settings, catalog, isLocal: true });
    expect(findings).toContainEqual(
      expect.objectContaining({
        system: "Channel gone",
        state: "failed",
        saw: expect.stringContaining("channel_not_found"),
      }),
    );
  });
});

it("the doctor names what the catalog's instances lack", async () => {
  const findings = await checkProviders(quarterdeck.app, quarterdeck.app.catalogs.current());
  // Neither the demo service nor its secrets are there.
  expect(stateOf(findings)).toMatchObject({
    "Metrics local-scrape": "failed",
    "Traffic of shop in production": "failed",
    "Accessor orders-postgres": "failed",
    "Hook alertmanager": "not set",
    "Tickets builtin": "ok",
  });
  for (const { state, cure } of findings) if (state !== "ok") expect(cure).toBeTruthy();
});

describe("the doctor's test card", () => {
  it("is proven by a person's press", async () => {
    const told: string[] = [];
    const { app } = quarterdeck;
    const checked = checkCard({
      app,
      catalog: app.catalogs.current(),
      channel: "C0OPS",
      say: (line) => void told.push(line),
    });
    const olive = await quarterdeck.person("U0ONCALL");
    await olive.press(await olive.sees("C0OPS", /Test card/), "It works");
    expect(stateOf(await checked)).toEqual({ "Test card": "ok", Press: "ok" });
    expect(told).toEqual([expect.stringContaining("Press its button")]);
    const after = await olive.sees("C0OPS", /Pressed by/);
    expect(JSON.stringify(after.blocks)).not.toContain("It works");
  });

  it("says 'not proven' when nobody presses", async () => {
    const { app } = quarterdeck;
    const findings = await checkCard({
      app,
      catalog: app.catalogs.current(),
      channel: "C0GENERAL",
      say: () => undefined,
      pressedMaxMs: 0,
    });
    expect(stateOf(findings)).toEqual({ "Test card": "ok", Press: "not proven" });
  });

  it("says what Slack refused", async () => {
    const { app } = quarterdeck;
    const findings = await checkCard({
      app,
      catalog: app.catalogs.current(),
      channel: "C0NOWHERE",
      say: () => undefined,
    });
    expect(findings).toMatchObject([{ state: "failed", saw: expect.stringContaining("channel_not_found") }]);
  });
});

describe("the doctor on signing in", () => {
  const provider = (clientSecret: string, issuer = `${quarterdeck.base}/workspace/oidc`) =>
    createIdentityProvider(
      {
        ...quarterdeck.provider,
        issuer,
        clientSecret: clientSecret === "" ? quarterdeck.provider.clientSecret : new Secret(clientSecret),
      },
      { redirectUri: `${quarterdeck.base}/sign-in/callback`, log: quarterdeck.log, now: () => new Date() },
    );
  const check = (identity: ReturnType<typeof provider> | undefined, isLocal = false) =>
    checkSignIn(identity, quarterdeck.app.catalogs.current(), isLocal);

  it("shows the provider our client and signs nobody in", async () => {
    expect(await check(provider(""))).toMatchObject({
      state: "ok",
      saw: expect.stringContaining("takes our client"),
    });
  });

  it("names the settings when the client is refused and when nobody answers", async () => {
    expect(await check(provider("wrong"))).toMatchObject({
      state: "failed",
      cure: expect.stringContaining("OIDC_CLIENT_SECRET"),
    });
    expect(await check(provider("", "http://127.0.0.1:1"))).toMatchObject({
      state: "failed",
      cure: expect.stringContaining("OIDC_ISSUER"),
    });
  });

  it("says what is not possible where none is set", async () => {
    expect(await check(undefined)).toMatchObject({
      state: "not set",
      saw: expect.stringContaining("fresh sign-in"),
    });
    expect(await check(undefined, true)).toMatchObject({ state: "ok" });
  });
});
