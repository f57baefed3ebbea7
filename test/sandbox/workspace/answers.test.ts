import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { answers } from "../../../src/sandbox/workspace/answers.ts";
import {
  ada,
  type Body,
  bot,
  dan,
  type Harness,
  lea,
  openHarness,
  ops,
  Person,
  quiet,
  until,
} from "./harness.ts";

let h: Harness;
/** Methods a contract below has called: the list of answers and these tests may not drift apart. */
const tried = new Set<string>();

async function call(method: string, args: Body = {}): Promise<Body> {
  tried.add(method);
  return (await h.client.apiCall(method, args)) as Body;
}
async function refusal(method: string, args: Body): Promise<Body> {
  const error: unknown = await call(method, args).catch((thrown: unknown) => thrown);
  return (error as { data: Body }).data;
}

beforeAll(async () => {
  h = await openHarness();
});
afterAll(() => h.close());
afterEach(() => h.workspace.faults.clear());

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

describe("auth.test", () => {
  it("names team, bot and scopes", async () => {
    const reply = await call("auth.test");
    expect(reply).toMatchObject({
      ok: true,
      team_id: "T0LOCAL",
      team: "Shop Local",
      user_id: bot,
      bot_id: "B0QUARTER",
    });
    expect(reply.response_metadata.scopes).toContain("chat:write");
  });

  it("refuses another token and none", async () => {
    const send = async (headers: Record<string, string>): Promise<unknown> =>
      (await fetch(`${h.workspace.webApiUrl}auth.test`, { method: "POST", headers })).json();
    expect(await send({ authorization: "Bearer xoxb-other" })).toEqual({ ok: false, error: "invalid_auth" });
    expect(await send({})).toEqual({ ok: false, error: "not_authed" });
  });
});

describe("people and groups", () => {
  it("are those declared, under their ids, with time zones", async () => {
    const { members } = await call("users.list");
    const ids = members.map((one: Body) => one.id).sort();
    expect(ids).toEqual([ada, bot, dan, lea, "U0ROB"].sort());
    const { user } = await call("users.info", { user: lea });
    expect(user).toMatchObject({
      id: lea,
      name: "lea",
      team_id: "T0LOCAL",
      profile: { email: "lea@shop.example" },
    });
    expect(typeof user.tz_offset).toBe("number");
    expect((await call("users.lookupByEmail", { email: "dan@shop.example" })).user.id).toBe(dan);
    expect(await refusal("users.lookupByEmail", { email: "admin@emulate.dev" })).toMatchObject({
      error: "users_not_found",
    });
    expect(await refusal("users.info", { user: "U000000001" })).toMatchObject({ error: "user_not_found" });
  });

  it("have user groups that can be read and changed", async () => {
    const listed = await call("usergroups.list", { include_users: true });
    expect(listed.usergroups).toMatchObject([
      { id: "S0LEADS", handle: "leads-team", users: [lea], user_count: 1 },
    ]);
    expect((await call("usergroups.list")).usergroups[0].users).toBeUndefined();
    expect((await call("usergroups.users.list", { usergroup: "S0LEADS" })).users).toEqual([lea]);
    await call("usergroups.users.update", { usergroup: "S0LEADS", users: `${lea},${ada}` });
    expect((await call("usergroups.users.list", { usergroup: "S0LEADS" })).users).toEqual([lea, ada]);
    expect(await refusal("usergroups.users.list", { usergroup: "S0NONE" })).toMatchObject({
      error: "no_such_subteam",
    });
    const unknown = { usergroup: "S0LEADS", users: "U0NOBODY" };
    expect(await refusal("usergroups.users.update", unknown)).toMatchObject({ error: "invalid_users" });
  });

  it("are in the channels declared, and the bot in all of them", async () => {
    const { channels } = await call("conversations.list", { types: "public_channel" });
    expect(channels.map((one: Body) => one.id).sort()).toEqual(["C0GENERAL", ops, quiet].sort());
    expect((await call("conversations.members", { channel: quiet })).members.sort()).toEqual(
      [bot, lea].sort(),
    );
    expect((await call("conversations.info", { channel: ops })).channel).toMatchObject({
      id: ops,
      is_member: true,
    });
  });
});

describe("a channel made by the app", () => {
  it("shows to those it invites", async () => {
    const { channel } = await call("conversations.create", { name: "inc-7" });
    await call("conversations.invite", { channel: channel.id, users: ada });
    const rooms = async (user: string): Promise<string[]> =>
      (await (await Person.as(h, user)).screen()).rooms.map((room: Body) => room.name);
    expect(await rooms(ada)).toContain("inc-7");
    expect(await rooms(lea)).not.toContain("inc-7");
    const posted = await call("chat.postMessage", { channel: channel.id, text: "it began" });
    expect((await (await Person.as(h, ada)).screen(channel.id)).messages.at(-1).ts).toBe(posted.ts);
  });
});

describe("messages", () => {
  it("can be posted, changed, linked to and deleted", async () => {
    const posted = await call("chat.postMessage", { channel: ops, text: "first" });
    expect(posted.message).toMatchObject({
      text: "first",
      user: bot,
      bot_id: "B0QUARTER",
      app_id: "A0QUARTER",
    });
    expect(await call("chat.update", { channel: ops, ts: posted.ts, text: "second" })).toMatchObject({
      ts: posted.ts,
      message: { text: "second", edited: { user: bot } },
    });
    const { permalink } = await call("chat.getPermalink", { channel: ops, message_ts: posted.ts });
    expect(permalink).toBe(`${h.origin}/archives/${ops}/p${posted.ts.replace(".", "")}`);
    await call("chat.delete", { channel: ops, ts: posted.ts });
    expect(await refusal("chat.update", { channel: ops, ts: posted.ts, text: "x" })).toMatchObject({
      error: "message_not_found",
    });
  });

  it("reach a person as a direct message when the channel is a user id", async () => {
    const one = await call("chat.postMessage", { channel: dan, text: "for you" });
    const two = await call("chat.postMessage", { channel: dan, text: "again" });
    expect(one.channel).toMatch(/^D/);
    expect(two.channel).toBe(one.channel);
    const person = await Person.as(h, dan);
    expect((await person.screen(one.channel)).messages.map((m: Body) => m.text)).toEqual([
      "for you",
      "again",
    ]);
    const other = await Person.as(h, ada);
    expect((await other.screen(one.channel)).channel).not.toBe(one.channel);
  });

  it("keep metadata, shown only to who asks for all of it", async () => {
    const metadata = { event_type: "card", event_payload: { key: "rollout:R-1" } };
    const posted = await call("chat.postMessage", { channel: ops, text: "card", metadata });
    const find = async (args: Body): Promise<Body> =>
      (await call("conversations.history", { channel: ops, ...args })).messages.find(
        (m: Body) => m.ts === posted.ts,
      );
    expect((await find({})).metadata).toBeUndefined();
    expect((await find({ include_all_metadata: true })).metadata).toEqual(metadata);
    const thread = await call("conversations.replies", {
      channel: ops,
      ts: posted.ts,
      include_all_metadata: true,
    });
    expect(thread.messages[0].metadata).toEqual(metadata);
  });

  it("are paged newest first between oldest and latest", async () => {
    const times: string[] = [];
    for (let i = 0; i < 5; i++)
      times.push((await call("chat.postMessage", { channel: quiet, text: `n${i}` })).ts);
    const texts = async (args: Body): Promise<string[]> =>
      (await call("conversations.history", { channel: quiet, ...args })).messages.map((m: Body) => m.text);
    expect(await texts({ oldest: times[1], latest: times[3] })).toEqual(["n2"]);
    expect(await texts({ oldest: times[1], latest: times[3], inclusive: true })).toEqual(["n3", "n2", "n1"]);
    const first = await call("conversations.history", { channel: quiet, limit: 2 });
    expect(first.messages.map((m: Body) => m.text)).toEqual(["n4", "n3"]);
    const cursor = first.response_metadata.next_cursor;
    expect(await texts({ limit: 2, cursor })).toEqual(["n2", "n1"]);
  });

  it("in a thread are paged too, the parent once", async () => {
    const parent = await call("chat.postMessage", { channel: ops, text: "parent" });
    for (const text of ["a", "b", "c"])
      await call("chat.postMessage", { channel: ops, text, thread_ts: parent.ts });
    const first = await call("conversations.replies", { channel: ops, ts: parent.ts, limit: 2 });
    expect(first.messages.map((m: Body) => m.text)).toEqual(["parent", "a"]);
    const cursor = first.response_metadata.next_cursor;
    const rest = await call("conversations.replies", { channel: ops, ts: parent.ts, limit: 9, cursor });
    expect(rest.messages.map((m: Body) => m.text)).toEqual(["b", "c"]);
    const missing = { channel: ops, ts: "1.000000" };
    expect(await refusal("conversations.replies", missing)).toMatchObject({ error: "thread_not_found" });
  });

  it("for one person are kept out of history and shown to that person", async () => {
    await call("chat.postEphemeral", { channel: ops, user: ada, text: "psst" });
    const { messages } = await call("conversations.history", { channel: ops });
    expect(messages.some((m: Body) => m.text === "psst")).toBe(false);
    const seen = (await (await Person.as(h, ada)).screen()).messages.find((m: Body) => m.text === "psst");
    expect(seen).toMatchObject({ ephemeral: true });
    const outside = { channel: quiet, user: ada, text: "psst" };
    expect(await refusal("chat.postEphemeral", outside)).toMatchObject({ error: "user_not_in_channel" });
  });

  it("that are too large for Slack are refused with the place", async () => {
    const blocks = [{ type: "section", text: { type: "mrkdwn", text: "x".repeat(3_001) } }];
    const refused = await refusal("chat.postMessage", { channel: ops, text: "card", blocks });
    expect(refused).toMatchObject({ error: "invalid_blocks" });
    expect(refused.errors[0]).toContain("/blocks/0/text");
    expect(await refusal("chat.postMessage", { channel: "C0NONE", text: "x" })).toMatchObject({
      error: "channel_not_found",
    });
  });
});

describe("files", () => {
  it("go through the three-step upload and show in a message by slack_file", async () => {
    const ticket = await call("files.getUploadURLExternal", { filename: "chart.png", length: png.length });
    const upload = await fetch(ticket.upload_url, { method: "POST", body: png });
    expect(upload.status).toBe(200);
    const files = [{ id: ticket.file_id, title: "Errors" }];
    const done = await call("files.completeUploadExternal", { files });
    expect(done.files[0]).toMatchObject({ id: ticket.file_id, title: "Errors" });
    expect((await call("files.info", { file: ticket.file_id })).file.id).toBe(ticket.file_id);
    const blocks = [{ type: "image", alt_text: "errors", slack_file: { id: ticket.file_id } }];
    const posted = await call("chat.postMessage", { channel: ops, text: "card", blocks });
    expect(posted.message.blocks[0].slack_file).toEqual({ id: ticket.file_id });
    const person = await Person.as(h, ada);
    const shown = await fetch(`${h.origin}/workspace/files/${ticket.file_id}`, {
      headers: { cookie: person.cookie },
    });
    expect(shown.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(await shown.arrayBuffer()).equals(png)).toBe(true);
    const unknown = [{ type: "image", alt_text: "x", slack_file: { id: "F0NONE" } }];
    expect(await refusal("chat.postMessage", { channel: ops, text: "x", blocks: unknown })).toMatchObject({
      error: "invalid_blocks",
    });
  });

  it("shared in a thread by the client's own uploadV2 appear there", async () => {
    const parent = await call("chat.postMessage", { channel: ops, text: "runbook" });
    await h.client.files.uploadV2({
      channel_id: ops,
      thread_ts: parent.ts,
      filename: "chart.png",
      file: png,
      initial_comment: "the chart",
    });
    const thread = await call("conversations.replies", { channel: ops, ts: parent.ts });
    expect(thread.messages[1]).toMatchObject({ text: "the chart", files: [{ name: "chart.png" }] });
    const screen = await (await Person.as(h, ada)).screen(ops, parent.ts);
    expect(screen.thread.messages[1].files[0].id).toBe(thread.messages[1].files[0].id);
  });
});

describe("views", () => {
  const view = { type: "modal", title: { type: "plain_text", text: "Form" }, blocks: [{ type: "divider" }] };

  it("need a trigger nobody used", async () => {
    const wrong = { trigger_id: "1.2.3", view };
    expect(await refusal("views.open", wrong)).toMatchObject({ error: "invalid_trigger_id" });
    expect(await refusal("views.push", wrong)).toMatchObject({ error: "invalid_trigger_id" });
  });

  it("with a title too long for Slack are refused", async () => {
    const long = { ...view, title: { type: "plain_text", text: "x".repeat(25) } };
    expect(await refusal("views.open", { trigger_id: "1.2.3", view: long })).toMatchObject({
      error: "invalid_arguments",
    });
  });

  it("are changed only under the hash that was seen", async () => {
    const opened: Body[] = [];
    h.app.command("/ops", async ({ ack, body, client }) => {
      await ack();
      const trigger_id = body.trigger_id;
      opened.push((await client.apiCall("views.open", { trigger_id, view })) as Body);
    });
    const person = await Person.as(h, ada);
    await person.post("send", { channel: ops, text: "/ops form" });
    const { view: before } = await until(() => opened[0]);
    const titled = { ...view, title: { type: "plain_text", text: "Changed" } };
    const change = { view_id: before.id, hash: before.hash, view: titled };
    expect((await call("views.update", change)).view.title.text).toBe("Changed");
    expect(await refusal("views.update", change)).toMatchObject({ error: "hash_conflict" });
    expect((await person.screen()).modal.view.title.text).toBe("Changed");
  });
});

describe("bad days", () => {
  it("answer 429 with Retry-After as often as asked, and count the calls", async () => {
    const before = h.workspace.faults.calls("chat.postMessage");
    h.workspace.faults.rateLimit("chat.postMessage", 7, 1);
    const send = (): Promise<Response> =>
      fetch(`${h.workspace.webApiUrl}chat.postMessage`, {
        method: "POST",
        headers: { authorization: "Bearer xoxb-local-test", "content-type": "application/json" },
        body: JSON.stringify({ channel: ops, text: "late" }),
      });
    const limited = await send();
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "7"]);
    expect(await (await send()).json()).toMatchObject({ ok: true });
    expect(h.workspace.faults.calls("chat.postMessage")).toBe(before + 2);
  });

  it("answer 500 for any method, until cleared", async () => {
    h.workspace.faults.fail("*", 500, 100);
    const status = async (): Promise<number> =>
      (await fetch(`${h.workspace.webApiUrl}auth.test`, { method: "POST" })).status;
    expect(await status()).toBe(500);
    h.workspace.faults.clear();
    expect(await status()).toBe(200);
  });

  it("say unknown_method for what neither emulate nor the workspace has", async () => {
    expect(await refusal("stars.nothing", {})).toMatchObject({ error: "unknown_method" });
  });
});

describe("scopes", () => {
  it("are enforced when given, as Slack does", async () => {
    const strict = await openHarness({ scopes: ["chat:write", "channels:history"] });
    try {
      const refused = strict.client.users.list({});
      await expect(refused).rejects.toMatchObject({ data: { error: "missing_scope", needed: "users:read" } });
      await expect(strict.client.usergroups.list()).rejects.toMatchObject({
        data: { error: "missing_scope" },
      });
      expect((await strict.client.chat.postMessage({ channel: ops, text: "allowed" })).ok).toBe(true);
    } finally {
      await strict.close();
    }
  });
});

it("every answer of the workspace's own is held to a contract above", () => {
  expect(answers.map((one) => one.method).filter((method) => !tried.has(method))).toEqual([]);
});
