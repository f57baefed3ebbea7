/**
 * Any system, by a signed webhook in the form of Standard Webhooks: `webhook-id`, the same at every attempt,
 * `webhook-timestamp` of the attempt in seconds, and `webhook-signature`, `v1,` and base64 of HMAC-SHA256 over
 * `id.timestamp.body`. Source: standardwebhooks.com, "Standard Webhooks specification", 1.0.0.
 */
import { z } from "zod";
import { standardKey, standardSignature } from "../../platform/http/standard-webhooks.ts";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import { type MarkerNotice, type MarkerSink, markerNoticeSchema, noticeKinds } from "./contract.ts";
import { send } from "./http.ts";

/** Shorter ones are guessed. Source: the specification, "Signature scheme". */
const secretBytesMin = 24;

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
      const key = standardKey(secret.reveal());
      if (key.length < secretBytesMin)
        throw new ProviderError(
          "unauthorised",
          `The secret of ${who} is shorter than ${secretBytesMin} bytes`,
          "Make one with: openssl rand -base64 32, and write whsec_ before it; both sides need the same.",
        );
      const sentSec = String(Math.floor(now().getTime() / 1_000));
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
        headers: {
          "content-type": "application/json",
          "webhook-id": notice.id,
          "webhook-timestamp": sentSec,
          "webhook-signature": standardSignature(key, notice.id, sentSec, body),
        },
        body,
        deadlineMs,
        now,
      });
      return null;
    },
  };
}
