import { describe, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { ReasonCode, Verdict } from "../../../src/features/rollouts/judge.ts";
import { afterVerdict, type Rollout, verdictOnPreview } from "../../../src/features/rollouts/model.ts";
import { planRollout } from "../../../src/features/rollouts/plan.ts";
import { recoveryResult } from "../../../src/features/rollouts/recovery.ts";
import { failingAfter } from "../../../src/features/rollouts/revert.ts";
import { openSpans } from "../../../src/features/rollouts/sampling.ts";
import { changeText } from "../../../src/features/rollouts/words.ts";

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

describe("the end of the watch", () => {
  const until = at(60);
  const rollout = {
    state: { is: "watching", since: at(0), until },
    plan: { watchMs: 60_000, steps: [{ weightPercent: 100 }] },
    deadlineAt: at(300),
  } as unknown as Rollout;
  const hold = (code: ReasonCode): Verdict => ({
    do: "hold",
    reasons: [{ code, sentence: `errors: ${code}` }],
    signals: [],
    alphaSpent: 0,
  });
  const promote: Verdict = { do: "promote", reasons: [], signals: [], alphaSpent: 0 };

  it.each([
    [promote, 59, undefined],
    [promote, 60, "promoted"],
    [hold("not-proven"), 60, "promoted"],
    [hold("too-few-samples"), 60, undefined],
    [hold("too-few-samples"), 300, "promoted"],
    [hold("stale"), 299, undefined],
    [hold("no-data"), 300, "reverting"],
  ] as const)(
    "is good on time alone only where its numbers are seen: %j after %d s is %s",
    (verdict, seconds, is) => {
      expect(afterVerdict(rollout, verdict, at(seconds))?.is).toBe(is);
    },
  );

  it("says for want of what it goes back", () => {
    expect(afterVerdict(rollout, hold("stale"), at(300))).toMatchObject({
      because: { cause: "deadline", sentences: ["the watch ended with errors: stale"] },
    });
  });
});

describe("the word on a preview", () => {
  const verdict = (word: Verdict["do"], ...codes: ReasonCode[]): Verdict => ({
    do: word,
    reasons: codes.map((code) => ({ code, sentence: code })),
    signals: [],
    alphaSpent: 0,
  });

  it.each([
    ["hold", ["no-data", "too-few-samples", "no-critical-signal"], "promote"],
    ["hold", ["no-data", "too-early"], "hold"],
    ["hold", ["budget-burn", "no-data"], "hold"],
    ["revert", ["down"], "revert"],
    ["revert", ["deadline"], "revert"],
  ] as const)("%s for %j is %s", (word, codes, expected) => {
    const { do: said, reasons } = verdictOnPreview(verdict(word, ...codes));
    expect(said).toBe(expected);
    expect(reasons.some(({ code }) => code === "no-data")).toBe(false);
  });
});

describe("failingAfter", () => {
  const away = { code: "unreachable", message: "no connection" } as const;
  const starting = { code: "in_progress", message: "1 of 3 pods ready" } as const;

  it("counts from the first attempt and pages once a minute has passed since the decision", () => {
    const first = failingAfter(undefined, away, at(0), at(1));
    expect(first).toEqual({
      sinceMs: at(1).getTime(),
      attempts: 1,
      error: "no connection",
      isPaged: false,
    });
    expect(failingAfter(first, away, at(0), at(59)).isPaged).toBe(false);
    const paged = failingAfter(first, away, at(0), at(60));
    expect(paged).toMatchObject({ sinceMs: at(1).getTime(), attempts: 2, isPaged: true });
    expect(failingAfter(paged, starting, at(0), at(70)).isPaged).toBe(true);
  });

  it("gives an engine that is at it five minutes", () => {
    expect(failingAfter(undefined, starting, at(0), at(299))).toMatchObject({
      isWaiting: true,
      isPaged: false,
    });
    expect(failingAfter(undefined, starting, at(0), at(300)).isPaged).toBe(true);
  });
});

describe("words", () => {
  it("write a change with its unit once", () => {
    expect(changeText(0.091, 0.003, { kind: "ratio", unit: "%" })).toBe("9.1 → 0.3 %");
    expect(changeText(1.4, 0.3, { kind: "quantile", unit: "s" })).toBe("1.4 → 0.3 s");
    expect(changeText(3, 2, { kind: "gauge", unit: "" })).toBe("3 → 2");
  });
});

describe("a plan made careful", () => {
  it("never outlasts the longest deadline, and never has shorter steps than the catalog's", async () => {
    const loaded = await loadCatalog("config/sample", {});
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const shop = loaded.catalog.services.find(({ name }) => name === "shop");
    if (shop?.rollout === undefined) throw new Error("the shop has no rollout");
    const hourMs = 3_600_000;
    shop.rollout = {
      ...shop.rollout,
      steps: [50, 100].map((weightPercent) => ({ weightPercent, minDuration: hourMs, minSamples: 30 })),
      deadline: 5 * hourMs,
    };
    const care = { why: "not known", holdFactor: 2, stepMaxPercent: 25, isApproved: false };
    const planned = planRollout(loaded.catalog, "shop", { catalogDigest: "d", lagMs: 0, care });
    if (!planned.ok) throw new Error(planned.refusal.message);
    const { plan, deadlineMs } = planned.value;
    expect(plan.steps.map(({ weightPercent }) => weightPercent)).toEqual([25, 50, 75, 100]);
    const lastsMs = plan.steps.reduce((sum, { minDuration }) => sum + minDuration, 0);
    expect(deadlineMs).toBe(6 * hourMs);
    expect(lastsMs).toBe(4.5 * hourMs);
    const short = planRollout(loaded.catalog, "shop", {
      catalogDigest: "d",
      lagMs: 0,
      care,
      deadlineMs: 2.2 * hourMs,
    });
    expect(short.ok && short.value.plan.steps.reduce((sum, { minDuration }) => sum + minDuration, 0)).toBe(
      2 * hourMs,
    );
  });
});
