/** Signatures of Standard Webhooks, made and compared. Source: standardwebhooks.com, "Standard Webhooks specification". */
import { createHmac } from "node:crypto";

const secretPrefix = "whsec_";

/** A secret's bytes: `whsec_` and base64, or the text itself. */
export const standardKey = (secret: string): Buffer =>
  secret.startsWith(secretPrefix)
    ? Buffer.from(secret.slice(secretPrefix.length), "base64")
    : Buffer.from(secret, "utf8");

/** `v1,` and base64 of HMAC-SHA256 over `id.time.body`; the time in seconds since 1970. */
export const standardSignature = (key: Buffer, id: string, timeSec: string, body: string | Buffer): string =>
  `v1,${createHmac("sha256", key).update(`${id}.${timeSec}.`).update(body).digest("base64")}`;
