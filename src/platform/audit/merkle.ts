/**
 * Merkle trees as RFC 6962, section 2.1 (and RFC 9162) has them: a leaf is `SHA-256(00 || bytes)`, a node
 * `SHA-256(01 || left || right)`, a list is split at the largest power of two below its length. The prefixes keep a
 * node from passing for a leaf.
 */
import { hash } from "node:crypto";

const prefix = { leaf: 0, node: 1 } as const;

/** Hash of one leaf; text counts as its UTF-8 bytes. */
export function leafHash(leaf: Uint8Array | string): Buffer {
  const length = typeof leaf === "string" ? Buffer.byteLength(leaf) : leaf.length;
  const bytes = Buffer.allocUnsafe(1 + length);
  bytes[0] = prefix.leaf;
  if (typeof leaf === "string") bytes.write(leaf, 1);
  else bytes.set(leaf, 1);
  return hash("sha256", bytes, "buffer");
}

export function nodeHash(left: Buffer, right: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + left.length + right.length);
  bytes[0] = prefix.node;
  left.copy(bytes, 1);
  right.copy(bytes, 1 + left.length);
  return hash("sha256", bytes, "buffer");
}

/** Root of a tree without leaves: the hash of nothing. */
export const emptyRoot: Buffer = hash("sha256", "", "buffer");

/** Takes leaves one after the other and keeps one hash per level, so that a million take no more room than twenty. */
export class MerkleRoot {
  readonly #peaks: { size: number; hash: Buffer }[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param leaf as {@link leafHash} answers it */
  add(leaf: Buffer): void {
    this.#size += 1;
    let peak = { size: 1, hash: leaf };
    for (let last = this.#peaks.at(-1); last?.size === peak.size; last = this.#peaks.at(-1)) {
      this.#peaks.pop();
      peak = { size: peak.size * 2, hash: nodeHash(last.hash, peak.hash) };
    }
    this.#peaks.push(peak);
  }

  root(): Buffer {
    return this.#peaks.length === 0
      ? emptyRoot
      : this.#peaks.map(({ hash }) => hash).reduceRight((right, left) => nodeHash(left, right));
  }
}

export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  const root = new MerkleRoot();
  for (const leaf of leaves) root.add(leaf);
  return root.root();
}

/** Largest power of two below `size`; `size` is at least 2. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/**
 * Hashes beside the way from leaf `index` up to the root, lowest first (RFC 6962, 2.1.1).
 * Throws a RangeError when there is no such leaf.
 */
export function inclusionPath(leaves: readonly Buffer[], index: number): Buffer[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length)
    throw new RangeError(`there is no leaf ${index} among ${leaves.length}`);
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  return index < split
    ? [...inclusionPath(leaves.slice(0, split), index), merkleRoot(leaves.slice(split))]
    : [...inclusionPath(leaves.slice(split), index - split), merkleRoot(leaves.slice(0, split))];
}

/** Root that `leaf` and its path lead to; undefined when the path's length is not that of such a leaf (RFC 9162, 2.1.3.2). */
export function rootOfInclusion(
  leaf: Buffer,
  index: number,
  size: number,
  path: readonly Buffer[],
): Buffer | undefined {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size)
    return undefined;
  let at = index;
  let last = size - 1;
  let hash = leaf;
  for (const beside of path) {
    if (last === 0) return undefined;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(beside, hash);
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
      }
    } else hash = nodeHash(hash, beside);
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : undefined;
}

/**
 * Hashes that show the tree of the first `before` leaves to be the beginning of this one (RFC 6962, 2.1.2).
 * Throws a RangeError when `before` is not between 1 and the number of leaves.
 */
export function consistencyPath(leaves: readonly Buffer[], before: number): Buffer[] {
  if (!Number.isInteger(before) || before < 1 || before > leaves.length)
    throw new RangeError(`no tree of ${leaves.length} leaves began with ${before}`);
  return subPath(leaves, before, true);
}

function subPath(leaves: readonly Buffer[], before: number, isWhole: boolean): Buffer[] {
  if (before === leaves.length) return isWhole ? [] : [merkleRoot(leaves)];
  const split = splitOf(leaves.length);
  return before <= split
    ? [...subPath(leaves.slice(0, split), before, isWhole), merkleRoot(leaves.slice(split))]
    : [...subPath(leaves.slice(split), before - split, false), merkleRoot(leaves.slice(0, split))];
}

/** Whether the tree of `size` leaves with root `root` begins with the one of `before` (RFC 9162, 2.1.4.2). */
export function isConsistent(
  earlier: { size: number; root: Buffer },
  later: { size: number; root: Buffer },
  path: readonly Buffer[],
): boolean {
  if (earlier.size < 1 || earlier.size > later.size) return false;
  if (earlier.size === later.size) return path.length === 0 && earlier.root.equals(later.root);
  const isPowerOfTwo = Number.isInteger(Math.log2(earlier.size));
  const [first, ...rest] = isPowerOfTwo ? [earlier.root, ...path] : path;
  if (first === undefined) return false;
  let at = earlier.size - 1;
  let last = later.size - 1;
  const up = () => {
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  };
  while (at % 2 === 1) up();
  let [before, after] = [first, first];
  for (const beside of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      before = nodeHash(beside, before);
      after = nodeHash(beside, after);
      while (at % 2 === 0 && at !== 0) up();
    } else after = nodeHash(after, beside);
    up();
  }
  return last === 0 && before.equals(earlier.root) && after.equals(later.root);
}
