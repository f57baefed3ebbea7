/** What would be made of a body, were it sent: nothing is kept and nothing sent. Pure. */
import { type HookKind, type HookSource, hookKinds } from "../../catalog/hook-sources.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { ReadEvent } from "./events.ts";
import type { ReadAlert, Severity, Unreadable } from "./model.ts";
import { routeOf } from "./route.ts";
import type { AlertLink } from "./webhooks/links.ts";
import { keptHeaders, readDelivery, senderOf } from "./webhooks/senders.ts";

export interface Preview {
  source: string;
  deliveryId: string | null;
  alerts: readonly {
    status: ReadAlert["status"];
    severity: Severity;
    /** The sender's own word; null when it gives none. */
    severityText: string | null;
    service: string | null;
    fingerprint: string;
    /** ISO 8601; null when not known. */
    startsAt: string | null;
    endsAt: string | null;
    title: string;
    /** What rules of the catalog are matched with. */
    labels: ReadAlert["labels"];
    links: readonly AlertLink[];
  }[];
  events: readonly ReadEvent[];
  /** `to` is null when there is no alert to send anywhere. */
  route: { to: string | null; why: string };
  /** What was refused, by field. */
  problems: readonly Unreadable[];
}

/** Other names people have for a kind. */
const aliases: Readonly<Record<string, HookKind>> = {
  prometheus: "alertmanager",
  "pager-duty": "pagerduty",
  "grafana-oncall": "oncall",
  cloudwatch: "sns",
  aws: "sns",
  "aws-sns": "sns",
  "new-relic": "newrelic",
  new_relic: "newrelic",
  gcp: "gcp_monitoring",
  "gcp-monitoring": "gcp_monitoring",
  google: "gcp_monitoring",
  "google-cloud": "gcp_monitoring",
  google_cloud: "gcp_monitoring",
  stackdriver: "gcp_monitoring",
  azure: "azure_monitor",
  "azure-monitor": "azure_monitor",
  "argo-cd": "argocd",
  argo: "argocd",
  cloudevent: "cloudevents",
  "cloud-events": "cloudevents",
};

/** The declared source of this name; else a source of this kind as it would be with nothing said of it. */
export function sourceNamed(catalog: Catalog, name: string): HookSource | undefined {
  const declared = catalog.hookSources.find((source) => source.name === name);
  if (declared !== undefined) return declared;
  const word = name.toLowerCase();
  const kind = Object.hasOwn(aliases, word) ? aliases[word] : hookKinds.find((one) => one === word);
  // A mapping says how to read: there is none by default.
  if (kind === undefined || kind === "mapping") return undefined;
  return (
    catalog.hookSources.find((source) => source.kind === kind) ?? {
      name: kind,
      kind,
      team: catalog.organisation.defaultOwner,
    }
  );
}

export const canRead = (kind: HookKind): boolean => senderOf(kind) !== undefined;

export function previewOf(
  catalog: Catalog,
  source: HookSource,
  sent: { body: Buffer; headers: Readonly<Record<string, string>>; receivedAt: Date },
): Preview {
  const read = readDelivery({ ...sent, headers: keptHeaders(source, sent.headers), source });
  const routes = read.alerts.map((alert) => routeOf(catalog, alert, source.name));
  return {
    source: source.name,
    deliveryId: read.deliveryId,
    alerts: read.alerts.map((alert, index) => ({
      status: alert.status,
      severity: alert.severity,
      severityText: alert.severityText ?? null,
      service: routes[index]?.service ?? null,
      fingerprint: alert.fingerprint,
      startsAt: alert.startsAt?.toISOString() ?? null,
      endsAt: alert.endsAt?.toISOString() ?? null,
      title: alert.title,
      labels: alert.labels,
      links: alert.links,
    })),
    events: read.events,
    route:
      routes.length === 0
        ? { to: null, why: read.events.length > 0 ? eventsGo(read.events) : "It holds no alert." }
        : {
            to: distinct(
              routes.map(({ to }) => to),
              "; ",
            ),
            why: distinct(
              [
                ...routes.map(({ why }) => why),
                ...routes.map(({ page }) => page),
                ...(read.hiddenCount > 0 ? [hiddenText(read.hiddenCount)] : []),
              ],
              " ",
            ),
          },
    problems: read.problems,
  };
}

const distinct = (texts: readonly string[], between: string): string => [...new Set(texts)].join(between);

const hiddenText = (count: number): string =>
  `The sender left ${count} more ${count === 1 ? "alert" : "alerts"} out of its list: the ticket stays open until it lists them all.`;

const roomOf: Readonly<Record<ReadEvent["kind"], string>> = {
  deploy: "deploys are kept beside the services they name",
  page: "what was done to a page is done to ours",
  ticket: "what was done to a ticket is done to ours",
  other: "nobody acts on other events",
};
const eventsGo = (events: readonly ReadEvent[]): string =>
  `It holds no alert; ${distinct(
    events.map(({ kind }) => roomOf[kind]),
    ", ",
  )}.`;
