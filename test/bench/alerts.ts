/** Alerts as Alertmanager sends them and takes them. */
import { postBytes } from "./client.ts";

const startsAt = "2026-03-02T10:00:00Z";

const labelsOf = (nonce: string, group: string) => ({
  alertname: `HighErrorRate${group}`,
  service: "shop",
  severity: "warning",
  instance: `10.0.0.${nonce}:8080`,
  job: "shop",
  region: "eu-west-1",
});

const annotations = {
  summary: "More than 5 % of requests fail",
  description: "The ratio of failed requests of shop has been above 5 % for two minutes.",
  runbook_url: "https://runbooks.example.com/high-error-rate",
};

/** One webhook of version 4 with firing alerts of one group. */
export function webhook(token: string, nonces: readonly string[], group: string): Buffer {
  const body = JSON.stringify({
    version: "4",
    groupKey: `{}:{alertname="HighErrorRate${group}"}`,
    truncatedAlerts: 0,
    status: "firing",
    receiver: "quarterdeck",
    groupLabels: { alertname: `HighErrorRate${group}` },
    commonLabels: { service: "shop", severity: "warning" },
    commonAnnotations: annotations,
    externalURL: "http://alertmanager.example.com",
    alerts: nonces.map((nonce) => ({
      status: "firing",
      labels: labelsOf(nonce, group),
      annotations,
      startsAt,
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "http://prometheus.example.com/graph?g0.expr=errors",
      fingerprint: nonce,
    })),
  });
  return postBytes(
    "/hooks/alertmanager",
    { "content-type": "application/json", authorization: `Bearer ${token}` },
    body,
  );
}

/** The same alerts as Prometheus posts them to Alertmanager. */
export function postableAlerts(nonces: readonly string[], group: string, now: Date): Buffer {
  const body = JSON.stringify(
    nonces.map((nonce) => ({
      labels: labelsOf(nonce, group),
      annotations,
      startsAt: new Date(now.getTime() - 60_000).toISOString(),
      endsAt: new Date(now.getTime() + 300_000).toISOString(),
      generatorURL: "http://prometheus.example.com/graph?g0.expr=errors",
    })),
  );
  return postBytes("/api/v2/alerts", { "content-type": "application/json" }, body);
}
