import { leafHash, merkleRoot } from "./merkle.ts";
import type { Seal } from "./seal.ts";

/** Why these bytes are not those that a seal was signed over; undefined when they are. */
export function bytesFault(seal: Seal, bodies: readonly string[]): string | undefined {
  if (bodies.length !== seal.count)
    return `seal ${seal.number} is over ${seal.count} entries, and ${bodies.length} are there`;
  if (seal.count > 0 && merkleRoot(bodies.map(leafHash)).toString("hex") !== seal.root)
    return `the entries under seal ${seal.number} are not those that it was signed over`;
  return undefined;
}
