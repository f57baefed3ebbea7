import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AnswerError } from "../../../src/features/alerts/webhooks/fetch-outside.ts";
import { type HookRoom, startHookRoom } from "./hook-room.ts";
import {
  type Certified,
  certificateUrl,
  certify,
  dayAfter,
  inFolder,
  signed,
  topic,
} from "./webhooks/sns/authority.ts";

let room: HookRoom;
let sns: Certified;
/** What SNS does when a subscription is confirmed. */
let confirm: (url: URL) => Buffer;
const asked: string[] = [];

beforeAll(async () => {
  sns = inFolder((folder) => certify(folder, "sns", "sns.amazonaws.com"));
  room = await startHookRoom(
    (catalog) => {
      catalog.hookSources.push({ name: "aws", kind: "sns", team: "storefront", topics: [topic] });
    },
    async (url) => {
      if (url.href === certificateUrl) return sns.pem;
      asked.push(url.href);
      return confirm(url);
    },
  );
  room.clock.set(dayAfter(sns));
});
afterAll(() => room.close());

const token = "2336412f37fb687f5d51e6e241da92fd";
const address = `https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${topic}&Token=${token}`;
const offer = (id: string, fields: object = {}) =>
  signed(sns.key, {
    Type: "SubscriptionConfirmation",
    MessageId: id,
    Token: token,
    SubscribeURL: address,
    Timestamp: room.clock.now().toISOString(),
    ...fields,
  });
const stateOf = async () =>
  (
    await sql<{
      state: string;
    }>`select state from hook_subscriptions order by delivery_id desc limit 1`.execute(room.db)
  ).rows[0]?.state;
/** Whatever of the database and the log a person could come to read. */
const everythingKept = async () => {
  const { rows } = await sql<{ all: string }>`
    select (select coalesce(string_agg(encode(body, 'escape'), ' '), '') from alert_deliveries)
      || (select coalesce(string_agg(event::text, ' '), '') from hook_events)
      || (select coalesce(string_agg(wanted::text, ' '), '') from messages)
      || (select coalesce(string_agg(entry::text, ' '), '') from audit as entry)
      || (select coalesce(string_agg(s::text, ' '), '') from hook_subscriptions as s) as all`.execute(
    room.db,
  );
  return `${rows[0]?.all} ${room.log.lines.join(" ")}`;
};

describe("a topic that offers itself", () => {
  it("is confirmed once, after the answer, and its token stands nowhere in clear", async () => {
    confirm = () => Buffer.from(`<SubscriptionArn>${topic}:6590056b</SubscriptionArn>`);
    expect(await room.post("aws", offer("s-1"))).toMatchObject({ status: 200 });
    expect(asked).toEqual([]);
    expect(await room.post("aws", offer("s-1"))).toMatchObject({ status: 200 });
    await room.work();
    expect(asked).toEqual([address]);
    expect(await stateOf()).toBe("confirmed");
    const [said] = await room.said("hook-subscription:%");
    expect(said).toContain("sends here from now on");
    const kept = await everythingKept();
    expect(kept).toContain("SubscriptionConfirmation");
    expect(kept).not.toContain(token);
  });

  it("is tried again while SNS is away, and given up with what to do when it says no", async () => {
    asked.length = 0;
    confirm = (url) => {
      throw new AnswerError(url, asked.length === 1 ? 503 : 403);
    };
    await room.post("aws", offer("s-2"));
    await room.work();
    expect([asked.length, await stateOf()]).toEqual([1, "asked"]);
    room.clock.advance(2_000);
    await room.work();
    expect([asked.length, await stateOf()]).toEqual([2, "failed"]);
    expect((await room.said("hook-subscription:%")).join(" ")).toContain("Request confirmation");
    expect(await everythingKept()).not.toContain(token);
  });

  it("is left alone once the catalog lists it no more, and when it points elsewhere", async () => {
    asked.length = 0;
    await room.post("aws", offer("s-3", { SubscribeURL: "https://internal.example/?Token=1" }));
    await room.work();
    expect([asked.length, await stateOf()]).toEqual([0, "failed"]);
    const source = room.catalog.hookSources.find(({ name }) => name === "aws");
    await room.post("aws", offer("s-4"));
    if (source) source.topics = [`${topic}-other`];
    await room.work();
    expect([asked.length, await stateOf()]).toEqual([0, "failed"]);
    expect(await room.post("aws", offer("s-5"))).toMatchObject({ status: 401 });
    if (source) source.topics = [topic];
  });

  it("then sends alarms, which become alerts", async () => {
    const alarm = {
      AlarmName: "5xx",
      NewStateValue: "ALARM",
      StateChangeTime: room.clock.now().toISOString(),
      Trigger: { Dimensions: [{ name: "service", value: "shop" }] },
    };
    const message = (id: string, state: string) =>
      signed(
        sns.key,
        {
          MessageId: id,
          Timestamp: room.clock.now().toISOString(),
          Message: JSON.stringify({ ...alarm, NewStateValue: state }),
        },
        "2",
      );
    expect(await room.post("aws", message("n-1", "ALARM"))).toMatchObject({
      status: 200,
      body: { taken: 1 },
    });
    await room.work();
    const rows = async () =>
      (
        await sql<{ status: string; fingerprint: string }>`select status, fingerprint from alerts`.execute(
          room.db,
        )
      ).rows;
    expect(await rows()).toEqual([{ status: "firing", fingerprint: "123456789012/eu-west-1/5xx" }]);
    await room.post("aws", message("n-2", "INSUFFICIENT_DATA"));
    await room.work();
    expect(await rows()).toMatchObject([{ status: "firing" }]);
    await room.post("aws", message("n-3", "OK"));
    await room.work();
    expect(await rows()).toMatchObject([{ status: "resolved" }]);
  });
});
