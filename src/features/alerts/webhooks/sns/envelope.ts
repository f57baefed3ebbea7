/**
 * What Amazon SNS wraps around a message, and what of it is signed. Pure.
 * Source: Amazon SNS Developer Guide, "HTTP/HTTPS notification JSON format" and "Verifying message signatures".
 */

import type { KeyObject } from "node:crypto";
import { verify } from "node:crypto";
import { z } from "zod";

const text = (name: string) => z.string({ error: `is missing; SNS sends ${name}` }).regex(/\S/, "is blank");

export const snsTypes = ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"] as const;

export const envelopeSchema = z.object(
  {
    Type: z.enum(snsTypes, {
      error: `must be one of ${snsTypes.join(", ")}; raw message delivery must be off`,
    }),
    MessageId: text("MessageId"),
    TopicArn: text("TopicArn"),
    Message: z.string({ error: "is missing; SNS sends Message" }),
    Subject: z.string().nullish(),
    Timestamp: text("Timestamp"),
    SignatureVersion: z.string().nullish(),
    Signature: z.string().nullish(),
    SigningCertURL: z.string().nullish(),
    /** Confirmations alone; both are secrets. */
    Token: z.string().nullish(),
    SubscribeURL: z.string().nullish(),
  },
  { error: "must be an object, as SNS sends it" },
);
export type SnsEnvelope = z.output<typeof envelopeSchema>;

const signedOfNotification = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"] as const;
const signedOfConfirmation = [
  "Message",
  "MessageId",
  "SubscribeURL",
  "Timestamp",
  "Token",
  "TopicArn",
  "Type",
] as const;

/** Name and value of each signed field on lines of their own, in this order; a field that did not come is left out. */
export function stringToSign(envelope: SnsEnvelope): string {
  const names = envelope.Type === "Notification" ? signedOfNotification : signedOfConfirmation;
  return names
    .map((name) => [name, envelope[name]] as const)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}\n${value}\n`)
    .join("");
}

/** Digest by `SignatureVersion`. */
const digests: Readonly<Record<string, string>> = { "1": "RSA-SHA1", "2": "RSA-SHA256" };

export const isKnownVersion = (version: string | null | undefined): version is string =>
  typeof version === "string" && Object.hasOwn(digests, version);

export function isSignedBy(key: KeyObject, envelope: SnsEnvelope): boolean {
  const { SignatureVersion: version, Signature: signature } = envelope;
  if (!isKnownVersion(version) || typeof signature !== "string") return false;
  return verify(digests[version], Buffer.from(stringToSign(envelope)), key, Buffer.from(signature, "base64"));
}

const snsHost = /^sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?$/;

/** An https address of SNS itself, on its own port and without a name in it; undefined for any other. */
export function snsUrl(address: string | null | undefined): URL | undefined {
  if (typeof address !== "string" || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  const isPlain = url.protocol === "https:" && url.port === "" && url.username === "" && url.password === "";
  return isPlain && snsHost.test(url.hostname) ? url : undefined;
}

/** Region of an ARN: `arn:aws:sns:eu-west-1:123456789012:alarms`. */
export const regionOf = (arn: string | null | undefined): string | undefined =>
  (arn ?? "").split(":")[3] || undefined;
