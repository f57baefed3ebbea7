import { describe, expect, it } from "vitest";
import { accessorFinding } from "../../src/cli/doctor/accessors.ts";
import type { ExternalObject } from "../../src/providers/accessors/contract.ts";
import { anybody } from "../providers/accessors/granted.ts";

const object = (externalName: string, idempotencyKey: string | null): ExternalObject => ({
  ref: { externalName, grantee: anybody, terms: {} },
  idempotencyKey,
  words: `login ${externalName || "of nobody"}`,
  readBack: { exists: true, canLogin: true, validUntil: null, memberships: [], openSessions: 0 },
});

describe("what the doctor says of a system that access is granted in", () => {
  const live = new Set(["G-1", "G-2"]);
  it("is well when every right there is a grant's", () => {
    expect(accessorFinding("A", [object("qd_g1", "G-1"), object("qd_g2", "G-2")], live, [])).toEqual({
      system: "A",
      state: "ok",
      saw: "reachable, 2 grant(s) there",
    });
  });

  it("counts and names what no grant needs, ours and others', and some of many", () => {
    const few = [object("qd_g1", "G-1"), object("qd_g7", "G-7"), object("qd_theirs", null), object("", null)];
    expect(accessorFinding("A", few, live, [])).toMatchObject({
      state: "failed",
      saw: "reachable, 4 grant(s) there, 3 of them on no record: qd_g7, qd_theirs, login of nobody",
      cure: expect.stringContaining("within a minute"),
    });
    const many = Array.from({ length: 16_867 }, (_, nth) => object(`qd_x${nth}`, `X-${nth}`));
    expect(accessorFinding("A", many, live, []).saw).toMatch(
      /16867 of them on no record: .*, and 16862 more$/,
    );
  });

  it("names what would keep a grant from being made, once each", () => {
    expect(accessorFinding("A", [], live, ["a: no CONNECT", "a: no CONNECT", "b: absent"])).toMatchObject({
      state: "failed",
      saw: "reachable, 0 grant(s) there; in the way: a: no CONNECT; b: absent",
    });
  });
});
