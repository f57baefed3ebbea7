/**
 * Google Cloud Monitoring's webhook, versions 1.1 and 1.2. Pure. Source: Google Cloud docs, "Notification channels",
 * "Webhook".
 */
import { z } from "zod";
import { type ReadAlert, severityOf, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { labelsFrom, namedOf } from "./labels.ts";
import { linksOf } from "./links.ts";
import { delivery, type Inbound, readBody, type Sender } from "./reader.ts";
import { firstText, textOf } from "./texts.ts";
import { epoch } from "./times.ts";

const maybe = z.looseObject({}).nullish().catch(undefined);

const bodySchema = z.object({
  version: z
    .union([z.string(), z.number()], { error: "is missing; Google Cloud sends 1.2" })
    .transform(String)
    // A test from the console carries the word instead of a number.
    .refine((version) => /^1(\.\d+)?$/.test(version) || version.toLowerCase() === "test", {
      error: "is not one this reads: 1.1 or 1.2, as Google Cloud Monitoring sends",
    }),
  incident: z.looseObject(
    {
      incident_id: z
        .union([z.string(), z.number()], { error: "is missing: no key to know the incident by" })
        .refine((given) => givenKey(given) !== undefined, { error: "is empty" }),
      state: z
        .string({ error: "is missing; Google Cloud gives open or closed" })
        .transform((text) => text.toLowerCase())
        .pipe(z.enum(["open", "closed"], { error: "must be open or closed" })),
      started_at: epoch,
      ended_at: epoch,
      resource: z.looseObject({ labels: maybe }).nullish().catch(undefined),
      metric: z.looseObject({ labels: maybe }).nullish().catch(undefined),
      documentation: z
        .looseObject({ links: z.array(z.unknown()).nullish().catch(undefined) })
        .nullish()
        .catch(undefined),
      policy_user_labels: maybe,
    },
    { error: "must be an object" },
  ),
});
type Incident = z.output<typeof bodySchema>["incident"];

function read({ body }: Inbound) {
  const parsed = readBody(body, bodySchema);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  const { incident } = parsed.value;
  const policy = textOf(incident.policy_name);
  const condition = textOf(incident.condition_name);
  const isOpen = incident.state === "open";
  const userLabels = labelsFrom(incident.policy_user_labels ?? {});
  const severityText = firstText(incident.severity, userLabels.severity);
  const labels = {
    ...labelsFrom(incident.metric?.labels ?? {}),
    ...labelsFrom(incident.resource?.labels ?? {}),
    ...userLabels,
    ...labelsFrom({
      alertname: policy ?? condition ?? untitled,
      condition,
      resource: firstText(incident.resource_display_name, incident.resource_name),
      resource_id: incident.resource_id,
      resource_type: firstText(incident.resource_type_display_name, incident.resource?.type),
      project: incident.scoping_project_id,
    }),
  };
  const alert: ReadAlert = {
    fingerprint: givenKey(incident.incident_id) ?? "",
    status: isOpen ? "firing" : "resolved",
    title: [policy, condition].filter((part) => part !== undefined).join(": ") || untitled,
    labels,
    annotations: labelsFrom({ summary: incident.summary, description: incident.documentation?.content }),
    startsAt: incident.started_at,
    endsAt: isOpen ? undefined : incident.ended_at,
    links: linksOf([["incident", incident.url], ...documentationLinks(incident)]),
    severity: severityOf(severityText),
    severityText,
    named: namedOf(labels),
  };
  return delivery({ alerts: [alert] });
}

const documentationLinks = ({ documentation }: Incident): (readonly [string, unknown])[] =>
  (documentation?.links ?? []).flatMap((link) =>
    typeof link === "object" && link !== null && "url" in link
      ? [[("displayName" in link && textOf(link.displayName)) || "documentation", link.url] as const]
      : [],
  );

export const gcpMonitoring: Sender = {
  about: "Incidents of Google Cloud Monitoring (webhook, versions 1.1 and 1.2).",
  read,
  unreadableStatus: 400,
};
