import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consistencyPath,
  emptyRoot,
  inclusionPath,
  isConsistent,
  leafHash,
  MerkleRoot,
  merkleRoot,
  nodeHash,
  rootOfInclusion,
} from "../../../src/platform/audit/merkle.ts";

const leavesOf = (text: string) => [...text].map(leafHash);
const hex = (hashes: readonly Buffer[]) => hashes.map((hash) => hash.toString("hex"));
const five = leavesOf("abcde");

describe("merkle trees", () => {
  it("have the roots that RFC 6962 gives three and five leaves", () => {
    expect(merkleRoot(leavesOf("abc")).toString("hex")).toBe(
      "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1",
    );
    expect(merkleRoot(five).toString("hex")).toBe(
      "fe14a5426fbd70c0fa73f52342afed0da0bd23c4838662ccf6b88a3070ead97b",
    );
    expect(emptyRoot.toString("hex")).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
  });

  it("show that a leaf is among five, and that three of five came first", () => {
    const beside = [
      "d070dc5b8da9aea7dc0f5ad4c29d89965200059c9a0ceca3abd5da2492dcb71d",
      "b137985ff484fb600db93107c77b0365c80d78f5b429ded0fd97361d077999eb",
      "2824a7ccda2caa720c85c9fba1e8b5b735eecfdb03878e4f8dfe6c3625030bc4",
    ];
    expect(hex(inclusionPath(five, 2))).toEqual(beside);
    expect(hex(consistencyPath(five, 3))).toEqual([leafHash("c").toString("hex"), ...beside]);
  });

  it("tell a node from a leaf of the same bytes", () => {
    const [left, right] = leavesOf("ab") as [Buffer, Buffer];
    expect(leafHash(Buffer.concat([left, right])).equals(nodeHash(left, right))).toBe(false);
  });

  const sizes = fc.integer({ min: 1, max: 70 });
  const leaves = (size: number) => Array.from({ length: size }, (_, index) => leafHash(`leaf ${index}`));

  it("prove every leaf of every size, and nothing of another place, size or content", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (size, someIndex, other) => {
        const index = someIndex % size;
        const all = leaves(size);
        const root = merkleRoot(all);
        const path = inclusionPath(all, index);
        const leads = (leaf: Buffer, at: number, of: number, by = path) =>
          rootOfInclusion(leaf, at, of, by)?.equals(root) === true;
        expect(leads(all[index] as Buffer, index, size)).toBe(true);
        expect(leads(leafHash("another"), index, size)).toBe(false);
        if (other % size !== index) expect(leads(all[index] as Buffer, other % size, size)).toBe(false);
        expect(leads(all[index] as Buffer, index, size, [...path, root])).toBe(false);
        if (path.length > 0) expect(leads(all[index] as Buffer, index, size, path.slice(1))).toBe(false);
      }),
    );
  });

  it("prove that a tree began with a smaller one, and not with another of that size", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (size, some) => {
        const before = (some % size) + 1;
        const all = leaves(size);
        const earlier = { size: before, root: merkleRoot(all.slice(0, before)) };
        const later = { size, root: merkleRoot(all) };
        const path = consistencyPath(all, before);
        expect(isConsistent(earlier, later, path)).toBe(true);
        expect(isConsistent({ ...earlier, root: leafHash("another") }, later, path)).toBe(false);
        expect(isConsistent(earlier, { ...later, root: leafHash("another") }, path)).toBe(false);
        expect(isConsistent(earlier, later, [...path, later.root])).toBe(false);
      }),
    );
  });

  it("are the same leaf by leaf", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), (size) => {
        const root = new MerkleRoot();
        for (const leaf of leaves(size)) root.add(leaf);
        const split = (all: readonly Buffer[]): Buffer => {
          if (all.length < 2) return all[0] ?? emptyRoot;
          const at = 2 ** (Math.ceil(Math.log2(all.length)) - 1);
          return nodeHash(split(all.slice(0, at)), split(all.slice(at)));
        };
        expect(root.root().equals(split(leaves(size)))).toBe(true);
      }),
    );
  });

  it.each([[-1], [5], [1.5], [Number.NaN]])("have no leaf %s among five", (index) => {
    expect(() => inclusionPath(five, index)).toThrow(RangeError);
    expect(rootOfInclusion(five[0] as Buffer, index, 5, [])).toBeUndefined();
  });
});
