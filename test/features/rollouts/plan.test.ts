import { beforeAll, describe, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import { rolloutSchema, strategyOf } from "../../../src/catalog/rollout.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { policiesSchema } from "../../../src/catalog/services.ts";
import { expectedOf } from "../../../src/features/rollouts/expected.ts";
import {
  type PlanFacts,
  type PlanOptions,
  planRollout,
  type RolloutPlan,
} from "../../../src/features/rollouts/plan.ts";
import { expectedText, planText, slowText } from "../../../src/features/rollouts/plan-text.ts";
import { rateFrom } from "../../../src/features/rollouts/todays-traffic.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
let catalog: Catalog;

beforeAll(async () => {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  catalog = loaded.catalog;
});

function plan(rollout: unknown, options: PlanOptions & Partial<PlanFacts> = {}) {
  const services = catalog.services.map((service) =>
    service.name === "shop"
      ? { ...service, rollout: rollout === undefined ? undefined : rolloutSchema.parse(rollout) }
      : service,
  );
  return planRollout({ ...catalog, services }, "shop", { catalogDigest: "d", lagMs: 2_000, ...options });
}

function planned(...args: Parameters<typeof plan>): { plan: RolloutPlan; deadlineMs: number } {
  const made = plan(...args);
  if (!made.ok) throw new Error(made.refusal.message);
  return made.value;
}

const weights = (made: { plan: RolloutPlan }) => made.plan.steps.map(({ weightPercent }) => weightPercent);
const waiting = (made: { plan: RolloutPlan }) =>
  made.plan.steps.filter(({ waitForPerson }) => waitForPerson).map(({ weightPercent }) => weightPercent);
const refusal = (...args: Parameters<typeof plan>) => {
  const made = plan(...args);
  return made.ok ? "" : `${made.refusal.rule}: ${made.refusal.message} ${made.refusal.hint}`;
};

const steps = (...all: (number | [number, object])[]) => ({
  steps: all.map((one) =>
    typeof one === "number" ? { weightPercent: one } : { weightPercent: one[0], ...one[1] },
  ),
});

describe("a strategy", () => {
  it("is 1, 10, 50, 100 percent of ten minutes and 500 requests each where a service declares none", () => {
    const made = planned(undefined);
    expect(weights(made)).toEqual([1, 10, 50, 100]);
    expect(made.plan.steps.map(({ minDuration, minSamples }) => [minDuration, minSamples])).toEqual(
      Array.from({ length: 4 }, () => [10 * minuteMs, 500]),
    );
    expect(made).toMatchObject({
      deadlineMs: 2 * hourMs,
      plan: { strategy: "canary", watchMs: 15 * minuteMs },
    });
  });

  it("that only says canary, or only a watch, has the same steps", () => {
    expect(weights(planned({ strategy: "canary", watch: "5m" }))).toEqual([1, 10, 50, 100]);
    expect(planned({ watch: "5m" }).plan.watchMs).toBe(5 * minuteMs);
  });

  it("of blue-green previews without users and moves everything in one step", () => {
    const made = planned({
      strategy: "blueGreen",
      preview: { minDuration: "2m", waitForPerson: true },
      switch: { minSamples: 50 },
      warmUp: { path: "/healthz" },
    });
    expect(made.plan).toMatchObject({
      strategy: "blueGreen",
      steps: [
        { weightPercent: 0, minDuration: 2 * minuteMs, waitForPerson: true },
        { weightPercent: 100, minDuration: 5 * minuteMs, minSamples: 50 },
      ],
      warmUp: { path: ["/healthz"], requests: 5, withinMs: 1_000 },
    });
    expect(weights(planned({ strategy: "blueGreen" }))).toEqual([0, 100]);
  });

  it.each([
    [{ strategy: "rainbow" }, "strategy"],
    [{ strategy: "blueGreen", steps: [{ weightPercent: 100 }] }, "steps"],
    [{ steps: [{ weightPercent: 0 }, { weightPercent: 100 }] }, "steps.0.weightPercent"],
    [{ warmUp: { path: "healthz" } }, "warmUp.path"],
    [{ warmUp: { path: "//evil.example/" } }, "warmUp.path"],
    [{ warmUp: { path: "/", withinMs: 0 } }, "warmUp.withinMs"],
  ])("that cannot be is refused naming the field: %j", (declared, field) => {
    const parsed = rolloutSchema.safeParse(declared);
    const said = JSON.stringify(parsed.error?.issues);
    const paths = parsed.error?.issues.map(({ path }) => path.join("."));
    expect(said === undefined ? "" : `${paths} ${said}`).toContain(field);
  });

  it("takes the deadline of the policies, which is never past the longest", () => {
    const usual = (rollout: object) => policiesSchema.parse({ rollout }).rollout.deadline;
    expect([usual({}), usual({ deadlineMax: "1h" }), usual({ deadline: "3h" })]).toEqual([
      2 * hourMs,
      hourMs,
      3 * hourMs,
    ]);
    expect(policiesSchema.safeParse({ rollout: { deadline: "7h" } }).error?.issues[0]).toMatchObject({
      path: ["rollout", "deadline"],
    });
    expect(strategyOf(undefined, 5).deadline).toBe(5);
    expect(strategyOf(rolloutSchema.parse({ deadline: "1h" }), 5).deadline).toBe(hourMs);
  });
});

describe("options", () => {
  const waits = steps(1, [10, { waitForPerson: true }], 50, 100);

  it.each([
    [[1, 10, 50, 100], [10]],
    [[1, 5, 50, 100], [5]],
    [[1, 100], [1]],
    [[1, 10, 20, 100], [10]],
    [[10, 100], [10]],
  ])("of steps %j wait for a person at %j where the catalog waits at 10", (chosen, expected) => {
    expect(waiting(planned(waits, { steps: chosen }))).toEqual(expected);
  });

  it("cannot leave out the step at which somebody is waited for", () => {
    expect(refusal(waits, { steps: [20, 100] })).toContain("steps-keep-waits: At 10 percent");
    expect(refusal(waits, { steps: [20, 100] })).toContain("--steps 10,20,100");
  });

  it("choose no steps of a blue-green rollout and only lengthen its preview", () => {
    const blueGreen = { strategy: "blueGreen" };
    expect(refusal(blueGreen, { steps: [50, 100] })).toContain("steps-of-a-canary");
    expect(refusal(blueGreen, { holdMs: 30_000 })).toContain("hold-only-longer");
    const held = planned(blueGreen, { holdMs: 3 * minuteMs }).plan.steps;
    expect(held.map(({ minDuration }) => minDuration)).toEqual([3 * minuteMs, 5 * minuteMs]);
  });
});

describe("care", () => {
  const care = { why: "half is left", holdFactor: 2, stepMaxPercent: 25, isApproved: false };

  it("waits once, at the step itself and not at those put before it", () => {
    const made = planned(steps(1, [50, { waitForPerson: true }], 100), { care });
    expect(weights(made)).toEqual([1, 25.5, 50, 75, 100]);
    expect(waiting(made)).toEqual([50]);
  });

  it("asks for somebody to promote the preview where all traffic moves at once", () => {
    const made = planned({ strategy: "blueGreen" }, { care });
    expect(made.plan.steps).toMatchObject([
      { weightPercent: 0, minDuration: 2 * minuteMs, waitForPerson: true },
      { weightPercent: 100, minDuration: 10 * minuteMs },
    ]);
  });

  it("takes no weight that the traffic cannot be split by", () => {
    expect(weights(planned(undefined, { care, weights: [5, 30, 50] }))).toEqual([5, 30, 50, 100]);
  });
});

describe("traffic that takes only some shares", () => {
  it.each([
    [null, [1, 10, 50, 100]],
    [
      [1, 10, 50],
      [1, 10, 50, 100],
    ],
    [
      [5, 25],
      [5, 25, 100],
    ],
    [
      [0, 20, 60, 100],
      [20, 60, 100],
    ],
  ])("%j gives the steps %j", (possible, expected) => {
    expect(weights(planned(undefined, { weights: possible }))).toEqual(expected);
  });

  it("is judged at each as strictly as at the catalog's next larger step", () => {
    const strict = steps([1, { minSamples: 11 }], [10, { minSamples: 22 }], [100, { minSamples: 33 }]);
    const made = planned(strict, { weights: [5, 25] });
    expect(made.plan.steps.map(({ minSamples }) => minSamples)).toEqual([22, 33, 33]);
  });

  it("refuses typed steps and previews it cannot have, naming those it can", () => {
    expect(refusal(undefined, { weights: [5, 25], steps: [10, 100] })).toContain(
      "A version can be given 5, 25, 100 percent here, not 10. The object that carries the traffic has steps of its own; take those (--steps 5,25,100)",
    );
    expect(refusal({ strategy: "blueGreen" }, { weights: [5, 25] })).toContain(
      "A preview needs a first step of 0",
    );
    expect(refusal(undefined, { weights: [0, 100] })).toContain("declare strategy: blueGreen");
    expect(weights(planned({ strategy: "blueGreen" }, { weights: [0, 100] }))).toEqual([0, 100]);
    expect(refusal(undefined, { weights: [] })).toContain(
      "weights-possible: A version can be given 100 percent here, not 1, 10, 50.",
    );
  });
});

describe("the expected time", () => {
  const each = (rate: number | undefined) =>
    expectedOf(planned(steps(1, 10, 100)).plan.steps, { intervalMs: 30_000, lagMs: 30_000 }, rate);

  it("is the least time of each step, and the time of reading, where traffic is plenty", () => {
    expect(each(1_000)).toMatchObject({ totalMs: 33 * minuteMs, ratePerSec: 1_000 });
    expect(each(1_000).steps.some(({ isLengthened }) => isLengthened)).toBe(false);
  });

  it("is the time the samples take where traffic is low: 500 at 1 % of 10/s take 83 minutes", () => {
    const [first, second] = each(10).steps;
    expect(first).toEqual({ weightPercent: 1, ms: 5_000_000 + 60_000, isLengthened: true });
    expect(second).toMatchObject({ ms: 11 * minuteMs, isLengthened: false });
  });

  it("never ends without traffic and is a least time where the traffic is not known", () => {
    expect(each(0)).toMatchObject({ totalMs: null, ratePerSec: 0 });
    expect(each(undefined)).toMatchObject({ totalMs: 33 * minuteMs, ratePerSec: null });
  });

  it("is that of the last five minutes' traffic, or of the last one's where there was none before", () => {
    const cases = [
      [3_000, 600],
      [3_000, 900],
      [1_000, 600],
      [0, 0],
      [300, undefined],
      [undefined, 10],
    ] as const;
    expect(cases.map(([whole, last]) => rateFrom(whole, last))).toEqual([10, 10, 10, 0, 1, undefined]);
  });

  it("moves the usual deadline out up to the policy's, and never one that was typed", () => {
    const deadline = (ratePerSec: number, typed?: number) =>
      planned(undefined, { ratePerSec, ...(typed ? { deadlineMs: typed } : {}) }).deadlineMs;
    expect(deadline(1_000)).toBe(2 * hourMs);
    expect(deadline(10)).toBeGreaterThan(2.4 * hourMs);
    expect(deadline(0.1)).toBe(6 * hourMs);
    expect(deadline(10, hourMs)).toBe(hourMs);
  });

  it("is said, with what helps, where the deadline comes first", () => {
    const low = planned(undefined, { ratePerSec: 0.2 });
    expect(expectedText(low.plan)).toMatch(
      /^Expected: about \dd.* at today's traffic \(0.2 requests\/s\)\.$/,
    );
    expect(slowText(low.plan, low.deadlineMs, 6 * hourMs).join("")).toMatch(
      /^🟠 It would take about .* and it is reverted in 6h unless it is through\. What helps: begin with larger --steps;/,
    );
    const typed = planned(undefined, { ratePerSec: 10, deadlineMs: hourMs });
    expect(slowText(typed.plan, hourMs, 6 * hourMs).join("")).toContain("What helps: --deadline 6h;");
    const none = planned(undefined, { ratePerSec: 0 });
    expect(slowText(none.plan, none.deadlineMs, 6 * hourMs).join("")).toContain("It would never end");
    const plenty = planned(undefined, { ratePerSec: 1_000 });
    expect(slowText(plenty.plan, plenty.deadlineMs, 6 * hourMs)).toEqual([]);
  });
});

it("says the whole plan: steps, waits, warm-up, signals, limits, deadline, time", () => {
  const made = planned(
    {
      ...steps(1, [10, { waitForPerson: true }], 100),
      warmUp: { path: ["/", "/<cart>"], withinMs: 300 },
      noVerdict: { after: "20m", do: "revert" },
    },
    { ratePerSec: 100 },
  );
  const text = planText({ ...made, deadlineMax: 6 * hourMs, from: "v41", budget: { readings: [] } }).join(
    "\n",
  );
  expect(text).toContain("• 1 %: 10m at least, 500 requests");
  expect(text).toContain("• 10 %: 10m at least, 500 requests, then it waits until somebody promotes it");
  expect(text).toContain("5 requests to /, /&lt;cart&gt; must be answered within 300 ms each");
  expect(text).toContain("Judged by error-ratio, reverted past");
  expect(text).toContain("A step that cannot be judged for 20m: it is reverted.");
  expect(text).toContain(
    "reverted when not through in 2h; watched for 15m afterwards, longer while its numbers are missing or few.",
  );
  expect(text).toContain("at today's traffic (100 requests/s), and the time somebody takes to promote 10 %.");
});

it("says which critical signals nothing will be judged by, and what would change that", () => {
  const made = planned(undefined, { ratePerSec: 100 });
  const signal = (more: object) => ({ weight: "critical", windows: [], ...more }) as never;
  const text = (signals: readonly never[]) =>
    planText({
      ...made,
      plan: { ...made.plan, signals },
      deadlineMax: 6 * hourMs,
      from: "v41",
      budget: { readings: [] },
    }).join("\n");
  const p99 = signal({ name: "latency-p99", kind: "quantile", unit: "s" });
  expect(text([p99])).toContain(
    "🟠 Not judged by latency-p99: from when on a request is slow could not be read now; slowAbove",
  );
  expect(text([p99])).toContain("Judged by nothing critical");
  const slow = signal({ name: "latency-p99", kind: "quantile", unit: "s", slowAbove: 0.3 });
  expect(text([slow])).not.toContain("Not judged");
  const orders = { name: "orders", kind: "rate", direction: "lower-is-worse", counter: { metric: "orders" } };
  expect(text([signal(orders)])).toContain("Not judged by orders: there is no signal of the requests");
  expect(text([signal({ ...orders, direction: "neutral" })])).toContain("neither good nor bad");
  const requests = signal({ name: "errors", kind: "ratio", total: { metric: "requests" } });
  expect(text([requests, signal(orders)])).not.toContain("Not judged");
});
