import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HookAnswer } from "../../../src/platform/feature.ts";
import { hookBytesMax } from "../../../src/platform/http/hooks.ts";
import { type Rooms, startRooms } from "../tickets/rooms.ts";

let rooms: Rooms;
beforeAll(async () => {
  rooms = await startRooms({
    change: (catalog) => {
      for (const kind of ["pagerduty", "grafana", "newrelic"] as const)
        catalog.hookSources.push({ name: kind, kind, team: "storefront", defaultEnvironment: "staging" });
    },
  });
});
afterAll(() => rooms.close());

const post = (source: string, body: Buffer | string, headers = {}): Promise<HookAnswer> => {
  const hook = rooms.alerts.hooks?.find((one) => one.source === source);
  if (!hook) throw new Error(`no hook ${source}`);
  return hook.handle({
    source,
    team: "storefront",
    tokenId: null,
    headers,
    body: Buffer.from(body),
    receivedAt: rooms.clock.now(),
  });
};
const file = (name: string): Buffer => readFileSync(`test/fixtures/payloads/${name}.json`);
const rows = async <Row>(query: string): Promise<Row[]> => (await sql.raw<Row>(query).execute(rooms.db)).rows;

describe("a delivery", () => {
  it("that comes again under its id is answered 200 and kept and folded once", async () => {
    const headers = { "x-webhook-id": "wh-1" };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => post("pagerduty", file("pagerduty-v3_incident_triggered"), headers)),
    );
    answers.push(await post("pagerduty", file("pagerduty-v3_incident_triggered"), headers));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    await rooms.work();
    expect(await rows("select count(*)::int as n from alert_deliveries where delivery_id = 'wh-1'")).toEqual([
      { n: 1 },
    ]);
    expect(await rows("select received_count from alerts where fingerprint = 'PFQZPSY'")).toEqual([
      { received_count: 1 },
    ]);
    await post("grafana", file("grafana-v1_values"));
    await post("grafana", file("grafana-v1_values"));
    await rooms.work();
    // Where the sender gives no id, both are kept and the alert stays one.
    expect(await rows("select received_count from alerts where fingerprint = 'e6349a25f5ef0e9e'")).toEqual([
      { received_count: 2 },
    ]);
  });

  it("is kept with the headers its reader needs, and with no secret", async () => {
    const headers = {
      "x-webhook-id": "wh-2",
      authorization: "Bearer hunter2",
      cookie: "hunter2",
      "x-pagerduty-signature": "v1=hunter2",
      "x-my-own": "hunter2",
      "user-agent": "PagerDuty-Webhook/V3.0",
    };
    await post("pagerduty", file("pagerduty-v3_incident_resolved"), headers);
    expect(await rows("select headers from alert_deliveries where delivery_id = 'wh-2'")).toEqual([
      { headers: { "x-webhook-id": "wh-2", "user-agent": "PagerDuty-Webhook/V3.0" } },
    ]);
    expect(JSON.stringify(await rows("select * from alert_deliveries"))).not.toContain("hunter2");
  });

  it("tells what was done to a page, kept once with its source and announced to whom it concerns", async () => {
    await rooms.work();
    const [row] = await rows<{ id: string; source: string }>(
      "select id, source from hook_events where source = 'pagerduty'",
    );
    expect(row?.source).toBe("pagerduty");
    expect(await rooms.alerts.api.eventOf(rooms.db, row?.id ?? "")).toEqual({
      source: "pagerduty",
      receivedAt: rooms.clock.now(),
      event: {
        kind: "page",
        system: "pagerduty",
        what: "resolved",
        key: "PCPZE64",
        by: "PIG 208",
        at: new Date("2021-06-04T13:16:53.816Z"),
      },
    });
    expect(await rooms.alerts.api.eventOf(rooms.db, "999999")).toBeUndefined();
  });

  it("of an alert's acknowledgement where it came from stops the page of its ticket, by whoever did it", async () => {
    const tell = async (what: string, id: string, by: string) => {
      const data = { type: "incident", id, incident_key: `key-${id}`, title: id, status: what };
      const agent = { type: "user_reference", summary: by };
      await post(
        "pagerduty",
        JSON.stringify({
          event: {
            id: `${what}-${id}`,
            event_type: `incident.${what}`,
            occurred_at: rooms.clock.now(),
            agent,
            data,
          },
        }),
      );
      await rooms.work();
    };
    for (const id of ["PMINE", "PTHEIRS"]) await tell("triggered", id, "nobody");
    const tickets = await rows<{ id: string; name: string }>(
      "select id, name from tickets where name in ('PMINE', 'PTHEIRS') order by name",
    );
    expect(tickets).toHaveLength(2);
    for (const { id } of tickets) rooms.paging.open.set(id, undefined);
    await tell("acknowledged", "PMINE", "Jane Doe <olive@example.com>");
    await tell("acknowledged", "PUNKNOWN", "Jane Doe");
    expect(tickets.map(({ id }) => rooms.paging.open.get(id)?.by)).toEqual(["U0ONCALL", undefined]);
    await tell("acknowledged", "PTHEIRS", "Jane Doe");
    expect(rooms.paging.open.get(tickets[1]?.id ?? "")?.by).toBe("pagerduty");
  });

  it("is filed under its source's environment when it names none, and keeps its title and links", async () => {
    await post("newrelic", file("newrelic-workflow_activated"));
    await rooms.work();
    expect(
      await rows(
        "select g.environment, a.title, a.links from alerts a join alert_groups g on g.id = a.group_id where a.source = 'newrelic'",
      ),
    ).toEqual([
      {
        environment: "staging",
        title: "zulip_app query result is > 1.0 for 1 minutes on 'Zulip Server Low Storage'",
        links: [{ label: "issue", url: expect.stringMatching(/^https:/) }],
      },
    ]);
  });
});

describe("a group of 10,000 alerts in one body", () => {
  it("is taken whole", async () => {
    const [alert] = (JSON.parse(file("grafana-v1_mixed").toString()) as { alerts: object[] }).alerts.slice(2);
    const alerts = Array.from({ length: 10_000 }, (_, index) => ({
      ...alert,
      labels: { alertname: "Whole", instance: `i-${index}` },
      fingerprint: `whole-${index}`,
    }));
    const body = JSON.stringify({ version: "1", status: "firing", groupKey: "whole", alerts });
    expect(body.length).toBeGreaterThan(5_000_000);
    expect(body.length).toBeLessThan(hookBytesMax);
    expect(await post("grafana", body)).toEqual({ status: 200, body: { ok: true, taken: 10_000 } });
    await rooms.work();
    expect(await rows("select count(*)::int as n from alerts where labels->>'alertname' = 'Whole'")).toEqual([
      { n: 10_000 },
    ]);
  }, 60_000);

  it("that is larger than can be taken is said to people", async () => {
    const hook = rooms.alerts.hooks?.find(({ source }) => source === "grafana");
    await hook?.tooLarge?.({ source: "grafana", bytesMax: hookBytesMax, receivedAt: rooms.clock.now() });
    const [card] = await rooms.messages("alert-problem:grafana%");
    expect(card?.all).toContain("is larger than 25 MB: nothing of it was taken");
  });
});

describe("a body nobody can read", () => {
  it("is kept and said, and answered 200 where an error would make the sender give up, else 400", async () => {
    expect(await post("pagerduty", '{"event":{"data":{}}}')).toMatchObject({
      status: 200,
      body: { error: "unreadable", message: expect.stringContaining("event.event_type is missing") },
    });
    expect(await post("newrelic", '{"state":"CLOSED"}')).toMatchObject({
      status: 400,
      body: { error: "unreadable", problems: [{ field: "id", why: expect.stringContaining("is missing") }] },
    });
    const cards = await rooms.messages("alert-problem:%");
    expect(cards.map(({ text }) => text).sort()).toEqual([
      "🟠 grafana · a body I cannot read: the body",
      "🟠 newrelic · a body I cannot read: field id",
      "🟠 pagerduty · a body I cannot read: field event.event\u2060_\u2060type",
    ]);
  });
});
