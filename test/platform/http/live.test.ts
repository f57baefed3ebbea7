import { afterAll, beforeAll, expect, it } from "vitest";
import type { RouteContext } from "../../../src/platform/feature.ts";
import { createLive, type Live } from "../../../src/platform/http/live.ts";
import { type HttpServer, listen } from "../../../src/platform/http/server.ts";
import type { Sessions } from "../../../src/platform/sessions.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";
import { until } from "../../support/until.ts";

let test: TestDatabase;
let live: Live;
let server: HttpServer;
let isSignedIn = true;
let leavers = 0;
const uses: (boolean | undefined)[] = [];

beforeAll(async () => {
  test = await testDatabase();
  const sessions = {
    of: async (_req: unknown, options?: { isUse: boolean }) => {
      uses.push(options?.isUse);
      return isSignedIn ? { actor: {}, csrf: "" } : undefined;
    },
  } as unknown as Sessions;
  live = createLive({ db: test.db, now: () => test.clock.now(), sessions, log: keptLog() });
  server = await listen({
    host: "127.0.0.1",
    port: 0,
    portOption: "PORT",
    log: keptLog(),
    handlers: [
      async (req, res, url) => {
        const person = url.searchParams.get("as") ?? "U0LEAD";
        // The page is left while it is still being looked up who asks.
        if (url.searchParams.has("leaves")) {
          await new Promise((resolve) => res.once("close", resolve));
          leavers += 1;
        }
        const actor = { team: "T0LOCAL", person, door: "console" };
        await live.route.handle({ req, res, url, actor } as unknown as RouteContext);
        return true;
      },
    ],
  });
}, 60_000);
afterAll(async () => {
  live?.stop();
  await server?.close();
  await test?.close();
});

/** An open page: what it was told so far, and how to leave. */
async function openPage(query: string) {
  const leaving = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${server.port}/events?${query}`, { signal: leaving.signal });
  const heard = { text: "", isOver: false };
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) heard.text += decoder.decode(chunk as Uint8Array);
    heard.isOver = true;
  };
  void read().catch(() => undefined);
  const count = (event: string) => heard.text.split(`event: ${event}\n`).length - 1;
  return { answer, heard, count, leave: () => leaving.abort() };
}

const say = (key: string, text: string) =>
  test.database.tx(async (tx) => tx.say({ key, channel: "C0OPS", text }));

it("tells a page of its own topics, once for each change, and no other page", async () => {
  await say("thing:1", "before");
  const [one, all, other] = await Promise.all([
    openPage("topic=thing:1"),
    openPage("topic=thing:*"),
    openPage("topic=thing:2"),
  ]);
  expect(one.answer.headers.get("content-type")).toContain("text/event-stream");
  // The first look only remembers what there is.
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  await say("thing:1", "after");
  await until("both to be told", async () => one.count("changed") === 1 && all.count("changed") === 1);
  await say("thing:3", "another");
  await until("the page of all to be told", async () => all.count("changed") === 2);
  expect([one.count("changed"), other.count("changed")]).toEqual([1, 0]);
  for (const page of [one, all, other]) page.leave();
}, 30_000);

it("opens six for a person and no more, and asks for a topic", async () => {
  const pages = await Promise.all(Array.from({ length: 6 }, () => openPage("topic=a&as=U0DEV")));
  expect(pages.map(({ answer }) => answer.status)).toEqual(Array(6).fill(200));
  const seventh = await openPage("topic=a&as=U0DEV");
  expect([seventh.answer.status, seventh.answer.headers.get("retry-after")]).toEqual([429, "60"]);
  expect((await openPage("topic=a&as=U0ONCALL")).answer.status).toBe(200);
  expect((await openPage("as=U0ONCALL")).answer.status).toBe(400);
  for (const page of pages) page.leave();
  await until("there to be room again", async () => {
    const page = await openPage("topic=a&as=U0DEV");
    page.leave();
    return page.answer.status === 200;
  });
}, 30_000);

it("keeps no place for pages that were left before they were answered", async () => {
  const pages = Array.from({ length: 6 }, async () => {
    const leaving = AbortSignal.timeout(300);
    await fetch(`http://127.0.0.1:${server.port}/events?topic=a&as=U0GONE&leaves=1`, { signal: leaving });
  });
  const left = await Promise.allSettled(pages);
  expect(left.map(({ status }) => status)).toEqual(Array(6).fill("rejected"));
  await until("the server to see them go", async () => leavers === 6);
  const page = await openPage("topic=a&as=U0GONE");
  expect(page.answer.status).toBe(200);
  page.leave();
}, 30_000);

it("says that it is there, ends with the session, and does not keep that alive", async () => {
  const page = await openPage("topic=a&as=U0LATE");
  await until("the loop to turn", async () => page.heard.text.includes("retry"));
  test.clock.advance(21_000);
  await until("a word", async () => page.heard.text.includes(": still here"));
  isSignedIn = false;
  test.clock.advance(21_000);
  await until("the end", async () => page.count("ended") === 1 && page.heard.isOver);
  expect(new Set(uses)).toEqual(new Set([false]));
}, 30_000);
