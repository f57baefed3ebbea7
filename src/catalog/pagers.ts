/** Paging providers: systems outside that ring a phone. */
import { z } from "zod";
import { envNameField, nameField, urlField } from "./fields.ts";

const common = {
  name: nameField,
  /** Hook source by which it tells us of acknowledgements; pages caused by its own alerts are not sent back to it. */
  hookSource: nameField.optional(),
};

const pagerDutySchema = z.strictObject({
  ...common,
  kind: z.literal("pagerduty"),
  /** Integration key of an Events API v2 integration. */
  routingKeyEnv: envNameField,
  /** `https://events.eu.pagerduty.com` in the EU. */
  url: urlField.default("https://events.pagerduty.com"),
  /** Key of the REST API, read only: without it, it cannot be asked what became of a page. */
  apiTokenEnv: envNameField.optional(),
  apiUrl: urlField.default("https://api.pagerduty.com"),
});

const opsgenieSchema = z.strictObject({
  ...common,
  kind: z.literal("opsgenie"),
  keyEnv: envNameField,
  /** `https://api.eu.opsgenie.com` in the EU. */
  url: urlField.default("https://api.opsgenie.com"),
});

const grafanaOnCallSchema = z.strictObject({
  ...common,
  kind: z.literal("oncall"),
  /** Address of a Formatted Webhook integration: it is the secret itself. */
  urlEnv: envNameField,
});

const webhookSchema = z.strictObject({
  ...common,
  kind: z.literal("webhook"),
  url: urlField,
  /** Signs each request; `whsec_` and base64, or plain text. */
  secretEnv: envNameField,
});

export const pagerInstanceSchema = z.discriminatedUnion("kind", [
  pagerDutySchema,
  opsgenieSchema,
  grafanaOnCallSchema,
  webhookSchema,
]);
export type PagerInstance = z.output<typeof pagerInstanceSchema>;
