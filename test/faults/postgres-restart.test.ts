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
  installation = await startInstallation({ database: postgres, joinsCauses: true });
  await Promise.all([installation.start("web"), installation.start("worker")]);
}, 120_000);
afterAll(() => installation.close());

const senders = 4;
const alertsPerPost = 10;
const rules = 5;

it.each(["in order", "kill"] as const)(
  "Postgres restarting (%s) in the middle of a storm: what was accepted is kept and shown, what was not is said",
  async (how) => {
    const { slack, sql, count } = installation;
    const word = how === "kill" ? "Kill" : "Order";
    /** Fingerprints of alerts that were answered with 200. */
    const taken: string[] = [];
    const sent: Sent[] = [];
    const refused: number[] = [];
    let isOver = false;
    const before = await count("select count(*) from inbox");

    const storm = async (sender: number) => {
      for (let post = 0; !isOver; post += 1) {
        const name = `${word}${post % rules}`;
        const instances = Array.from({ length: alertsPerPost }, (_, n) => `${sender}-${post}-${n}`);
        const left = [...instances];
        const body = alertsNamed(Array(alertsPerPost).fill(name), { instance: () => left.shift() as string });
        const status = await installation.alert(body);
        if (status === 200) taken.push(...instances.map((instance) => name + instance));
        else refused.push(status);
        await new Promise((resolve) => setTimeout(resolve, 40));
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
    const work = Promise.all([...Array.from({ length: senders }, (_, sender) => storm(sender)), commands()]);
    const isTaking = (least: number) => until("work to flow", () => taken.length >= least && sent.length > 1);
    await isTaking(300);
    await postgres.stop(how);
    await until("something to be refused", () => refused.length > 1, 30_000);
    expect((await fetch(`${installation.webs[0]?.adminUrl}/readyz`)).status).toBe(503);
    const soFar = taken.length;
    await postgres.start();
    await isTaking(soFar + 300);
    isOver = true;
    await work;

    // Nothing is acknowledged that is not kept: the sender is told that it cannot be taken now.
    expect(refused.filter((status) => status !== 503 && status !== 500)).toEqual([]);
    // What Postgres gave out and whose answer was lost with it waits for the end of its lease.
    await settled(installation, 90_000);
    expect((await fetch(`${installation.webs[0]?.adminUrl}/readyz`)).status).toBe(200);

    // Counted at the end: everything accepted is a row, every row is on a card.
    const kept = new Set(
      (await sql<{ fingerprint: string }>("select fingerprint from alerts")).map(
        ({ fingerprint }) => fingerprint,
      ),
    );
    expect(taken.filter((fingerprint) => !kept.has(fingerprint))).toEqual([]);
    expect(
      await count(
        "select count(*) from alerts where not exists (select 1 from ticket_groups where ticket_groups.group_id = alerts.group_id)",
      ),
    ).toBe(0);
    const shown = new Set((await installation.posted("C0SHOPALERTS")).map(({ key }) => key));
    const tickets = await sql<{ id: string }>("select distinct ticket as id from ticket_groups");
    expect(tickets.length).toBeGreaterThan(0);
    expect(tickets.filter(({ id }) => !shown.has(`ticket:${id}`))).toEqual([]);

    expect((await count("select count(*) from inbox")) - before).toBeGreaterThanOrEqual(sent.length);
    for (const one of sent) expect(slack.answers(one).length).toBeGreaterThanOrEqual(1);
    expect(await doubled(installation, ["C0SHOPALERTS", "C0OPS"])).toEqual([]);
  },
  180_000,
);
