import { describe, expect, it } from "vitest";
import { judge, type Plan, type Samples, type SloState } from "../../../src/features/rollouts/judge.ts";
import { judgeFileOf, readJudgeInput } from "../../../src/features/rollouts/judge-file.ts";

const startMs = Date.UTC(2026, 2, 1, 12);
const at = (minutes: number) => new Date(startMs + minutes * 60_000);
const slo: SloState = {
  state: "burning",
  severity: "page",
  budgetRatio: 0.001,
  remaining: 0.4,
  budgetEvents: 26_000,
};
const plan: Plan = {
  steps: [
    { weightPercent: 1, minDurationSec: 300.001, minSamples: 30, shareUpperMax: { errors: 0.12 } },
    { weightPercent: 50, minDurationSec: 600, confidence: 0.9, harmRatioMax: 2 },
  ],
  stepIndex: 1,
  stepStartedAt: at(5),
  deadlineAt: at(90),
  signals: [
    { name: "errors", kind: "ratio", role: "critical", ceilingRatio: null, harmAllowed: { relative: 0.1 } },
    { name: "orders", kind: "kpi", role: "critical", direction: "lower-is-worse", noData: "ignore" },
    { name: "memory", kind: "gauge", role: "critical", haltAbove: 900, isCompared: true, unit: "MB" },
  ],
  staleAfterSec: 44,
  askAfterSec: 1_800,
  onTimeUp: "revert",
  budgetSpendMax: 0.02,
  budgetLeftMin: 0,
  cautionFactor: 1,
};
const spans = Array.from({ length: 20 }, (_, i) => ({
  startMs: at(i).getTime(),
  endMs: at(i + 1).getTime(),
}));
const samples: Samples = {
  now: at(20),
  counts: {
    errors: spans.map((span, i) => ({
      ...span,
      canary: { bad: i === 7 ? Number.NaN : i % 3, total: 60 },
      stable: { bad: 9 + (i % 5), total: 5_940 },
    })),
    orders: spans.map((span) => ({
      ...span,
      canary: { bad: 2, total: 60 },
      stable: { bad: 240, total: 5_940 },
    })),
  },
  gauges: { memory: spans.map((span, i) => ({ ...span, canary: 500 + i, stable: i === 3 ? null : 500 })) },
  alerts: [{ name: "Slow", severity: "warning", isOnStable: true }],
  health: { state: "serving", detail: "2 of 2 pods ready" },
};

const written = (): string =>
  JSON.stringify(judgeFileOf({ plan, samples, slo }, { about: "R-1", recorded: judge(plan, samples, slo) }));
const read = (content: unknown, own?: string) =>
  readJudgeInput(
    { file: "samples.json", text: typeof content === "string" ? content : JSON.stringify(content) },
    own === undefined ? undefined : { file: "plan.yaml", text: own },
  );
const bins = (...rows: (readonly [number | null, number | null, number, number])[]) =>
  rows.map(([xc, nc, xb, nb], i) => ({
    from: at(i).toISOString(),
    to: at(i + 1).toISOString(),
    canary: { bad: xc, total: nc },
    stable: { bad: xb, total: nb },
  }));
const judged = (content: unknown, own?: string) => {
  const input = read(content, own);
  return judge(input.plan, input.samples, input.slo);
};
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was wrong with it");
};

describe("recorded data", () => {
  it("written and read again gives the verdict that was recorded", () => {
    const input = read(written());
    expect(judge(input.plan, input.samples, input.slo)).toEqual(judge(plan, samples, slo));
    expect(input.plan).toEqual(plan);
    expect(JSON.parse(written()).recorded.do).toBe(judge(plan, samples, slo).do);
  });

  it("needs no plan: counts are critical ratios, split as they were", () => {
    const bad = judged({ counts: { errors: bins([9, 29, 3, 2871]) } });
    expect(bad).toMatchObject({ do: "revert", reasons: [{ code: "ceiling" }, { code: "relative-harm" }] });
    const few = judged({ counts: { errors: bins([0, 29, 3, 2871]) } });
    expect(few.do).toBe("hold");
    expect(few.reasons.map(({ code }) => code)).not.toContain("split");
  });

  it("takes the plan from a file of YAML", () => {
    const own = `
steps:
  - { weightPercent: 1, minDuration: 0s, minSamples: 20, shareUpperMax: 0.2 }
signals:
  - { name: errors, kind: ratio, ceilingRatio: null }
noVerdict: { after: 10m, do: revert }
cautionFactor: 1
`;
    expect(judged({ counts: { errors: bins([0, 29, 3, 2871]) } }, own).do).toBe("promote");
    expect(judged({ counts: {}, now: at(11).toISOString() }, own)).toMatchObject({ do: "hold" });
  });

  it("drops a bin with null in place of a number, and says so", () => {
    const verdict = judged({ counts: { errors: bins([0, null, 3, 2871], [null, 29, 3, 2871]) } });
    expect(verdict.signals[0]).toMatchObject({ droppedBins: 2 });
    expect(verdict.reasons.map(({ code }) => code)).toContain("bins-dropped");
  });

  it("names every field that is wrong, in the samples and in the plan", () => {
    const broken = {
      now: "noon",
      counts: {
        errors: [{ from: at(0).toISOString(), to: at(1).toISOString(), canary: { bad: "x", total: 1 } }],
      },
      color: "red",
    };
    const message = messageOf(() => read(broken));
    expect(message).toMatch(/^samples.json cannot be judged:/);
    for (const line of [
      "now: must be a time such as 2026-03-01T12:00:00Z",
      "counts.errors.0.canary.bad: ",
      "counts.errors.0.stable: is missing; add it",
      "color: is not a field here; remove it",
    ])
      expect(message).toContain(line);
    expect(messageOf(() => read("{"))).toContain("the file is no JSON");
    expect(messageOf(() => read({}))).toContain("now: is missing");
    const own = messageOf(() => read({ counts: {} }, "steps: []\nsignals: [{ name: a, kind: ratios }]"));
    expect(own).toContain("plan.yaml cannot be judged:");
    expect(own).toContain("steps: needs a step");
    expect(own).toContain("signals.0.kind: ");
    const past = messageOf(() =>
      read(
        { now: at(1).toISOString() },
        "stepIndex: 3\nsteps: [{ weightPercent: 1 }]\nsignals: [{ name: a, kind: ratio }]",
      ),
    );
    expect(past).toContain("stepIndex: 3 is outside the plan's 1 steps");
  });
});
