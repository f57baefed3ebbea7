/** Every sender this room serves, by the kind the catalog names. */
import type { HookKind, HookSource } from "../../../catalog/hook-sources.ts";
import type { ReadDelivery } from "../model.ts";
import { alertmanager } from "./alertmanager.ts";
import { azureMonitor } from "./azure-monitor.ts";
import { changeSenders } from "./change-senders.ts";
import { datadog } from "./datadog.ts";
import { gcpMonitoring } from "./gcp-monitoring.ts";
import { grafana } from "./grafana.ts";
import { mapping } from "./mapping.ts";
import { newrelic } from "./newrelic.ts";
import { oncall } from "./oncall.ts";
import { opsgenie } from "./opsgenie.ts";
import { pagerduty } from "./pagerduty.ts";
import { pages } from "./pages.ts";
import { delivery, type Inbound, type Sender } from "./reader.ts";
import { sentry } from "./sentry.ts";
import { clean } from "./texts.ts";

/** Kinds of sources whose bodies this room reads; `deploys` is read by the room of that name. */
export type SenderKind = Exclude<HookKind, "deploys">;

export const senders: Readonly<Partial<Record<SenderKind, Sender>>> = {
  alertmanager,
  grafana,
  datadog,
  pagerduty,
  sentry,
  newrelic,
  opsgenie,
  oncall,
  gcp_monitoring: gcpMonitoring,
  azure_monitor: azureMonitor,
  mapping,
  pages,
  ...changeSenders,
};

export const senderKinds = Object.keys(senders) as readonly SenderKind[];

export const senderOf = (kind: HookKind): Sender | undefined =>
  kind === "deploys" ? undefined : senders[kind];

/** Reads one delivery as its source declares. Never throws: a fault of a reader is a problem of this delivery alone. */
export function readDelivery(inbound: Inbound): ReadDelivery {
  const sender = senderOf(inbound.source.kind);
  if (sender === undefined)
    return delivery({
      problems: [{ field: "body", why: `is of a kind nobody here reads: ${inbound.source.kind}` }],
    });
  try {
    const read = sender.read(inbound);
    const { defaultEnvironment } = inbound.source;
    return defaultEnvironment === undefined
      ? read
      : { ...read, alerts: read.alerts.map(inside(defaultEnvironment)) };
  } catch (error) {
    return delivery({
      problems: [
        {
          field: "body",
          why: `met a fault of the reader: ${clean(String(error)).slice(0, 200).toWellFormed()}`,
        },
      ],
    });
  }
}

const inside =
  (environment: string) =>
  <Alert extends ReadDelivery["alerts"][number]>(alert: Alert): Alert =>
    alert.named?.environment === undefined ? { ...alert, named: { ...alert.named, environment } } : alert;

/** The headers to keep with a body: those its reader needs, so that no secret is kept with them. */
export function keptHeaders(
  source: HookSource,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  const sender = senderOf(source.kind);
  const own = [...(sender?.headers ?? []), ...(sender?.headersOf?.(source) ?? [])];
  const wanted = ["content-type", "user-agent", ...own];
  const isWanted = (name: string) =>
    wanted.some((one) => (one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : name === one));
  return Object.fromEntries(
    Object.entries(headers)
      .filter((pair): pair is [string, string | string[]] => pair[1] !== undefined && isWanted(pair[0]))
      .map(([name, value]) => [name, clean(Array.isArray(value) ? value.join(", ") : value)]),
  );
}
