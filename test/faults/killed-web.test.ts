import { afterAll, beforeAll, expect, it } from "vitest";
import { alertsNamed } from "./alerts.ts";
import { doubled, type Installation, olive, settled, startInstallation } from "./installation.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
  await Promise.all(["web", "worker"].map((role) => installation.start(role as "web")));
}, 120_000);
afterAll(() => installation.close());

it("a web killed the moment it acknowledged loses no command, press or alert, and repeats none", async () => {
  const { slack, webs, sql, count } = installation;
  const { alert, kill } = installation;
  expect(await alert(alertsNamed(["Outage"]))).toBe(200);
  await settled(installation);
  const [ticket] = await sql<{ id: string }>("select id from tickets");
  /** Does it at one web and kills that web when it has answered; another one is there by then. */
  const killedAfter = async <T>(deed: (door: string) => Promise<T>): Promise<T> => {
    const spare = installation.start("web");
    const [victim, ...others] = webs;
    if (!victim) throw new Error("no web runs");
    // Posts go to any web: the one that is killed must be the one that took it.
    for (const other of others) await kill(other);
    const done = await deed(victim.url);
    await kill(victim);
    await spare;
    return done;
  };

  const command = await killedAfter((door) => slack.command(olive, "help status", { door }));
  const press = await killedAfter((door) => slack.press(olive, `ack ${ticket?.id}`, { door }));
  expect(await killedAfter(() => alert(alertsNamed(["Killed"])))).toBe(200);
  expect([command.status, press.status]).toEqual([200, 200]);

  await settled(installation);
  expect(slack.answers(command)).toHaveLength(1);
  expect(await sql("select subject from audit where action = 'ticket.taken'")).toEqual([
    { subject: ticket?.id },
  ]);
  expect(await count("select count(*) from inbox where done_at is not null")).toBe(2);
  expect(await sql("select name from tickets order by name")).toEqual([
    { name: "Killed" },
    { name: "Outage" },
  ]);
  expect(await doubled(installation, ["C0SHOPALERTS", "C0OPS"])).toEqual([]);
}, 180_000);
