import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyAudit } from "../../../src/platform/audit/verify.ts";
import {
  createOperatorToken,
  localOperatorOf,
  revokeOperatorToken,
  signLocalOperator,
} from "../../../src/platform/operatortokens.ts";
import { systemActor } from "../../../src/platform/people.ts";
import { SecretBox } from "../../../src/platform/secretbox.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";

let quarterdeck: TestApp;
beforeAll(async () => {
  quarterdeck = await startTestApp();
});
afterAll(() => quarterdeck.close());

async function tokenOf(person: string): Promise<{ id: string; token: string }> {
  const made = await createOperatorToken(quarterdeck.app.database, systemActor, { team: "T0LOCAL", person });
  if (!made.ok) throw new Error(made.refusal.message);
  return made.value;
}

async function say(token: string | undefined, body: unknown, path = "") {
  const answer = await fetch(`${quarterdeck.base}/api/ops${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const rows = async () =>
  (await quarterdeck.app.database.db.selectFrom("inbox").select(["id", "person", "payload"]).execute()) as {
    id: string;
    person: string;
    payload: { door: string; line: string };
  }[];

describe("the terminal's door", () => {
  it("answers a line with the words Slack would show, and keeps it in the inbox as the person's", async () => {
    const { token } = await tokenOf("U0ONCALL");
    const answer = await say(token, { line: "help status", id: randomUUID() });
    expect(answer).toMatchObject({ status: 200, body: { done: true, ok: true } });
    expect(answer.body.text).toBe(
      "status [service|id]\nHow a service or a thing is doing; without one, all services.\nExample: status shop",
    );
    expect(await rows()).toContainEqual(
      expect.objectContaining({
        person: "U0ONCALL",
        payload: expect.objectContaining({ door: "terminal", line: "help status" }),
      }),
    );
  });

  it("does a request sent twice once", async () => {
    const { token } = await tokenOf("U0DEV");
    const id = randomUUID();
    const before = (await rows()).length;
    const [first, second] = await Promise.all([
      say(token, { line: "status", id }),
      say(token, { line: "status", id }),
    ]);
    expect(first.body.id).toBe(second.body.id);
    expect((await rows()).length).toBe(before + 1);
  });

  it("says which rule refused a line and keeps nothing", async () => {
    const { token } = await tokenOf("U0DEV");
    const before = (await rows()).length;
    const answer = await say(token, { line: "statsu shop", id: randomUUID() });
    expect(answer.body).toMatchObject({
      done: true,
      ok: false,
      text: expect.stringContaining("Did you mean status?"),
    });
    expect((await rows()).length).toBe(before);
  });

  it("answers an own request again by its id, and nobody else's", async () => {
    const [olive, dev] = [await tokenOf("U0ONCALL"), await tokenOf("U0DEV")];
    const asked = await say(olive.token, { line: "status", id: randomUUID() });
    expect((await say(olive.token, undefined, `/${asked.body.id}`)).body).toMatchObject({
      done: true,
      ok: true,
    });
    expect((await say(dev.token, undefined, `/${asked.body.id}`)).status).toBe(404);
  });

  it.each([
    ["no token", undefined],
    ["a made-up one", "qdo_made-up"],
    [
      "an unsigned local one",
      `qdl_${Buffer.from('{"person":"U0LEAD","until":9999999999999}').toString("base64url")}.x`,
    ],
  ])("lets nobody in with %s and stores nothing", async (_what, token) => {
    const before = (await rows()).length;
    const answer = await say(token, { line: "status", id: randomUUID() });
    expect(answer).toMatchObject({
      status: 401,
      body: { message: expect.stringContaining("quarterdeck token create ops") },
    });
    expect((await rows()).length).toBe(before);
  });

  it("lets nobody in with a revoked token", async () => {
    const { id, token } = await tokenOf("U0LEAD");
    expect((await say(token, { line: "status", id: randomUUID() })).status).toBe(200);
    await revokeOperatorToken(quarterdeck.app.database, systemActor, id);
    expect((await say(token, { line: "status", id: randomUUID() })).status).toBe(401);
  });

  it("lets a person of the local workspace in with a token made from this machine's key", async () => {
    const token = signLocalOperator(quarterdeck.app.box, "U0LEAD", quarterdeck.app.clock.now());
    expect((await say(token, { line: "status", id: randomUUID() })).body).toMatchObject({ ok: true });
    const forwarded = await fetch(`${quarterdeck.base}/api/ops`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "x-forwarded-for": "203.0.113.9" },
      body: JSON.stringify({ line: "status", id: randomUUID() }),
    });
    expect(forwarded.status).toBe(401);
  });

  it.each([
    ["a body that is not JSON", "{", 400],
    ["a request without an id", { line: "status" }, 400],
    ["too large a body", { line: "x".repeat(20_000), id: randomUUID() }, 413],
  ])("refuses %s", async (_what, body, status) => {
    const token = signLocalOperator(quarterdeck.app.box, "U0LEAD", quarterdeck.app.clock.now());
    expect((await say(token, body)).status).toBe(status);
  });

  it("leaves an audit that holds together", async () => {
    expect(
      await verifyAudit({ db: quarterdeck.app.database.db, keys: new Map(), now: new Date(0) }),
    ).toMatchObject({ ok: true });
  });
});

describe("a local token", () => {
  const box = new SecretBox("ab".repeat(32));
  const now = new Date("2026-03-02T10:00:00Z");
  it.each([
    ["at once", 0, "U0DEV"],
    ["for five minutes", 299_000, "U0DEV"],
    ["no longer", 300_000, undefined],
    ["not before it was made", -120_000, undefined],
  ])("works %s", (_when, laterMs, person) => {
    const token = signLocalOperator(box, "U0DEV", now);
    expect(localOperatorOf(box, token, new Date(now.getTime() + laterMs))).toBe(person);
  });
  it("made with another key is nobody's", () => {
    expect(
      localOperatorOf(box, signLocalOperator(new SecretBox("cd".repeat(32)), "U0DEV", now), now),
    ).toBeUndefined();
  });
});

describe("a person's tokens", () => {
  it("are five at most, and live 90 days at most", async () => {
    const person = { team: "T0LOCAL", person: "U0FIVE" };
    const make = (days?: number) => createOperatorToken(quarterdeck.app.database, systemActor, person, days);
    for (let count = 0; count < 5; count += 1) expect((await make()).ok).toBe(true);
    expect(await make()).toMatchObject({ ok: false, refusal: { rule: "five-tokens-at-most" } });
    expect(await make(91)).toMatchObject({ ok: false, refusal: { rule: "token-life" } });
  });
});
