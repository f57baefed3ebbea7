import { describe, expect, it } from "vitest";
import { alternate, isOk, percentile, type Result } from "./measure.ts";
import { beginMark, endMark, intoPage, json } from "./report.ts";

const result = (more: Partial<Result>): Result => ({ name: "a.b", value: 1, unit: "ratio", ...more });

describe("a result", () => {
  it("meets a goal at its very border, from either side", () => {
    expect(isOk(result({ value: 0.8, goal: { atLeast: 0.8 } }))).toBe(true);
    expect(isOk(result({ value: 0.799, goal: { atLeast: 0.8 } }))).toBe(false);
    expect(isOk(result({ value: 50, goal: { atMost: 50 } }))).toBe(true);
    expect(isOk(result({ value: 50.1, goal: { atMost: 50 } }))).toBe(false);
  });

  it("is printed for machines with five fields, its goal null when it is information", () => {
    expect(JSON.parse(json([result({ goal: { atMost: 2 }, beside: "x" }), result({})]))).toEqual([
      { name: "a.b", value: 1, goal: 2, unit: "ratio", ok: true },
      { name: "a.b", value: 1, goal: null, unit: "ratio", ok: true },
    ]);
  });

  it("replaces only what stands between the page's marks", () => {
    const page = `before\n${beginMark}\nold\n${endMark}\nafter`;
    const written = intoPage(page, [result({ goal: { atLeast: 2 } })], "today");
    expect(written).toMatch(/^before\n/);
    expect(written).toMatch(/\nafter$/);
    expect(written).not.toContain("old");
    expect(written).toContain("| `a.b` | 1.00 | ratio | ≥ 2 | **no** |  |");
    expect(() => intoPage("no marks", [], "today")).toThrow(/lost its marks/);
  });
});

it("takes the nearest rank, and refuses to make a number of nothing", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile([7], 0.5)).toBe(7);
  expect(() => percentile([], 0.5)).toThrow("nothing was measured");
});

it("lets the two sides take turns, each beginning every second round", async () => {
  const order: string[] = [];
  const side = (name: string, value: number) => async () => {
    order.push(name);
    return value;
  };
  const { ratio } = await alternate(3, side("ours", 3), side("theirs", 6));
  expect(order.join(" ")).toBe("ours theirs theirs ours ours theirs");
  expect(ratio).toBe(0.5);
});
