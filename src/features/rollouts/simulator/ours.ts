/** The judge of rollouts on a simulated run: the very function that decides for real, look by look. Pure. */
import {
  type CountBin,
  createJudgeMemory,
  type GaugeBin,
  judge,
  type Plan,
  type Signal,
  type SloState,
  type Verdict,
} from "../judge.ts";
import type { Scenario } from "./scenario.ts";
import type { Look, SideLook, World } from "./world.ts";

/** Neither budget nor SLO: the rivals know none either. */
const noSlo: SloState = {
  state: "healthy",
  severity: "none",
  budgetRatio: null,
  remaining: 1,
  budgetEvents: null,
};

/** Every signal critical, all else as a plan has it that says nothing. */
export function planOf(scenario: Scenario): Omit<Plan, "stepIndex" | "stepStartedAt"> {
  const { plan, service } = scenario;
  const lastsMs = plan.steps.reduce((sum, { lasts }) => sum + lasts, 0);
  return {
    steps: plan.steps.map(({ weightPercent, lasts }) => ({ weightPercent, minDurationSec: lasts / 1_000 })),
    // Time alone must not revert here: what is asked is whether harm is seen.
    deadlineAt: new Date(lastsMs * 100),
    signals: [
      { name: "errors", kind: "ratio", role: "critical" },
      { name: "latency", kind: "latency", role: "critical" },
      ...(service.ordersPer100 === undefined
        ? []
        : [{ name: "orders", kind: "kpi", role: "critical" } as const]),
      ...(service.memory === undefined ? [] : [memorySignal(service.memory.ceiling)]),
    ],
  };
}

const memorySignal = (ceiling: number | undefined): Signal => ({
  name: "memory",
  kind: "gauge",
  role: "critical",
  ...(ceiling === undefined ? {} : { haltAbove: ceiling }),
});

/** One verdict a look, up to the first revert. */
export function* verdicts(world: World, looks: readonly Look[]): Generator<Verdict> {
  const { scenario } = world;
  const plan = planOf(scenario);
  const slowFrom = scenario.service.bucketsMs.indexOf(scenario.service.slowAboveMs) + 1;
  const errors: CountBin[] = [];
  const latency: CountBin[] = [];
  const memory: GaugeBin[] = [];
  const orders: CountBin[] = [];
  const counts = { errors, latency, orders };
  const kept = createJudgeMemory();
  const gauges = { memory };
  let stepIndex = 0;
  let stepStartedAt = new Date(0);
  for (const look of looks) {
    if (look.stepIndex !== stepIndex) {
      stepIndex = look.stepIndex;
      stepStartedAt = new Date(look.startMs);
    }
    const { startMs, endMs, canary, stable } = look;
    errors.push({ startMs, endMs, canary: failed(canary), stable: failed(stable) });
    latency.push({ startMs, endMs, canary: slow(canary, slowFrom), stable: slow(stable, slowFrom) });
    if (canary.orders !== null) orders.push({ startMs, endMs, canary: sold(canary), stable: sold(stable) });
    if (canary.memory !== null) memory.push({ startMs, endMs, canary: canary.memory, stable: stable.memory });
    const verdict = judge(
      { ...plan, stepIndex, stepStartedAt },
      { now: new Date(endMs), counts, gauges },
      noSlo,
      kept,
    );
    yield verdict;
    if (verdict.do === "revert") return;
  }
}

/** The look at which it reverts, counted from 0; undefined: never. */
export function revertAt(world: World, looks: readonly Look[]): number | undefined {
  let at = 0;
  for (const verdict of verdicts(world, looks)) {
    if (verdict.do === "revert") return at;
    at += 1;
  }
  return undefined;
}

const failed = ({ bad, total }: SideLook) => ({ bad, total });

/** Orders for the requests that could have led to one. */
const sold = ({ orders, total }: SideLook) => ({ bad: orders ?? 0, total });

const slow = ({ buckets, total }: SideLook, from: number) => ({
  bad: buckets.reduce((sum, count, i) => (i >= from ? sum + count : sum), 0),
  total,
});
