import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  clockNote,
  keyIdOf,
  noSealHash,
  readSeal,
  sealHash,
  sealText,
  signatureFault,
  signSeal,
  successionFault,
  type UnsignedSeal,
} from "../../../src/platform/audit/seal.ts";
import { canonicalJson } from "../../../src/platform/canonical.ts";

/** PKCS#8 of an Ed25519 key is this and its seed (RFC 8410). */
const key = createPrivateKey({
  key: Buffer.concat([
    Buffer.from("302e020100300506032b657004220420", "hex"),
    Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
  ]),
  format: "der",
  type: "pkcs8",
});
const keys = new Map([[keyIdOf(key), createPublicKey(key)]]);
const first: UnsignedSeal = {
  log: "qd",
  number: 1,
  seq: 3,
  count: 3,
  root: "ab".repeat(32),
  head: "492daa037492cb4e62f8657e582ca390259157b8dd50a73718770b10b0345139",
  at: "2026-11-25T17:00:00.000Z",
  previous: noSealHash,
};

describe("a seal", () => {
  it("is signed by Ed25519 over canonical JSON, to the byte", () => {
    const message = canonicalJson({ n: 3, log: "qd", head: first.head });
    expect(sign(null, Buffer.from(message), key).toString("base64")).toBe(
      "ogYKGLocwTEcSMK9tOF4RRVE6xc00mJGeaOzEgTns9hPSdXInBBJwvX9rITi2e0xNrTkngEfwuoMkeC8aMShBA==",
    );
  });

  it("holds for who has its key, and comes back from its text", () => {
    const seal = signSeal(first, key);
    expect(signatureFault(seal, keys)).toBeUndefined();
    expect(readSeal(sealText(seal))).toEqual(seal);
  });

  it.each(Object.keys(first).filter((name) => name !== "log"))(
    "does not hold once its %s is another",
    (name) => {
      const seal = signSeal(first, key);
      const other = { number: 2, seq: 4, count: 2, at: "2026-11-25T17:00:01.000Z" }[name] ?? "cd".repeat(32);
      expect(signatureFault({ ...seal, [name]: other }, keys)).toContain("is not that of its key");
    },
  );

  it("does not hold by a key that nobody knows, nor by one that took another's name", () => {
    const forger = generateKeyPairSync("ed25519").privateKey;
    const forged = signSeal(first, forger);
    expect(signatureFault(forged, keys)).toContain("not among the known");
    expect(signatureFault({ ...forged, keyId: keyIdOf(key) }, keys)).toContain("is not that of its key");
  });

  const text = sealText(signSeal(first, key));
  const next: UnsignedSeal = {
    ...first,
    number: 2,
    seq: 5,
    count: 2,
    at: "2026-11-25T17:01:00.000Z",
    previous: sealHash(text),
  };
  it.each([
    ["follows", {}, undefined],
    ["is a sign of life", { seq: 3, count: 0 }, undefined],
    ["leaves one out", { number: 3 }, "seal 2 is missing"],
    ["does not know its predecessor", { previous: noSealHash }, "does not follow"],
    ["leaves an entry out", { count: 1 }, "begins at entry 5, not 4"],
    ["takes an entry twice", { count: 3 }, "begins at entry 3, not 4"],
    ["is of another log", { log: "other" }, "another log"],
    ["is older than its predecessor", { at: "2026-11-25T16:59:59.999Z" }, undefined],
  ])("that %s is seen as such", (_what, change, fault) => {
    const found = successionFault({ seal: readSeal(text), text }, signSeal({ ...next, ...change }, key));
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(fault);
  });

  it("that is older than its predecessor is noted", () => {
    const before = { seal: readSeal(text) };
    expect(clockNote(before, signSeal(next, key))).toBeUndefined();
    const older = signSeal({ ...next, at: "2026-11-25T16:59:59.999Z" }, key);
    expect(clockNote(before, older)).toContain("the clock went back");
  });

  it.each([
    ["a key twice", text.replace('"count":3', '"count":3,"count":3')],
    ["a space", text.replace(",", ", ")],
    ["a field of its own", text.replace('"count"', '"also":1,"count"')],
    ["a number in words", text.replace('"count":3', '"count":"3"')],
  ])("is not read with %s", (_what, changed) => {
    expect(changed).not.toBe(text);
    expect(() => readSeal(changed)).toThrow();
  });
});
