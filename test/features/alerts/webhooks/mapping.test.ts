import { describe, expect, it } from "vitest";
import { hookSourceSchema } from "../../../../src/catalog/hook-sources.ts";
import { keptHeaders, readDelivery } from "../../../../src/features/alerts/webhooks/senders.ts";
import { inbound } from "./inbound.ts";

const declared = (over: object = {}) => ({
  name: "zabbix",
  kind: "mapping",
  team: "storefront",
  mapping: {
    alerts: "events",
    deliveryId: "header X-Request-Id",
    status: { path: "state", firing: ["PROBLEM", 1], resolved: "OK" },
    key: ["trigger.id", "host"],
    title: ["trigger.name", "subject"],
    severity: "priority",
    severities: { disaster: "critical", "4": "error" },
    service: "tags['app.kubernetes.io/name']",
    environment: "$.site.environment",
    startsAt: "since",
    endsAt: "until",
    links: { Graph: "urls[0]", Host: ["hostUrl"] },
    labels: { host: "host", alertname: "trigger.rule" },
    annotations: { summary: "text" },
    ...over,
  },
});
const event = {
  state: "problem",
  trigger: { id: 17, name: "Disk is full", rule: "disk-full" },
  host: "db/1",
  priority: "Disaster",
  tags: { "app.kubernetes.io/name": "shop" },
  since: 1764064800,
  until: "2026-11-25T10:30:00+01:00",
  urls: ["https://z.example.com/graph/1", "javascript:alert(1)"],
  text: "95 % used",
};
const read = (body: unknown, over: object = {}, headers: Record<string, string> = {}) => {
  const source = hookSourceSchema.parse(declared(over));
  return readDelivery(inbound("mapping", JSON.stringify(body), { headers, source }));
};

describe("a declared mapping", () => {
  it("says which part of a body is what", () => {
    const body = {
      site: { environment: "production" },
      events: [event, { ...event, state: "ok", host: "db/2" }],
    };
    expect(read(body, {}, { "x-request-id": "r-1" })).toEqual({
      deliveryId: "r-1",
      alerts: [
        {
          fingerprint: "17/db%2F1",
          status: "firing",
          title: "Disk is full",
          labels: { host: "db/1", alertname: "disk-full" },
          annotations: { summary: "95 % used" },
          startsAt: new Date(1764064800_000),
          endsAt: undefined,
          links: [{ label: "Graph", url: "https://z.example.com/graph/1" }],
          severity: "critical",
          severityText: "Disaster",
          named: { service: "shop", environment: "production" },
        },
        expect.objectContaining({
          fingerprint: "17/db%2F2",
          status: "resolved",
          endsAt: new Date("2026-11-25T09:30:00Z"),
        }),
      ],
      events: [],
      problems: [],
      groupKey: "",
      hiddenCount: 0,
    });
  });

  it("takes the alerts it can read and names the field of the others as it stands in the body", () => {
    const events = [
      event,
      { ...event, trigger: {} },
      { ...event, state: "maybe" },
      { ...event, since: "yesterday" },
      "text",
    ];
    const { alerts, problems } = read({ events });
    expect(alerts).toHaveLength(1);
    expect(problems).toEqual([
      { field: "events[1].trigger.id", why: "is missing: no key to know the alert by" },
      { field: "events[2].state", why: "must be one of PROBLEM, 1, OK" },
      { field: "events[3].since", why: '"yesterday" is not a time' },
      { field: "events[4].trigger.id", why: "is missing: no key to know the alert by" },
    ]);
    expect(read({ events: "none" }).problems).toEqual([
      { field: "events", why: "must be an alert or a list of alerts" },
    ]);
  });

  it("may take the body as one alert that only ever fires", () => {
    const { alerts } = read(event, {
      alerts: undefined,
      status: undefined,
      key: "trigger.id",
      deliveryId: "$.trigger.id",
    });
    expect(alerts.map(({ fingerprint, status }) => [fingerprint, status])).toEqual([["17", "firing"]]);
  });

  it("keeps the header of the delivery id and no other", () => {
    const source = hookSourceSchema.parse(declared());
    expect(keptHeaders(source, { "x-request-id": "r", "x-secret": "s", authorization: "t" })).toEqual({
      "x-request-id": "r",
    });
  });
});

it.each([
  ["without its mapping", { kind: "mapping" }, "mapping"],
  ["of another kind", { ...declared(), kind: "grafana" }, "mapping"],
  ["with a path that is none", declared({ title: "a[*]" }), "mapping.title"],
  ["with a secret and no header", { ...declared(), secretEnv: "X" }, "signatureHeader"],
])("is refused by field when declared %s", (_how, source, field) => {
  const { error } = hookSourceSchema.safeParse({ name: "n", team: "t", ...source });
  expect(error?.issues.map(({ path }) => path.join("."))).toContain(field);
});
