import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { alertsNamed } from "./alerts.ts";
import { doubled, type Installation, olive, settled, startInstallation } from "./installation.ts";

/** What a person waits for an answer at most. The aim is 2 s; a machine shared with other tests gets more. */
const answerWithinMs = 5_000;
const posts = 100;
const alertsPerPost = 100;
const rules = 5;

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation({ joinsCauses: true });
  await Promise.all(["web", "worker"].map((role) => installation.start(role as "web")));
}, 120_000);
afterAll(() => installation.close());

it("a storm of 10,000 alerts is all taken, becomes one card, and a press in its middle is answered", async () => {
  const { slack, count } = installation;
  // The ticket that somebody takes while the storm is on.
  expect(await installation.alert(alertsNamed(["Before"]))).toBe(200);
  await settled(installation);
  const [ticket] = await installation.sql<{ id: string }>("select id from tickets");

  const bodies = Array.from({ length: posts }, (_, post) =>
    alertsNamed(
      Array.from({ length: alertsPerPost }, () => `Storm${post % rules}`),
      {
        instance: (() => {
          let n = 0;
          return () => `host-${post}-${n++}`;
        })(),
      },
    ),
  );
  const statuses: number[] = [];
  let next = 0;
  const sender = async () => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++])
      statuses.push(await installation.alert(body));
  };
  const storm = Promise.all([1, 2, 3, 4].map(sender));
  await until("the storm to be on", () => statuses.length > posts / 4);
  const pressedMs = performance.now();
  const press = await slack.press(olive, `ack ${ticket?.id}`, { channel: "C0SHOPALERTS" });
  await until(
    "the press to take effect",
    async () => (await count("select count(*) from audit where action = 'ticket.taken'")) === 1,
  );
  const command = await slack.command(olive, "status shop");
  await until("the answer", () => slack.answers(command)[0]);
  const tookMs = Math.round(performance.now() - pressedMs);
  console.log(`press done and the next question answered ${tookMs} ms into the storm (aim 2000)`);
  expect([press.status, command.status]).toEqual([200, 200]);
  expect(tookMs).toBeLessThan(answerWithinMs);

  await storm;
  expect(statuses).toEqual(Array(posts).fill(200));
  await until(
    "all alerts to be folded",
    async () => (await count("select count(*) from alerts")) === posts * alertsPerPost + 1,
    60_000,
  );
  await settled(installation);
  // Rules of one service that fire in the same minutes are one cause.
  expect(await count("select count(*) from tickets")).toBe(1);
  expect(await count("select count(*) from ticket_groups")).toBe(rules + 1);
  const cards = (await installation.posted("C0SHOPALERTS")).filter(({ text }) => /Storm\d|Before/.test(text));
  expect(cards).toHaveLength(1);
  expect(await doubled(installation, ["C0SHOPALERTS", "C0OPS"])).toEqual([]);
}, 180_000);
