/**
 * Amazon SNS with CloudWatch inside: alarms as alerts, everything else shown. Who sent it was proven before. Pure.
 * Source: Amazon SNS Developer Guide; Amazon CloudWatch User Guide, "Alarm events and SNS".
 */
import { z } from "zod";
import type { ReadEvent } from "../events.ts";
import { type ReadAlert, type ReadDelivery, severityOf } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import { linksOf } from "./links.ts";
import { delivery, type Inbound, jsonOf, problemsOf, readBody, typeSaid } from "./reader.ts";
import { envelopeSchema, regionOf, type SnsEnvelope } from "./sns/envelope.ts";
import { clean, firstText, textOf } from "./texts.ts";
import { time } from "./times.ts";

/** Outbox event that asks for the subscription to be confirmed; its ref is the delivery. */
export const confirmEvent = "alerts.topic-offered";

export function readSns({ body }: Inbound): ReadDelivery {
  const read = readBody(body, envelopeSchema);
  if ("problems" in read) return delivery({ problems: read.problems });
  const envelope = read.value;
  const deliveryId = clean(envelope.MessageId);
  switch (envelope.Type) {
    case "Notification":
      return delivery({ deliveryId, ...notification(envelope) });
    case "SubscriptionConfirmation":
      return delivery({
        deliveryId,
        events: [other(envelope, "subscription_confirmation", `Asks to confirm ${envelope.TopicArn}`)],
        followUp: confirmEvent,
      });
    case "UnsubscribeConfirmation":
      return delivery({
        deliveryId,
        events: [other(envelope, "unsubscribe_confirmation", `${envelope.TopicArn} sends nothing more`)],
      });
  }
}

const titleCharsMax = 300;

const other = (envelope: SnsEnvelope, what: string, title: string): ReadEvent => ({
  kind: "other",
  type: `sns.${what}`,
  title: clean(title).slice(0, titleCharsMax).toWellFormed(),
  url: null,
  at: time.safeParse(envelope.Timestamp).data ?? null,
});

const alarmSchema = z.object({
  AlarmName: z.string().regex(/\S/, "is blank"),
  AlarmDescription: z.string().nullish(),
  AWSAccountId: z.union([z.string(), z.number()]).nullish(),
  AlarmArn: z.string().nullish(),
  NewStateValue: z.string().regex(/\S/, "is blank"),
  OldStateValue: z.string().nullish(),
  NewStateReason: z.string().nullish(),
  StateChangeTime: time,
  Region: z.string().nullish(),
  /** Absent from composite alarms. */
  Trigger: z
    .looseObject({
      MetricName: z.string().nullish(),
      Namespace: z.string().nullish(),
      Dimensions: z
        .array(z.looseObject({ name: z.string().nullish(), value: z.string().nullish() }))
        .nullish(),
    })
    .nullish(),
});
type Alarm = z.output<typeof alarmSchema>;

function notification(envelope: SnsEnvelope): Partial<ReadDelivery> {
  const words =
    firstText(envelope.Subject, envelope.Message.split("\n", 1)[0]) ?? "A notification without words";
  const parsed = jsonOf(Buffer.from(envelope.Message));
  const isAlarm =
    "json" in parsed &&
    typeof parsed.json === "object" &&
    parsed.json !== null &&
    "AlarmName" in parsed.json &&
    "NewStateValue" in parsed.json;
  if (!isAlarm) return { events: [other(envelope, "notification", words)] };
  const read = alarmSchema.safeParse(parsed.json, { error: typeSaid });
  if (!read.success) return { problems: problemsOf(read.error, "Message") };
  return alarmOf(envelope, read.data);
}

/** `INSUFFICIENT_DATA` is neither: what fired goes on as it was, and nothing begins. */
function alarmOf(envelope: SnsEnvelope, alarm: Alarm): Partial<ReadDelivery> {
  // The body names the region in words, "EU (Ireland)"; the ARNs hold its id.
  const region = regionOf(alarm.AlarmArn) ?? regionOf(envelope.TopicArn) ?? textOf(alarm.Region) ?? "";
  const account = textOf(alarm.AWSAccountId) ?? envelope.TopicArn.split(":")[4] ?? "";
  const name = clean(alarm.AlarmName);
  const state = alarm.NewStateValue.toUpperCase();
  const page = consoleUrl(envelope.TopicArn, region, alarm.AlarmName);
  if (state !== "ALARM" && state !== "OK")
    return {
      events: [
        {
          kind: "other",
          type: `cloudwatch.${clean(state.toLowerCase()).slice(0, 60)}`,
          title: clean(
            `${name}: ${alarm.OldStateValue ?? "unknown"} → ${state}${alarm.NewStateReason ? `. ${alarm.NewStateReason}` : ""}`,
          )
            .slice(0, titleCharsMax)
            .toWellFormed(),
          url: linksOf([["alarm", page]])[0]?.url ?? null,
          at: alarm.StateChangeTime ?? null,
          facts: { alarm: name, account, region },
        },
      ],
    };
  const isFiring = state === "ALARM";
  const alert: ReadAlert = {
    fingerprint: givenKey(`${account}/${region}/${alarm.AlarmName}`) as string,
    status: isFiring ? "firing" : "resolved",
    labels: { ...dimensionsOf(alarm), alertname: name, account, region, ...metricOf(alarm) },
    annotations: {
      ...(textOf(alarm.AlarmDescription) ? { summary: textOf(alarm.AlarmDescription) as string } : {}),
      ...(textOf(alarm.NewStateReason) ? { description: textOf(alarm.NewStateReason) as string } : {}),
    },
    startsAt: isFiring ? alarm.StateChangeTime : undefined,
    endsAt: isFiring ? undefined : alarm.StateChangeTime,
    title: name,
    links: linksOf([["alarm", page]]),
    ...(isFiring ? { severity: severityOf(state), severityText: state } : { severity: "info" }),
  };
  return { alerts: [alert] };
}

/** Dimensions under their own names, so that rules of the catalog can tell services by them. */
function dimensionsOf({ Trigger: trigger }: Alarm): Record<string, string> {
  const pairs = (trigger?.Dimensions ?? []).flatMap(({ name, value }) => {
    const [label, text] = [textOf(name), textOf(value)];
    return label === undefined || text === undefined ? [] : [[label.replace(/[^a-zA-Z0-9_]/g, "_"), text]];
  });
  return Object.fromEntries(pairs);
}

function metricOf({ Trigger: trigger }: Alarm): Record<string, string> {
  const [metric, namespace] = [textOf(trigger?.MetricName), textOf(trigger?.Namespace)];
  return {
    ...(metric === undefined ? {} : { metric }),
    // `namespace` is where Kubernetes' services are told apart; CloudWatch's own is a kind of metric.
    ...(namespace === undefined ? {} : { metric_namespace: namespace }),
  };
}

function consoleUrl(topic: string, region: string, alarm: string): string | undefined {
  if (!topic.startsWith("arn:aws:") || !/^[a-z0-9-]+$/.test(region)) return undefined;
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#alarmsV2:alarm/${encodeURIComponent(alarm)}`;
}
