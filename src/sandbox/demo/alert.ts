/** An alert as Alertmanager posts it (webhook format 4). Source: Alertmanager docs, "webhook_config". */
export function alertmanagerPost(alert: {
  status: "firing" | "resolved";
  startsAt: Date;
  endsAt?: Date;
  service?: string;
  name?: string;
}): string {
  const labels = {
    alertname: alert.name ?? "HighErrorRate",
    service: alert.service ?? "shop",
    severity: "critical",
  };
  const endsAt =
    alert.status === "resolved" ? (alert.endsAt ?? alert.startsAt).toISOString() : "0001-01-01T00:00:00Z";
  return JSON.stringify({
    version: "4",
    groupKey: `{}:{alertname="${labels.alertname}"}`,
    truncatedAlerts: 0,
    status: alert.status,
    receiver: "quarterdeck",
    groupLabels: { alertname: labels.alertname },
    commonLabels: labels,
    commonAnnotations: { summary: "Checkout answers with errors" },
    externalURL: "http://127.0.0.1:9093",
    alerts: [
      {
        status: alert.status,
        labels,
        annotations: { summary: "Checkout answers with errors" },
        startsAt: alert.startsAt.toISOString(),
        endsAt,
        generatorURL: "http://127.0.0.1:9090/graph",
        fingerprint: "f404ecabc8dd5cd7",
      },
    ],
  });
}
