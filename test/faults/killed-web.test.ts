import { afterAll, beforeAll, expect, it } from "vitest";
import type { Sent } from "../support/slack-sender.ts";
import { alertsNamed } from "./alerts.ts";
import { doubled, type Installation, olive, settled, startInstallation } from "./installation.ts";

/** Web processes killed, each right after it acknowledged something. */
const kills = 3;

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
  await Promise.all(["web", "web", "worker"].map((role) => installation.start(role as "web")));
}, 120_000);
afterAll(() => installation.close());

it("a web killed the moment it acknowledged loses no command, press or alert, and repeats none", async () => {
  const { slack, webs, sql, count } = installation;
  const sent: Sent[] = [];
  // What a press needs: an open ticket each.
  const names = Array.from({ length: kills }, (_, index) => `Outage${index}`);
  expect(await installation.alert(alertsNamed(names.slice(0, 1)))).toBe(200);
  await settled(installation);
  const ids = (await sql<{ id: string }>("select id from tickets order by name")).map(({ id }) => id);

  for (let round = 0; round < kills; round += 1) {
    const spare = installation.start("web");
    const [victim] = webs;
    if (!victim) throw new Error("no web runs");
    const { url } = victim;
    switch (round % 3) {
      case 0:
        sent.push(await slack.command(olive, "help status", { door: url }));
        break;
      case 1:
        sent.push(await slack.press(olive, `ack ${ids[0]}`, { door: url }));
        break;
      case 2:
        // Only this web is left to take the post.
        for (const other of webs.slice(1)) await installation.kill(other);
        expect(await installation.alert(alertsNamed([`Killed${round}`]))).toBe(200);
        break;
    }
    await installation.kill(victim);
    await spare;
  }

  expect(sent.map(({ status }) => status)).toEqual(sent.map(() => 200));
  await settled(installation);
  const commands = sent.filter((_, index) => index % 2 === 0);
  expect(commands.map((one) => slack.answers(one).length)).toEqual(commands.map(() => 1));
  expect(await sql("select subject from audit where action = 'ticket.taken' order by seq")).toEqual(
    ids.map((subject) => ({ subject })),
  );
  expect(await count("select count(*) from inbox where done_at is not null")).toBe(sent.length);
  expect(await sql("select name from tickets where name like 'Killed%' order by name")).toEqual([
    { name: "Killed2" },
  ]);
  expect(await doubled(installation, ["C0SHOPALERTS", "C0OPS"])).toEqual([]);
}, 180_000);
