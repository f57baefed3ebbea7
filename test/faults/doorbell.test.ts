import { Redis } from "ioredis";
import { sql } from "kysely";
import { afterEach, describe, expect, it } from "vitest";
import { createHookToken } from "../../src/platform/hooktokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { startRedis } from "../support/redis.ts";
import { requireService } from "../support/services.ts";
import { type Sent, type SlackSender, startSlackSender } from "../support/slack-sender.ts";
import { until } from "../support/until.ts";
import { alertsNamed } from "./alerts.ts";
import { dev, lena, olive } from "./installation.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Ground {
  test: TestApp;
  slack: SlackSender;
  alert(name: string): Promise<number>;
  count(table: string, where?: string): Promise<number>;
}

async function ground(redisUrl?: string): Promise<Ground> {
  const test = await startTestApp({
    ...(redisUrl === undefined ? {} : { redisUrl }),
    // Each rule is a cause of its own.
    change: ({ policies }) => Object.assign(policies.alerts, { joinWithin: 0, groupWait: 0 }),
  });
  closing.push(() => test.close());
  const slack = await startSlackSender("signing-secret-of-tests", () => test.base);
  closing.push(() => slack.close());
  const made = await createHookToken(test.app.database, systemActor, "alertmanager", "storefront");
  if (!made.ok) throw new Error(made.refusal.message);
  return {
    test,
    slack,
    alert: async (name) => {
      const answer = await fetch(`${test.base}/hooks/alertmanager`, {
        method: "POST",
        headers: { authorization: `Bearer ${made.value.token}`, "content-type": "application/json" },
        body: alertsNamed([name]),
      });
      return answer.status;
    },
    count: async (table, where = "true") => {
      const { rows } = await sql<{ n: string }>`
        select count(*) as n from ${sql.raw(table)} where ${sql.raw(where)}`.execute(test.app.database.db);
      return Number(rows[0]?.n);
    },
  };
}

interface Asked {
  names: string[];
  sent: Sent[];
  /** Each ends in a grant that was asked for and approved. */
  request: Sent;
}

/** Tickets, questions and a request that is approved, through the doors people use. */
async function ask({ slack, alert }: Ground): Promise<Asked> {
  const names = ["Alpha", "Beta", "Gamma"];
  for (const name of [...names, ...names]) expect(await alert(name)).toBe(200);
  const request = await slack.command(dev, "access request orders-db readonly 15m INC-42 stuck orders");
  const sent = [request];
  for (const person of [olive, lena, dev, olive]) sent.push(await slack.command(person, "status shop"));
  return { names, sent, request };
}

/** All that was asked has happened, once, and everybody was told. */
async function happensOnce(ground: Ground, { names, sent, request }: Asked, deadlineMs = 90_000) {
  const { slack, count, test } = ground;
  const id = await until(
    "the request's id",
    () => /G-\d+/.exec(slack.answers(request).at(-1) ?? "")?.[0],
    deadlineMs,
  );
  // Two presses of the same button at once, as from an impatient thumb.
  const line = `access approve ${id}`;
  sent.push(await slack.press(lena, line, { pressedAt: "1.1" }));
  await slack.press(lena, line, { pressedAt: "1.1" });
  await until(
    "each command to be done",
    async () => (await count("inbox", "done_at is null")) === 0,
    deadlineMs,
  );
  await until(
    "everything to be shown",
    async () => (await count("messages", "shown_version < wanted_version")) === 0,
    deadlineMs,
  );
  await until("each ticket", async () => (await count("tickets")) === names.length, deadlineMs);
  await until(
    "the tickets' cards",
    async () =>
      (await count("messages", "kind = 'post' and channel = 'C0SHOPALERTS' and ts is not null")) === 3,
    deadlineMs,
  );
  expect(await count("inbox")).toBe(sent.length);
  expect(await count("builtin_tickets")).toBe(names.length);
  expect(await count("access_grants")).toBe(1);
  expect(await count("audit", "action = 'access.requested'")).toBe(1);
  expect(await count("audit", "action = 'access.approved'")).toBe(1);
  const cards = (await (await test.person(olive)).see("C0SHOPALERTS")).filter(({ ephemeral }) => !ephemeral);
  expect(names.map((name) => cards.filter(({ text }) => text.includes(name)).length)).toEqual([1, 1, 1]);
  for (const one of sent) expect(slack.answers(one).length).toBeGreaterThan(0);
}

const hasRedis = requireService("redis-server") !== undefined;
const backends = ["Postgres", ...(hasRedis ? ["Redis"] : [])];

describe.each(backends)("with the queue on %s", (backend) => {
  const start = async () => {
    if (backend === "Postgres") return ground();
    const redis = await startRedis();
    closing.push(() => redis.stop());
    return ground(redis.url);
  };

  it("every job delivered twice happens once", async () => {
    const here = await start();
    const { doorbell } = here.test.app;
    const once = doorbell.enqueue.bind(doorbell);
    const ran = new Map<string, number>();
    let handed = 0;
    doorbell.enqueue = async (jobs) => {
      handed += jobs.length;
      await Promise.all([once(jobs), once(jobs.map((job) => ({ ...job, jobId: `${job.jobId}_again` })))]);
    };
    here.test.app.runner.onRun = (job) => void ran.set(job, (ran.get(job) ?? 0) + 1);
    const asked = await ask(here);
    await happensOnce(here, asked);
    expect(asked.sent.map((one) => here.slack.answers(one).length)).toEqual(asked.sent.map(() => 1));
    // What was handed over twice ran once, unless somebody rang again.
    expect(handed).toBeGreaterThan(asked.sent.length);
    expect(ran.get("inbox.handle")).toBe(asked.sent.length);
  }, 60_000);

  it("Slack answering 429 and 500 for a while costs lateness only", async () => {
    const here = await start();
    here.test.workspace.faults.fail("chat.postMessage", 500, 3);
    here.test.workspace.faults.rateLimit("chat.postMessage", 1, 3);
    here.slack.answerStatus = 503;
    const asked = await ask(here);
    await until(
      "answers to be turned away",
      async () => (await here.count("rings", "job = 'messages.project' and attempts > 0")) > 0,
    );
    expect(asked.sent.flatMap((one) => here.slack.answers(one))).toEqual([]);
    here.slack.answerStatus = undefined;
    await happensOnce(here, asked);
    expect(here.test.workspace.faults.calls("chat.postMessage")).toBeGreaterThan(6);
    expect(asked.sent.map((one) => here.slack.answers(one).length)).toEqual(asked.sent.map(() => 1));
  }, 90_000);
});

describe.runIf(hasRedis)("Redis", () => {
  it("emptied again and again while work flows costs lateness only", async () => {
    const redis = await startRedis();
    closing.push(() => redis.stop());
    const here = await ground(redis.url);
    const client = new Redis(redis.url);
    closing.push(async () => client.disconnect());
    let flushes = 0;
    const flush = async () => {
      await client.flushall();
      flushes += 1;
    };
    const timer = setInterval(() => void flush(), 5);
    const asked = await ask(here);
    await until("some flushes", () => flushes > 100);
    clearInterval(timer);
    await happensOnce(here, asked);
  }, 120_000);

  it("stopped while work comes in, and back later, costs lateness only", async () => {
    const redis = await startRedis();
    const here = await ground(redis.url);
    await redis.stop();
    const asked = await ask(here);
    expect(asked.sent.map(({ status }) => status)).toEqual(asked.sent.map(() => 200));
    expect(asked.sent.flatMap((one) => here.slack.answers(one))).toEqual([]);
    const back = await startRedis(Number(new URL(redis.url).port));
    closing.unshift(() => back.stop());
    await happensOnce(here, asked);
  }, 120_000);
});
