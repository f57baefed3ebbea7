import { describe, expect, it } from "vitest";
import {
  type Condition,
  conditions,
  type Evidence,
  findingsOf,
  isExplained,
  type Standing,
  steady,
  step,
  whySilent,
} from "../../../src/features/watch/model.ts";
import { missingFrom } from "../../../src/features/watch/overdue.ts";

const at = new Date("2026-03-02T10:00:00Z");
const ago = (seconds: number) => new Date(at.getTime() - seconds * 1_000);
const allWell: Evidence = {
  at,
  clockOffMs: 3,
  deliverySince: null,
  rangAt: { urgent: ago(5), normal: ago(19), bulk: ago(40) },
  workerAt: ago(9),
  pageStepSince: null,
  urgentSince: null,
  messageSince: null,
  slack: { is: "valid" },
};
const wrong = (over: Partial<Evidence>) =>
  findingsOf({ ...allWell, ...over })
    .filter(({ isWell }) => !isWell)
    .map(({ condition }) => condition);

describe("what keeps the heartbeat from going out", () => {
  it("is nothing while everything is seen to work", () => {
    expect(whySilent(findingsOf(allWell))).toBeUndefined();
    expect(findingsOf(allWell).map(({ condition }) => condition)).toEqual([...conditions]);
  });

  it.each<[string, Partial<Evidence>, Condition[], RegExp]>([
    ["a delivery waits a minute", { deliverySince: ago(60) }, [], /^$/],
    ["a delivery waits longer", { deliverySince: ago(61) }, ["deliveries"], /not folded, it waits 61 s late/],
    ["a lane is silent", { rangAt: { ...allWell.rangAt, bulk: ago(61) } }, ["rings"], /bulk for 61 s/],
    ["a lane never rang", { rangAt: { ...allWell.rangAt, urgent: null } }, ["rings"], /urgent never/],
    ["a worker was last heard of", { workerAt: ago(45) }, [], /^$/],
    ["the last worker is gone", { workerAt: ago(46) }, ["workers"], /no worker was heard of for 46 s/],
    ["there never was a worker", { workerAt: null }, ["workers"], /no worker was ever heard of/],
    ["a page's step is late", { pageStepSince: ago(31) }, ["paging"], /a page's next step is 31 s late/],
    ["an urgent message hangs", { urgentSince: ago(61) }, ["outbox"], /an urgent message is 61 s late/],
    ["a storm's cards wait", { messageSince: ago(300) }, [], /^$/],
    ["a card waits for long", { messageSince: ago(301) }, ["outbox"], /a message is 5 min late/],
    ["the clock goes wrong", { clockOffMs: -2_001 }, ["clock"], /2\.0 s off/],
    ["Slack was never asked", { slack: null }, ["slack"], /not asked yet/],
    [
      "the token is revoked",
      { slack: { is: "rejected", code: "token_revoked" } },
      ["slack"],
      /token_revoked/,
    ],
    [
      "Slack was away for a moment",
      { slack: { is: "unreachable", code: "ETIMEDOUT", validAt: ago(180) } },
      [],
      /^$/,
    ],
    [
      "Slack is away",
      { slack: { is: "unreachable", code: "ETIMEDOUT", validAt: ago(181) } },
      ["slack"],
      /cannot be reached: ETIMEDOUT/,
    ],
  ])("when %s", (_when, over, expected, saw) => {
    expect(wrong(over)).toEqual(expected);
    expect(whySilent(findingsOf({ ...allWell, ...over })) ?? "").toMatch(saw);
  });
});

describe("a trouble", () => {
  /** Goes through looks `[seconds, w(ell) | b(ad) | e(xplained)]` and answers what was told, and when. */
  const through = (looks: readonly [number, string][]): string[] => {
    let standing: Standing = { state: "well" };
    return looks.flatMap(([seconds, seen]) => {
      const { next, turn } = step(
        standing,
        seen === "w",
        seen === "e",
        new Date(at.getTime() + seconds * 1_000),
      );
      standing = next;
      return turn === "stays" ? [] : [`${turn} ${seconds}`];
    });
  };
  const overSec = 60 + steady.over / 1_000;

  it.each<[string, [number, string][], string[]]>([
    [
      "is told once it has lasted, and ends once it stayed away",
      [
        [0, "b"],
        [10, "b"],
        [30, "b"],
        [50, "b"],
        [60, "w"],
        [overSec - 1, "w"],
        [overSec, "w"],
      ],
      ["opens 30", `ends ${overSec}`],
    ],
    [
      "that passes by itself is told to nobody",
      [
        [0, "b"],
        [20, "b"],
        [29, "w"],
        [30, "b"],
        [50, "w"],
      ],
      [],
    ],
    [
      "that comes and goes is told once",
      [
        [0, "b"],
        [30, "b"],
        [40, "w"],
        [60, "b"],
        [70, "w"],
        [100, "b"],
        [130, "b"],
      ],
      ["opens 30"],
    ],
    [
      "that another one explains is told by that one alone",
      [
        [0, "e"],
        [30, "e"],
        [60, "e"],
      ],
      [],
    ],
    [
      "that stands goes on while another one explains it",
      [
        [0, "b"],
        [30, "b"],
        [60, "e"],
        [200, "e"],
      ],
      ["opens 30"],
    ],
  ])("%s", (_what, looks, told) => {
    expect(through(looks)).toEqual(told);
  });

  it("is explained by what makes it: dead workers are one trouble, not four", () => {
    const found = findingsOf({
      ...allWell,
      workerAt: null,
      urgentSince: ago(500),
      deliverySince: ago(500),
      rangAt: { urgent: null, normal: null, bulk: null },
    });
    const own = found.filter(({ condition, isWell }) => !isWell && !isExplained(condition, found));
    expect(own.map(({ condition }) => condition)).toEqual(["workers"]);
  });
});

describe("a watchdog is missing", () => {
  const every = 300_000;
  const base = { every, lastAt: null, declaredAt: ago(10_000), listeningSince: ago(10_000) };
  const inSec = (coming: Parameters<typeof missingFrom>[0]) =>
    (missingFrom(coming).getTime() - at.getTime()) / 1_000;
  it.each<[string, Partial<Parameters<typeof missingFrom>[0]>, number]>([
    ["half an interval late", { lastAt: at }, 450],
    ["a minute late at least", { lastAt: at, every: 60_000 }, 120],
    ["an interval after it was declared, when it never came", { declaredAt: at }, 450],
    ["an interval after Quarterdeck listens again", { lastAt: ago(2_000), listeningSince: at }, 450],
    ["at once, when it has been silent for long", { lastAt: ago(1_000) }, -550],
  ])("%s", (_when, over, seconds) => {
    expect(inSec({ ...base, ...over })).toBe(seconds);
  });
});
