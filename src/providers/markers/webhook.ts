/**
 * Any system, by a signed webhook in the form of Standard Webhooks: `webhook-id`, the same at every attempt,
 * `webhook-timestamp` of the attempt in seconds, and `webhook-signature`, `v1,` and base64 of HMAC-SHA256 over
 * `id.timestamp.body`. Source: standardwebhooks.com, "Standard Webhooks specification", 1.0.0.
 */
import { z } from "zod";
import type { Secret } from "../../platform/secret.ts";
import { signedHeaders } from "../signed-webhook.ts";
import { type MarkerNotice, type MarkerSink, markerNoticeSchema, noticeKinds } from "./contract.ts";
import { send } from "./http.ts";

/** `marker.rolled_back`: letters, digits and underscores between the full stops. */
const typeOf = (kind: MarkerNotice["kind"]): `marker.${string}` => `marker.${kind.replace("-", "_")}`;

/** The body that is sent: the same at every attempt. */
export const markerEventSchema = z.strictObject({
  type: z.enum(noticeKinds.map(typeOf)).describe("What happened; data.kind says it in our own words."),
  timestamp: z.iso.datetime().describe("When it happened, not when it was sent."),
  data: markerNoticeSchema,
});

export interface SignedWebhookOptions {
  who: string;
  url: string;
  secret: Secret<string>;
  deadlineMs: number;
  now: () => Date;
}

export function createSignedWebhook({ who, url, secret, deadlineMs, now }: SignedWebhookOptions): MarkerSink {
  return {
    canRead: false,
    find: async () => null,
    async put(notice) {
      const event: z.output<typeof markerEventSchema> = {
        type: typeOf(notice.kind),
        timestamp: notice.at,
        data: notice,
      };
      const body = JSON.stringify(event);
      await send({
        who,
        method: "POST",
        url,
        headers: signedHeaders({ who, secret, id: notice.id, body, at: now() }),
        body,
        deadlineMs,
        now,
      });
      return null;
    },
  };
}
