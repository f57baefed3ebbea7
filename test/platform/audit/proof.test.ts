import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkedLines, proofOf } from "../../../src/cli/audit-proof.ts";
import { publicPem } from "../../../src/platform/audit/keys.ts";
import { leafHash, merkleRoot } from "../../../src/platform/audit/merkle.ts";
import { checkProof, type Proof, proofFormat, proveEntry } from "../../../src/platform/audit/proof.ts";
import { keyIdOf, noSealHash, type Seal, signSeal } from "../../../src/platform/audit/seal.ts";
import { requireService } from "../../support/services.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { type AuditWorld, auditWorld } from "./world.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const keys = new Map([[keyIdOf(publicKey), publicKey]]);
const zeros = "0".repeat(64);

/** A seal over entries with these numbers, and a proof of the one at `index`. */
function sealed(count: number, index: number, first = 101): { proof: Proof; seal: Seal } {
  const bodies = Array.from({ length: count }, (_, at) => `{"action":"é","seq":${first + at}}`);
  const seal = signSeal(
    {
      log: "qd",
      number: 7,
      seq: first + count - 1,
      count,
      root: merkleRoot(bodies.map(leafHash)).toString("hex"),
      head: zeros,
      at: "2026-03-02T10:00:00.000Z",
      previous: noSealHash,
    },
    privateKey,
  );
  return {
    seal,
    proof: { format: proofFormat, entries: [proveEntry(seal, bodies, first + index)], seals: [seal] },
  };
}
const entry = (proof: Proof) => proof.entries[0] as Proof["entries"][number];
const firstSeal = (proof: Proof) => proof.seals[0] as Seal;

/** What a forger may try on a proof of entry 103 of 101 to 107, and what is said. */
const forgeries: readonly [string, (proof: Proof) => void, string][] = [
  [
    "another body",
    (proof) => {
      entry(proof).body = '{"action":"e","seq":103}';
    },
    "entry 103 is not among those that seal 7 was signed over",
  ],
  [
    "another place",
    (proof) => {
      entry(proof).index = 3;
    },
    "entry 104 is not among",
  ],
  [
    "a hash less",
    (proof) => {
      entry(proof).path.pop();
    },
    "entry 103 is not among",
  ],
  [
    "a hash more",
    (proof) => {
      entry(proof).path.push(zeros);
    },
    "entry 103 is not among",
  ],
  [
    "a node for a leaf",
    (proof) => {
      entry(proof).path.shift();
    },
    "entry 103 is not among",
  ],
  [
    "a place past the end",
    (proof) => {
      entry(proof).index = 7;
    },
    "entry 108 is not among",
  ],
  [
    "a root of the forger's",
    (proof) => {
      firstSeal(proof).root = zeros;
    },
    "the signature of seal 7 is not that of its key",
  ],
  [
    "other numbers in the seal",
    (proof) => {
      firstSeal(proof).seq = 1_007;
    },
    "the signature of seal 7 is not that of its key",
  ],
  [
    "another key's name",
    (proof) => {
      firstSeal(proof).keyId = zeros;
    },
    "which is not among the known ones",
  ],
  [
    "no seal of that number",
    (proof) => {
      entry(proof).seal = 8;
    },
    "seal 8 is not in the file",
  ],
  [
    "nothing",
    (proof) => {
      proof.entries.length = 0;
    },
    "it is no proof of ours: entries",
  ],
  [
    "something else",
    (proof) => {
      Object.assign(proof, { note: "trust me" });
    },
    "it is no proof of ours",
  ],
];

describe("a proof", () => {
  it("holds for every place among every small number of entries, and for those of a lone one", () => {
    for (let count = 1; count <= 17; count += 1)
      for (let index = 0; index < count; index += 1) {
        const { proof } = sealed(count, index);
        expect(checkProof(JSON.stringify(proof), keys), `${index} of ${count}`).toMatchObject({
          ok: true,
          entries: [{ seq: 101 + index }],
        });
      }
  });

  it.each(forgeries)("falls with %s", (_what, forge, fault) => {
    const { proof } = sealed(7, 2);
    forge(proof);
    expect(checkProof(JSON.stringify(proof), keys)).toEqual({
      ok: false,
      fault: expect.stringContaining(fault),
    });
  });

  it("falls with an entry that says another number of itself, and with what is no JSON", () => {
    const bodies = ['{"seq":999}', '{"seq":102}'];
    const { seal } = sealed(2, 0);
    const other = signSeal({ ...seal, root: merkleRoot(bodies.map(leafHash)).toString("hex") }, privateKey);
    const proof = { format: proofFormat, entries: [proveEntry(other, bodies, 101)], seals: [other] };
    expect(checkProof(JSON.stringify(proof), keys)).toEqual({
      ok: false,
      fault: "what stands as entry 101 says of itself that it is 999",
    });
    expect(checkProof("{", keys)).toMatchObject({ ok: false, fault: expect.stringContaining("no JSON") });
  });

  it("is not made of entries that are not those that were sealed", () => {
    const { seal } = sealed(2, 0);
    expect(() => proveEntry(seal, ['{"seq":101}', '{"seq":102}'], 101)).toThrow(
      "are not those that were sealed",
    );
    expect(() => proveEntry(seal, ['{"seq":101}'], 101)).toThrow("has 2 entries, and 1 were found");
  });
});

const python = requireService("python3");
const openssl = requireService("openssl");

describe.runIf(python && openssl)("a stranger with the lines of docs/audit.md", () => {
  let world: AuditWorld;
  beforeAll(async () => {
    world = await auditWorld();
    await world.add(5);
    await world.keeper.turn();
    await world.add(8);
    world.test.clock.advance(60_000);
    await world.keeper.turn();
    await world.add(1);
  });
  afterAll(() => world.close());

  const script = /```python\n([\s\S]*?)```/.exec(readFileSync("docs/audit.md", "utf8"))?.[1] ?? "";
  /** Runs them as they stand there; what they print, or that they refused. */
  const stranger = (proof: Proof, pem: string): string => {
    const dir = tempDir();
    const at = (name: string, text: string) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    const args = [at("check.py", script), at("proof.json", JSON.stringify(proof)), at("pub.pem", pem)];
    try {
      return execFileSync(python ?? "", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      return `refused: ${(error as { stderr: string }).stderr}`;
    }
  };

  it("proves what the database and the archive have, by id and by number, and says what is not sealed", async () => {
    const { proof, notes } = await proofOf(world.test.db, world.archive, "S-9");
    expect(notes).toEqual(["1 of 1 entries on S-9, under 1 seal."]);
    const pem = publicPem(world.key);
    expect(stranger(proof, pem)).toMatch(
      /^proven: entry \d+ under seal \d+ of 2026-03-02T10:01:00.000Z \{.*"subject":"S-9"\}\n$/,
    );
    const checked = checkProof(JSON.stringify(proof), new Map([[keyIdOf(world.key), createPublicKey(pem)]]));
    expect(checkedLines(checked, keyIdOf(world.key)).join("\n")).toMatch(
      /"subject":"S-9"\}\nProven: whoever holds the private half of key \w{16}… signed that this entry stands, byte for byte[\s\S]*Not proven: that there is no other entry/,
    );
    // Taken out of the database, it is proven from the archive.
    await world.dba.query("create table kept as select * from audit_chained where seq <= 5");
    await world.dba.query("delete from audit_chained where seq <= 5");
    const old = await proofOf(world.test.db, world.archive, "2");
    await world.dba.query("insert into audit_chained select * from kept");
    expect(stranger(old.proof, pem)).toContain("proven: entry 2 under seal 1 of");

    await expect(proofOf(world.test.db, world.archive, "S-14")).rejects.toThrow("S-14 is not sealed yet");
    await expect(proofOf(world.test.db, world.archive, "S-99")).rejects.toThrow("has no entry on S-99");
  });

  it("falls for no forgery", () => {
    const good = sealed(7, 2);
    expect(stranger(good.proof, publicPem(publicKey))).toContain("proven: entry 103");
    // Each is a process of its own here: those that differ in which line must notice.
    for (const [what, forge] of [0, 1, 2, 3, 6, 8].flatMap((at) => forgeries.slice(at, at + 1))) {
      const { proof } = sealed(7, 2);
      forge(proof);
      expect(stranger(proof, publicPem(publicKey)), what).toMatch(/^refused/);
    }
    const other = generateKeyPairSync("ed25519").publicKey;
    expect(stranger(good.proof, publicPem(other))).toContain("another key");
  });
});
