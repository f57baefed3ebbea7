import { describe, expect, it } from "vitest";
import { ChainVerifier, chainHash, genesisHash } from "../../../src/platform/audit/chain.ts";
import { canonicalJson } from "../../../src/platform/canonical.ts";

describe("the audit chain", () => {
  const bodies = [
    '{"act":"requested","by":"U1","min":60,"n":1}',
    '{"act":"approved","by":"U2","min":60,"n":2}',
    '{"act":"active","by":"sys","min":60,"n":3}',
  ];

  it("hashes the reference's three entries to the reference's values", () => {
    const hashes: Buffer[] = [];
    for (const body of bodies) hashes.push(chainHash(hashes.at(-1) ?? genesisHash, body));
    expect(hashes.map((hash) => hash.toString("hex"))).toEqual([
      "ddd043f57692eda8d10c5e813f7b29c5f403d41318cbec91a510aca9c3c27f5d",
      "a9038aaee5feb5a73ed00975d8517e779a0dc99178904ff5f8018d82dbbeaff6",
      "492daa037492cb4e62f8657e582ca390259157b8dd50a73718770b10b0345139",
    ]);
    const edited = [bodies[0] as string, (bodies[1] as string).replace("60", "600"), bodies[2] as string];
    expect(edited.reduce((hash, body) => chainHash(hash, body), genesisHash).toString("hex")).toBe(
      "a703a24e189712c761b96d89e6c2cd20c965411d5e5771de1dfbc15b628a41dd",
    );
  });

  const chain = () => {
    let hash = genesisHash;
    return [1, 2, 3, 4].map((seq) => {
      const body = canonicalJson({ seq, action: "test.done" });
      hash = chainHash(hash, body);
      return { seq, body, hash };
    });
  };
  const faultOf = (entries: ReturnType<typeof chain>, head = chain().at(-1)) => {
    const verifier = new ChainVerifier();
    for (const entry of entries) {
      const fault = verifier.take(entry);
      if (fault) return fault;
    }
    return head && verifier.finish(head);
  };

  it("finds nothing wrong with an untouched chain", () => expect(faultOf(chain())).toBeUndefined());

  it("names the first entry that was edited", () => {
    const entries = chain();
    entries[1] = {
      ...(entries[1] as (typeof entries)[0]),
      body: canonicalJson({ seq: 2, action: "test.undone" }),
    };
    expect(faultOf(entries)).toMatchObject({ seq: 2, fault: "hash" });
  });

  it("names a deleted, an inserted and a reordered entry", () => {
    const [a, b, c, d] = chain() as [never, never, never, never];
    expect(faultOf([a, c, d])).toMatchObject({ seq: 2, fault: "gap" });
    expect(faultOf([a, a, b, c, d])).toMatchObject({ seq: 2, fault: "gap" });
    expect(faultOf([a, c, b, d])).toMatchObject({ seq: 2, fault: "gap" });
  });

  it("sees a tail that was cut", () =>
    expect(faultOf(chain().slice(0, 3))).toMatchObject({ seq: 4, fault: "tail" }));
});

describe("canonical JSON", () => {
  it("writes numbers as RFC 8785 does", () => {
    expect(canonicalJson([Number("333333333.33333329"), 1e30, 4.5, 2e-3, -0, 1e21, 1e20])).toBe(
      "[333333333.3333333,1e+30,4.5,0.002,0,1e+21,100000000000000000000]",
    );
  });

  it("sorts keys by UTF-16 code units", () => {
    const keys = ["\u20ac", "\r", "\ufb33", "1", "\u{1f600}", "\u0080", "\u00f6"];
    const written = JSON.parse(canonicalJson(Object.fromEntries(keys.map((key) => [key, 1])))) as Record<
      string,
      number
    >;
    expect(Object.keys(written).filter((key) => key !== "1")).toEqual([
      "\r",
      "\u0080",
      "\u00f6",
      "\u20ac",
      "\u{1f600}",
      "\ufb33",
    ]);
    expect(canonicalJson({ "\r": 1, "1": 1 })).toBe('{"\\r":1,"1":1}');
  });

  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], [2 ** 53], ["\ud800"]])(
    "refuses %s, naming its place",
    (value) => {
      expect(() => canonicalJson({ deep: [value] })).toThrow("$.deep[0]");
    },
  );
});
