/**
 * New Relic's workflow webhook with its default template. Pure. Source: New Relic docs, "Webhook integrations",
 * "Notification message templates".
 */
import { z } from "zod";
import { type ReadAlert, severityOf, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { hintsOf, labelsFrom } from "./labels.ts";
import { linksOf } from "./links.ts";
import { delivery, type Inbound, readBody, type Sender } from "./reader.ts";
import { clean, firstText, textOf } from "./texts.ts";
import { epoch } from "./times.ts";

const states: Readonly<Record<string, ReadAlert["status"]>> = {
  created: "firing",
  activated: "firing",
  closed: "resolved",
};
const list = z.array(z.unknown()).nullish().catch(undefined);

const bodySchema = z.looseObject({
  id: z
    .union([z.string(), z.number()], { error: "is missing: no key to know the issue by" })
    .refine((given) => givenKey(given) !== undefined, { error: "is empty" }),
  state: z
    .string({ error: "is missing; New Relic's default template sends it" })
    .transform((text) => text.trim().toLowerCase())
    .refine((text) => Object.hasOwn(states, text), { error: "must be CREATED, ACTIVATED or CLOSED" }),
  impactedEntities: list,
  alertPolicyNames: list,
  alertConditionNames: list,
  createdAt: epoch,
  updatedAt: epoch,
  closedAt: epoch,
});

const listed = (values: readonly unknown[] | null | undefined): string =>
  clean(
    (values ?? [])
      .map(textOf)
      .filter((text) => text !== undefined)
      .join(", "),
  );

function read({ body }: Inbound) {
  const parsed = readBody(body, bodySchema);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  const issue = parsed.value;
  const status = states[issue.state] ?? "firing";
  const severityText = textOf(issue.priority);
  const entities = hintsOf(issue.impactedEntities ?? []);
  const alert: ReadAlert = {
    fingerprint: givenKey(issue.id) ?? "",
    status,
    title: textOf(issue.title) ?? untitled,
    labels: labelsFrom({
      alertname: firstText(...(issue.alertConditionNames ?? []), issue.title) ?? untitled,
      policy: firstText(...(issue.alertPolicyNames ?? [])),
      entity: entities?.[0],
      workflow: issue.workflowName,
      priority: issue.priority,
    }),
    annotations: labelsFrom({
      summary: issue.title,
      entities: listed(issue.impactedEntities),
      conditions: listed(issue.alertConditionNames),
    }),
    startsAt: issue.createdAt,
    endsAt: status === "resolved" ? (issue.closedAt ?? issue.updatedAt) : undefined,
    links: linksOf([
      ["issue", issue.issueUrl],
      ["issue", issue.issuePageUrl],
      ["chart", issue.violationChartUrl],
    ]),
    severity: severityOf(severityText),
    severityText,
    named: { hints: entities },
  };
  return delivery({ alerts: [alert] });
}

export const newrelic: Sender = {
  about: "Issues of New Relic, sent by a workflow's webhook with the default template.",
  read,
  unreadableStatus: 400,
};
