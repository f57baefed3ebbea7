import { describe, expect, it } from "vitest";
import { scramVerifier } from "../../../src/providers/accessors/scram.ts";

const salt = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");

describe("scramVerifier", () => {
  it("makes the verifier Postgres would store", async () => {
    expect(await scramVerifier("Quarterdeck-test-1", salt)).toBe(
      "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$4IZqmcjTnuvidTMw4aUyLpFccHO6Ez7kS0pPiwXBhiA=:75RUwLSTVXIl2lFpQ66WRgthi77W31ilQglJ6U0oFr4=",
    );
  });

  it("depends on password, salt and iterations", async () => {
    const one = await scramVerifier("a", salt);
    expect(await scramVerifier("b", salt)).not.toBe(one);
    expect(await scramVerifier("a", Buffer.alloc(16, 9))).not.toBe(one);
    expect(await scramVerifier("a", salt, 8192)).toContain("SCRAM-SHA-256$8192:");
  });

  it("refuses what Postgres would normalise, or nothing at all", async () => {
    for (const password of ["", "pä", "tab\t", "ａ"])
      await expect(scramVerifier(password, salt)).rejects.toThrow(RangeError);
  });
});
