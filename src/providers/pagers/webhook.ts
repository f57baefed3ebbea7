/**
 * Any system, by a signed webhook in the form of Standard Webhooks: `webhook-id`, `webhook-timestamp` in seconds and
 * `webhook-signature`, `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
 * Source: standardwebhooks.com, "Standard Webhooks specification".
 */
import { standardKey, standardSignature } from "../../platform/http/standard-webhooks.ts";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { PageNotice, Pager, PagerState } from "./contract.ts";
import { exchange, refusedBy } from "./http.ts";

/** Shorter ones are guessed. */
const secretBytesMin = 16;

export interface SignedWebhookOptions {
  who: string;
  url: string;
  secret: Secret<string>;
  now: () => Date;
  deadlineMs: number;
}

export function createSignedWebhook({ who, url, secret, now, deadlineMs }: SignedWebhookOptions): Pager {
  const key = standardKey(secret.reveal());
  if (key.length < secretBytesMin)
    throw new ProviderError(
      "unauthorised",
      `The secret of ${who} is shorter than ${secretBytesMin} bytes`,
      "Make one with: openssl rand -base64 32; both sides need the same.",
    );
  const post = async (notice: PageNotice, state: PagerState, by: string | null): Promise<void> => {
    // The same for every attempt, so that the receiver does it once.
    const id = `${notice.key}:${state}`;
    const sentSec = Math.floor(now().getTime() / 1_000);
    const body = JSON.stringify({
      type: `page.${state}`,
      timestamp: now().toISOString(),
      data: {
        key: notice.key,
        summary: notice.summary,
        line: notice.detail,
        subject: notice.subject,
        team: notice.team,
        service: notice.service,
        openedAt: notice.openedAt.toISOString(),
        url: notice.url,
        by,
      },
    });
    const { status } = await exchange({
      who,
      method: "POST",
      url,
      headers: {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": String(sentSec),
        "webhook-signature": standardSignature(key, id, String(sentSec), body),
      },
      body,
      deadlineMs,
    });
    if (status < 200 || status > 299) throw refusedBy(who, status, "");
  };
  return {
    canRead: false,
    trigger: (notice) => post(notice, "triggered", null),
    acknowledge: (notice, by) => post(notice, "acknowledged", by),
    resolve: (notice, by) => post(notice, "resolved", by),
    read: async () => undefined,
  };
}
