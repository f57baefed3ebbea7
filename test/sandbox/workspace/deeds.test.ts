import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
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
let seen: Body[] = [];
/** What the next request to the app does; set by each test. */
let react: (args: Body) => Promise<void> = async (args) => args.ack();

beforeAll(async () => {
  h = await openHarness({ ackDeadlineMs: 400 });
  const take = async (args: Body): Promise<void> => {
    seen.push(args.body);
    await react(args);
  };
  h.app.command("/ops", take);
  h.app.action(/.*/, take);
  h.app.view(/.*/, take);
  h.app.view({ callback_id: /.*/, type: "view_closed" }, take);
  h.app.event("app_mention", async (args: Body) => void seen.push(args.body));
  h.app.event("message", async (args: Body) => void seen.push(args.body));
});
afterAll(() => h.close());
afterEach(() => {
  seen = [];
  react = async (args) => args.ack();
});

const form = {
  type: "modal",
  callback_id: "request",
  private_metadata: "kept",
  title: { type: "plain_text", text: "Request access" },
  submit: { type: "plain_text", text: "Ask" },
  blocks: [
    {
      type: "input",
      block_id: "why",
      label: { type: "plain_text", text: "Why" },
      element: { type: "plain_text_input", action_id: "text" },
    },
    {
      type: "input",
      block_id: "role",
      optional: true,
      label: { type: "plain_text", text: "Role" },
      element: {
        type: "static_select",
        action_id: "pick",
        options: [{ text: { type: "plain_text", text: "Read only" }, value: "ro" }],
      },
    },
  ],
};

const card = [
  { type: "section", block_id: "head", text: { type: "mrkdwn", text: "*shop* hurts" } },
  {
    type: "actions",
    block_id: "acts",
    elements: [
      { type: "button", action_id: "take", text: { type: "plain_text", text: "Take it" }, value: "T-1" },
      {
        type: "overflow",
        action_id: "more",
        options: [{ text: { type: "plain_text", text: "Mute" }, value: "mute" }],
      },
    ],
  },
];

describe("a slash command", () => {
  it("arrives through Bolt's receiver with the fields Slack sends and a signature it accepts", async () => {
    const person = await Person.as(h, ada);
    const done = await person.post("send", { channel: ops, text: "/ops status shop & <co> @lea #ops" });
    expect(done).toMatchObject({ ok: true, ack: { ok: true, status: 200 } });
    expect(seen[0]).toMatchObject({
      command: "/ops",
      text: "status shop &amp; &lt;co&gt; <@U0LEA> <#C0OPS|ops>",
      user_id: ada,
      user_name: "ada",
      channel_id: ops,
      channel_name: "ops",
      team_id: "T0LOCAL",
      team_domain: "shop-local",
    });
    expect(seen[0]?.response_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/response\//);
    expect(seen[0]?.trigger_id).not.toBe("");
    expect(h.received.at(-1)?.headers["x-slack-signature"]).toMatch(/^v0=[0-9a-f]{64}$/);
  });

  it("shows the app's direct answer to the person who typed, and to nobody else", async () => {
    react = (args) => args.ack({ text: "shop is well" });
    const person = await Person.as(h, ada);
    await person.post("send", { channel: ops, text: "/ops status" });
    const mine = (await person.screen()).messages.find((m: Body) => m.text === "shop is well");
    expect(mine).toMatchObject({ ephemeral: true, user: bot });
    const other = await Person.as(h, lea);
    expect((await other.screen()).messages.some((m: Body) => m.text === "shop is well")).toBe(false);
  });

  it("tells the person operation_timeout when the app does not acknowledge in time", async () => {
    let release = (): void => undefined;
    react = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const person = await Person.as(h, ada);
    const done = await person.post("send", { channel: ops, text: "/ops slow" });
    release();
    expect(done).toMatchObject({ ok: false, error: "operation_timeout", ack: { ok: false } });
    const { messages } = await person.screen();
    expect(messages.at(-1)).toMatchObject({ ephemeral: true, user: "USLACKBOT" });
    expect(messages.at(-1).text).toContain("operation_timeout");
  });

  it("is refused in a thread without anything being sent", async () => {
    const posted = await h.client.chat.postMessage({ channel: ops, text: "parent" });
    const before = h.received.length;
    const person = await Person.as(h, ada);
    const done = await person.post("send", { channel: ops, text: "/ops status", thread_ts: posted.ts });
    expect(done).toMatchObject({ ok: false, error: "not_in_threads" });
    expect(h.received.length).toBe(before);
    expect((await person.screen(ops, posted.ts)).thread.messages.at(-1).text).toContain(
      "not supported in threads",
    );
  });

  it("that nobody knows is refused without anything being sent", async () => {
    const before = h.received.length;
    const person = await Person.as(h, ada);
    expect(await person.post("send", { channel: ops, text: "/nope" })).toMatchObject({
      error: "unknown_command",
    });
    expect(h.received.length).toBe(before);
  });

  it("cannot be typed in a channel the person is not in", async () => {
    const person = await Person.as(h, dan);
    const done = await person.post("send", { channel: quiet, text: "/ops status" });
    expect(done).toMatchObject({ ok: false, error: "channel_not_found" });
  });
});

describe("a response_url", () => {
  it("takes five posts and refuses the sixth", async () => {
    const person = await Person.as(h, ada);
    await person.post("send", { channel: ops, text: "/ops later" });
    const url = seen[0]?.response_url;
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await respondTo(url, { text: `answer ${i}` })).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 404]);
    const texts = (await person.screen()).messages.map((m: Body) => m.text);
    expect(texts).toEqual(expect.arrayContaining(["answer 0", "answer 4"]));
    expect(texts).not.toContain("answer 5");
  });

  it("posts to everybody with in_channel", async () => {
    const person = await Person.as(h, ada);
    await person.post("send", { channel: ops, text: "/ops tell" });
    await respondTo(seen[0]?.response_url, { text: "told all", response_type: "in_channel" });
    const history = await h.client.conversations.history({ channel: ops });
    expect(history.messages?.[0]).toMatchObject({ text: "told all", user: bot, bot_id: "B0QUARTER" });
  });

  it("replaces and deletes the message whose button was pressed", async () => {
    const posted = await h.client.chat.postMessage({ channel: ops, text: "card", blocks: card });
    const person = await Person.as(h, ada);
    await person.post("action", { channel: ops, ts: posted.ts, action_id: "take" });
    const url = seen[0]?.response_url;
    await respondTo(url, { text: "taken by ada", replace_original: true });
    const changed = (await person.screen()).messages.find((m: Body) => m.ts === posted.ts);
    expect(changed).toMatchObject({ text: "taken by ada", edited: { user: bot } });
    expect(changed.blocks).toBeUndefined();
    await respondTo(url, { delete_original: true });
    expect((await person.screen()).messages.some((m: Body) => m.ts === posted.ts)).toBe(false);
  });
});

describe("a press", () => {
  it("arrives as block_actions with the message, the place and the value", async () => {
    const posted = await h.client.chat.postMessage({ channel: ops, text: "card", blocks: card });
    const person = await Person.as(h, lea);
    const done = await person.post("action", {
      channel: ops,
      ts: posted.ts,
      action_id: "take",
      block_id: "acts",
    });
    expect(done).toMatchObject({ ok: true, ack: { ok: true } });
    expect(seen[0]).toMatchObject({
      type: "block_actions",
      user: { id: lea, username: "lea", team_id: "T0LOCAL" },
      team: { id: "T0LOCAL" },
      channel: { id: ops, name: "ops" },
      container: { type: "message", message_ts: posted.ts, channel_id: ops, is_ephemeral: false },
      message: { ts: posted.ts, text: "card", user: bot },
      actions: [{ type: "button", action_id: "take", block_id: "acts", value: "T-1" }],
    });
  });

  it("in an overflow menu carries the option, and an unknown option is refused", async () => {
    const posted = await h.client.chat.postMessage({ channel: ops, text: "card", blocks: card });
    const person = await Person.as(h, lea);
    const press = { channel: ops, ts: posted.ts, action_id: "more" };
    expect(await person.post("action", { ...press, value: "explode" })).toMatchObject({
      error: "action_not_found",
    });
    expect(seen).toEqual([]);
    await person.post("action", { ...press, value: "mute" });
    expect(seen[0]?.actions[0]).toMatchObject({ type: "overflow", selected_option: { value: "mute" } });
  });

  it("on an ephemeral message says so, and its response_url replaces it", async () => {
    await h.client.chat.postEphemeral({ channel: ops, user: ada, text: "sure?", blocks: card });
    const person = await Person.as(h, ada);
    const mine = (await person.screen()).messages.findLast((m: Body) => m.text === "sure?");
    await person.post("action", { channel: ops, ts: mine.ts, action_id: "take" });
    expect(seen[0]?.container).toMatchObject({ is_ephemeral: true, message_ts: mine.ts });
    await respondTo(seen[0]?.response_url, { text: "done", replace_original: true });
    expect((await person.screen()).messages.find((m: Body) => m.ts === mine.ts)).toMatchObject({
      text: "done",
    });
    const other = await Person.as(h, lea);
    const stolen = await other.post("action", { channel: ops, ts: mine.ts, action_id: "take" });
    expect(stolen).toMatchObject({ ok: false, error: "message_not_found" });
  });

  it("the app leaves unacknowledged is reported as operation_timeout", async () => {
    let release = (): void => undefined;
    react = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const posted = await h.client.chat.postMessage({ channel: ops, text: "card", blocks: card });
    const person = await Person.as(h, lea);
    const done = await person.post("action", { channel: ops, ts: posted.ts, action_id: "take" });
    release();
    expect(done).toMatchObject({ ok: false, error: "operation_timeout" });
  });
});

describe("a modal", () => {
  async function opened(view: Body = form): Promise<{ person: Person; view: Body }> {
    react = async (args) => {
      await args.ack();
      await args.client.views.open({ trigger_id: args.body.trigger_id, view });
    };
    const person = await Person.as(h, ada);
    await person.post("send", { channel: ops, text: "/ops form" });
    const modal = await until(async () => (await person.screen()).modal ?? undefined);
    seen = [];
    react = (args) => args.ack();
    return { person, view: modal.view };
  }

  it("opens for the person whose trigger it was, and a submission brings the values", async () => {
    const { person, view } = await opened();
    expect((await (await Person.as(h, lea)).screen()).modal).toBeNull();
    const values = { why: { text: "stuck orders" }, role: { pick: "ro" } };
    expect(await person.post("view", { view_id: view.id, values })).toMatchObject({ ok: true });
    expect(seen[0]).toMatchObject({
      type: "view_submission",
      user: { id: ada },
      view: {
        id: view.id,
        callback_id: "request",
        private_metadata: "kept",
        state: {
          values: {
            why: { text: { type: "plain_text_input", value: "stuck orders" } },
            role: { pick: { type: "static_select", selected_option: { value: "ro" } } },
          },
        },
      },
    });
    expect((await person.screen()).modal).toBeNull();
  });

  it("shows the errors the app answers with and stays open", async () => {
    const { person, view } = await opened();
    react = (args) => args.ack({ response_action: "errors", errors: { why: "Name a ticket." } });
    await person.post("view", { view_id: view.id, values: { why: { text: "because" } } });
    expect((await person.screen()).modal.errors).toEqual({ why: "Name a ticket." });
    await person.post("view-close", { view_id: view.id });
  });

  it("with a required field empty is not sent at all", async () => {
    const { person, view } = await opened();
    expect(await person.post("view", { view_id: view.id, values: {} })).toMatchObject({
      error: "incomplete",
    });
    expect(seen).toEqual([]);
    expect((await person.screen()).modal.errors).toEqual({ why: "Please complete this required field." });
    await person.post("view-close", { view_id: view.id });
  });

  it("changes with response_action update, stacks with push, and clears", async () => {
    const { person, view } = await opened();
    const values = { why: { text: "x" } };
    const titled = (text: string): Body => ({ ...form, title: { type: "plain_text", text } });
    react = (args) => args.ack({ response_action: "update", view: titled("Second look") });
    await person.post("view", { view_id: view.id, values });
    expect((await person.screen()).modal.view).toMatchObject({ id: view.id, title: { text: "Second look" } });
    react = (args) => args.ack({ response_action: "push", view: titled("On top") });
    await person.post("view", { view_id: view.id, values });
    const top = (await person.screen()).modal.view;
    expect(top).toMatchObject({
      title: { text: "On top" },
      previous_view_id: view.id,
      root_view_id: view.id,
    });
    react = (args) => args.ack({ response_action: "clear" });
    await person.post("view", { view_id: top.id, values });
    expect((await person.screen()).modal).toBeNull();
  });

  it("tells the app that it was closed when the view asks for that", async () => {
    const { person, view } = await opened({ ...form, notify_on_close: true });
    await person.post("view-close", { view_id: view.id });
    expect(seen[0]).toMatchObject({ type: "view_closed", is_cleared: false, view: { id: view.id } });
  });

  it("opens once per trigger", async () => {
    const errors: string[] = [];
    react = async (args) => {
      await args.ack();
      for (const _ of [1, 2]) {
        await args.client.views.open({ trigger_id: args.body.trigger_id, view: form }).catch((e: Body) => {
          errors.push(e.data.error);
        });
      }
    };
    const person = await Person.as(h, ada);
    await person.post("send", { channel: ops, text: "/ops form" });
    await until(() => errors[0]);
    expect(errors).toEqual(["exchanged_trigger_id"]);
    await person.post("view-close", { view_id: (await person.screen()).modal.view.id });
  });
});

describe("a mention", () => {
  it("becomes an app_mention event, in a thread too", async () => {
    const posted = await h.client.chat.postMessage({ channel: ops, text: "parent" });
    const person = await Person.as(h, dan);
    const done = await person.post("send", {
      channel: ops,
      text: "@quarterdeck runbook shop",
      thread_ts: posted.ts,
    });
    expect(done).toMatchObject({ ok: true, ack: { ok: true } });
    expect(seen[0]).toMatchObject({
      type: "event_callback",
      team_id: "T0LOCAL",
      event: {
        type: "app_mention",
        user: dan,
        channel: ops,
        text: `<@${bot}> runbook shop`,
        thread_ts: posted.ts,
        ts: done.ts,
      },
      authorizations: [{ user_id: bot, team_id: "T0LOCAL", is_bot: true }],
    });
  });

  it("in direct messages is a message.im event instead", async () => {
    const person = await Person.as(h, dan);
    const dm = (await person.screen()).rooms.find((room: Body) => room.kind === "dm");
    await person.post("send", { channel: dm.id, text: "status" });
    expect(seen[0]?.event).toMatchObject({ type: "message", channel_type: "im", user: dan, text: "status" });
  });

  it("of nobody stays a plain message and reaches the app not at all", async () => {
    const before = h.received.length;
    const person = await Person.as(h, dan);
    expect(await person.post("send", { channel: ops, text: "hello @lea" })).toMatchObject({ ok: true });
    expect(h.received.length).toBe(before);
    const history = await h.client.conversations.history({ channel: ops, limit: 1 });
    expect(history.messages?.[0]).toMatchObject({ user: dan, text: `hello <@${lea}>` });
  });
});

describe("an event the app does not acknowledge", () => {
  it("comes again with its retry number and the same id", async () => {
    const bodies: Body[] = [];
    let flaky: Harness | undefined;
    flaky = await openHarness({
      eventsUrl: () => {
        const isBack = flaky?.received.some((one) => one.url === "/nowhere");
        return `${flaky?.origin ?? "http://127.0.0.1"}${isBack ? "/slack/events" : "/nowhere"}`;
      },
    });
    try {
      flaky.app.event("app_mention", async ({ body }: Body) => void bodies.push(body));
      const person = await Person.as(flaky, ada);
      const done = await person.post("send", { channel: ops, text: "@quarterdeck status" });
      expect(done).toMatchObject({ ok: true, ack: { ok: false, error: "dispatch_failed" } });
      await until(() => bodies[0]);
      expect(flaky.received.at(-1)?.headers).toMatchObject({
        "x-slack-retry-num": "1",
        "x-slack-retry-reason": "http_error",
      });
      expect(bodies[0]?.event.text).toBe(`<@${bot}> status`);
    } finally {
      await flaky.close();
    }
  });
});

describe("unread marks", () => {
  it("count what others said until the channel is read", async () => {
    const person = await Person.as(h, lea);
    const unread = async (): Promise<number> =>
      (await person.screen(ops)).rooms.find((room: Body) => room.id === quiet).unread;
    expect(await unread()).toBe(0);
    await h.client.chat.postMessage({ channel: quiet, text: "for the leads" });
    expect(await unread()).toBe(1);
    await person.post("read", { channel: quiet });
    expect(await unread()).toBe(0);
  });
});

function respondTo(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
