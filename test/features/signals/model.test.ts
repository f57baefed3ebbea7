import { expect, it } from "vitest";
import { valueText, versionMatcher } from "../../../src/features/signals/model.ts";

it.each([
  [0.042, "%", "4.2 %"],
  [0.0004, "%", "0.04 %"],
  [0, "%", "0 %"],
  [1, "%", "100 %"],
  [0.31, "s", "310 ms"],
  [0.0123, "s", "12.3 ms"],
  [1.25, "s", "1.25 s"],
  [0, "s", "0 s"],
  [201.4, "req/s", "201 req/s"],
  [12.345, "", "12.3"],
])("reads %d with unit %j as %j", (value, unit, text) => {
  expect(valueText(value, unit)).toBe(text);
});

it("fits a version's own name only, whatever signs are in it", () => {
  expect(versionMatcher(["1.4.2", "v2+build"])).toEqual({ matches: "1\\.4\\.2|v2\\+build" });
});
