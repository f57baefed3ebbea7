/**
 * A seal: what the audit's chain was at a moment, signed by a key that the database does not have. Pure.
 * Signature: Ed25519 (RFC 8032) over the seal's canonical JSON (RFC 8785) without `signature`.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { z } from "zod";
import { canonicalJson, readCanonicalJson } from "../canonical.ts";

/** Entries under one seal at most. */
export const entriesPerSealMax = 10_000;

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);

export const sealSchema = z.strictObject({
  /** Id of the log, one for each installation. */
  log: z.string().min(1).max(64),
  /** 1, 2, 3 …: a seal that is missing leaves a gap. */
  number: z.int().min(1),
  /** Last entry under this seal; with `count` 0 that of the seal before. */
  seq: z.int().min(0),
  /** Entries under this seal: those from `seq - count + 1` to `seq`. 0: a sign of life. */
  count: z.int().min(0).max(entriesPerSealMax),
  /** Merkle root of these entries' bytes, hex. */
  root: hex32,
  /** Chain hash of entry `seq`, hex. */
  head: hex32,
  /** When, by the database's clock: `2026-11-25T17:00:00.000Z`. */
  at: z.iso.datetime({ precision: 3 }),
  /** Hash of the seal before (its bytes as they are kept, signature included), hex; 64 zeros before the first. */
  previous: hex32,
  /** SHA-256 of the key's SubjectPublicKeyInfo (DER), hex. */
  keyId: hex32,
  /** Ed25519, base64. */
  signature: z.base64().length(88),
});

export type Seal = z.infer<typeof sealSchema>;
export type UnsignedSeal = Omit<Seal, "signature" | "keyId">;

/** `previous` of the first seal. */
export const noSealHash: string = "0".repeat(64);

/** Id of a public key, or of a private key's public half. */
export function keyIdOf(key: KeyObject): string {
  const open = key.type === "private" ? createPublicKey(key) : key;
  return createHash("sha256")
    .update(open.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** What the signature is over. */
export function signedBytes({
  signature: _,
  ...rest
}: Omit<Seal, "signature"> & { signature?: string }): Buffer {
  return Buffer.from(canonicalJson(rest), "utf8");
}

export function signSeal(seal: UnsignedSeal, key: KeyObject): Seal {
  const named = { ...seal, keyId: keyIdOf(key) };
  return { ...named, signature: sign(null, signedBytes(named), key).toString("base64") };
}

/** A seal as it is kept: one line of canonical JSON. */
export const sealText = (seal: Seal): string => canonicalJson(seal);

/** Reads a seal back. Throws when it is not exactly as {@link sealText} writes it. */
export function readSeal(text: string): Seal {
  return sealSchema.parse(readCanonicalJson(text));
}

/** What the next seal's `previous` says. */
export const sealHash = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

/** Why a seal's signature counts for nothing; undefined when it holds. `keys` by their id. */
export function signatureFault(seal: Seal, keys: ReadonlyMap<string, KeyObject>): string | undefined {
  const key = keys.get(seal.keyId);
  if (!key)
    return `seal ${seal.number} is signed by key ${seal.keyId.slice(0, 16)}…, which is not among the known ones`;
  return verify(null, signedBytes(seal), key, Buffer.from(seal.signature, "base64"))
    ? undefined
    : `the signature of seal ${seal.number} is not that of its key`;
}

/** Whether `next` follows `before` (text as kept): number, seq, previous, log. What is wrong, or undefined. */
export function successionFault(
  before: { seal: Seal; text: string } | undefined,
  next: Seal,
): string | undefined {
  const expected = {
    number: (before?.seal.number ?? 0) + 1,
    previous: before ? sealHash(before.text) : noSealHash,
    first: (before?.seal.seq ?? 0) + 1,
  };
  if (next.number !== expected.number) return `seal ${expected.number} is missing; found ${next.number}`;
  if (next.previous !== expected.previous) return `seal ${next.number} does not follow the one before it`;
  if (before && next.log !== before.seal.log) return `seal ${next.number} is of another log (${next.log})`;
  if (next.seq - next.count + 1 !== expected.first)
    return `seal ${next.number} begins at entry ${next.seq - next.count + 1}, not ${expected.first}`;
  return undefined;
}

/** That a seal is older than the one before it: odd, and no fault, as the order of seals is that of their numbers. */
export function clockNote(before: { seal: Seal } | undefined, next: Seal): string | undefined {
  return before && next.at < before.seal.at
    ? `the clock went back: seal ${next.number} is of ${next.at}, the one before of ${before.seal.at}`
    : undefined;
}
