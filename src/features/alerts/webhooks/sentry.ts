/**
 * Sentry's integration platform webhooks: issues, issue alerts and metric alerts. Pure. Source: Sentry docs,
 * "Integration Platform", "Webhooks".
 */
import { z } from "zod";
import type { ReadEvent } from "../events.ts";
import { type ReadAlert, severityOf, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { hintsOf, labelsFrom } from "./labels.ts";
import { linkOf, linksOf } from "./links.ts";
import { checked, delivery, type Inbound, jsonOf, type Sender } from "./reader.ts";
import { firstText, textOf } from "./texts.ts";
import { epoch, time } from "./times.ts";

const id = (what: string) =>
  z
    .union([z.string(), z.number()], { error: `is missing: no key to know the ${what} by` })
    .refine((given) => givenKey(given) !== undefined, { error: "is empty" });
const maybe = z.looseObject({}).nullish().catch(undefined);

const bodySchema = z.object({
  action: z.string({ error: "is missing; Sentry's webhooks give it" }).min(1, "is empty"),
  data: z.looseObject({}, { error: "must be an object" }),
});
const issueSchema = z.object({
  data: z.object({ issue: z.looseObject({ id: id("issue"), project: maybe, firstSeen: time }) }),
});
const eventSchema = z.object({
  data: z.looseObject({
    event: z.looseObject({ issue_id: id("issue"), datetime: time }),
    issue_alert: maybe,
  }),
});
const metricSchema = z.object({
  data: z.looseObject({
    metric_alert: z.looseObject({
      id: id("alert"),
      alert_rule: maybe,
      projects: z.array(z.unknown()).nullish().catch(undefined),
      date_started: time,
      date_closed: time,
    }),
  }),
});

const resourceHeader = "sentry-hook-resource";
const timestampHeader = "sentry-hook-timestamp";

/** The resource by its header; by what the body holds where headers are not at hand. */
function resourceOf(
  headers: Inbound["headers"],
  data: Readonly<Record<string, unknown>>,
): string | undefined {
  const named = textOf(headers[resourceHeader]);
  if (named !== undefined) return named;
  if ("metric_alert" in data) return "metric_alert";
  if ("event" in data) return "event_alert";
  return ["issue", "error", "comment", "installation"].find((resource) => resource in data);
}

const issueActions: Readonly<Record<string, ReadAlert["status"]>> = {
  created: "firing",
  unresolved: "firing",
  resolved: "resolved",
};
const metricActions: Readonly<Record<string, ReadAlert["status"]>> = {
  critical: "firing",
  warning: "firing",
  resolved: "resolved",
};

function read({ body, headers }: Inbound) {
  const parsed = jsonOf(body);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  const { json } = parsed;
  const read = checked(json, bodySchema);
  if ("problems" in read) return delivery({ problems: read.problems });
  const { action, data } = read.value;
  const deliveryId = textOf(headers["request-id"]) ?? null;
  const resource = resourceOf(headers, data);
  const at = epoch.safeParse(headers[timestampHeader]).data;
  const unread = (problems: readonly { field: string; why: string }[]) => delivery({ deliveryId, problems });
  const readAs = {
    issue: () => {
      const status = issueActions[action];
      if (status === undefined) return undefined;
      const issue = checked(json, issueSchema);
      if ("problems" in issue) return unread(issue.problems);
      return delivery({ deliveryId, alerts: [issueAlert(issue.value.data.issue, action, status, at)] });
    },
    event_alert: () => {
      if (action !== "triggered") return undefined;
      const event = checked(json, eventSchema);
      if ("problems" in event) return unread(event.problems);
      return delivery({ deliveryId, alerts: [eventAlert(event.value.data)] });
    },
    metric_alert: () => {
      const status = metricActions[action];
      if (status === undefined) return undefined;
      const metric = checked(json, metricSchema);
      if ("problems" in metric) return unread(metric.problems);
      return delivery({ deliveryId, alerts: [metricAlert(metric.value.data, action, status, at)] });
    },
  };
  if (resource === undefined)
    return unread([
      { field: "data", why: `holds no issue, event or metric_alert, and ${resourceHeader} is missing` },
    ]);
  const known = Object.hasOwn(readAs, resource) ? readAs[resource as keyof typeof readAs]() : undefined;
  const other: ReadEvent = {
    kind: "other",
    type: textOf(`${resource}.${action}`) ?? resource,
    title:
      firstText(titleIn(data.issue), titleIn(data.event), titleIn(data.metric_alert)) ??
      `${resource} ${action}`,
    url: linkOf(data.web_url) ?? null,
    at: at ?? null,
  };
  return known ?? delivery({ deliveryId, events: [other] });
}

const titleIn = (thing: unknown): unknown =>
  typeof thing === "object" && thing !== null && "title" in thing ? thing.title : undefined;

function issueAlert(
  issue: z.output<typeof issueSchema>["data"]["issue"],
  action: string,
  status: ReadAlert["status"],
  at: Date | undefined,
): ReadAlert {
  const project = firstText(issue.project?.slug, issue.project?.name);
  const severityText = textOf(issue.level);
  const title = textOf(issue.title) ?? untitled;
  return {
    fingerprint: givenKey(issue.id) ?? "",
    status,
    title,
    labels: labelsFrom({
      alertname: title,
      project,
      platform: issue.platform,
      issue: issue.shortId,
      level: issue.level,
    }),
    annotations: labelsFrom({ summary: issue.culprit, events: issue.count, users: issue.userCount }),
    // An issue that comes back began anew when it came back.
    startsAt: status === "firing" ? (action === "created" ? issue.firstSeen : at) : undefined,
    endsAt: status === "resolved" ? at : undefined,
    links: linksOf([
      ["issue", issue.web_url],
      ["issue", issue.permalink],
    ]),
    severity: severityOf(severityText),
    severityText,
    named: { service: project },
  };
}

function eventAlert({ event, issue_alert: rule, ...data }: z.output<typeof eventSchema>["data"]): ReadAlert {
  const severityText = textOf(event.level);
  const title = textOf(event.title) ?? untitled;
  return {
    fingerprint: givenKey(event.issue_id) ?? "",
    status: "firing",
    title,
    labels: labelsFrom({
      alertname: title,
      rule: firstText(data.triggered_rule, rule?.title),
      platform: event.platform,
      environment: event.environment,
      level: event.level,
    }),
    annotations: labelsFrom({ summary: event.culprit }),
    startsAt: event.datetime,
    endsAt: undefined,
    links: linksOf([["event", event.web_url]]),
    severity: severityOf(severityText),
    severityText,
    named: { environment: textOf(event.environment) },
  };
}

function metricAlert(
  data: z.output<typeof metricSchema>["data"],
  action: string,
  status: ReadAlert["status"],
  at: Date | undefined,
): ReadAlert {
  const { metric_alert: alert } = data;
  const title = firstText(data.description_title, alert.title) ?? untitled;
  const name = firstText(alert.alert_rule?.name, alert.title) ?? untitled;
  const projects = hintsOf(alert.projects ?? []);
  // How bad it is stands in the action; `status` says whether it is open.
  const severityText = status === "resolved" ? undefined : textOf(action);
  return {
    fingerprint: givenKey(alert.id) ?? "",
    status,
    title,
    labels: labelsFrom({ alertname: name, project: projects?.[0], rule_id: alert.alert_rule?.id }),
    annotations: labelsFrom({ summary: data.description_text }),
    startsAt: alert.date_started ?? (status === "firing" ? at : undefined),
    endsAt: status === "resolved" ? (alert.date_closed ?? at) : undefined,
    links: linksOf([["alert", data.web_url]]),
    severity: severityOf(severityText),
    severityText,
    named: projects?.length === 1 ? { service: projects[0] } : { hints: projects },
  };
}

export const sentry: Sender = {
  about: "Issues, issue alerts and metric alerts of Sentry, sent by an internal integration.",
  read,
  headers: [resourceHeader, timestampHeader, "request-id"],
  signature: {
    header: () => "sentry-hook-signature",
    scheme: "hmac",
    timestampHeader: () => timestampHeader,
  },
  unreadableStatus: 200,
};
