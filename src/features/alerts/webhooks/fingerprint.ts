/** Identity of an alert for senders that give none. Pure. */
import { createHash } from "node:crypto";
import { clean } from "./texts.ts";

const fnvOffset = 14695981039346656037n;
const fnvPrime = 1099511628211n;
const separator = 255n;

/**
 * Fingerprint of labels for senders that give none: 64-bit FNV-1a over names and values, sorted, as Alertmanager
 * itself computes it, so that an alert keeps its identity when the sender is upgraded.
 * Source: prometheus/common model, `labelSetToFingerprint`.
 */
export function fingerprintOf(labels: Readonly<Record<string, string>>): string {
  let sum = fnvOffset;
  const add = (byte: bigint) => {
    sum = BigInt.asUintN(64, (sum ^ byte) * fnvPrime);
  };
  const names = Object.keys(labels).sort((one, other) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  );
  for (const name of names) {
    for (const text of [name, labels[name] ?? ""]) {
      for (const byte of Buffer.from(text)) add(BigInt(byte));
      add(separator);
    }
  }
  return sum.toString(16).padStart(16, "0");
}

/** Longest identity kept as it came, in characters; a longer one is kept as its hash. */
const keyCharsMax = 200;

/** A sender's own key, fit to be a fingerprint; undefined when it is blank. */
export function givenKey(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const whole = String(value).trim();
  if (whole === "") return undefined;
  const text = clean(whole);
  return whole.length <= keyCharsMax ? text : `sha256:${createHash("sha256").update(whole).digest("hex")}`;
}
