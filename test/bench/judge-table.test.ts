import { describe, expect, it } from "vitest";
import { builtInScenario } from "../../src/features/rollouts/simulator/scenarios.ts";
import { judgeNames, type Summary } from "../../src/features/rollouts/simulator/simulate.ts";
import { type Judged, judgeResults, judgeTable } from "./judge-table.ts";
import { isOk } from "./measure.ts";
import { ownTableIntoPage, plainOwnTable } from "./report.ts";

const exact = (value: number) => ({ value, low: value, high: value });
/** Summaries with the given false reverts, median looks and harm for ours, thresholds tuned and Mann-Whitney tuned. */
const judged = (name: string, of: { [judge: string]: readonly [number, number, number] }): Judged => {
  const scenario = builtInScenario(name);
  const isBad = scenario.expect === "bad";
  return {
    scenario,
    summaries: judgeNames.map((judge): Summary => {
      const [falseReverts, looks, harm] = of[judge] ?? [0, Number.POSITIVE_INFINITY, 1_000];
      return {
        judge,
        falseReverts: exact(falseReverts),
        missed: isBad ? exact(0) : null,
        medianSec: isBad ? exact(looks * 60) : null,
        p90Sec: isBad ? exact(looks * 60) : null,
        harmedRequests: exact(harm),
      };
    }),
  };
};
const byName = (all: readonly Judged[]) => new Map(judgeResults(all).map((result) => [result.name, result]));

describe("the judge's goals", () => {
  it("allow one false revert in a hundred, and not more", () => {
    const steady = (share: number) =>
      byName([judged("steady", { quarterdeck: [share, 0, 0] })]).get("judge.false-reverts-steady");
    expect(steady(0.01)).toMatchObject({ value: 1, goal: { atMost: 1 } });
    expect([0.01, 0.011].map((share) => isOk(steady(share) ?? { name: "", value: 0, unit: "" }))).toEqual([
      true,
      false,
    ]);
  });

  it("ask for an earlier look than the best tuned rival's, and for the same where that is the first", () => {
    const detect = (ours: number, rival: number) =>
      byName([judged("errors-five", { quarterdeck: [0, ours, 1], "thresholds-tuned": [0, rival, 1] })]).get(
        "judge.detect-errors-five",
      );
    const isMet = (ours: number, rival: number) =>
      isOk(detect(ours, rival) ?? { name: "", value: 9, unit: "" });
    expect([isMet(4, 5), isMet(5, 5), isMet(1, 1), isMet(6, 5)]).toEqual([true, false, true, false]);
    expect(isMet(5, Number.POSITIVE_INFINITY)).toBe(true);
    expect(detect(4, 5)?.beside).toContain("ours 4, thresholds-tuned 5, mann-whitney-tuned never");
  });

  it("ask for half of the better rival's harm over all bad scenarios", () => {
    const all = [
      judged("errors-five", {
        quarterdeck: [0, 3, 10],
        "thresholds-tuned": [0, 9, 30],
        "mann-whitney-tuned": [0, 9, 20],
      }),
      judged("p99-double", {
        quarterdeck: [0, 3, 10],
        "thresholds-tuned": [0, 9, 10],
        "mann-whitney-tuned": [0, 9, 60],
      }),
    ];
    expect(byName(all).get("judge.harm-all")).toMatchObject({ value: 0.5, goal: { atMost: 0.5 } });
    expect(byName(all).get("judge.harm-p99-double")?.value).toBe(1);
  });

  it("stand in a table of their own between its marks", () => {
    const table = judgeTable([judged("errors-five", { quarterdeck: [0, 3, 10] })], "How it was made.");
    expect(table.rows.length).toBe(judgeNames.length + 1);
    const page = "a\n<!-- table judge -->\nold\n<!-- end of table judge -->\nb";
    const written = ownTableIntoPage(page, table, "Here.");
    expect(written).toContain("How it was made. Here.\n\n| scenario | judge |");
    expect(written).toContain("| **errors-five** | quarterdeck | 0 % | 0 % | 3m | 3m | 10 | met |");
    expect(written).not.toContain("\nold\n");
    expect(() => ownTableIntoPage("a", table, "Here.")).toThrow(/lost its marks/);
    expect(plainOwnTable(table)).toMatch(/\nerrors-five +quarterdeck +0 % /);
  });
});
