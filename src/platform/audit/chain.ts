import { hash } from "node:crypto";

/** Hash before the first entry: 32 zero bytes. */
export const genesisHash: Buffer = Buffer.alloc(32);

/** `h_n = SHA-256(h_{n-1} || stored bytes of entry n)`. */
export function chainHash(previous: Buffer, body: string): Buffer {
  const bytes = Buffer.allocUnsafe(previous.length + Buffer.byteLength(body));
  previous.copy(bytes);
  bytes.write(body, previous.length);
  return hash("sha256", bytes, "buffer");
}

export interface StoredEntry {
  seq: number;
  body: string;
  hash: Buffer;
}

/**
 * `gap`: an entry is missing, is there twice or out of order. `hash`: its bytes are not those that were chained.
 * `body`: its content says another number. `columns`: what it is found by is not what its bytes say. `tail`: the end was
 * cut. `seal`: a seal says otherwise, or is none of ours. `archive`: the archive says otherwise. `restored`: the archive
 * goes on where the database ends.
 */
export type FaultKind = "gap" | "hash" | "body" | "columns" | "tail" | "seal" | "archive" | "restored";
export type ChainFault = { seq: number; fault: FaultKind; detail: string };

/** Walks a chain in order; state is two values, so a million entries take no more memory than one. */
export class ChainVerifier {
  #seq: number;
  #hash: Buffer;

  constructor(startSeq = 0, startHash: Buffer = genesisHash) {
    this.#seq = startSeq;
    this.#hash = startHash;
  }

  get seq(): number {
    return this.#seq;
  }

  get hash(): Buffer {
    return this.#hash;
  }

  /** Takes the next entry; answers the first thing wrong with it. */
  take(entry: StoredEntry): ChainFault | undefined {
    if (entry.seq !== this.#seq + 1)
      return {
        seq: this.#seq + 1,
        fault: "gap",
        detail: `entry ${this.#seq + 1} is missing; found ${entry.seq}`,
      };
    const expected = chainHash(this.#hash, entry.body);
    if (!expected.equals(entry.hash))
      return {
        seq: entry.seq,
        fault: "hash",
        detail: `stored hash ${entry.hash.toString("hex").slice(0, 16)}… is not that of its content and predecessor`,
      };
    const written = saysSeq(entry.body, entry.seq) ? entry.seq : seqOf(entry.body);
    if (written !== entry.seq)
      return { seq: entry.seq, fault: "body", detail: `its content says entry ${written}` };
    this.#seq = entry.seq;
    this.#hash = entry.hash;
    return undefined;
  }

  /** Compares with the head row once all entries are taken. */
  finish(head: { seq: number; hash: Buffer }): ChainFault | undefined {
    if (head.seq === this.#seq && head.hash.equals(this.#hash)) return undefined;
    return {
      seq: this.#seq + 1,
      fault: "tail",
      detail: `the head is at ${head.seq}, the last entry at ${this.#seq}: the tail was cut or the head changed`,
    };
  }
}

/** Canonical JSON has `seq` near its end, before two strings at most, in which a quote is never bare: no need to parse. */
const saysSeq = (body: string, seq: number): boolean =>
  body.startsWith(`"seq":${seq},`, body.lastIndexOf('"seq":'));

/** What an entry's bytes say its number is; undefined when they are no entry's. */
function seqOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { seq?: unknown }).seq;
  } catch {
    return undefined;
  }
}
