import { expect, it } from "vitest";
import type { HookKind } from "../../../../src/catalog/hook-sources.ts";
import { fold, type KeptAlert, type ReadAlert } from "../../../../src/features/alerts/model.ts";
import { senderOf } from "../../../../src/features/alerts/webhooks/senders.ts";
import { inbound } from "./inbound.ts";
import { payloads } from "./payloads.ts";

type Json = Record<string, unknown>;
const bodyOf = (file: string): Json => {
  const found = payloads.find((payload) => payload.file === `${file}.json`);
  if (found === undefined) throw new Error(`no payload ${file}`);
  return JSON.parse(found.body.toString("utf8")) as Json;
};
const read = (kind: HookKind, body: Json, headers: Record<string, string> = {}): ReadAlert => {
  const [alert] = senderOf(kind)?.read(inbound(kind, body, { headers })).alerts ?? [];
  if (alert === undefined) throw new Error(`${kind} reads no alert`);
  return alert;
};
const sentry = (resource: string, atSec: number) => ({
  "sentry-hook-resource": resource,
  "sentry-hook-timestamp": String(atSec),
});
const part = (body: Json, name: string): Json => body[name] as Json;

/** One alert's beginning and its end, as the sender tells both. */
const episodes: readonly (readonly [HookKind, ReadAlert, ReadAlert])[] = [
  (() => {
    const triggered = bodyOf("pagerduty-v3_incident_triggered");
    const event = part(triggered, "event");
    const data = { ...part(event, "data"), created_at: "2021-06-04T13:35:29Z", status: "resolved" };
    const end = { ...event, event_type: "incident.resolved", occurred_at: "2021-06-04T13:50:00Z", data };
    return ["pagerduty", read("pagerduty", triggered), read("pagerduty", { event: end })] as const;
  })(),
  (() => {
    const begin = { ...bodyOf("datadog-custom_triggered"), date: "1764064800000" };
    const end = { ...begin, alert_transition: "Recovered", date: "1764065100000" };
    return ["datadog", read("datadog", begin), read("datadog", end)] as const;
  })(),
  (() => {
    const begin = bodyOf("newrelic-workflow_activated");
    return ["newrelic", read("newrelic", begin), read("newrelic", { ...begin, state: "CLOSED" })] as const;
  })(),
  (() => {
    const begin = bodyOf("opsgenie-alert_create");
    return ["opsgenie", read("opsgenie", begin), read("opsgenie", { ...begin, action: "Close" })] as const;
  })(),
  [
    "gcp_monitoring",
    read("gcp_monitoring", bodyOf("gcp_monitoring-v1_1_open")),
    read("gcp_monitoring", bodyOf("gcp_monitoring-v1_1_closed")),
  ],
  (() => {
    const begin = bodyOf("azure_monitor-common_metric_fired");
    const data = part(begin, "data");
    const essentials = {
      ...part(data, "essentials"),
      monitorCondition: "Resolved",
      resolvedDateTime: "2026-09-01T08:10:00.1234567Z",
    };
    const end = { ...begin, data: { ...data, essentials } };
    return ["azure_monitor", read("azure_monitor", begin), read("azure_monitor", end)] as const;
  })(),
  (() => {
    const begin = bodyOf("sentry-issue_created");
    const end = { ...begin, action: "resolved" };
    return [
      "sentry",
      read("sentry", begin, sentry("issue", 1764064800)),
      read("sentry", end, sentry("issue", 1764065100)),
    ] as const;
  })(),
  [
    "sentry",
    read("sentry", bodyOf("sentry-metric_alert_critical"), sentry("metric_alert", 1764064800)),
    read("sentry", bodyOf("sentry-metric_alert_resolved"), sentry("metric_alert", 1764065100)),
  ],
  (() => {
    const begin = bodyOf("grafana-v1_values");
    const [alert] = begin.alerts as Json[];
    const end = {
      ...begin,
      status: "resolved",
      alerts: [{ ...alert, status: "resolved", endsAt: "2024-03-01T02:20:00Z" }],
    };
    return ["grafana", read("grafana", begin), read("grafana", end)] as const;
  })(),
];

it.each(episodes)(
  "%s: whatever order its two deliveries come in, and however often, the alert is over",
  (_kind, begin, end) => {
    expect([begin.status, end.status]).toEqual(["firing", "resolved"]);
    expect(end.fingerprint).toBe(begin.fingerprint);
    const receivedAt = new Date("2026-11-25T11:00:00Z");
    for (const order of [
      [begin, end],
      [end, begin],
      [begin, end, begin],
      [end, begin, end, begin],
    ]) {
      const kept = order.reduce<KeptAlert | undefined>(
        (sum, alert, nth) => fold(sum, alert, "s", new Date(receivedAt.getTime() + nth * 1_000)),
        undefined,
      );
      expect(kept?.status).toBe("resolved");
      expect(kept?.title).toBe(begin.title);
    }
  },
);
