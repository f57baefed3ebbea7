/**
 * The headers of Standard Webhooks: `webhook-id`, the same at every attempt, `webhook-timestamp` of the attempt in
 * seconds, and `webhook-signature`. Source: standardwebhooks.com, "Standard Webhooks specification", 1.0.0.
 */
import { standardKey, standardSignature } from "../platform/http/standard-webhooks.ts";
import type { Secret } from "../platform/secret.ts";
import { ProviderError } from "./errors.ts";

/** Shorter ones are guessed. Source: the specification, "Signature scheme". */
const secretBytesMin = 24;

export interface Signing {
  /** The instance, for messages. */
  who: string;
  secret: Secret<string>;
  id: string;
  body: string;
  at: Date;
}

/** Throws ProviderError `unauthorised` for a secret that is too short. */
export function signedHeaders({ who, secret, id, body, at }: Signing): Record<string, string> {
  const key = standardKey(secret.reveal());
  if (key.length < secretBytesMin)
    throw new ProviderError(
      "unauthorised",
      `The secret of ${who} is shorter than ${secretBytesMin} bytes`,
      "Make one with: openssl rand -base64 32, and write whsec_ before it; both sides need the same.",
    );
  const sentSec = String(Math.floor(at.getTime() / 1_000));
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": sentSec,
    "webhook-signature": standardSignature(key, id, sentSec, body),
  };
}
