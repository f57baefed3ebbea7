/**
 * Proof to somebody without our database that entries are under signed seals. One file: the bytes of each entry, its
 * place among those of its seal, the hashes beside the way up to the seal's root (RFC 9162, 2.1.3), and the seal. Pure.
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { readCanonicalJson } from "../canonical.ts";
import { inclusionPath, leafHash, rootOfInclusion } from "./merkle.ts";
import { type Seal, sealSchema, signatureFault } from "./seal.ts";

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);

export const proofFormat = "quarterdeck-audit-proof/1";

const proofSchema = z.strictObject({
  format: z.literal(proofFormat),
  entries: z
    .array(
      z.strictObject({
        /** The entry's bytes as text: canonical JSON. */
        body: z.string(),
        /** Number of the seal it is under. */
        seal: z.int().min(1),
        /** Its place among the entries of that seal, from 0. */
        index: z.int().min(0),
        /** Hashes beside its way to the root, lowest first, in hex. */
        path: z.array(hex32).max(64),
      }),
    )
    .min(1),
  seals: z.array(sealSchema).min(1),
});
export type Proof = z.infer<typeof proofSchema>;

/** Proves one entry by all of its seal's. Throws when they do not lead to the seal's root: database or seal was changed. */
export function proveEntry(seal: Seal, bodies: readonly string[], seq: number): Proof["entries"][number] {
  const index = seq - (seal.seq - seal.count + 1);
  const leaves = bodies.map(leafHash);
  const leaf = leaves[index];
  if (leaf === undefined || leaves.length !== seal.count)
    throw new Error(`seal ${seal.number} has ${seal.count} entries, and ${leaves.length} were found`);
  const path = inclusionPath(leaves, index);
  const root = rootOfInclusion(leaf, index, seal.count, path)?.toString("hex");
  if (root !== seal.root)
    throw new Error(`the entries under seal ${seal.number} are not those that were sealed`);
  return {
    body: bodies[index] as string,
    seal: seal.number,
    index,
    path: path.map((hash) => hash.toString("hex")),
  };
}

/** What is proven of one entry. */
export interface Proven {
  seq: number;
  body: string;
  seal: Seal;
}

export type Checked = { ok: true; entries: readonly Proven[] } | { ok: false; fault: string };

/** Checks a proof by nothing but the file and the keys its reader trusts, by their ids. Never throws for what is in it. */
export function checkProof(text: string, keys: ReadonlyMap<string, KeyObject>): Checked {
  const no = (fault: string): Checked => ({ ok: false, fault });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return no(`it is no JSON: ${(error as Error).message}`);
  }
  const read = proofSchema.safeParse(value);
  if (!read.success) {
    const issue = read.error.issues[0];
    return no(`it is no proof of ours: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`);
  }
  const seals = new Map(read.data.seals.map((seal) => [seal.number, seal]));
  for (const seal of read.data.seals) {
    const fault = signatureFault(seal, keys);
    if (fault !== undefined) return no(fault);
  }
  const entries: Proven[] = [];
  for (const { body, seal: number, index, path } of read.data.entries) {
    const seal = seals.get(number);
    if (!seal) return no(`seal ${number} is not in the file`);
    const seq = seal.seq - seal.count + 1 + index;
    const root = rootOfInclusion(
      leafHash(body),
      index,
      seal.count,
      path.map((hash) => Buffer.from(hash, "hex")),
    );
    if (root?.toString("hex") !== seal.root)
      return no(`entry ${seq} is not among those that seal ${number} was signed over`);
    const said = seqOf(body);
    if (said !== seq) return no(`what stands as entry ${seq} says of itself that it is ${said ?? "none"}`);
    entries.push({ seq, body, seal });
  }
  return { ok: true, entries };
}

function seqOf(body: string): unknown {
  try {
    return (readCanonicalJson(body) as { seq?: unknown } | null)?.seq;
  } catch {
    return undefined;
  }
}
