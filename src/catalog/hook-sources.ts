/** Where webhooks come from: a sender's kind, how it proves itself, and what is to be known of its bodies. */
import { z } from "zod";
import { envNameField, nameField, regexField } from "./fields.ts";
import { hookMappingSchema } from "./hook-mapping.ts";

export const hookKinds = [
  "alertmanager",
  "grafana",
  "datadog",
  "pagerduty",
  "sns",
  "sentry",
  "newrelic",
  "opsgenie",
  "oncall",
  "gcp_monitoring",
  "azure_monitor",
  "flagger",
  "argocd",
  "github",
  "gitlab",
  "cloudevents",
  "mapping",
  "pages",
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
    /^arn:aws(-[a-z]+)*:sns:[a-z0-9-]+:\d+:[A-Za-z0-9_.-]{1,256}$/,
    "must be a topic's ARN, such as arn:aws:sns:eu-west-1:123456789012:alarms",
  );

/** Fields that only some kinds read. */
const onlyFor: readonly (readonly [
  "signatureHeader" | "timestampHeader" | "topics" | "deployWorkflows" | "mapping",
  readonly HookKind[],
])[] = [
  ["signatureHeader", ["grafana", "mapping"]],
  ["timestampHeader", ["grafana"]],
  ["topics", ["sns"]],
  ["deployWorkflows", ["github"]],
  ["mapping", ["mapping"]],
];

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
    /** Grafana and mappings: header of the signature. Grafana: header of the time that is signed with the body. */
    signatureHeader: headerField.optional(),
    timestampHeader: headerField.optional(),
    /** SNS: the topics that may send, and whose subscriptions are confirmed. */
    topics: z.array(topicField).min(1, "names no topic; list those that may send").optional(),
    /** GitHub: regular expression of the names and files of workflows that deploy; case does not matter. */
    deployWorkflows: regexField.optional(),
    /** Kind mapping: which part of the body is what. */
    mapping: hookMappingSchema.optional(),
    /** Environment of alerts that name none. */
    defaultEnvironment: nameField.optional(),
  })
  .superRefine((source, context) => {
    const say = (field: keyof typeof source, message: string) =>
      context.addIssue({ code: "custom", path: [field], message });
    for (const [field, kinds] of onlyFor)
      if (source[field] !== undefined && !kinds.includes(source.kind))
        say(field, `is for kind ${kinds.join(" or ")} alone; remove it`);
    if (source.kind === "sns" && source.topics === undefined)
      say("topics", "is missing; list the topics that may send");
    if (source.kind !== "mapping") return;
    if (source.mapping === undefined)
      say("mapping", "is missing: kind mapping says with it how to read the body");
    if (source.secretEnv !== undefined && source.signatureHeader === undefined)
      say("signatureHeader", "is missing: secretEnv needs to know where the signature stands");
  });
export type HookSource = z.output<typeof hookSourceSchema>;
