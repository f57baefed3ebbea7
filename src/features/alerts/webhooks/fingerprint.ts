/** Identity of an alert for senders that give none. Pure. */
import { createHash } from "node:crypto";
import { clean } from "./texts.ts";

/** FNV-1a's 64-bit offset in two halves, and its prime, 2^40 + 0x1b3, without the high bit. */
const offsetHigh = 0xcbf29ce4;
const offsetLow = 0x84222325;
const primeLow = 0x1b3;
const separator = 255;

/**
 * Fingerprint of labels for senders that give none: 64-bit FNV-1a over names and values, sorted, as Alertmanager
 * itself computes it, so that an alert keeps its identity when the sender is upgraded.
 * Source: prometheus/common model, `labelSetToFingerprint`.
 */
export function fingerprintOf(labels: Readonly<Record<string, string>>): string {
  let high = offsetHigh;
  let low = offsetLow;
  // In halves: with BigInt it would take longer than all the rest of reading an alert.
  const add = (byte: number) => {
    const mixed = (low ^ byte) >>> 0;
    const product = mixed * primeLow;
    high = (Math.imul(high, primeLow) + Math.floor(product / 2 ** 32) + (mixed << 8)) >>> 0;
    low = product >>> 0;
  };
  const names = Object.keys(labels).sort((one, other) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  );
  for (const name of names) {
    for (const text of [name, labels[name] ?? ""]) {
      for (const byte of Buffer.from(text)) add(byte);
      add(separator);
    }
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
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
