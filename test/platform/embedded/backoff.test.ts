import { describe, expect, it } from "vitest";
import { nextRestart } from "../../../src/platform/embedded/backoff.ts";

const policy = { firstMs: 100, maxMs: 1_000, soundAfterMs: 5_000 };

describe("nextRestart", () => {
  it("doubles the wait from one failure to the next, up to the longest", () => {
    expect([0, 1, 2, 3, 4, 60].map((failures) => nextRestart(policy, failures, 10).waitMs)).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
    expect(nextRestart(policy, 3, 10).failures).toBe(4);
  });

  it("begins again after a run that lasted", () => {
    expect(nextRestart(policy, 5, 4_999)).toEqual({ waitMs: 1_000, failures: 6 });
    expect(nextRestart(policy, 5, 5_000)).toEqual({ waitMs: 100, failures: 1 });
  });
});
