/**
 * PagerDuty's webhooks, version 3: incidents as alerts, and what people did to pages. Pure. Source: PagerDuty
 * developer docs, "Webhooks overview" and "Verifying signatures".
 */
import { z } from "zod";
import type { PageEvent, ReadEvent } from "../events.ts";
import { type ReadAlert, severityOf, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { labelsFrom } from "./labels.ts";
import { linkOf, linksOf } from "./links.ts";
import { isOwnPage } from "./own-pages.ts";
import { checked, delivery, type Inbound, jsonOf, type Sender } from "./reader.ts";
import { firstText, textOf } from "./texts.ts";
import { time } from "./times.ts";

const reference = z.looseObject({ summary: z.unknown().optional() }).nullish().catch(undefined);

const incidentSchema = z.looseObject({
  id: z.string({ error: "is missing: no key to know the incident by" }).min(1, "is empty"),
  status: z.string().nullish(),
  service: reference,
  priority: reference,
  escalation_policy: reference,
  assignees: z.array(reference).nullish().catch(undefined),
  conference_bridge: z.looseObject({}).nullish().catch(undefined),
  created_at: time,
  reopened_at: time,
});
type Incident = z.output<typeof incidentSchema>;

const bodySchema = z.object({
  event: z.looseObject(
    {
      id: z.unknown().optional(),
      event_type: z
        .string({ error: "is missing; PagerDuty's webhooks of version 3 give it" })
        .min(1, "is empty"),
      occurred_at: time,
      agent: reference,
      data: z.looseObject({ type: z.unknown().optional() }, { error: "must be an object" }),
    },
    { error: "is missing; PagerDuty sends it in webhooks of version 3" },
  ),
});
const incidentBody = z.object({ event: z.object({ data: incidentSchema }) });

const opens = ["incident.triggered", "incident.reopened"];
const closes = "incident.resolved";

function read({ body, headers }: Inbound) {
  const parsed = jsonOf(body);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  const read = checked(parsed.json, bodySchema);
  if ("problems" in read) return delivery({ problems: read.problems });
  const { event } = read.value;
  const deliveryId = firstText(headers["x-webhook-id"], event.id) ?? null;
  // An integration or a rule of PagerDuty's own is an agent too, and nobody.
  const agentType = event.agent?.type;
  const isPerson = typeof agentType !== "string" || /^user(_reference)?$/.test(agentType);
  const by = (isPerson ? firstText(event.agent?.summary) : undefined) ?? null;
  const at = event.occurred_at ?? null;
  const other = (title: string | undefined): ReadEvent => ({
    kind: "other",
    type: textOf(event.event_type) ?? "unknown",
    title: title ?? textOf(event.event_type) ?? "",
    url: linkOf(event.data.html_url) ?? null,
    at,
  });
  if (!event.event_type.startsWith("incident.") || event.data.type !== "incident")
    return delivery({ deliveryId, events: [other(firstText(event.data.summary, event.data.title))] });
  const whole = checked(parsed.json, incidentBody);
  if ("problems" in whole) return delivery({ deliveryId, problems: whole.problems });
  const incident = whole.value.event.data;
  const ownId = givenKey(incident.id) ?? incident.id;
  const ours = isOwnPage(incident.incident_key);
  const page = (what: PageEvent["what"]): PageEvent => ({
    kind: "page",
    system: "pagerduty",
    what,
    key: givenKey(incident.incident_key) ?? ownId,
    ...(givenKey(incident.incident_key) === undefined ? {} : { alert: ownId }),
    by,
    at,
  });
  const isOpen = incident.status?.toLowerCase() !== "resolved";
  const told = (status: ReadAlert["status"], startsAt: Date | undefined) =>
    // A page of ours that comes back is no news: only what people did to it is.
    ours ? [] : [alertOf(incident, status, startsAt, status === "resolved" ? event.occurred_at : undefined)];
  const began = incident.reopened_at ?? incident.created_at;
  if (opens.includes(event.event_type))
    return delivery({ deliveryId, alerts: told("firing", event.occurred_at ?? began) });
  if (event.event_type === closes)
    return delivery({ deliveryId, alerts: told("resolved", began), events: [page("resolved")] });
  // What changes no state tells how an open incident stands now, if it says which one of its times that is about:
  // without a beginning, late news would open it again.
  const standing = isOpen && began !== undefined ? told("firing", began) : [];
  if (event.event_type === "incident.acknowledged")
    return delivery({ deliveryId, alerts: standing, events: [page("acknowledged")] });
  return delivery({ deliveryId, alerts: standing, events: [other(textOf(incident.title))] });
}

function alertOf(
  incident: Incident,
  status: ReadAlert["status"],
  startsAt: Date | undefined,
  endsAt: Date | undefined,
): ReadAlert {
  const title = textOf(incident.title) ?? untitled;
  const service = firstText(incident.service?.summary);
  const priority = firstText(incident.priority?.summary);
  const severityText = priority ?? textOf(incident.urgency);
  const assignees = (incident.assignees ?? [])
    .map((one) => textOf(one?.summary))
    .filter((name) => name !== undefined);
  return {
    fingerprint: givenKey(incident.id) ?? incident.id,
    status,
    title,
    labels: labelsFrom({
      alertname: title,
      pagerduty_service: service,
      priority,
      urgency: incident.urgency,
      incident_number: incident.number,
    }),
    annotations: labelsFrom({
      assigned_to: assignees.join(", "),
      escalation_policy: incident.escalation_policy?.summary,
      incident_key: incident.incident_key,
      conference_number: incident.conference_bridge?.conference_number,
    }),
    startsAt,
    endsAt,
    links: linksOf([
      ["incident", incident.html_url],
      ["conference", incident.conference_bridge?.conference_url],
    ]),
    severity: severityOf(severityText),
    severityText,
    named: { service },
  };
}

export const pagerduty: Sender = {
  about: "Incidents of PagerDuty (webhooks, version 3), and who acknowledged or resolved a page there.",
  read,
  headers: ["x-webhook-id", "x-webhook-subscription"],
  signature: {
    header: () => "x-pagerduty-signature",
    scheme: "hmac",
    digestsOf: (value) =>
      value
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part.startsWith("v1="))
        .map((part) => part.slice("v1=".length)),
  },
  unreadableStatus: 200,
};
