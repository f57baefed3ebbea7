import type { KeyObject } from "node:crypto";
import type { Trx } from "../db/database.ts";
import { type ChainFault, genesisHash } from "./chain.ts";
import { readSeal, type Seal, signatureFault } from "./seal.ts";

export interface Beginning {
  /** Last entry before the walk. */
  seq: number;
  hash: Buffer;
  /** The seal that ends there. */
  seal: { seal: Seal; text: string } | undefined;
  /** Entries up to `seq` are not there: one that is must say that they left. */
  isAfterGap: boolean;
  /** After a gap: when the entry at `seq` was sealed first, as its seal was signed to say. */
  sealedAt?: Date;
  fault?: ChainFault;
}

/**
 * Where a walk begins: behind the last seal before `from`; without one, at the first entry there is. That is entry 1, or
 * the first behind a part that left, where a signed seal stands in for what was before.
 */
export async function beginningOf(
  trx: Trx,
  keys: ReadonlyMap<string, KeyObject>,
  from = 1,
): Promise<Beginning> {
  const first = await trx
    .selectFrom("audit_chained")
    .select((eb) => eb.fn.min("seq").as("seq"))
    .executeTakeFirstOrThrow();
  const oldest = first.seq === null ? 1 : Number(first.seq);
  const start: Beginning = { seq: 0, hash: genesisHash, seal: undefined, isAfterGap: false };
  const before = Math.max(oldest, from) - 1;
  if (before === 0) return start;
  const row = await trx
    .selectFrom("audit_seals")
    .select("body")
    .where("seq", "<=", String(before))
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
  const seal = row && readSeal(row.body);
  if (!seal || seal.seq < oldest - 1) {
    if (oldest === 1) return start;
    const missing = (seal?.seq ?? 0) + 1;
    const detail = `entry ${missing} is missing; the first there is ${oldest}, and no seal ends before it`;
    return { ...start, fault: { seq: missing, fault: "gap", detail } };
  }
  const isAfterGap = oldest > 1 && seal.seq === oldest - 1;
  const sealedFirst = isAfterGap ? ((await firstSealAt(trx, seal.seq)) ?? seal) : seal;
  const wrong = keys.size > 0 ? (signatureFault(seal, keys) ?? signatureFault(sealedFirst, keys)) : undefined;
  const found: Beginning = {
    seq: seal.seq,
    hash: Buffer.from(seal.head, "hex"),
    seal: { seal, text: row.body },
    isAfterGap,
    sealedAt: new Date(sealedFirst.at),
  };
  return wrong
    ? { ...found, fault: { seq: Math.max(1, seal.seq - seal.count + 1), fault: "seal", detail: wrong } }
    : found;
}

/** The first seal that ends with an entry; those behind it that do are signs of life. */
async function firstSealAt(trx: Trx, seq: number): Promise<Seal | undefined> {
  const row = await trx
    .selectFrom("audit_seals")
    .select("body")
    .where("seq", "=", String(seq))
    .orderBy("number")
    .limit(1)
    .executeTakeFirst();
  const seal = row && readSeal(row.body);
  // The column is not signed.
  return seal?.seq === seq ? seal : undefined;
}
