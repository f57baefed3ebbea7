import { afterAll, beforeAll, expect, it } from "vitest";
import { alertsNamed } from "./alerts.ts";
import { dev, doubled, type Installation, lena, olive, settled, startInstallation } from "./installation.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
  await Promise.all(["web", "web", "worker", "worker"].map((role) => installation.start(role as "web")));
}, 120_000);
afterAll(() => installation.close());

it("two webs and two workers at once do each thing once and show it once", async () => {
  const { slack, sql, count } = installation;
  const names = Array.from({ length: 6 }, (_, index) => `Cause${index}`);
  const posts = await Promise.all(
    [...names, ...names].map((name) => installation.alert(alertsNamed([name]))),
  );
  expect(posts).toEqual(posts.map(() => 200));
  await settled(installation);
  expect(await sql("select name from tickets order by name")).toEqual(names.map((name) => ({ name })));

  // The same press through both doors, and each person's command through either.
  const [ticket] = await sql<{ id: string }>("select id from tickets where name = 'Cause0'");
  const line = `ack ${ticket?.id}`;
  const doors = installation.webs.map(({ url }) => url);
  const presses = await Promise.all(
    doors.map((door) => slack.press(olive, line, { door, channel: "C0SHOPALERTS", pressedAt: "1.1" })),
  );
  const commands = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      slack.command([olive, lena, dev][index % 3] as string, "status shop", {
        door: doors[index % 2] as string,
      }),
    ),
  );
  expect([...presses, ...commands].map(({ status }) => status)).toEqual(Array(14).fill(200));
  await settled(installation);
  expect(await count("select count(*) from inbox")).toBe(13);
  expect(await count("select count(*) from audit where action = 'ticket.taken'")).toBe(1);
  expect(commands.map((sent) => slack.answers(sent).length)).toEqual(commands.map(() => 1));
  expect(await doubled(installation, ["C0SHOPALERTS", "C0OPS"])).toEqual([]);
  const cards = (await installation.posted("C0SHOPALERTS")).filter(({ text }) => /Cause\d/.test(text));
  expect(cards).toHaveLength(names.length);
}, 120_000);
