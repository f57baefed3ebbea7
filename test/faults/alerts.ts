/** A catalog in which each rule that fires is a cause of its own, and its card waits for no company. */
export const apart = (yaml: string): string => yaml.replace("groupWait: 1s", "joinWithin: 0s, groupWait: 0s");

/** Alertmanager bodies (format 4) with as many alerts as names. Source: Alertmanager docs, "webhook_config". */
export function alertsNamed(
  names: readonly string[],
  over: { status?: "firing" | "resolved"; severity?: string; instance?: (name: string) => string } = {},
): string {
  const { status = "firing", severity = "warning" } = over;
  const startsAt = new Date(Date.now() - 60_000).toISOString();
  return JSON.stringify({
    version: "4",
    status,
    groupKey: `{}:{alertname="${names[0]}"}`,
    alerts: names.map((name) => {
      const instance = over.instance?.(name);
      return {
        status,
        labels: { alertname: name, service: "shop", severity, ...(instance ? { instance } : {}) },
        annotations: { summary: `${name} is up` },
        startsAt,
        endsAt: status === "resolved" ? new Date().toISOString() : "0001-01-01T00:00:00Z",
        fingerprint: `${name}${instance ?? ""}`,
      };
    }),
  });
}
