import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createPaging } from "../../src/features/paging/index.ts";
import { projectorJobs } from "../../src/platform/messages/projector.ts";
import { systemActor } from "../../src/platform/people.ts";
import { Runner } from "../../src/platform/rings/runner.ts";
import { createSlackApi } from "../../src/platform/slack/client.ts";
import { alert, type Rooms, startRooms } from "../features/tickets/rooms.ts";

/** Slack on a bad day, by the clock of the test: it counts what it takes and says when it was called too early. */
interface Slack {
  server: Server;
  /** Answers each call before this moment with 429, or with 503 when it is away. */
  closedUntil: Date;
  isAway: boolean;
  /** Keys of the messages it took, in order, with the moment. */
  taken: { key: string; at: Date }[];
  /** Calls that came although the last 429 had asked to wait. */
  tooEarly: string[];
}

let rooms: Rooms;
let slack: Slack;
let runner: Runner;
beforeAll(async () => {
  rooms = await startRooms();
  const { clock, db, log } = rooms;
  let askedToWaitUntil = new Date(0);
  slack = { closedUntil: new Date(0), isAway: false, taken: [], tooEarly: [] } as unknown as Slack;
  slack.server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => void chunks.push(chunk));
    req.on("end", () => {
      const now = clock.now();
      if (slack.isAway) return void res.writeHead(503).end();
      if (now < askedToWaitUntil) slack.tooEarly.push(`${req.url} at ${now.toISOString()}`);
      if (now < slack.closedUntil) {
        askedToWaitUntil = slack.closedUntil;
        const waitSec = Math.ceil((slack.closedUntil.getTime() - now.getTime()) / 1_000);
        res.writeHead(429, { "retry-after": String(waitSec), "content-type": "application/json" });
        return void res.end(JSON.stringify({ ok: false, error: "ratelimited" }));
      }
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      if (req.url === "/api/chat.postMessage") {
        const { event_payload } = JSON.parse(form.get("metadata") ?? "{}") as {
          event_payload: { key: string };
        };
        slack.taken.push({ key: event_payload.key, at: now });
      }
      res.writeHead(200, { "content-type": "application/json" });
      const answers: Record<string, unknown> = {
        "/api/conversations.open": { channel: { id: "D1" } },
        "/api/conversations.history": { messages: [] },
        "/api/conversations.replies": { messages: [] },
      };
      const posted = { channel: form.get("channel"), ts: `${slack.taken.length}.000100` };
      res.end(JSON.stringify({ ok: true, ...((answers[req.url ?? ""] as object) ?? posted) }));
    });
  });
  await new Promise<void>((resolve) => slack.server.listen(0, "127.0.0.1", resolve));
  const apiUrl = `http://127.0.0.1:${(slack.server.address() as AddressInfo).port}/api/`;
  const jobs = projectorJobs({
    db,
    clock,
    log,
    slack: createSlackApi({ token: "xoxb-test", apiUrl, log }),
    team: () => "T0LOCAL",
    renderChart: async () => Buffer.alloc(0),
  });
  runner = new Runner({ db, clock, log, random: () => 0.5 }, jobs);
});
afterAll(async () => {
  await rooms.close();
  slack.server.close();
});
beforeEach(() => {
  slack.tooEarly.length = 0;
});

/** Alerts of so many causes, each in several copies. */
const storm = (name: string, causes: number) =>
  rooms.send(
    Array.from({ length: causes * 5 }, (_, index) =>
      alert({
        labels: { alertname: `${name}${index % causes}`, service: "shop", pod: `p${index}` },
        startsAt: new Date(rooms.clock.now().getTime() - 1_000),
      }),
    ),
  );
/** Cards that a storm of hundreds of causes makes, whatever becomes of causes before. */
const cards = (name: string, count: number) =>
  rooms.database.tx(async (tx) => {
    for (let index = 0; index < count; index += 1)
      tx.say({ key: `card:${name}:${index}`, channel: `C0${index % 5}`, text: `${name} ${index}` });
  });
const page = (key: string) =>
  rooms.database.tx((tx) =>
    createPaging(rooms.platform).api.page(tx, {
      team: "storefront",
      headline: `PAGE shop: ${key}`,
      dedupKey: key,
      subject: key,
      verbs: [],
      actor: systemActor,
    }),
  );
const behind = () =>
  rooms.db
    .selectFrom("messages")
    .select(["key", "urgent"])
    .whereRef("shown_version", "<", "wanted_version")
    .execute();

/** One hand-over of the relay: what is due of the projector runs, in the relay's order. */
async function turn(): Promise<number> {
  const due = await rooms.db
    .selectFrom("rings")
    .select("id")
    .where("job", "=", "messages.project")
    .where("due_at", "<=", rooms.clock.now())
    .orderBy((eb) => eb.case().when("lane", "=", "urgent").then(0).else(1).end())
    .orderBy("due_at")
    .limit(500)
    .execute();
  for (let at = 0; at < due.length; at += 16)
    await Promise.all(due.slice(at, at + 16).map(({ id }) => runner.run(id)));
  return due.length;
}
/** Goes on to whatever falls due next, until nothing is behind. */
async function settle(withinMs: number): Promise<void> {
  const end = rooms.clock.now().getTime() + withinMs;
  for (;;) {
    if ((await turn()) > 0) continue;
    if ((await behind()).length === 0) return;
    const next = await rooms.db
      .selectFrom("rings")
      .select((eb) => eb.fn.min("due_at").as("due"))
      .where("job", "=", "messages.project")
      .executeTakeFirstOrThrow();
    const at = Math.max(next.due?.getTime() ?? end, rooms.clock.now().getTime() + 1);
    if (at > end)
      throw new Error(`${(await behind()).length} messages are behind after ${withinMs / 60_000} min`);
    rooms.clock.set(new Date(at));
  }
}
const everyKeyOnce = () => {
  const keys = slack.taken.map(({ key }) => key);
  expect(keys.length).toBe(new Set(keys).size);
  return new Set(keys);
};

it("Slack's 429 in a storm: nobody calls before it said, pages go first, every card comes once", async () => {
  const began = rooms.clock.now();
  slack.closedUntil = new Date(began.getTime() + 30_000);
  await storm("Limited", 12);
  await cards("limited", 60);
  await turn();
  // What was on its way together heard it together; nothing calls after that.
  expect(slack.tooEarly.length).toBeLessThan(16);
  slack.tooEarly.length = 0;
  await page("limited-page");
  await turn();
  expect(slack.taken).toEqual([]);

  rooms.clock.set(slack.closedUntil);
  await settle(20 * 60_000);
  expect(slack.tooEarly).toEqual([]);
  // The page's card and its direct message stand before the first card of the storm.
  expect(slack.taken.slice(0, 2).map(({ key }) => key.split(":")[0])).toEqual(["page", "page"]);
  expect(slack.taken[0]?.at).toEqual(slack.closedUntil);
  const keys = everyKeyOnce();
  const wanted = await rooms.db.selectFrom("messages").select("key").where("kind", "=", "post").execute();
  expect(wanted.length).toBeGreaterThan(60);
  expect(wanted.filter(({ key }) => !keys.has(key))).toEqual([]);

  // In the middle of a storm too: the cards have used up what Slack allows, and a page goes out at once all the same.
  await cards("second", 60);
  await turn();
  expect((await behind()).length).toBeGreaterThan(20);
  const before = rooms.clock.now();
  await page("second-page");
  await turn();
  expect((await behind()).filter(({ urgent }) => urgent)).toEqual([]);
  expect((await behind()).length).toBeGreaterThan(20);
  expect(slack.taken.at(-1)?.at).toEqual(before);
  await settle(20 * 60_000);
  everyKeyOnce();
});

it("Slack away for an hour of alerts: late, and nothing else", async () => {
  slack.isAway = true;
  const before = slack.taken.length;
  for (let minute = 0; minute < 60; minute += 5) {
    await storm(`Away${minute}at`, 4);
    if (minute === 20) await page("away-page");
    await turn();
    rooms.clock.advance(5 * 60_000);
  }
  expect(slack.taken.length).toBe(before);
  const waiting = await behind();
  expect(waiting.some(({ urgent }) => urgent)).toBe(true);

  slack.isAway = false;
  await settle(30 * 60_000);
  const keys = everyKeyOnce();
  expect(waiting.filter(({ key }) => !keys.has(key))).toEqual([]);
  // Counted at the end: every alert is kept, and every one belongs to a ticket whose card stands.
  const [kept] = await rooms.db
    .selectFrom("alerts" as never)
    .select((eb) => eb.fn.countAll<string>().as("n") as never)
    .execute();
  expect(Number((kept as { n: string }).n)).toBe(12 * 5 + 12 * 4 * 5);
});
