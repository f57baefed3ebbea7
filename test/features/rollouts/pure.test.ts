import { describe, expect, it } from "vitest";
import { recoveryResult } from "../../../src/features/rollouts/recovery.ts";
import { openSpans } from "../../../src/features/rollouts/sampling.ts";
import { changeText, codeBlock } from "../../../src/features/rollouts/words.ts";

const at = (seconds: number) => new Date(1_750_000_000_000 + seconds * 1_000);

describe("openSpans", () => {
  const plan = (lagMs: number, intervalMs: number) =>
    ({ plan: { lagMs, intervalMs } }) as Parameters<typeof openSpans>[0];

  it("reads only what is complete by now", () => {
    expect(openSpans(plan(2_000, 1_000), at(0), undefined, at(10))).toEqual([{ from: at(0), to: at(8) }]);
    expect(openSpans(plan(2_000, 1_000), at(0), at(8), at(10))).toEqual([]);
  });

  it("cuts at the step's begin, so that no bin holds two weights", () => {
    expect(openSpans(plan(2_000, 1_000), at(10), at(7), at(20))).toEqual([
      { from: at(7), to: at(10) },
      { from: at(10), to: at(18) },
    ]);
  });

  it("goes no further than the step's begin while that is not complete", () => {
    expect(openSpans(plan(5_000, 1_000), at(10), at(2), at(12))).toEqual([{ from: at(2), to: at(7) }]);
  });

  it("waits for a bin of half the interval, and of a second at least", () => {
    expect(openSpans(plan(0, 30_000), at(0), at(0), at(14))).toEqual([]);
    expect(openSpans(plan(0, 30_000), at(0), at(0), at(15))).toEqual([{ from: at(0), to: at(15) }]);
    expect(openSpans(plan(0, 1_000), at(0), at(0), new Date(at(0).getTime() + 999))).toEqual([]);
    expect(openSpans(plan(0, 1_000), at(0), at(0), at(1))).toHaveLength(1);
  });
});

describe("recoveryResult", () => {
  const signal = { name: "errors", kind: "ratio", unit: "%", direction: "higher-is-worse" } as const;
  const recovery = { signal: "errors", unit: "%", before: 0.091, reference: 0.002, sinceMs: at(0).getTime() };
  const budget = { worst: { burn: 0.8, objectivePercent: 99.5 } } as Parameters<typeof recoveryResult>[3];

  it("says in how long, from what to what, and the burn", () => {
    expect(recoveryResult(signal, recovery, 0.003, budget, at(94))).toEqual({
      is: "recovered",
      text: "Recovered in 94 s: errors 9.1 → 0.3 %, burn 0.8x",
    });
  });

  it("waits while it is no better and says so after three minutes", () => {
    expect(recoveryResult(signal, recovery, 0.09, budget, at(179))).toBeUndefined();
    expect(recoveryResult(signal, recovery, 0.09, budget, at(180))).toMatchObject({
      is: "no-better",
      text: expect.stringContaining("No better after 3 min: errors 9.1 → 9 %"),
    });
  });

  it("does not take missing data for well", () => {
    expect(recoveryResult(signal, recovery, undefined, budget, at(60))).toBeUndefined();
  });

  it("knows signals of which less is worse", () => {
    const traffic = { ...signal, name: "orders", direction: "lower-is-worse" } as const;
    expect(
      recoveryResult(traffic, { ...recovery, before: 0.1, reference: 0.9 }, 0.2, undefined, at(10)),
    ).toBeUndefined();
    expect(
      recoveryResult(traffic, { ...recovery, before: 0.1, reference: 0.9 }, 0.8, undefined, at(10))?.is,
    ).toBe("recovered");
  });
});

describe("words", () => {
  it("write a change with its unit once", () => {
    expect(changeText(0.091, 0.003, { kind: "ratio", unit: "%" })).toBe("9.1 → 0.3 %");
    expect(changeText(1.4, 0.3, { kind: "quantile", unit: "s" })).toBe("1.4 → 0.3 s");
    expect(changeText(3, 2, { kind: "gauge", unit: "" })).toBe("3 → 2");
  });

  it("let nothing end a code block or become a mention", () => {
    expect(codeBlock(["echo ``` <!channel> & done"])).toBe("```\necho ''' &lt;!channel&gt; &amp; done\n```");
  });
});
