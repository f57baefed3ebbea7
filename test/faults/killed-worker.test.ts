import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Orders, startOrders } from "../features/access/orders.ts";
import { startRedis } from "../support/redis.ts";
import { requireService } from "../support/services.ts";
import type { Sent } from "../support/slack-sender.ts";
import { until } from "../support/until.ts";
import { alertsNamed } from "./alerts.ts";
import { signInAtConsole } from "./console.ts";
import { dev, doubled, type Installation, lena, olive, settled, startInstallation } from "./installation.ts";
import { randomOf } from "./random.ts";
import { quickSteps, startTraffic, type Traffic } from "./traffic.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let orders: Orders;
beforeAll(async () => {
  orders = await startOrders();
}, 120_000);
afterAll(() => orders.stop());

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Kills the only worker again and again at moments that the seed decides; each is followed by another. */
function killWorkers(installation: Installation, seed: number, times: number): Promise<void> {
  const random = randomOf(seed);
  return (async () => {
    for (let kill = 0; kill < times; kill += 1) {
      await pause(200 + random() * 2_300);
      const [victim] = installation.workers;
      if (!victim) throw new Error("no worker runs");
      await installation.kill(victim);
      await installation.start("worker");
    }
  })();
}

interface Deeds {
  installation: Installation;
  names: readonly string[];
  sent: Sent[];
}

/** Alerts twice each, questions, and somebody who takes each ticket. */
async function alertsAndQuestions({ installation, names, sent }: Deeds): Promise<void> {
  for (const name of names) {
    for (const _ of [1, 2]) expect(await installation.alert(alertsNamed([name]))).toBe(200);
    sent.push(await installation.slack.command(olive, "status shop"));
    await pause(250);
  }
  const ids = await until(
    "all tickets",
    async () => {
      const rows = await installation.sql<{ id: string }>("select id from tickets");
      return rows.length >= names.length && rows.map(({ id }) => id);
    },
    60_000,
  );
  for (const id of ids) {
    sent.push(await installation.slack.press(olive, `ack ${id}`, { channel: "C0SHOPALERTS" }));
    await pause(150);
  }
}

/** Three logins of a few seconds, each asked for, approved, claimed and over by itself. */
async function logins({ installation, sent }: Deeds): Promise<void> {
  const asks: [string, string][] = [
    [dev, "readonly 6s INC-1 stuck orders"],
    [olive, "readonly 5s INC-2 slow orders"],
    [dev, "readwrite 5s INC-3 repair order 7"],
  ];
  for (const [person, words] of asks) {
    const at = await installation.slack.command(person, `access request orders-db ${words}`);
    sent.push(at);
    // A worker killed between the effect and its answer leaves "Done" to be said, without the id: the record has it.
    const answer = await until(`the answer to ${words}`, () => installation.slack.answers(at)[0], 60_000);
    const reason = words.split(" ").slice(2).join(" ");
    const [grant] = await installation.sql<{ id: string }>("select id from access_grants where reason = $1", [
      reason,
    ]);
    const id = /G-\d+/.exec(answer)?.[0] ?? grant?.id;
    if (id === undefined) throw new Error(`nothing was asked for by "${words}"; the answer was: ${answer}`);
    sent.push(await installation.slack.command(lena, `access approve ${id}`));
    await (await signInAtConsole(installation, person)).claim(id);
  }
}

/** A version taken back by a person on its way, and one that is promoted or taken back by its signals. */
async function rollouts({ installation, sent }: Deeds): Promise<void> {
  const ended = (count: number) =>
    until(
      `${count} rollouts to end`,
      async () =>
        (await installation.count("select count(*) from rollouts where ended_at is not null")) === count,
      90_000,
    );
  const started = (count: number) =>
    until(
      `rollout ${count} to take traffic`,
      async () =>
        (await installation.count(
          "select count(*) from rollouts where state not in ('starting') and number = $1",
          [count],
        )) === 1,
      60_000,
    );
  sent.push(await installation.slack.command(olive, "rollout start shop v42"));
  await started(1);
  sent.push(await installation.slack.command(lena, "rollout revert shop changed my mind"));
  await ended(1);
  sent.push(await installation.slack.command(olive, "rollout start shop v43"));
  await started(2);
  await ended(2);
}

/** The queue's other backend has its own faults in doorbell.test.ts; TEST_QUEUE=redis runs these on it as well. */
const backends =
  process.env.TEST_QUEUE === "redis" && requireService("redis-server") ? ["Redis"] : ["Postgres"];

describe.each(backends)("the worker killed at random moments, with the queue on %s", (backend) => {
  it.each([{ seed: backend === "Redis" ? 2 : 1, kills: 3 }])(
    "loses nothing and doubles nothing (seed $seed)",
    async ({ seed, kills }) => {
      const redis = backend === "Redis" ? await startRedis() : undefined;
      if (redis) closing.push(() => redis.stop());
      const traffic: Traffic = await startTraffic(80);
      closing.push(() => traffic.close());
      const installation = await startInstallation({
        redisUrl: redis?.url,
        catalog: quickSteps,
        env: { ...traffic.env, ORDERS_DB_URL: orders.url },
      });
      closing.push(() => installation.close());
      await Promise.all([installation.start("web"), installation.start("worker")]);

      const names = Array.from({ length: 6 }, (_, index) => `Cause${index}`);
      const deeds: Deeds = { installation, names, sent: [] };
      await Promise.all([
        killWorkers(installation, seed, kills),
        alertsAndQuestions(deeds),
        logins(deeds),
        rollouts(deeds),
      ]);
      const { sql, count } = installation;
      await until(
        "all logins to end",
        async () => (await count("select count(*) from access_grants where over_at is null")) === 0,
        60_000,
      );
      await settled(installation, 90_000);

      // Nothing lost: each command had its effect and its answer.
      expect(deeds.sent.map(({ status }) => status)).toEqual(deeds.sent.map(() => 200));
      expect(await count("select count(*) from inbox where done_at is not null")).toBe(deeds.sent.length);
      // Nothing doubled: one ticket per cause, taken once, one card per thing.
      expect(await sql("select name from tickets order by name")).toEqual(names.map((name) => ({ name })));
      expect(await count("select count(*) from builtin_tickets")).toBe(names.length);
      // A ticket that had paged by then was acknowledged, the others were taken.
      expect(
        await count("select count(*) from audit where action in ('ticket.taken', 'ticket.acknowledged')"),
      ).toBe(names.length);
      expect(await doubled(installation, ["C0SHOPALERTS", "C0OPS", "C0LEADS"])).toEqual([]);
      // No orphan grant, none left out.
      expect(await sql("select state, detail->>'because' as because from access_grants")).toHaveLength(3);
      // A login of a few seconds may be over before a worker lives long enough to hand it out; never twice.
      expect(
        await count("select count(*) - count(distinct subject) from audit where action = 'access.active'"),
      ).toBe(0);
      expect(await count("select count(*) from access_grants where state = 'ended'")).toBe(3);
      expect(await orders.logins()).toEqual([]);
      // The router stands as the record says.
      expect(await sql("select state from rollouts order by number")).toEqual([
        { state: "reverted" },
        { state: "reverted" },
      ]);
      expect(await traffic.weights()).toEqual({ v41: 100 });
      expect(await count("select count(*) from rollout_effects where done_at is null")).toBe(0);
      expect(await count("select count(*) from audit where action = 'rollout.reverted'")).toBe(2);
      expect(traffic.load.summary().failed).toEqual({});
    },
    240_000,
  );
});
