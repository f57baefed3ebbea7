import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  CountBin,
  CountedReading,
  GaugeSignal,
  Plan,
  PlanStep,
  ReasonCode,
  Samples,
  Signal,
  SloState,
  Verdict,
} from "../../../src/features/rollouts/judge.ts";
import { createJudgeMemory, judge, reasonCodes } from "../../../src/features/rollouts/judge.ts";

const startMs = Date.UTC(2026, 2, 1, 12);
const minute = 60_000;
const at = (minutes: number) => new Date(startMs + minutes * minute);

const errors: Signal = { name: "errors", kind: "ratio", role: "critical" };
const slow: Signal = { name: "slow", kind: "latency", role: "critical" };
const steps: PlanStep[] = [1, 10, 50].map((weightPercent) => ({ weightPercent, minDurationSec: 300 }));
const plan = (change: Partial<Plan> = {}): Plan => ({
  steps,
  stepIndex: 0,
  stepStartedAt: at(0),
  deadlineAt: at(240),
  signals: [errors],
  ...change,
});
const healthy: SloState = {
  state: "healthy",
  severity: "none",
  budgetRatio: 0.001,
  remaining: 0.8,
  budgetEvents: 260_000,
};

/** Bins of one minute each from the given minute on; a row is xc, nc, xb, nb. */
const bins = (rows: readonly (readonly [number, number, number, number])[], fromMinute = 0): CountBin[] =>
  rows.map(([xc, nc, xb, nb], i) => ({
    startMs: at(fromMinute + i).getTime(),
    endMs: at(fromMinute + i + 1).getTime(),
    canary: { bad: xc, total: nc },
    stable: { bad: xb, total: nb },
  }));
const samples = (counts: Samples["counts"], now = at(10), more: Partial<Samples> = {}): Samples => ({
  now,
  counts,
  ...more,
});
const repeat = <T>(n: number, row: T): T[] => Array.from({ length: n }, () => row);
const codes = (verdict: Verdict): ReasonCode[] => verdict.reasons.map((reason) => reason.code);
const counted = (verdict: Verdict, i = 0): CountedReading => {
  const reading = verdict.signals[i];
  if (!reading || reading.kind === "gauge") throw new Error(`signal ${i} is not counted`);
  return reading;
};
/** 1 % errors on both sides, 1 % of 6,000 a minute: good enough by its ratio after 9 minutes. */
const good = bins(repeat(10, [1, 100, 100, 9900]));

describe("what reverts", () => {
  it("halts at the ceiling after five bad of five, and not yet after four", () => {
    const five = judge(plan(), samples({ errors: bins([[5, 5, 0, 0]]) }, at(1)), healthy);
    expect(five.do).toBe("revert");
    expect(five.reasons[0]?.code).toBe("ceiling");
    const four = judge(plan(), samples({ errors: bins([[4, 4, 0, 0]]) }, at(1)), healthy);
    expect(four.do).toBe("hold");
  });

  it("halts at the ceiling, and not where stable is as bad at the same moments or the ceiling is switched off", () => {
    const alone = bins(repeat(10, [20, 100, 99, 9900]));
    expect(judge(plan(), samples({ errors: alone }), healthy).reasons[0]?.code).toBe("ceiling");
    const both = bins(repeat(10, [20, 100, 1980, 9900]));
    expect(codes(judge(plan(), samples({ errors: both }), healthy))).not.toContain("ceiling");
    const near = bins(repeat(10, [4, 100, 396, 9900]));
    expect(codes(judge(plan(), samples({ errors: near }), healthy))).not.toContain("ceiling");
    const off = plan({ signals: [{ ...errors, ceilingRatio: null }] as Signal[] });
    expect(codes(judge(off, samples({ errors: alone }), healthy))).not.toContain("ceiling");
  });

  it("halts a version that breaks late in spite of a long clean past", () => {
    const past = bins(repeat(200, [0, 3000, 0, 3000]));
    const late = bins([[30, 100, 0, 100]], 200);
    const input = samples({ errors: [...past, ...late] }, at(201));
    const verdict = judge(plan({ stepIndex: 2, stepStartedAt: at(200) }), input, healthy);
    expect(codes(verdict)).toContain("ceiling");
  });

  it("halts when the evidence of harm reaches one over alpha, and says so with numbers", () => {
    const verdict = judge(plan(), samples({ errors: bins([[9, 29, 3, 2871]]) }, at(1)), healthy);
    expect(verdict.do).toBe("revert");
    const reason = verdict.reasons.find(({ code }) => code === "relative-harm");
    expect(reason?.sentence).toMatch(/^errors 31 % vs 0\.1 % stable \(9 of 29\), E \S+ ≥ 105$/);
    expect(reason?.signal).toBe("errors");
  });

  it("carries the evidence over steps and weight changes", () => {
    const early: CountBin = { ...bins([[4, 500, 40, 49500]])[0] } as CountBin;
    const later: CountBin = { ...bins([[9, 2500, 41, 47500]], 6)[0] } as CountBin;
    const second = plan({ stepIndex: 1, stepStartedAt: at(6) });
    const verdict = judge(second, samples({ errors: [early, later] }), healthy);
    expect(verdict.do).toBe("revert");
    expect(counted(verdict).e).toBeCloseTo(5402.905, 2);
    expect(codes(judge(second, samples({ errors: [later] }), healthy))).not.toContain("relative-harm");
  });

  it("splits alpha over the critical signals and their ceilings, by their shares, and reverts on the sum", () => {
    // E 40 where two of a hundred fail and 2 of 9,900.
    const some = bins([[2, 100, 2, 9900]]);
    const uncapped: Signal = { ...errors, ceilingRatio: null } as Signal;
    const one = judge(plan({ signals: [uncapped] }), samples({ errors: some }), healthy);
    expect(counted(one).e).toBeCloseTo(40.534, 2);
    expect(counted(one).eLimit).toBeCloseTo(100);
    expect(one.evidence?.e).toBeCloseTo(40.534, 2);
    expect(one.do).toBe("hold");
    const advisory: Signal = { name: "cart", kind: "ratio", role: "advisory" };
    const two = plan({ signals: [errors, slow, advisory] });
    const half = judge(two, samples({ errors: some }), healthy);
    // Half of the 95 percent that the ceiling leaves.
    expect(counted(half).eLimit).toBeCloseTo(1 / 0.00475);
    expect(half.alphaSpent).toBeCloseTo(0.00525);
    expect(half.evidence?.e).toBeLessThan(counted(half).e / 2 + 1);
    const shared = plan({ signals: [{ ...uncapped, alphaShare: 3 } as Signal, slow] });
    expect(counted(judge(shared, samples({ errors: some }), healthy)).eLimit).toBeCloseTo(1 / 0.0075);
  });

  it("reverts when all signals together are evidence enough although none is by itself", () => {
    const third: Signal = { name: "slower", kind: "latency", role: "critical" };
    const both = plan({ signals: [slow, third] });
    const enough = bins([[5, 100, 58, 9900]]);
    const verdict = judge(both, samples({ slow: enough, slower: enough }), healthy);
    const [first, second] = [counted(verdict, 0), counted(verdict, 1)];
    expect(first.e).toBeGreaterThan(100);
    expect(first.e).toBeLessThan(first.eLimit ?? 0);
    expect(second.e).toBe(first.e);
    expect(verdict.do).toBe("revert");
    expect(verdict.reasons[0]?.sentence).toMatch(/with the other signals E \d+ ≥ 100$/);
  });

  it("halts on latency by the share slower than the bound, which has no ceiling by default", () => {
    const both = plan({ signals: [errors, slow] });
    const slower = bins(repeat(5, [40, 100, 495, 9900]));
    const verdict = judge(both, samples({ errors: good, slow: slower }), healthy);
    expect(verdict.do).toBe("revert");
    expect(verdict.reasons[0]).toMatchObject({ code: "relative-harm", signal: "slow" });
    const asStable = bins(repeat(10, [5, 100, 495, 9900]));
    expect(judge(both, samples({ errors: good, slow: asStable }), healthy).do).toBe("promote");
  });

  it("halts a burning service's canary at E 1, and only holds one that is not its fault", () => {
    const burning: SloState = { ...healthy, state: "burning", severity: "page" };
    const asBad = bins(repeat(10, [0, 100, 150, 9900]));
    const worse = bins(repeat(10, [2, 100, 100, 9900]));
    const innocent = judge(plan(), samples({ errors: asBad }), burning);
    expect(innocent.do).toBe("hold");
    expect(innocent.reasons[0]?.code).toBe("budget-burn");
    const guilty = judge(plan(), samples({ errors: worse }), burning);
    expect(counted(guilty).e).toBeGreaterThan(1);
    expect(counted(guilty).e).toBeLessThan(100);
    expect(guilty.do).toBe("revert");
    expect(guilty.reasons[0]?.code).toBe("budget-harm");
    expect(judge(plan(), samples({ errors: worse }), healthy).do).not.toBe("revert");
  });

  it("does not blame a canary without data or without one bad event for a burn", () => {
    const burning: SloState = { ...healthy, state: "burning", severity: "page" };
    expect(judge(plan(), samples({}), burning).do).toBe("hold");
    expect(judge(plan(), samples({ errors: bins([[0, 100, 0, 9900]]) }), burning).do).toBe("hold");
  });

  it("halts once the canary itself spent 2 % of the period's budget, just below it does not", () => {
    const input = samples({ errors: bins([[12, 1000, 500, 99000]]) });
    const excess = 12 - 500 / 99;
    const spent = (share: number): SloState => ({ ...healthy, budgetEvents: excess / share });
    expect(codes(judge(plan(), input, spent(0.0200001)))).toContain("budget-spend");
    expect(codes(judge(plan(), input, spent(0.0199999)))).not.toContain("budget-spend");
  });

  it("halts when the canary is down or keeps crashing, first of all reasons", () => {
    for (const state of ["down", "crash-looping"] as const) {
      const verdict = judge(
        plan(),
        samples({ errors: good }, at(10), { health: { state, detail: "exit 1" } }),
        healthy,
      );
      expect(verdict.do).toBe("revert");
      expect(verdict.reasons[0]).toMatchObject({ code: "down", sentence: expect.stringContaining("exit 1") });
    }
    const unknown = samples({ errors: good }, at(10), { health: { state: "unknown" } });
    expect(judge(plan(), unknown, healthy).do).toBe("promote");
  });

  it("reverts when the deadline is reached, with too few samples and with a good version alike", () => {
    const due = plan({ deadlineAt: at(10) });
    const inputs: Samples["counts"][] = [{}, { errors: good }];
    for (const counts of inputs) {
      const verdict = judge(due, samples(counts), healthy);
      expect(verdict.do).toBe("revert");
      expect(verdict.reasons[0]?.code).toBe("deadline");
    }
    expect(
      judge(plan({ deadlineAt: new Date(at(10).getTime() + 1) }), samples({ errors: good }), healthy).do,
    ).toBe("promote");
  });
});

describe("what holds", () => {
  it("holds without data, and asks a person after half an hour", () => {
    const early = judge(plan(), samples({}, at(29)), healthy);
    expect(early.do).toBe("hold");
    expect(codes(early)).toContain("no-data");
    expect(codes(early)).not.toContain("ask");
    expect(codes(judge(plan(), samples({}, at(30)), healthy))).toContain("ask");
  });

  it("holds below the minimum of samples and promotes at it", () => {
    const enough = (nc: number) =>
      judge(
        plan({ steps: [{ weightPercent: 50, minDurationSec: 0, minSamples: 100, shareUpperMax: 0.1 }] }),
        samples({ errors: bins([[0, nc, 0, nc]]) }, at(1)),
        healthy,
      );
    expect(codes(enough(99))).toContain("too-few-samples");
    expect(enough(99).do).toBe("hold");
    expect(enough(100).do).toBe("promote");
  });

  it("holds until the step has lasted its time", () => {
    const quick = bins(repeat(4, [25, 2500, 2475, 247_500]));
    expect(codes(judge(plan(), samples({ errors: quick }, at(4)), healthy))).toEqual(["too-early"]);
    expect(judge(plan(), samples({ errors: quick }, at(5)), healthy).do).toBe("promote");
  });

  it("holds on stale data", () => {
    const now = new Date(at(10).getTime() + 300_000);
    expect(judge(plan(), samples({ errors: good }, now), healthy).do).toBe("promote");
    const later = judge(plan(), samples({ errors: good }, new Date(now.getTime() + 1000)), healthy);
    expect(later.do).toBe("hold");
    expect(codes(later)).toContain("stale");
  });

  it("holds when the traffic is not split as the weight says, either way", () => {
    for (const nc of [60, 150]) {
      const odd = bins(repeat(10, [1, nc, 100, 10_000 - nc]));
      expect(codes(judge(plan(), samples({ errors: odd }), healthy))).toContain("split");
    }
    expect(codes(judge(plan(), samples({ errors: good }), healthy))).not.toContain("split");
  });

  it("holds with little budget left unless somebody approved, and with an exhausted one", () => {
    const low: SloState = { ...healthy, remaining: 0.099 };
    const longEnough = at(12);
    expect(codes(judge(plan(), samples({ errors: good }, longEnough), low))).toContain("budget-low");
    expect(judge(plan({ isBudgetOverridden: true }), samples({ errors: good }, longEnough), low).do).toBe(
      "promote",
    );
    const gone: SloState = { ...healthy, state: "exhausted", remaining: -0.4 };
    expect(codes(judge(plan(), samples({ errors: good }, longEnough), gone))).toContain("budget-low");
  });

  it("takes its time while the budget is unknown, without data or half spent", () => {
    const states: SloState[] = [
      { state: "unknown", severity: "none", budgetRatio: 0.001, remaining: null, budgetEvents: null },
      { state: "no-data", severity: "none", budgetRatio: 0.001, remaining: null, budgetEvents: null },
      { ...healthy, remaining: 0.4 },
    ];
    for (const state of states) {
      const start = { stepStartedAt: at(0) };
      const before = judge(plan(start), samples({ errors: good }, new Date(at(10).getTime())), state);
      expect(before.do).toBe("promote");
      const early = judge(plan({ ...start, cautionFactor: 3 }), samples({ errors: good }), state);
      expect(codes(early)).toEqual(["too-early", "budget-unknown"]);
    }
  });

  it("holds a version whose upper bound is too high, and says how high", () => {
    const row = [2, 100, 100, 9900] as const;
    const verdict = judge(
      plan(),
      samples({ errors: bins([...repeat(4, row), [4, 100, 100, 9900]]) }),
      healthy,
    );
    expect(verdict.do).toBe("hold");
    expect(codes(verdict)).toEqual(["not-proven"]);
    expect(verdict.reasons[0]?.sentence).toMatch(
      /2\.4 % vs 1 % stable \(12 of 500\): may be up to 3\.9x stable, limit 3x/,
    );
  });

  it("never promotes without a critical signal that counts", () => {
    const advisory = plan({ signals: [{ ...errors, role: "advisory" } as Signal] });
    expect(codes(judge(advisory, samples({ errors: good }), healthy))).toContain("no-critical-signal");
    expect(judge(plan({ signals: [] }), samples({}), healthy).do).toBe("hold");
  });

  it("mentions an advisory signal and does not let it decide", () => {
    const cart: Signal = { name: "cart", kind: "ratio", role: "advisory" };
    const verdict = judge(
      plan({ signals: [errors, cart] }),
      samples({ errors: good, cart: bins([[40, 100, 0, 9900]]) }),
      healthy,
    );
    expect(verdict.do).toBe("promote");
    expect(codes(verdict)).toEqual(["within-bounds", "advisory"]);
  });
});

describe("what promotes", () => {
  it("promotes a version as good as stable, with the numbers", () => {
    const verdict = judge(plan(), samples({ errors: good }), healthy);
    expect(verdict.do).toBe("promote");
    expect(verdict.reasons[0]?.sentence).toBe("within bounds: errors 1 % vs 1 % stable (n 1000)");
    expect(counted(verdict).canaryBurn).toBeCloseTo(10);
  });

  it("promotes by the canary's own share where stable has no errors to compare with", () => {
    const clean = (n: number) => bins(repeat(10, [0, n / 10, 0, n / 10]));
    const half = plan({ stepIndex: 2 });
    // 95 % upper bound of 0 in n is within 0.1 % from n = 2,995 on.
    expect(judge(half, samples({ errors: clean(2990) }), healthy).do).toBe("hold");
    expect(judge(half, samples({ errors: clean(3000) }), healthy).do).toBe("promote");
    expect(judge(half, samples({ errors: clean(3000) }), { ...healthy, budgetRatio: null }).do).toBe("hold");
  });

  it("asks more of the last step", () => {
    const fine = bins(repeat(10, [10, 1000, 10, 1000]));
    const rows = (xc: number) => bins(repeat(10, [xc, 1000, 10, 1000]));
    expect(judge(plan({ stepIndex: 2 }), samples({ errors: fine }), healthy).do).toBe("promote");
    const odd = rows(13);
    const middle = plan({ stepIndex: 0, steps: [{ weightPercent: 50, minDurationSec: 300 }, ...steps] });
    expect(judge(middle, samples({ errors: odd }), healthy).do).toBe("promote");
    expect(judge(plan({ stepIndex: 2 }), samples({ errors: odd }), healthy).do).toBe("hold");
    const closing = plan({ stepIndex: 2, steps: [...steps, { weightPercent: 100, minDurationSec: 60 }] });
    expect(judge(closing, samples({ errors: odd }), healthy).do).toBe("hold");
  });

  it("promotes on 30 samples where the step declares what bound it is content with", () => {
    const quick: PlanStep = {
      weightPercent: 1,
      minDurationSec: 10,
      minSamples: 30,
      shareUpperMax: { errors: 0.12, slow: 0.3 },
    };
    const demo = plan({ steps: [quick, ...steps], signals: [errors, slow] });
    const counts = { errors: bins([[0, 30, 3, 2970]]), slow: bins([[2, 30, 150, 2970]]) };
    expect(judge(demo, samples(counts, at(1)), healthy).do).toBe("promote");
    const bad = { ...counts, errors: bins([[9, 30, 3, 2970]]) };
    expect(judge(demo, samples(bad, at(1)), healthy).do).toBe("revert");
  });

  it("compares with stable's earlier traffic in a step that leaves it none", () => {
    const full: PlanStep[] = [...steps, { weightPercent: 100, minDurationSec: 60 }];
    const before = bins(repeat(10, [50, 5000, 50, 5000]));
    const after = bins(repeat(5, [100, 10_000, 0, 0]), 10);
    const verdict = judge(
      plan({ steps: full, stepIndex: 3, stepStartedAt: at(10) }),
      samples({ errors: [...before, ...after] }, at(16)),
      healthy,
    );
    expect(verdict.do).toBe("promote");
  });

  it("does not look again before the evidence has doubled", () => {
    // At 500 the first look fails; the next is due at 1,000, though 950 would pass if one peeked.
    const before = [
      [8, 500, 0, 500],
      [0, 450, 0, 450],
    ] as const;
    expect(judge(relaxed, samples({ errors: bins(before) }, at(3)), healthy).do).toBe("hold");
    const doubled = [...before, [0, 50, 0, 50]] as const;
    expect(judge(relaxed, samples({ errors: bins(doubled) }, at(3)), healthy).do).toBe("promote");
  });

  it("forgets a good first look when what is known now is worse", () => {
    const first = [[0, 500, 0, 500]] as const;
    expect(judge(relaxed, samples({ errors: bins(first) }, at(3)), healthy).do).toBe("promote");
    const later = [...first, [30, 500, 0, 500]] as const;
    expect(judge(relaxed, samples({ errors: bins(later) }, at(3)), healthy).do).toBe("hold");
  });

  /** Content with 2 % errors at half the traffic; nothing but the bound decides. */
  const relaxed = plan({
    steps: [{ weightPercent: 50, minDurationSec: 0, shareUpperMax: 0.02 }],
    signals: [{ name: "errors", kind: "ratio", role: "critical", ceilingRatio: null, isBudgetSpent: false }],
    alpha: 1e-12,
  });
});

describe("domain figures", () => {
  const orders: Signal = { name: "orders", kind: "kpi", role: "critical" };
  const judged = (rows: readonly (readonly [number, number, number, number])[], change: Partial<Plan> = {}) =>
    judge(
      plan({ signals: [errors, orders], ...change }),
      samples({ errors: good, orders: bins(rows) }),
      healthy,
    );

  it("reverts when the canary has too few orders for the requests it got, errors healthy", () => {
    const verdict = judged(repeat(10, [1, 100, 400, 9900]));
    expect(verdict.do).toBe("revert");
    expect(verdict.reasons[0]).toMatchObject({
      code: "relative-harm",
      signal: "orders",
      sentence: expect.stringMatching(/^orders 1 % vs 4 % stable \(10 for 1000\), E \S+ ≥ 211$/),
    });
  });

  it("promotes on as many, on more, and where orders outnumber requests", () => {
    expect(judged(repeat(10, [4, 100, 400, 9900])).do).toBe("promote");
    expect(judged(repeat(10, [40, 100, 400, 9900])).do).toBe("promote");
    expect(judged(repeat(10, [120, 100, 11_880, 9900])).do).toBe("promote");
  });

  it("takes a level of traffic for what it is: fewer orders of fewer requests are no harm", () => {
    const night = bins([[4, 100, 400, 9900], [1, 25, 100, 2475], ...repeat(8, [4, 100, 400, 9900] as const)]);
    const verdict = judge(
      plan({ signals: [errors, orders] }),
      samples({ errors: good, orders: night }),
      healthy,
    );
    expect(verdict.do).toBe("promote");
    expect(counted(verdict, 1).e).toBeLessThan(1);
  });

  it("holds while the loss that may be is beyond the margin, and allows what is declared", () => {
    const few = judged(repeat(10, [1, 100, 100, 9900]), {
      steps: [{ weightPercent: 1, minDurationSec: 300, harmRatioMax: 1.2 }],
    });
    expect(codes(few)).toContain("not-proven");
    expect(few.reasons.find(({ signal }) => signal === "orders")?.sentence).toMatch(/x fewer than stable/);
    const loss = repeat(10, [2, 100, 400, 9900] as const);
    const e = (allowed: number) =>
      counted(
        judged(loss, { signals: [errors, { ...orders, harmAllowed: { relative: allowed } } as Signal] }),
        1,
      ).e;
    expect(e(0)).toBeGreaterThan(e(0.3));
    expect(e(0.5)).toBeLessThan(1);
  });

  it("can be a figure of which more is worse", () => {
    const refunds: Signal = { ...orders, name: "orders", direction: "higher-is-worse" } as Signal;
    const verdict = judged(repeat(10, [8, 100, 200, 9900]), { signals: [errors, refunds] });
    expect(verdict.do).toBe("revert");
  });
});

describe("what no data means", () => {
  const cart = (noData: "hold" | "revert" | "ignore"): Signal =>
    ({ name: "cart", kind: "ratio", role: "critical", noData }) as Signal;
  const judged = (noData: "hold" | "revert" | "ignore", minutes = 10, only = false) =>
    judge(
      plan({ signals: only ? [cart(noData)] : [errors, cart(noData)], staleAfterSec: 300 }),
      samples({ errors: good }, at(minutes)),
      healthy,
    );

  it("holds by default, goes back or goes on as declared, and never promotes on nothing at all", () => {
    expect(judged("hold").do).toBe("hold");
    expect(judged("revert").do).toBe("revert");
    expect(judged("revert").reasons[0]).toMatchObject({ code: "no-data", signal: "cart" });
    expect(judged("revert", 5).do).toBe("hold");
    expect(judged("ignore").do).toBe("promote");
    expect(codes(judged("ignore", 10, true))).toContain("no-critical-signal");
  });
});

describe("what a rollout spent of the budget", () => {
  const spentOf = (counts: readonly CountBin[]) =>
    judge(plan({ stepIndex: 2 }), samples({ errors: counts }, at(20)), healthy).budgetSpent?.share;

  it("is counted bin by bin: an incident that both sides share is not the canary's for having had more traffic then", () => {
    const quiet = repeat(10, [0, 100, 10, 9_900] as const);
    const incident = repeat(10, [250, 5_000, 250, 5_000] as const);
    expect(spentOf(bins([...quiet, ...incident]))).toBe(0);
    const own = repeat(10, [300, 5_000, 250, 5_000] as const);
    expect(spentOf(bins([...quiet, ...own]))).toBeCloseTo((500 - (10 * 10) / 99) / 260_000, 5);
  });

  it("is not hidden by an incident that was before", () => {
    const incident = repeat(10, [5, 100, 495, 9_900] as const);
    const own = repeat(10, [100, 5_000, 5, 5_000] as const);
    expect(spentOf(bins([...incident, ...own]))).toBeCloseTo(950 / 260_000, 5);
  });
});

describe("a step's time", () => {
  const late = (onTimeUp?: Plan["onTimeUp"]) =>
    judge(plan({ ...(onTimeUp ? { onTimeUp } : {}) }), samples({}, at(30)), healthy);

  it("ends as the plan says: a person asked, waiting on, or going back", () => {
    expect(codes(late())).toContain("ask");
    expect(late().do).toBe("hold");
    expect(codes(late("hold"))).not.toContain("ask");
    expect(late("hold").do).toBe("hold");
    expect(late("revert").do).toBe("revert");
    expect(late("revert").reasons[0]?.code).toBe("time-up");
  });

  it("is not up before the step could have been judged at all", () => {
    const needs = (step: Partial<PlanStep>, minutes: number, slo = healthy) =>
      judge(
        plan({ onTimeUp: "revert", steps: [{ ...steps[0], ...step } as PlanStep] }),
        samples({ errors: bins(repeat(minutes - 1, [0, 5, 0, 495])) }, at(minutes)),
        slo,
      ).do;
    expect([needs({}, 29), needs({}, 30)]).toEqual(["hold", "revert"]);
    expect([needs({ minDurationSec: 3_600 }, 59), needs({ minDurationSec: 3_600 }, 60)]).toEqual([
      "hold",
      "revert",
    ]);
    const little = { ...healthy, remaining: 0.4 };
    expect(needs({ minDurationSec: 1_200 }, 39, little)).toBe("hold");
    expect(needs({ minDurationSec: 1_200 }, 40, little)).toBe("revert");
    expect([needs({ expectedSec: 5_400 }, 89), needs({ expectedSec: 5_400 }, 90)]).toEqual([
      "hold",
      "revert",
    ]);
  });
});

describe("alerts on the canary", () => {
  const judged = (alerts: Samples["alerts"], errorBins = good) =>
    judge(plan(), samples({ errors: errorBins }, at(10), { alerts }), healthy);
  const alert = { name: "HighMemory", severity: "warning", isOnStable: false } as const;

  it("revert when critical and on the canary alone, hold when less", () => {
    expect(judged([{ ...alert, severity: "critical" }]).reasons[0]).toMatchObject({ code: "alert" });
    expect(judged([{ ...alert, severity: "critical" }]).do).toBe("revert");
    expect(judged([alert]).do).toBe("hold");
    expect(codes(judged([alert]))).toContain("alert-hold");
  });

  it("say nothing against the canary when stable's instances have them too", () => {
    expect(judged([{ ...alert, severity: "critical", isOnStable: true }]).do).toBe("promote");
  });

  it("make less evidence enough", () => {
    const worse = bins(repeat(10, [2, 100, 100, 9900]));
    expect(judged([], worse).do).not.toBe("revert");
    expect(judged([alert], worse).do).toBe("revert");
  });
});

describe("thirty services that burn through one dependency", () => {
  /** A small generator with a seed (mulberry32). */
  const seeded = (seed: number) => {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  };
  const drawn = (n: number, p: number, random: () => number) => {
    let hits = 0;
    for (let i = 0; i < n; i += 1) if (random() < p) hits += 1;
    return hits;
  };
  const burning: SloState = { ...healthy, state: "burning", severity: "page" };

  it("goes back with the one whose canary is worse, and holds the others, but for one by chance", () => {
    const steps_: PlanStep[] = [1, 10, 50].map((weightPercent) => ({ weightPercent, minDurationSec: 600 }));
    const reverted: string[] = [];
    for (let service = 0; service < 31; service += 1) {
      const random = seeded(2_000 + service);
      const memory = createJudgeMemory();
      const stepIndex = service % 3;
      const share = [0.01, 0.1, 0.5][stepIndex] as number;
      const isGuilty = service === 30;
      const rows: [number, number, number, number][] = [];
      const all: CountBin[] = [];
      for (let look = 0; look < 30; look += 1) {
        // From the tenth minute on the dependency fails: half of all requests, on both sides.
        const bad = look < 10 ? 0.002 : 0.5;
        const nc = drawn(1_200, share, random);
        const row: [number, number, number, number] = [
          drawn(nc, isGuilty && look >= 10 ? 0.9 : bad, random),
          nc,
          drawn(1_200 - nc, bad, random),
          1_200 - nc,
        ];
        rows.push(row);
        all.push(...bins([row], look));
        const verdict = judge(
          plan({ steps: steps_, stepIndex }),
          samples({ errors: all }, at(look + 1)),
          look < 10 ? healthy : burning,
          memory,
        );
        if (verdict.do === "revert") {
          reverted.push(isGuilty ? "guilty" : `service ${service}: ${verdict.reasons[0]?.sentence}`);
          break;
        }
        if (look >= 10) expect([verdict.do, verdict.reasons[0]?.code]).toEqual(["hold", "budget-burn"]);
      }
    }
    // Less evidence is enough while users are hurt: of a good canary it shows in one to three rollouts of a hundred.
    expect(reverted).toContain("guilty");
    expect(reverted.length).toBeLessThanOrEqual(2);
  });
});

describe("gauges", () => {
  const memory: GaugeSignal = {
    name: "memory",
    kind: "gauge",
    role: "critical",
    haltAbove: 900,
    holdAbove: 700,
    unit: "MB",
  };
  const levels = (values: readonly number[], stable: number | null = 500) =>
    values.map((canary, i) => ({ startMs: at(7 + i).getTime(), endMs: at(8 + i).getTime(), canary, stable }));
  const judged = (values: readonly number[], signal = memory) =>
    judge(
      plan({ signals: [errors, signal] }),
      samples({ errors: good }, at(10), { gauges: { memory: levels(values) } }),
      healthy,
    );

  it("halts or holds only when the limit is passed three times in a row", () => {
    expect(judged([950, 950, 950]).reasons[0]).toMatchObject({
      code: "gauge-halt",
      sentence: "memory 950 MB, above 900 MB 3 times in a row",
    });
    expect(judged([950, 600, 950]).do).toBe("promote");
    expect(judged([800, 800, 800]).do).toBe("hold");
    expect(judged([700, 700, 700]).do).toBe("promote");
  });

  it("holds without readings and on too many times stable's level", () => {
    expect(codes(judged([]))).toContain("no-data");
    expect(codes(judged([600, 600]))).toContain("too-few-samples");
    const ratio: GaugeSignal = { name: "memory", kind: "gauge", role: "critical", holdAboveRatio: 1.1 };
    expect(codes(judged([600, 600, 600], ratio))).toContain("gauge-hold");
    expect(judged([540, 540, 540], ratio).do).toBe("promote");
  });

  it("compares with stable at the same moments and only holds, whatever the sizes", () => {
    const level: GaugeSignal = {
      name: "memory",
      kind: "gauge",
      role: "critical",
      isCompared: true,
      unit: "MB",
    };
    const pairs = (rows: readonly (readonly [number, number | null])[]) =>
      rows.map(([canary, stable], i) => ({
        startMs: at(i).getTime(),
        endMs: at(i + 1).getTime(),
        canary,
        stable,
      }));
    const verdictOf = (rows: readonly (readonly [number, number | null])[], signal = level) =>
      judge(
        plan({ signals: [errors, signal] }),
        samples({ errors: bins(repeat(rows.length, [1, 100, 100, 9900])) }, at(rows.length), {
          gauges: { memory: pairs(rows) },
        }),
        healthy,
      );
    const busy = [500, 900, 300, 700, 500, 800, 400, 600, 500, 700];
    // As busy as stable at the same moments, however both move; one outlier changes nothing.
    expect(verdictOf(busy.map((x, i) => [i === 4 ? 1e9 : x * 1.05, x] as const)).do).toBe("promote");
    const worse = verdictOf([...repeat(8, [520, 500] as const), [600, 500], [600, 500], [520, 500]]);
    expect(worse.do).toBe("promote");
    const all = verdictOf(busy.map((x) => [x * 1.2, x] as const));
    expect(all.do).toBe("hold");
    expect(all.reasons[0]).toMatchObject({
      code: "gauge-hold",
      signal: "memory",
      sentence: expect.stringMatching(
        /^memory 110 MB above stable in the middle of 10 readings, worse in 10/,
      ),
    });
    expect(
      verdictOf(
        busy.map((x) => [x * 1.2, x] as const),
        { ...level, harmAllowed: { relative: 0.3 } },
      ).do,
    ).toBe("promote");
    expect(verdictOf(busy.map((x) => [x * 1.2, null] as const)).do).toBe("promote");
    const mixed = verdictOf([...repeat(3, [500, 500] as const), ...repeat(14, [560, 500] as const)], {
      ...level,
      harmAllowed: { absolute: 50 },
    });
    expect(mixed.signals[1]).toMatchObject({ medianDifference: 60 });
    expect(mixed.do).toBe("hold");
    const less: GaugeSignal = { ...level, direction: "lower-is-worse" };
    expect(
      verdictOf(
        busy.map((x) => [x * 0.8, x] as const),
        less,
      ).do,
    ).toBe("hold");
    expect(
      verdictOf(
        busy.map((x) => [x * 1.2, x] as const),
        less,
      ).do,
    ).toBe("promote");
  });

  it("only mentions an advisory one", () => {
    const verdict = judged([950, 950, 950], { ...memory, role: "advisory" });
    expect(verdict.do).toBe("promote");
    expect(codes(verdict)).toContain("advisory");
  });
});

describe("readings that make no sense", () => {
  const [bin] = bins([[0, 100, 1, 9900]]);
  if (!bin) throw new Error("no bin");
  const odd: Record<string, CountBin> = {
    "not a number": { ...bin, canary: { bad: Number.NaN, total: 100 } },
    infinite: { ...bin, stable: { bad: 0, total: Number.POSITIVE_INFINITY } },
    negative: { ...bin, canary: { bad: -1, total: 100 } },
    "more bad than total": { ...bin, canary: { bad: 101, total: 100 } },
    "no time": { ...bin, endMs: bin.startMs },
    "time backwards": { ...bin, endMs: bin.startMs - 1 },
    "not over yet": { ...bin, endMs: at(10).getTime() + 1 },
  };
  for (const [what, broken] of Object.entries(odd)) {
    it(`drops and reports a bin with ${what}`, () => {
      const verdict = judge(plan(), samples({ errors: [broken] }), healthy);
      expect(counted(verdict).droppedBins).toBe(1);
      expect(codes(verdict)).toEqual(expect.arrayContaining(["no-data", "bins-dropped"]));
      expect(verdict.do).toBe("hold");
    });
  }

  it("counts a bin given twice once, and one that goes back in time not at all", () => {
    const twice = judge(plan(), samples({ errors: [bin, bin] }), healthy);
    expect(counted(twice)).toMatchObject({ droppedBins: 1, canary: { total: 100 } });
    const back = judge(plan(), samples({ errors: [...bins([[0, 5, 0, 95]], 5), bin] }), healthy);
    expect(counted(back)).toMatchObject({ droppedBins: 1, canary: { total: 5 } });
  });

  it("goes on when few of many are odd", () => {
    const one = { ...bin, startMs: at(9).getTime(), endMs: at(10).getTime(), canary: { bad: 2, total: 1 } };
    expect(judge(plan(), samples({ errors: [...good.slice(0, 9), one] }), healthy).do).toBe("promote");
  });

  it("refuses a step the plan does not have", () => {
    expect(() => judge(plan({ stepIndex: 3 }), samples({ errors: good }), healthy)).toThrow(/stepIndex 3/);
  });
});

describe("for any input", () => {
  const number = fc.oneof(
    fc.integer({ min: 0, max: 5000 }),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 1e12),
  );
  const counts = fc.record({ bad: number, total: number });
  const minutes = fc.integer({ min: -10, max: 300 });
  const anyBin = fc.record({
    from: minutes,
    length: fc.integer({ min: -1, max: 5 }),
    canary: counts,
    stable: counts,
  });
  const anySlo: fc.Arbitrary<SloState> = fc.record({
    state: fc.constantFrom("healthy", "burning", "exhausted", "unknown", "no-data"),
    severity: fc.constantFrom("page", "ticket", "none"),
    budgetRatio: fc.constantFrom(null, 0.001, 0.05),
    remaining: fc.constantFrom(null, 0.8, 0.3, 0.05, -2),
    budgetEvents: fc.constantFrom(null, 0, 1000, 1e9),
  });
  const anyCase = fc.record({
    rows: fc.array(anyBin, { maxLength: 12 }),
    now: minutes,
    stepIndex: fc.integer({ min: 0, max: 2 }),
    slo: anySlo,
  });
  const run = ({
    rows,
    now,
    stepIndex,
    slo,
  }: {
    rows: { from: number; length: number; canary: CountBin["canary"]; stable: CountBin["stable"] }[];
    now: number;
    stepIndex: number;
    slo: SloState;
  }) => {
    const all = rows.map(({ from, length, canary, stable }) => ({
      startMs: at(from).getTime(),
      endMs: at(from + length).getTime(),
      canary,
      stable,
    }));
    return judge(
      plan({ stepIndex, signals: [errors, slow] }),
      samples({ errors: all, slow: all }, at(now)),
      slo,
    );
  };

  it("gives a verdict with a reason that reads as a sentence and survives JSON", () => {
    fc.assert(
      fc.property(anyCase, (input) => {
        const verdict = run(input);
        expect(["promote", "hold", "revert"]).toContain(verdict.do);
        expect(verdict.reasons.length).toBeGreaterThan(0);
        for (const { code, sentence } of verdict.reasons) {
          expect(reasonCodes).toContain(code);
          expect(sentence).not.toMatch(/NaN|undefined|null|Infinity/);
        }
        expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
        expect(verdict.alphaSpent).toBeLessThanOrEqual(0.01 + 1e-12);
        expect(run(input)).toEqual(verdict);
      }),
      { numRuns: 300 },
    );
  });

  it("gives the same verdict with a memory of earlier looks as without", () => {
    const row = fc.tuple(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 50, max: 400 }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 900, max: 5000 }),
    );
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 2, maxLength: 20 }),
        fc.integer({ min: 1, max: 19 }),
        (rows, stepAt) => {
          const memory = createJudgeMemory();
          const all = bins(rows);
          for (let look = 1; look <= all.length; look += 1) {
            const isSecond = look > stepAt;
            const at_ = plan({
              signals: [errors, slow],
              stepIndex: isSecond ? 1 : 0,
              stepStartedAt: at(isSecond ? stepAt : 0),
            });
            // The last one is not over yet at every other look, and sometimes all bins are new objects.
            const known = look % 5 === 4 ? bins(rows).slice(0, look) : all.slice(0, look);
            const now = new Date(at(look).getTime() - (look % 2) * 1000);
            const input = samples({ errors: known, slow: known }, now);
            expect(judge(at_, input, healthy, memory)).toEqual(judge(at_, input, healthy));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("never promotes with fewer samples than the step asks for, after the deadline or while a page burns", () => {
    fc.assert(
      fc.property(anyCase, (input) => {
        const verdict = run(input);
        const isShort = verdict.signals.some((s) => s.kind !== "gauge" && s.canary.total < 500);
        const mayNot =
          isShort || input.now >= 240 || input.slo.severity === "page" || input.slo.state === "exhausted";
        if (mayNot) expect(verdict.do).not.toBe("promote");
        if (input.now >= 240) expect(verdict.do).toBe("revert");
      }),
      { numRuns: 300 },
    );
  });
});
