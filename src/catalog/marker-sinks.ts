/** Systems outside that are told of every deploy marker. */
import { z } from "zod";
import { durationOr, envNameField, nameField, urlField } from "./fields.ts";

const markerKinds = ["started", "step", "promoted", "reverted", "rolled-back", "deployed"] as const;
export type MarkerKind = (typeof markerKinds)[number];

const common = {
  name: nameField,
  /** Kinds that are told; all when left out. */
  kinds: z.array(z.enum(markerKinds)).min(1).optional(),
  /** Services that are told of; all when left out. */
  services: z.array(nameField).min(1).optional(),
  deadline: durationOr("10s"),
};

const grafanaSchema = z.strictObject({
  ...common,
  kind: z.literal("grafana"),
  /** Without a slash at the end. */
  url: urlField,
  /** Token of a service account that may read and create annotations. */
  tokenEnv: envNameField,
  /** Ties the annotations to one dashboard; left out, any dashboard can show them by their tags. */
  dashboardUid: z.string().min(1).max(40).optional(),
  /** Tags besides our own. */
  tags: z.array(z.string().trim().min(1).max(100)).max(10).default([]),
});

const webhookSchema = z.strictObject({
  ...common,
  kind: z.literal("webhook"),
  url: urlField,
  /** Signs each request; `whsec_` and base64, or plain text of at least 24 bytes. */
  secretEnv: envNameField,
});

export const markerSinkSchema = z.discriminatedUnion("kind", [grafanaSchema, webhookSchema]);
export type MarkerSinkInstance = z.output<typeof markerSinkSchema>;
