/** What is kept of a body: as it came, but for the secrets in it. Pure. */
import type { SecretBox } from "../../../platform/secretbox.ts";
import { parseExactJson } from "./exact-json.ts";

const sealedMark = "sealed:";
const purposeOf = (id: string): string => `hook:${id}`;

export const sealedIn = (box: SecretBox, id: string, text: string): string =>
  `${sealedMark}${box.seal(purposeOf(id), text).toString("base64")}`;

/** The text that was sealed under this id; undefined for what is not sealed, or not by this key. */
export function openedFrom(box: SecretBox, id: string, sealed: string): string | undefined {
  if (!sealed.startsWith(sealedMark)) return undefined;
  try {
    return box.open(purposeOf(id), Buffer.from(sealed.slice(sealedMark.length), "base64"));
  } catch {
    return undefined;
  }
}

type Json = Record<string, unknown>;
/** Seals a text under an id, so that only this installation reads it again. */
export type Seal = (id: string, text: string) => string;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Rewrites a body only when something of it changes; otherwise its bytes stay as they came. */
function rewritten(body: Buffer, change: (json: Json) => Json | undefined): Buffer {
  let json: unknown;
  try {
    json = parseExactJson(body.toString("utf8"));
  } catch {
    return body;
  }
  const changed = isObject(json) ? change(json) : undefined;
  return changed === undefined ? body : Buffer.from(JSON.stringify(changed));
}

const without = (json: Json, name: string): Json =>
  Object.fromEntries(Object.entries(json).filter(([key]) => key !== name));

/** The variables of a pipeline may hold passwords. */
export const keptOfGitlab = (body: Buffer): Buffer =>
  rewritten(body, (json) => {
    const { object_attributes: attributes } = json;
    return isObject(attributes) && "variables" in attributes
      ? { ...json, object_attributes: without(attributes, "variables") }
      : undefined;
  });

const flaggerMetadata = ["eventMessage", "eventType", "timestamp", "service", "environment", "version"];

/** A canary's metadata is whatever its owner gave to other hooks, tokens among it. */
export const keptOfFlagger = (body: Buffer): Buffer =>
  rewritten(body, (json) => {
    const { metadata } = json;
    if (!isObject(metadata) || Object.keys(metadata).every((name) => flaggerMetadata.includes(name)))
      return undefined;
    const known = Object.entries(metadata).filter(([name]) => flaggerMetadata.includes(name));
    return { ...json, metadata: Object.fromEntries(known) };
  });

/** The secret that was found, where a version of GitHub sends it. */
export const keptOfGithub = (body: Buffer): Buffer =>
  rewritten(body, (json) => {
    const { alert } = json;
    return isObject(alert) && "secret" in alert ? { ...json, alert: without(alert, "secret") } : undefined;
  });

/**
 * Whoever has the token of a subscription can confirm it, and whoever has the address to end it can end it: they go,
 * and the address that confirms it is sealed.
 */
export const keptOfSns = (body: Buffer, seal: Seal): Buffer =>
  rewritten(body, (json) => {
    const { SubscribeURL: url, MessageId: id, Type: type } = json;
    const rest = ["Token", "SubscribeURL", "UnsubscribeURL"].reduce(without, json);
    const isOffered =
      type === "SubscriptionConfirmation" && typeof url === "string" && typeof id === "string";
    return isOffered ? { ...rest, SubscribeURL: seal(id, url) } : rest;
  });
