import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { Person } from "../support/person.ts";
import { until } from "../support/until.ts";

let quarterdeck: TestApp;
let olive: Person;
beforeAll(async () => {
  quarterdeck = await startTestApp();
  olive = await quarterdeck.person("U0ONCALL");
});
afterAll(() => quarterdeck.close());

describe("a slash command", () => {
  it("is acknowledged with nothing and answered to the person alone", async () => {
    const deed = await olive.send("C0OPS", "/ops status shop");
    expect(deed).toMatchObject({ ok: true, ack: { status: 200, body: "" } });
    const answer = await olive.sees("C0OPS", /shop/);
    expect(answer.ephemeral).toBe(true);
    const lena = await quarterdeck.person("U0LEAD");
    expect((await lena.see("C0OPS")).filter((message) => message.ts === answer.ts)).toEqual([]);
  });

  it("that nobody knows is answered with the nearest one and an example", async () => {
    await olive.send("C0OPS", "/ops statsu shop");
    expect((await olive.sees("C0OPS", /statsu/)).text).toBe(
      '"statsu" is not a command. Did you mean status? Example: status shop',
    );
  });

  it("kept before a worker was there is done once one comes", async () => {
    await quarterdeck.worker?.stop();
    await olive.send("C0GENERAL", "/ops help status");
    const open = await quarterdeck.app.database.db
      .selectFrom("inbox")
      .select("id")
      .where("done_at", "is", null)
      .execute();
    expect(open).toHaveLength(1);
    const { startWorker } = await import("../../src/roles.ts");
    quarterdeck.worker = await startWorker(quarterdeck.app);
    await olive.sees("C0GENERAL", /How a service or a thing is doing/);
  });

  it("in a thread is refused as Slack does, and the same words as a mention work there", async () => {
    const parent = await olive.send("C0OPS", "something is up");
    expect(parent.ok).toBe(true);
    const message = await olive.sees("C0OPS", /something is up/);
    expect(await olive.send("C0OPS", "/ops status shop", message.ts)).toMatchObject({ ok: false });
    await olive.send("C0OPS", "@quarterdeck help why", message.ts);
    await until("the answer in the thread", async () =>
      (await olive.see("C0OPS", message.ts)).some((reply) => reply.text.includes("why T-3")),
    );
  });
});

describe("a mention", () => {
  it("that is refused is answered in its thread and its words are kept nowhere", async () => {
    const words = "rotate-me-qz81";
    await olive.send("C0GENERAL", `@quarterdeck access request orders-db readonly 15m password=${words}`);
    const asked = await olive.sees("C0GENERAL", /access request/);
    await until("the refusal", async () =>
      (await olive.see("C0GENERAL", asked.ts)).some((reply) => /secret/i.test(reply.text)),
    );
    const kept = await quarterdeck.app.database.db.selectFrom("inbox").select("payload").execute();
    expect(JSON.stringify(kept)).not.toContain(words);
  });
});

describe("Slack's signature", () => {
  const post = (body: string, atSec: number, secret = "signing-secret-of-tests") =>
    fetch(`${quarterdeck.base}/slack/events`, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": String(atSec),
        "x-slack-signature": `v0=${createHmac("sha256", secret).update(`v0:${atSec}:${body}`).digest("hex")}`,
      },
    });
  const body = new URLSearchParams({
    command: "/ops",
    text: "help",
    user_id: "U0ONCALL",
    team_id: "T0LOCAL",
    channel_id: "C0OPS",
    trigger_id: "forged.1",
    response_url: "http://127.0.0.1:1/none",
  }).toString();
  const nowSec = () => Math.floor(quarterdeck.app.clock.now().getTime() / 1_000);
  const rows = async () =>
    (await quarterdeck.app.database.db.selectFrom("inbox").select("id").execute()).length;

  it.each([
    ["six minutes old", -360, "signing-secret-of-tests"],
    ["six minutes ahead", 360, "signing-secret-of-tests"],
    ["made with another secret", 0, "another-secret"],
  ])("%s is refused and nothing is stored", async (_what, offsetSec, secret) => {
    const before = await rows();
    expect((await post(body, nowSec() + offsetSec, secret)).status).toBe(401);
    expect(await rows()).toBe(before);
  });

  it("that is right is taken once, however often it is delivered", async () => {
    const before = await rows();
    const answers = await Promise.all([1, 2, 3].map(() => post(body, nowSec())));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(await rows()).toBe(before + 1);
  });
});

it("refuses people of other workspaces", async () => {
  const checked = await quarterdeck.app.dispatcher.check(
    { team: "T9OTHER", person: "U0ONCALL", door: "slack" },
    "help",
    new Date(),
  );
  expect(checked).toMatchObject({ ok: false, refusal: { rule: "own-workspace-only" } });
});

it("answers a hook without a valid token with 401 and names the cure", async () => {
  const answer = await fetch(`${quarterdeck.base}/hooks/alertmanager`, {
    method: "POST",
    body: "{}",
    headers: { authorization: "Bearer wrong" },
  });
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({
    error: "unauthenticated",
    message: expect.stringContaining("quarterdeck token create alertmanager"),
  });
});
