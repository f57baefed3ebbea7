import { afterAll, beforeAll, expect, it } from "vitest";
import type { Sent } from "../support/slack-sender.ts";
import { until } from "../support/until.ts";
import { alertsNamed } from "./alerts.ts";
import { type OwnPostgres, startOwnPostgres } from "./cluster.ts";
import { dev, doubled, type Installation, olive, settled, startInstallation } from "./installation.ts";

let postgres: OwnPostgres;
let installation: Installation;
beforeAll(async () => {
  postgres = await startOwnPostgres();
  installation = await startInstallation({ database: postgres });
  await Promise.all([installation.start("web"), installation.start("worker")]);
}, 120_000);
afterAll(() => installation.close());

it.each(["in order", "kill"] as const)(
  "Postgres restarting (%s) under work: what was accepted happens once, what was not is said",
  async (how) => {
    const { slack, sql, count } = installation;
    const word = how === "kill" ? "Kill" : "Order";
    const taken: string[] = [];
    const sent: Sent[] = [];
    const refused: number[] = [];
    let isOver = false;
    const before = await count("select count(*) from inbox");

    const alerts = async () => {
      for (let index = 0; !isOver; index += 1) {
        const name = `${word}${index % 5}`;
        const status = await installation.alert(alertsNamed([name]));
        if (status === 200) taken.push(name);
        else refused.push(status);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
    };
    const commands = async () => {
      for (let index = 0; !isOver; index += 1) {
        const one = await slack.command(index % 2 ? dev : olive, "status shop");
        if (one.status === 200) sent.push(one);
        else refused.push(one.status);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    };
    const work = Promise.all([alerts(), commands()]);
    const isTaking = (least: number) => until("work to flow", () => taken.length >= least && sent.length > 1);
    await isTaking(5);
    await postgres.stop(how);
    await until("something to be refused", () => refused.length > 1, 30_000);
    expect((await fetch(`${installation.webs[0]?.adminUrl}/readyz`)).status).toBe(503);
    const soFar = taken.length;
    await postgres.start();
    await isTaking(soFar + 5);
    isOver = true;
    await work;

    // Nothing is acknowledged that is not kept: the sender is told that it cannot be taken now.
    expect(refused.filter((status) => status !== 503 && status !== 500)).toEqual([]);
    // What Postgres gave out and whose answer was lost with it waits for the end of its lease.
    await settled(installation, 90_000);
    expect((await fetch(`${installation.webs[0]?.adminUrl}/readyz`)).status).toBe(200);
    expect(
      (
        await sql<{ name: string }>("select name from tickets where name like $1 order by name", [`${word}%`])
      ).map(({ name }) => name),
    ).toEqual([...new Set(taken)].sort());
    const received = await sql<{ name: string; n: string }>(
      "select labels->>'alertname' as name, received_count as n from alerts where labels->>'alertname' like $1",
      [`${word}%`],
    );
    // An answer lost on its way leaves a post that was kept and not acknowledged: never fewer than acknowledged.
    for (const { name, n } of received)
      expect(Number(n)).toBeGreaterThanOrEqual(taken.filter((one) => one === name).length);
    expect((await count("select count(*) from inbox")) - before).toBeGreaterThanOrEqual(sent.length);
    for (const one of sent) expect(slack.answers(one).length).toBeGreaterThanOrEqual(1);
    expect(await doubled(installation, ["C0SHOPALERTS", "C0OPS"])).toEqual([]);
  },
  180_000,
);
