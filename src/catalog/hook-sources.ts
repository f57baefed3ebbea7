/** Where webhooks come from: a sender's kind, how it proves itself, and what is to be known of its bodies. */
import { z } from "zod";
import { envNameField, nameField } from "./fields.ts";

export const hookKinds = [
  "alertmanager",
  "grafana",
  "datadog",
  "pagerduty",
  "sns",
  "sentry",
  "newrelic",
  "opsgenie",
  "gcp_monitoring",
  "azure_monitor",
  "flagger",
  "argocd",
  "github",
  "gitlab",
  "cloudevents",
  "mapping",
  "deploys",
] as const;
export type HookKind = (typeof hookKinds)[number];

const headerField = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,100}$/, "must be the name of an HTTP header, such as X-Grafana-Alerting-Signature")
  .transform((name) => name.toLowerCase());

const topicField = z
  .string()
  .regex(
    /^arn:aws(-[a-z]+)*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]{1,256}$/,
    "must be a topic's ARN, such as arn:aws:sns:eu-west-1:123456789012:alarms",
  );

/** Each source has its own tokens (`quarterdeck token create`), a shared secret, or both. */
export const hookSourceSchema = z
  .strictObject({
    name: nameField,
    kind: z.enum(hookKinds),
    /** Team that owns the source. */
    team: nameField,
    /** Variable with the secret its sender signs with; several, parted by commas, are all valid while one is changed. */
    secretEnv: envNameField.optional(),
    /** Variable with the secret from before; valid beside the other while it is changed. */
    previousSecretEnv: envNameField.optional(),
    /** Grafana: header of the signature, and of the time that is signed with the body. */
    signatureHeader: headerField.optional(),
    timestampHeader: headerField.optional(),
    /** SNS: the topics that may send, and whose subscriptions are confirmed. */
    topics: z.array(topicField).optional(),
    /** Environment of alerts that name none. */
    defaultEnvironment: nameField.optional(),
  })
  .superRefine((source, context) => {
    const only = (field: "signatureHeader" | "timestampHeader" | "topics", kind: HookKind) => {
      if (source[field] !== undefined && source.kind !== kind)
        context.addIssue({ code: "custom", path: [field], message: `is for kind ${kind} alone; remove it` });
    };
    only("signatureHeader", "grafana");
    only("timestampHeader", "grafana");
    only("topics", "sns");
  });
export type HookSource = z.output<typeof hookSourceSchema>;
