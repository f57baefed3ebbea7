/** Whether a sender signed what it sent: over the bytes as they came, compared in constant time. Pure. */
import { createHmac } from "node:crypto";
import type { HookSource } from "../../../catalog/hook-sources.ts";
import type { HookAttempt, HookProof } from "../../../platform/feature.ts";
import { equalText } from "../../../platform/http/hooks.ts";
import { standardKey, standardSignature } from "../../../platform/http/standard-webhooks.ts";

/** How a kind of sender proves that it knows the secret of its source. */
export interface SignatureRule {
  /** Header it stands in, lower case. */
  header(source: HookSource): string;
  /**
   * `hmac`: HMAC-SHA256 in hex. `plain`: the secret itself. `standard-webhooks`: `v1,` and base64 of HMAC-SHA256 over
   * `id.time.body`, several parted by blanks; the secret may be `whsec_` and base64.
   */
  scheme: "hmac" | "plain" | "standard-webhooks";
  /** Digests of one header; any may match. The whole of it when left out. */
  digestsOf?(value: string): readonly string[];
  /** Header of the time it was signed at, if this sender or source has one. */
  timestampHeader?(source: HookSource): string | undefined;
  /** What is signed when there is a time; the body alone when left out. */
  withTime?: "time:body";
  /** Whether a source that names a header of the time must always get it. */
  timeRequired?: boolean;
}

/** How far a signed time may be from ours, in either direction, in seconds. */
export const skewSecMax = 300;
/** Signatures looked at of one header: two are sent while a secret is changed. */
const digestsMax = 10;

export function checkSignature(
  rule: SignatureRule,
  source: HookSource,
  secrets: readonly string[],
  { headers, body, receivedAt }: HookAttempt,
): HookProof {
  const value = one(headers[rule.header(source)]);
  if (value === undefined || value === "") return { state: "unsigned" };
  if (secrets.length === 0) return { state: "refused", why: "its secret is not set here" };
  if (rule.scheme === "plain")
    return anyOf(secrets, (secret) => equalText(secret, value))
      ? { state: "proven", team: source.team }
      : { state: "refused", why: `${rule.header(source)} does not hold its secret` };
  const timeHeader = rule.timestampHeader?.(source);
  const time = timeHeader === undefined ? undefined : one(headers[timeHeader]);
  if (timeHeader !== undefined && time === undefined && rule.timeRequired === true)
    return { state: "refused", why: `${timeHeader} is missing` };
  if (time !== undefined && !isFresh(time, receivedAt))
    return { state: "refused", why: `${timeHeader} is more than ${skewSecMax / 60} minutes off` };
  const refused: HookProof = {
    state: "refused",
    why: `${rule.header(source)} does not fit the body and the secret`,
  };
  if (rule.scheme === "standard-webhooks") {
    const id = one(headers["webhook-id"]) ?? "";
    const given = value.split(" ").slice(0, digestsMax);
    const fits = (secret: string): boolean => {
      const digest = standardSignature(standardKey(secret), id, time ?? "", body);
      return anyOf(given, (signature) => equalText(signature, digest));
    };
    return id !== "" && anyOf(secrets, fits) ? { state: "proven", team: source.team } : refused;
  }
  const signed =
    time !== undefined && rule.withTime !== undefined ? Buffer.concat([Buffer.from(`${time}:`), body]) : body;
  const digests = (rule.digestsOf?.(value) ?? [value]).slice(0, digestsMax);
  const isSigned = anyOf(secrets, (secret) => {
    const digest = createHmac("sha256", secret).update(signed).digest("hex");
    return anyOf(digests, (given) => equalText(given.trim().toLowerCase(), digest));
  });
  return isSigned ? { state: "proven", team: source.team } : refused;
}

/** Seconds or milliseconds since 1970; on both sides of now. */
export function isFresh(time: string, now: Date): boolean {
  if (!/^\d{9,14}$/.test(time)) return false;
  const sentMs = time.length > 11 ? Number(time) : Number(time) * 1_000;
  return Math.abs(now.getTime() - sentMs) <= skewSecMax * 1_000;
}

/** All are looked at, so that the time taken does not tell which one fits. */
const anyOf = <Item>(items: readonly Item[], fits: (item: Item) => boolean): boolean =>
  items.map(fits).includes(true);

const one = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? undefined : value?.trim();
