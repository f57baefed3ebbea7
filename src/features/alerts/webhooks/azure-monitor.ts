/**
 * Azure Monitor's common alert schema. Pure. Source: Microsoft's docs, "Common alert schema" and "Action groups",
 * "Webhook".
 */
import { z } from "zod";
import { type ReadAlert, severityOf, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { labelsFrom, namedOf } from "./labels.ts";
import { linksOf } from "./links.ts";
import { delivery, type Inbound, readBody, type Sender } from "./reader.ts";
import { clean, firstText, textOf } from "./texts.ts";
import { time } from "./times.ts";

const schemaName = "azureMonitorCommonAlertSchema";
/** Conditions shown of one alert. */
const conditionsMax = 10;
const maybe = z.looseObject({}).nullish().catch(undefined);
const list = z.array(z.unknown()).nullish().catch(undefined);

const bodySchema = z.looseObject({
  schemaId: z.literal(schemaName, {
    error: `must be ${schemaName}: switch the action group's webhook to the common alert schema`,
  }),
  customProperties: maybe,
  data: z.looseObject(
    {
      essentials: z.looseObject(
        {
          alertId: z.string({ error: "is missing: no key to know the alert by" }).trim().min(1, "is empty"),
          monitorCondition: z
            .string({ error: "is missing; Azure gives Fired or Resolved" })
            .transform((text) => text.toLowerCase())
            .pipe(z.enum(["fired", "resolved"], { error: "must be Fired or Resolved" })),
          firedDateTime: time,
          resolvedDateTime: time,
          alertTargetIDs: list,
          configurationItems: list,
        },
        { error: "must be an object" },
      ),
      alertContext: z
        .looseObject({
          properties: maybe,
          condition: z.looseObject({ allOf: list }).nullish().catch(undefined),
        })
        .nullish()
        .catch(undefined),
      customProperties: maybe,
    },
    { error: "must be an object" },
  ),
});
type Data = z.output<typeof bodySchema>["data"];

function read({ body }: Inbound) {
  const parsed = readBody(body, bodySchema);
  if ("problems" in parsed) return delivery({ problems: parsed.problems });
  const { essentials, alertContext } = parsed.value.data;
  const custom = {
    ...labelsFrom(alertContext?.properties ?? {}),
    ...labelsFrom(parsed.value.data.customProperties ?? {}),
    ...labelsFrom(parsed.value.customProperties ?? {}),
  };
  const isFired = essentials.monitorCondition === "fired";
  const rule = textOf(essentials.alertRule) ?? untitled;
  const severityText = textOf(essentials.severity);
  const labels = {
    ...custom,
    ...labelsFrom({
      alertname: rule,
      target: firstText(...(essentials.configurationItems ?? []), ...(essentials.alertTargetIDs ?? [])),
      resource_group: essentials.targetResourceGroup,
      resource_type: essentials.targetResourceType,
      signal: essentials.signalType,
      monitoring_service: essentials.monitoringService,
    }),
  };
  const alert: ReadAlert = {
    fingerprint: givenKey(essentials.alertId) ?? "",
    status: isFired ? "firing" : "resolved",
    title: rule,
    labels,
    annotations: labelsFrom({ summary: essentials.description, condition: conditionsOf(alertContext) }),
    startsAt: essentials.firedDateTime,
    endsAt: isFired ? undefined : essentials.resolvedDateTime,
    links: linksOf([["investigate", essentials.investigationLink]]),
    severity: severityOf(severityText),
    severityText,
    named: namedOf(labels),
  };
  return delivery({ alerts: [alert] });
}

/** `Percentage CPU 7.727 GreaterThan 25`; figures come as numbers or as texts. */
function conditionsOf(context: Data["alertContext"]): string {
  const conditions = (context?.condition?.allOf ?? []).slice(0, conditionsMax).map((one) => {
    const { metricName, metricValue, operator, threshold } = (one ?? {}) as Record<string, unknown>;
    return [metricName, metricValue, operator, threshold]
      .map(textOf)
      .filter((part) => part !== undefined)
      .join(" ");
  });
  return clean(conditions.filter((text) => text !== "").join("; "));
}

export const azureMonitor: Sender = {
  about: "Alerts of Azure Monitor in the common alert schema.",
  read,
  unreadableStatus: 200,
};
