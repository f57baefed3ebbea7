import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Said } from "../../../src/platform/messages/say.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import type { Person } from "../../support/person.ts";
import { until } from "../../support/until.ts";

let quarterdeck: TestApp;
let olive: Person;
beforeAll(async () => {
  quarterdeck = await startTestApp();
  olive = await quarterdeck.person("U0ONCALL");
});
afterAll(() => quarterdeck.close());
beforeEach(() => quarterdeck.workspace.faults.clear());

const channel = "C0SHOPALERTS";
const say = (said: Omit<Said, "channel"> & { channel?: string }) =>
  quarterdeck.app.database.tx(async (tx) => tx.say({ channel, ...said }));
const row = (key: string) =>
  quarterdeck.app.database.db
    .selectFrom("messages")
    .selectAll()
    .where("key", "=", key)
    .executeTakeFirstOrThrow();
const shown = (key: string) =>
  until(`${key} to be shown`, async () => {
    const message = await row(key);
    return message.shown_version === message.wanted_version && message;
  });
const withText = async (text: string) =>
  (await olive.see(channel)).filter((message) => message.text.includes(text));

it("keeps one message for a thing for life, edited in place", async () => {
  await say({ key: "card:life", text: "life one" });
  await shown("card:life");
  await say({ key: "card:life", text: "life two" });
  await shown("card:life");
  expect(await withText("life one")).toEqual([]);
  expect(await withText("life two")).toHaveLength(1);
});

it("shows only the last of many changes that come quickly", async () => {
  const before = quarterdeck.workspace.faults.calls("chat.update");
  await Promise.all(
    Array.from({ length: 30 }, (_, index) => say({ key: "card:quick", text: `quick ${index}` })),
  );
  await say({ key: "card:quick", text: "quick last" });
  await shown("card:quick");
  expect(await withText("quick last")).toHaveLength(1);
  expect(await withText("quick ")).toHaveLength(1);
  expect(quarterdeck.workspace.faults.calls("chat.update") - before).toBeLessThan(30);
});

it("puts a reply into the thread of its parent, also when both are said at once", async () => {
  await quarterdeck.app.database.tx(async (tx) => {
    tx.say({ key: "card:a-reply", channel, parent: "card:parent", text: "the reply" });
    tx.say({ key: "card:parent", channel, text: "the parent" });
  });
  const parent = await shown("card:parent");
  await shown("card:a-reply");
  expect((await olive.see(channel, parent.ts as string)).map((message) => message.text)).toContain(
    "the reply",
  );
});

describe("when Slack is in trouble", () => {
  it("waits as long as it is asked to, then shows once", async () => {
    quarterdeck.workspace.faults.rateLimit("chat.postMessage", 1, 2);
    await say({ key: "card:limited", text: "limited" });
    await shown("card:limited");
    expect(await withText("limited")).toHaveLength(1);
  });

  it("tries again after 500s, then shows once", async () => {
    quarterdeck.workspace.faults.fail("chat.postMessage", 500, 2);
    await say({ key: "card:failing", text: "failing" });
    await shown("card:failing");
    expect(await withText("failing")).toHaveLength(1);
  });

  it("keeps what a rejected token could not say and says it once the token is mended", async () => {
    quarterdeck.workspace.faults.refuse("chat.postMessage", "token_revoked", 1);
    await say({ key: "card:rejected", text: "rejected" });
    await until("the rejection to be seen", () =>
      quarterdeck.log.lines.some((line) => line.includes("token_revoked")),
    );
    expect(await row("card:rejected")).toMatchObject({ error: null, behind_since: expect.any(Date) });
    expect(await shown("card:rejected")).toMatchObject({ error: null, behind_since: null });
    expect(await withText("rejected")).toHaveLength(1);
  });

  it("finds by its mark what was posted although the answer was lost", async () => {
    await say({ key: "card:found", text: "found one" });
    const posted = await shown("card:found");
    // As a process leaves it that was killed after Slack took the post and before the row was written.
    await quarterdeck.app.database.db
      .updateTable("messages")
      .set({ ts: null, posted_channel: null, shown_version: 0 })
      .where("key", "=", "card:found")
      .execute();
    await say({ key: "card:found", text: "found two" });
    const again = await shown("card:found");
    expect(again.ts).toBe(posted.ts);
    expect(await withText("found ")).toHaveLength(1);
  });

  it("keeps what Slack refuses for good as an error and goes on with the rest", async () => {
    await say({ key: "card:nowhere", channel: "C0NOWHERE", text: "nowhere" });
    await shown("card:nowhere");
    expect((await row("card:nowhere")).error).toBe("chat.postMessage: channel_not_found");
  });

  it("answers a person through the channel when the response_url is used up", async () => {
    quarterdeck.workspace.faults.fail("response_url", 404, 1);
    await olive.send(channel, "/ops help why");
    const answer = await olive.sees(channel, /why T-3/);
    expect(answer.ephemeral).toBe(true);
  });
});

describe("a chart", () => {
  const chart = {
    title: "Error ratio",
    unit: "%",
    fromMs: 0,
    toMs: 60_000,
    series: [
      {
        label: "v41",
        role: "stable" as const,
        points: [
          { atMs: 0, value: 1 },
          { atMs: 30_000, value: 2 },
        ],
      },
    ],
  };

  it("is uploaded and stands in the message, before its buttons", async () => {
    await say({
      key: "card:chart",
      text: "charted",
      blocks: [{ type: "section", text: { type: "mrkdwn", text: "charted" } }],
      chart,
    });
    const message = await until("the chart to stand in the card", async () =>
      (await withText("charted")).find((shownMessage) =>
        shownMessage.blocks?.some((block) => block.type === "image"),
      ),
    );
    expect(message.blocks?.map((block) => block.type)).toEqual(["section", "image"]);
  });

  it("that cannot be uploaded holds no card back", async () => {
    quarterdeck.workspace.faults.fail("files.getUploadURLExternal", 500, 5);
    await say({ key: "card:bare", text: "bare card", chart: { ...chart, title: "Other" } });
    await shown("card:bare");
    expect(await withText("bare card")).toHaveLength(1);
    expect(
      await until("the failure to be logged", () =>
        quarterdeck.log.lines.some((line) => line.includes("the card stands without it")),
      ),
    ).toBe(true);
  });
});
