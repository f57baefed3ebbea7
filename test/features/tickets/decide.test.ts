import { expect, it } from "vitest";
import type { Budget } from "../../../src/features/slos/index.ts";
import { spanText } from "../../../src/features/tickets/cards.ts";
import { decide, type Evidence, supersedes } from "../../../src/features/tickets/decide.ts";

const now = new Date("2026-03-02T10:00:00Z");
const budget = (users: Budget["users"]): Budget => ({
  service: "shop",
  at: now,
  users,
  readings: [],
  worst: {
    slo: "s",
    objectivePercent: 99.5,
    isUserFacing: true,
    state: "healthy",
    windowMs: 2_419_200_000,
    severity: "none",
    budgetRatio: 0.005,
    remaining: 0.98,
    budgetEvents: null,
    burn: 12.34,
    budgetLeftRatio: -0.05,
  },
});
const evidence = (over: Partial<Evidence>): Evidence => ({
  budget: budget("well"),
  severity: "critical",
  severityText: "critical",
  always: undefined,
  otherEnvironment: undefined,
  mute: undefined,
  ...over,
});
const always = { owner: "olive", reason: "money is involved" };

it.each([
  ["users hurt", { budget: budget("hurting") }, true, "users-hurting"],
  [
    "users hurt, whatever the sender says",
    { budget: budget("hurting"), severity: "info" as const },
    true,
    "users-hurting",
  ],
  ["users are well", {}, false, "users-well"],
  ["not known, critical", { budget: budget("unknown") }, true, "users-unknown-critical"],
  ["not known, an error", { budget: budget("unknown"), severity: "error" as const }, false, "users-unknown"],
  ["no service", { budget: undefined }, true, "users-unknown-critical"],
  ["the catalog's own rule", { always }, true, "every-critical-alert"],
  ["the catalog's own rule, not critical", { always, severity: "error" as const }, false, "users-well"],
  [
    "another environment",
    { budget: budget("hurting"), otherEnvironment: "staging" },
    false,
    "other-environment",
  ],
  [
    "pages muted",
    { budget: budget("hurting"), mute: { reason: "load test", withPages: true } },
    false,
    "muted",
  ],
  [
    "a mute that lets pages through",
    { budget: budget("hurting"), mute: { reason: "load test", withPages: false } },
    true,
    "users-hurting",
  ],
  [
    "muted, with nothing to hold back",
    { mute: { reason: "load test", withPages: true } },
    false,
    "users-well",
  ],
] as const)("decides when %s", (_what, over, page, rule) => {
  const choice = decide(evidence(over), now);
  expect({ page: choice.page, rule: choice.rule }).toEqual({ page, rule });
  expect(choice.words).toMatch(/^(Paged|No page): /);
  expect(choice.at).toBe(now.toISOString());
});

it("tells its numbers, overspent ones too", () => {
  expect(decide(evidence({}), now).words).toBe(
    "No page: users are well: burn 12x, -5 % of the budget left (s, 99.5 %).",
  );
});

it("never takes a page back, and replaces the rest only when the rule differs", () => {
  const paged = decide(evidence({ budget: budget("hurting") }), now);
  const ticket = decide(evidence({}), now);
  expect(supersedes(ticket, paged)).toBe(false);
  expect(supersedes(paged, ticket)).toBe(true);
  const observed = decide(evidence({ budget: budget("hurting"), isObserved: true }), now);
  expect(observed).toMatchObject({ page: false, wouldPage: true });
  expect([supersedes(ticket, observed), supersedes(paged, observed)]).toEqual([false, true]);
  expect(supersedes(ticket, ticket)).toBe(false);
  expect(supersedes(decide(evidence({ budget: budget("unknown"), severity: "error" }), now), ticket)).toBe(
    true,
  );
});

it.each([
  [0, "0 s"],
  [94_000, "94 s"],
  [119_000, "119 s"],
  [120_000, "2 min"],
  [3 * 3_600_000 + 300_000, "3 h 5 min"],
  [48 * 3_600_000, "2 d"],
  [50 * 3_600_000, "2 d 2 h"],
])("writes %i ms as %s", (ms, text) => {
  expect(spanText(ms)).toBe(text);
});
