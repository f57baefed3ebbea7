/**
 * Alertmanager's webhook body, versions 4 and 3. Pure. Source of the format: Alertmanager docs, "webhook_config";
 * per-alert status and fingerprint came with later releases of version 4.
 */
import { z } from "zod";
import { type ReadAlert, type ReadDelivery, severityOf, type Unreadable, untitled } from "../model.ts";
import { fingerprintOf, givenKey } from "./fingerprint.ts";
import { labelOf, namedOf } from "./labels.ts";
import { linksOf, linksOfAnnotations } from "./links.ts";
import { delivery, type Inbound, problemsOf, readBody } from "./reader.ts";
import { clean, firstText, texts } from "./texts.ts";
import { time } from "./times.ts";

/** Most alerts read of one body. */
const alertsMax = 20_000;

/** firing or resolved, whatever its case. */
const status = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(["firing", "resolved"], { error: "must be firing or resolved" }));

const alertSchema = z.object({
  status: status.nullish(),
  labels: texts,
  annotations: texts.nullish(),
  startsAt: time,
  endsAt: time,
  generatorURL: z.unknown().optional(),
  fingerprint: z.union([z.string(), z.number()]).nullish(),
});

const bodySchema = z.object({
  version: z
    .union([z.string(), z.number()], { error: "is missing; Alertmanager sends 4" })
    .transform(String)
    .pipe(z.enum(["3", "4"], { error: "is not one this reads: 4 or 3, as Alertmanager sends" })),
  groupKey: z.union([z.string(), z.number()]).nullish(),
  status: status.nullish(),
  truncatedAlerts: z.number().int().min(0).nullish(),
  commonAnnotations: texts.nullish(),
  alerts: z
    .array(z.unknown(), { error: "must be a list" })
    .max(alertsMax, `holds more than ${alertsMax} alerts`),
});

/** Reads a body. Never throws for what it holds: each readable alert is answered, the others are named. */
export function readAlertmanager({ body }: Inbound): ReadDelivery {
  const read = readBody(body, bodySchema);
  if ("problems" in read) return delivery({ problems: read.problems });
  const { alerts: items, groupKey, truncatedAlerts, commonAnnotations, status: groupStatus } = read.value;
  const alerts: ReadAlert[] = [];
  const problems: Unreadable[] = [];
  items.forEach((item, index) => {
    const alert = readAlert(item, `alerts[${index}]`, groupStatus ?? undefined, commonAnnotations ?? {});
    if (Array.isArray(alert)) problems.push(...alert);
    else alerts.push(alert as ReadAlert);
  });
  const isIncomplete = groupStatus === "firing" && (truncatedAlerts ?? 0) > 0;
  return delivery({
    alerts,
    problems,
    groupKey: clean(String(groupKey ?? "")),
    hiddenCount: isIncomplete ? (truncatedAlerts ?? 0) : 0,
  });
}

function readAlert(
  item: unknown,
  at: string,
  groupStatus: ReadAlert["status"] | undefined,
  commonAnnotations: Readonly<Record<string, string>>,
): ReadAlert | Unreadable[] {
  const read = alertSchema.safeParse(item);
  if (!read.success) return problemsOf(read.error, at);
  const { labels, startsAt, endsAt, generatorURL, fingerprint } = read.data;
  const own = read.data.status ?? groupStatus;
  if (own === undefined) return [{ field: `${at}.status`, why: "is given neither here nor for the group" }];
  const annotations = { ...commonAnnotations, ...read.data.annotations };
  const severityText = labelOf(labels, "severity");
  return {
    fingerprint: givenKey(fingerprint) ?? fingerprintOf(labels),
    status: own,
    title: labelOf(labels, "alertname") ?? firstText(annotations.summary, annotations.title) ?? untitled,
    labels,
    annotations,
    startsAt,
    // A firing alert's end is when the sender will give it up, not when it ended.
    endsAt: own === "resolved" ? endsAt : undefined,
    links: linksOf([["source", generatorURL], ...linksOfAnnotations(annotations)]),
    severity: severityOf(severityText),
    severityText,
    named: namedOf(labels),
  };
}
