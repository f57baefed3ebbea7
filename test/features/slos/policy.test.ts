import { describe, expect, it } from "vitest";
import { errorBudgetSchema } from "../../../src/catalog/error-budget.ts";
import {
  asks,
  type BudgetLeftAt,
  levelOf,
  momentsBefore,
  nextLevel,
  policyOf,
} from "../../../src/features/slos/policy.ts";
import type { Budget, SloReading } from "../../../src/features/slos/types.ts";

const policy = errorBudgetSchema.parse({});
const at = new Date("2026-11-25T10:00:00Z");
const minute = 60_000;

const reading = (remaining: number | null, more: Partial<SloReading> = {}): SloReading => ({
  slo: "shop-availability",
  objectivePercent: 99.9,
  windowMs: 28 * 86_400_000,
  isUserFacing: true,
  state: remaining === null ? "unknown" : remaining <= 0 ? "exhausted" : "healthy",
  severity: "none",
  budgetRatio: 0.001,
  remaining,
  budgetEvents: remaining === null ? null : 10_000,
  ...more,
});
const budget = (...readings: SloReading[]): Budget => ({ service: "shop", at, users: "well", readings });
const earlier = (minutes: number, left: number | null, slo = "shop-availability"): BudgetLeftAt => ({
  at: new Date(at.getTime() - minutes * minute),
  left: new Map([[slo, left]]),
});

describe("what is left of the budget", () => {
  it.each([
    [1, "ship"],
    [0.5001, "ship"],
    [0.5, "careful"],
    [0.2001, "careful"],
    [0.2, "approval"],
    [0.0001, "approval"],
    [0, "freeze"],
    [-3, "freeze"],
    [null, "careful"],
    // 1 - 0.8 in floats is a hair below a fifth, and 1 - 0.5 exactly half.
    [1 - 0.8, "approval"],
    [0.2 + 1e-15, "approval"],
  ] as const)("of %s asks for %s", (left, level) => {
    expect(levelOf(policy, left)).toBe(level);
  });

  it("asks for what the catalog says instead", () => {
    const own = errorBudgetSchema.parse({
      levels: [{ leftPercent: -10, action: "freeze" }],
      unknown: "approval",
    });
    expect([0.01, -0.1, null].map((left) => levelOf(own, left))).toEqual(["ship", "freeze", "approval"]);
  });
});

describe("the policy of a service", () => {
  it("is that of its strictest SLO", () => {
    const worst = reading(0.1, { slo: "shop-latency" });
    expect(policyOf(policy, budget(reading(0.9), worst, reading(0.4)), [])).toMatchObject({
      level: "approval",
      slo: "shop-latency",
      left: 0.1,
      state: "known",
      heldUntil: undefined,
      words:
        "shop-latency has 10 % of its budget left: a change needs a lead's approval, and goes in smaller steps",
    });
  });

  it("heeds no SLO that only informs", () => {
    const informing = reading(-1, { slo: "shop-latency", decides: false });
    expect(policyOf(policy, budget(reading(0.9), informing), []).level).toBe("ship");
    expect(policyOf(policy, budget(informing), [])).toMatchObject({ level: "careful", state: "unknown" });
  });

  it("is never to ship what nobody knows", () => {
    expect(policyOf(policy, budget(), [])).toMatchObject({
      level: "careful",
      left: null,
      words: expect.stringMatching(
        /^The error budget of shop is not known \(it has no SLO that says\): steps of at most 25 %/,
      ),
    });
    const away = reading(null, { why: "Prometheus does not answer" });
    expect(policyOf(policy, budget(reading(0.9), away), [])).toMatchObject({
      level: "careful",
      state: "unknown",
      words: expect.stringContaining("(shop-availability: Prometheus does not answer)"),
    });
    // Its window could be read, another one not: no better than unknown, and no better than what is left.
    const half = (left: number) => policyOf(policy, budget(reading(left, { state: "unknown" })), []).level;
    expect([0.9, 0.1, -0.1].map(half)).toEqual(["careful", "approval", "freeze"]);
  });

  it("keeps a spent budget's freeze while something else is unknown", () => {
    expect(policyOf(policy, budget(reading(null), reading(-0.2, { slo: "b" })), []).level).toBe("freeze");
  });

  it("says how much is overspent, and when all is spent", () => {
    const words = (left: number) => policyOf(policy, budget(reading(left)), []).words;
    expect(words(-0.4)).toBe(
      "shop-availability has overspent its budget by 40 %: risky change is frozen; rolling back never is",
    );
    expect(words(0)).toContain("shop-availability has spent all of its budget: risky change is frozen");
  });
});

describe("a stricter level of a while ago", () => {
  it("is kept until the facts have said better for an hour", () => {
    const found = policyOf(policy, budget(reading(0.21)), [
      earlier(15, 0.21),
      earlier(30, 0.19),
      earlier(45, 0.1),
    ]);
    expect(found).toMatchObject({
      level: "approval",
      left: 0.21,
      heldUntil: new Date(at.getTime() + 30 * minute),
      words: expect.stringContaining(
        "has 21 % of its budget left, but shop-availability had 19 % of its budget left within the last 1h: a change needs a lead",
      ),
    });
    expect(policyOf(policy, budget(reading(0.21)), [earlier(61, 0.19)]).level).toBe("careful");
    expect(policyOf(policy, budget(reading(0.21)), [earlier(60, 0.19)]).level).toBe("approval");
  });

  it("is the strictest of them, and none is kept that is laxer than now", () => {
    expect(policyOf(policy, budget(reading(0.3)), [earlier(15, 0.19), earlier(45, -0.1)])).toMatchObject({
      level: "freeze",
      heldUntil: new Date(at.getTime() + 15 * minute),
    });
    expect(policyOf(policy, budget(reading(-0.1)), [earlier(15, 0.19)])).toMatchObject({
      level: "freeze",
      heldUntil: undefined,
    });
  });

  it("is not kept for having been unknown, nor for an SLO that no longer decides", () => {
    expect(policyOf(policy, budget(reading(0.9)), [earlier(15, null), earlier(30, -1, "gone")]).level).toBe(
      "ship",
    );
  });

  it("is looked for at four moments up to that hour", () => {
    expect(momentsBefore(policy, at).map((moment) => (at.getTime() - moment.getTime()) / minute)).toEqual([
      15, 30, 45, 60,
    ]);
  });
});

it("says what each level asks for", () => {
  expect((["ship", "careful", "approval", "freeze"] as const).map((level) => asks(level, policy))).toEqual([
    "changes may go out",
    "steps of at most 25 % and 2 times as long",
    "a change needs a lead's approval, and goes in smaller steps",
    "risky change is frozen; rolling back never is",
  ]);
});

describe("the level that was told", () => {
  const since = new Date(at.getTime() - 3 * 3_600_000);
  const kept = (level: "ship" | "careful" | "approval", better?: number) => ({
    level,
    since,
    betterSince: better === undefined ? undefined : new Date(at.getTime() - better * minute),
  });
  const known = (level: "ship" | "careful" | "freeze") => ({ level, state: "known" as const, at });

  it.each([
    ["begins with what is first known", undefined, known("careful"), { level: "careful", since: at }],
    ["grows stricter at once", kept("careful", 20), known("freeze"), { level: "freeze", since: at }],
    ["stays as it is", kept("careful"), known("careful"), undefined],
    [
      "counts from when the budget says better",
      kept("approval"),
      known("ship"),
      { level: "approval", betterSince: at },
    ],
    ["waits out the hour", kept("approval", 59), known("ship"), undefined],
    ["grows laxer after the hour", kept("approval", 60), known("careful"), { level: "careful", since: at }],
    [
      "counts anew after a break",
      kept("careful", 30),
      known("careful"),
      { level: "careful", betterSince: undefined },
    ],
    [
      "changes nothing while nothing is known",
      kept("ship"),
      { ...known("freeze"), state: "unknown" as const },
      undefined,
    ],
  ])("%s", (_, before, now, next) => {
    const found = nextLevel(before, now, policy);
    if (next === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(next);
  });
});
