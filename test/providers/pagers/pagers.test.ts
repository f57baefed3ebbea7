import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyOfPage } from "../../../src/providers/pagers/contract.ts";
import { createPagers } from "../../../src/providers/pagers/instances.ts";
import { clock, noticeOf, pagerConformance } from "./conformance.ts";
import {
  type PagerStandIn,
  startGrafanaOnCall,
  startOpsgenie,
  startPagerDuty,
  startSignedWebhook,
} from "./stand-ins.ts";

const kinds = [
  ["PagerDuty", () => startPagerDuty()],
  ["Opsgenie", () => startOpsgenie()],
  ["Grafana OnCall", () => startGrafanaOnCall()],
  ["a signed webhook", () => startSignedWebhook(() => clock.now())],
] as const;

describe.each(kinds)("%s", (_name, start) => pagerConformance(start));

describe("the exact request", () => {
  const there: Record<string, PagerStandIn> = {};
  beforeAll(async () => {
    for (const [name, start] of kinds) there[name] = await start();
  });
  afterAll(() => Promise.all(Object.values(there).map((one) => one.close())));
  const notice = noticeOf({ key: keyOfPage("3f2a9c1e-5b7d-4e60-9a31-0c4f8d2b6e75") });
  const sent = async (name: string) => {
    const one = there[name];
    if (!one) throw new Error(`no stand-in for ${name}`);
    const pager = createPagers({ env: (variable) => one.env[variable], clock }).of(one.instance);
    await pager.trigger(notice);
    await pager.acknowledge(notice, "Olive Okafor");
    await pager.resolve(notice, "Quarterdeck");
    return one.calls.map(({ method, path, body }) => [`${method} ${path}`, body]);
  };

  it("to PagerDuty is that of Events API v2", async () => {
    const common = { routing_key: "e93facc04764012d7bfb002500d5d1a6", dedup_key: notice.key };
    expect(await sent("PagerDuty")).toEqual([
      [
        "POST /v2/enqueue",
        {
          ...common,
          event_action: "trigger",
          client: "Quarterdeck",
          client_url: "https://q.example/tickets/T-3",
          payload: {
            summary: notice.summary,
            source: "shop",
            severity: "critical",
            timestamp: "2026-03-02T09:59:00.000Z",
            component: "shop",
            group: "storefront",
            custom_details: { line: notice.detail, subject: "T-3" },
          },
        },
      ],
      ["POST /v2/enqueue", { ...common, event_action: "acknowledge" }],
      ["POST /v2/enqueue", { ...common, event_action: "resolve" }],
    ]);
  });

  it("to Opsgenie is that of Alert API v2", async () => {
    const path = "/v2/alerts/quarterdeck%3A3f2a9c1e-5b7d-4e60-9a31-0c4f8d2b6e75";
    expect(await sent("Opsgenie")).toEqual([
      [
        "POST /v2/alerts",
        {
          message: notice.summary,
          alias: notice.key,
          description: `${notice.detail}\nhttps://q.example/tickets/T-3`,
          entity: "shop",
          source: "Quarterdeck",
          priority: "P1",
          details: { subject: "T-3", team: "storefront" },
        },
      ],
      [`POST ${path}/acknowledge?identifierType=alias`, { source: "Quarterdeck", user: "Olive Okafor" }],
      [`POST ${path}/close?identifierType=alias`, { source: "Quarterdeck", user: "Quarterdeck" }],
    ]);
  });

  it("to Grafana OnCall is that of a Formatted Webhook, with its words each time", async () => {
    const path = "POST /integrations/v1/formatted_webhook/m12xmIjOcgwH74UF8CN4dk0Dh/";
    const body = {
      alert_uid: notice.key,
      title: notice.summary,
      message: notice.detail,
      link_to_upstream_details: "https://q.example/tickets/T-3",
    };
    expect(await sent("Grafana OnCall")).toEqual([
      [path, { ...body, state: "alerting" }],
      [path, { ...body, state: "acknowledged" }],
      [path, { ...body, state: "ok" }],
    ]);
  });

  it("to a signed webhook names page, state and person, with an id per state", async () => {
    const data = {
      key: notice.key,
      summary: notice.summary,
      line: notice.detail,
      subject: "T-3",
      team: "storefront",
      service: "shop",
      openedAt: "2026-03-02T09:59:00.000Z",
      url: "https://q.example/tickets/T-3",
    };
    const timestamp = "2026-03-02T10:00:00.000Z";
    expect(await sent("a signed webhook")).toEqual([
      ["POST /page", { type: "page.triggered", timestamp, data: { ...data, by: null } }],
      ["POST /page", { type: "page.acknowledged", timestamp, data: { ...data, by: "Olive Okafor" } }],
      ["POST /page", { type: "page.resolved", timestamp, data: { ...data, by: "Quarterdeck" } }],
    ]);
    expect(there["a signed webhook"]?.calls.map(({ headers }) => headers["webhook-id"])).toEqual([
      `${notice.key}:triggered`,
      `${notice.key}:acknowledged`,
      `${notice.key}:resolved`,
    ]);
  });
});

describe("a secret of the wrong kind", () => {
  const of = (start: PagerStandIn, env: Record<string, string>) => () =>
    createPagers({ env: (name) => env[name] ?? start.env[name], clock }).of(start.instance);

  it("is named before anything is sent", async () => {
    const pd = await startPagerDuty();
    const grafana = await startGrafanaOnCall();
    const hook = await startSignedWebhook(() => clock.now());
    expect(of(pd, { PD_ROUTING_KEY: "too-short" })).toThrow(/integration key of pagerduty is not 32/);
    expect(of(grafana, { ONCALL_URL: "not an address" })).toThrow(/address of oncall is not one/);
    expect(of(hook, { HOOK_SECRET: "short" })).toThrow(/secret of phones is shorter than 16 bytes/);
    await Promise.all([pd.close(), grafana.close(), hook.close()]);
  });
});
