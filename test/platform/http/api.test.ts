import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ApiTokenWish, createApiToken, revokeApiToken } from "../../../src/platform/apitokens.ts";
import { createOperatorToken, operatorOf } from "../../../src/platform/operatortokens.ts";
import { personLeft, systemActor } from "../../../src/platform/people.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { until } from "../../support/until.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let quarterdeck: TestApp;
beforeAll(async () => {
  quarterdeck = await startTestApp();
});
afterAll(() => quarterdeck?.close());

const db = () => quarterdeck.app.database.db;
const teams = () => quarterdeck.app.catalogs.current().teams.map(({ name }) => name);
const wish = (person: string, asked: Partial<ApiTokenWish> = {}) =>
  createApiToken(
    quarterdeck.app.database,
    systemActor,
    { team: "T0LOCAL", person },
    { scopes: ["read", "act", "audit:read"], ...asked },
    teams(),
    quarterdeck.app.box,
  );
async function tokenOf(person: string, asked: Partial<ApiTokenWish> = {}) {
  const made = await wish(person, asked);
  if (!made.ok) throw new Error(made.refusal.message);
  return made.value;
}
async function ask(
  token: string | undefined,
  path: string,
  body?: unknown,
  more: Record<string, string> = {},
) {
  const answer = await fetch(`${quarterdeck.base}/api/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...more },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return {
    status: answer.status,
    body: (await answer.json()) as Record<string, unknown>,
    headers: answer.headers,
  };
}

describe("the document of the API", () => {
  it("is OpenAPI 3.1, the same that is kept in docs but for where it is served", async () => {
    const { body } = await ask(undefined, "/openapi.json");
    const kept = JSON.parse(readFileSync("docs/openapi.json", "utf8")) as object;
    expect({ ...body, servers: [] }).toEqual({ ...kept, servers: [] });
    const validator = new Validator();
    const result = await validator.validate(structuredClone(body));
    expect(result.valid ? [] : result.errors).toEqual([]);
    expect(validator.version).toBe("3.1");
    const operations = Object.values(body.paths as object).flatMap((path) => Object.values(path as object));
    const ids = operations.map(({ operationId }) => operationId as string);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining(["listRollouts", "listTickets", "listAccess", "readAudit", "runCommand"]),
    );
  });
});

describe("the HTTP API", () => {
  it("does a command line as its person, with the same refusals, and says what became of it", async () => {
    const { token } = await tokenOf("U0DEV");
    const asked = await ask(token, "/commands", {
      line: "access request orders-db readonly 15m INC-42 stuck orders",
    });
    expect(asked).toMatchObject({ status: 200, body: { done: true, ok: true } });
    const again = await ask(token, `/commands/${String(asked.body.id)}`);
    expect(again.body).toEqual(asked.body);
    const mine = await ask(token, "/commands", { line: "access approve G-1" });
    expect(mine.body.rule ?? mine.body.text).toMatch(/own/);
    const { token: lenas } = await tokenOf("U0LEAD");
    expect((await ask(lenas, `/commands/${String(asked.body.id)}`)).status).toBe(404);
    const list = await ask(token, "/access?state=requested");
    expect(list.body.grants).toMatchObject([
      { id: "G-1", resource: "orders-db", requester: { person: "U0DEV" } },
    ]);
    expect(JSON.stringify(list.body)).not.toContain("stuck orders");
    expect((await ask(token, "/access/G-1")).body).toMatchObject({ id: "G-1", state: "requested" });
    const audit = await ask(token, "/audit?subject=G-1");
    expect(audit.body.entries).toMatchObject([{ action: "access.requested", subject: "G-1" }]);
    expect(JSON.stringify(audit.body.entries)).toContain(String.raw`\"door\":\"api\"`);
  });

  it("does the same request sent twice once", async () => {
    const { token } = await tokenOf("U0ONCALL");
    const id = crypto.randomUUID();
    const both = await Promise.all([1, 2].map(() => ask(token, "/commands", { line: "help status", id })));
    expect(both[0]?.body.id).toBe(both[1]?.body.id);
  });

  it("answers rollouts and tickets, and says what is not there", async () => {
    const { token } = await tokenOf("U0ONCALL");
    expect(await ask(token, "/rollouts?inFlight=true&limit=5")).toMatchObject({
      status: 200,
      body: { rollouts: [] },
    });
    expect(await ask(token, "/tickets?closedDays=7")).toMatchObject({ status: 200, body: { tickets: [] } });
    for (const path of ["/rollouts/R-9", "/tickets/T-9", "/access/G-99", "/commands/x"])
      expect((await ask(token, path)).status).toBe(404);
    expect((await ask(token, "/nothing")).status).toBe(404);
    const wrongMethod = await ask(token, "/rollouts", {});
    expect([wrongMethod.status, wrongMethod.headers.get("allow")]).toEqual([405, "GET"]);
  });

  it.each([
    ["a limit out of bounds", "/rollouts?limit=100000", undefined, /query\.limit/],
    ["a word it does not know", "/rollouts?services=shop", undefined, /query/],
    ["a body that is not JSON", "/commands", "{", /not JSON/],
    ["a line that is missing", "/commands", {}, /body\.line/],
    ["a line of 5,000 characters", "/commands", { line: "x".repeat(5_000) }, /body\.line/],
  ])("names what it cannot read: %s", async (_what, path, body, words) => {
    const { token } = await tokenOf("U0LEAD", { minutes: 5 });
    const answer = await ask(token, path, body);
    expect(answer.status).toBe(400);
    expect(answer.body.message).toMatch(words);
    await revokeAll("U0LEAD");
  });
});

async function revokeAll(person: string): Promise<void> {
  const { rows } = await sql<{
    id: string;
  }>`select id from api_tokens where person = ${person} and revoked_at is null`.execute(db());
  for (const { id } of rows) await revokeApiToken(quarterdeck.app.database, systemActor, id);
}

describe("a token of the API", () => {
  it("lets nobody in without it: no cookie, no other token, none revoked, run out or altered", async () => {
    const dev = await quarterdeck.person("U0DEV");
    expect((await ask(undefined, "/rollouts", undefined, { cookie: dev.cookie })).status).toBe(401);
    const { id, token } = await tokenOf("U0ONCALL");
    expect((await ask(`${token}x`, "/rollouts")).status).toBe(401);
    expect((await ask(token, "/rollouts")).status).toBe(200);
    await sql`update api_tokens set expires_at = now() - interval '1 second' where id = ${id}`.execute(db());
    expect((await ask(token, "/rollouts")).status).toBe(401);
    const other = await tokenOf("U0ONCALL");
    await revokeApiToken(quarterdeck.app.database, systemActor, other.id);
    expect((await ask(other.token, "/rollouts")).status).toBe(401);
  });

  it("does what its scopes say and no more", async () => {
    const { token } = await tokenOf("U0ONCALL", { scopes: ["read"] });
    expect((await ask(token, "/rollouts")).status).toBe(200);
    for (const [path, body] of [
      ["/commands", { line: "help" }],
      ["/audit", undefined],
    ] as const)
      expect(await ask(token, path, body)).toMatchObject({ status: 403, body: { rule: "token-scope" } });
  });

  it("covers its teams' things and no others'", async () => {
    const { token } = await tokenOf("U0ONCALL", { teams: ["payments"] });
    expect((await ask(token, "/access")).body.grants).toEqual([]);
    expect((await ask(token, "/access/G-1")).status).toBe(404);
    // An older one of theirs is found however many of others' are newer.
    await sql`insert into access_grants select (jsonb_populate_record(g, ${JSON.stringify({ id: "G-0", resource: "cards-db", service: "payments", requested_at: "2020-01-01T00:00:00Z" })}::jsonb)).*
      from access_grants g where id = 'G-1'`.execute(db());
    expect((await ask(token, "/access?limit=1")).body.grants).toMatchObject([{ id: "G-0" }]);
    await sql`delete from access_grants where id = 'G-0'`.execute(db());
    for (const path of ["/rollouts", "/tickets"]) expect((await ask(token, path)).status).toBe(200);
    for (const line of ["help", "status shop", "rollout start shop v42"])
      expect(await ask(token, "/commands", { line })).toMatchObject({
        status: 403,
        body: { rule: "token-teams" },
      });
    expect(await ask(token, "/audit")).toMatchObject({ status: 403, body: { rule: "token-teams" } });
    expect((await ask(token, "/audit?service=shop")).status).toBe(403);
    const { token: storefront } = await tokenOf("U0ONCALL", { teams: ["storefront"] });
    for (const line of ["rollback shop", "rollout revert shop"]) {
      expect(await ask(token, "/commands", { line })).toMatchObject({ body: { rule: "token-teams" } });
      const asked = await ask(storefront, "/commands", { line: `${line} --dry-run` });
      expect([asked.status, asked.body.done]).toEqual([200, true]);
    }
    await revokeAll("U0ONCALL");
  });

  it("works for hours at most: 90 days, no time, a fraction and what is no number are refused", async () => {
    for (const minutes of [90 * 24 * 60, 721, 4, 0, -60, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(await wish("U0DEV", { minutes })).toMatchObject({ ok: false, refusal: { rule: "token-life" } });
    for (const asked of [{ scopes: [] }, { scopes: ["admin"] }, { teams: [] }, { teams: ["nobody"] }])
      expect((await wish("U0DEV", asked)).ok).toBe(false);
  });

  it("is no way to a session of the console", async () => {
    const { token } = await tokenOf("U0ONCALL", { scopes: ["act"] });
    expect((await ask(token, "/commands", { line: "sign-in" })).body.text).toContain("does not sign in");
  });

  it("is made on the console, shown once, kept as a hash and ended there", async () => {
    await revokeAll("U0DEV");
    const { cookie } = await quarterdeck.person("U0DEV");
    const page = async (path: string, form?: Record<string, string>) =>
      (
        await fetch(quarterdeck.base + path, {
          headers: { cookie, origin: quarterdeck.base },
          ...(form ? { method: "POST", body: new URLSearchParams(form) } : {}),
        })
      ).text();
    const csrf = /name="csrf" value="([^"]+)"/.exec(await page("/console/tokens"))?.[1] as string;
    const made = await page("/console/tokens", {
      csrf,
      "scope read": "on",
      minutes: "15",
      team: "",
      note: "<b>CI",
    });
    const token = /data-secret="token">([^<]+)</.exec(made)?.[1] as string;
    expect(token).toMatch(/^qda_/);
    expect((await ask(token, "/rollouts")).status).toBe(200);
    const list = await page("/console/tokens");
    expect(list).not.toContain(token);
    expect(list).toContain("&lt;b&gt;CI");
    const { rows } = await sql<{ row: string }>`select t::text as row from api_tokens t`.execute(db());
    expect(rows.map(({ row }) => row).join()).not.toContain(token);
    const id = /api_[0-9a-f]{8}/.exec(list)?.[0];
    await page(`/console/tokens/${id}/end`, { csrf });
    expect((await ask(token, "/rollouts")).status).toBe(401);
  });

  it("24: ends with every session when its person leaves the workspace", async () => {
    const { token } = await tokenOf("U0LEAD");
    const { cookie } = await quarterdeck.person("U0LEAD");
    const { database, clock } = quarterdeck.app;
    const terminal = async (person: string) => {
      const made = await createOperatorToken(database, systemActor, { team: "T0LOCAL", person });
      if (!made.ok) throw new Error(made.refusal.message);
      return made.value.token;
    };
    const [lenas, olives] = [await terminal("U0LEAD"), await terminal("U0ONCALL")];
    expect((await ask(token, "/rollouts")).status).toBe(200);
    await quarterdeck.app.database.tx(async (tx) => tx.emit(personLeft, "U0LEAD"));
    await until("the token to end", async () => (await ask(token, "/rollouts")).status === 401);
    expect((await fetch(`${quarterdeck.base}/console`, { headers: { cookie } })).status).toBe(401);
    await until(
      "the terminal's to end",
      async () => (await operatorOf(db(), lenas, clock.now())) === undefined,
    );
    expect(await operatorOf(db(), olives, clock.now())).toBeDefined();
    const said = db().selectFrom("audit").select("subject").where("action", "=", "operator-token.revoked");
    expect(await said.execute()).toHaveLength(1);
  });
});
