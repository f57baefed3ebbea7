import { describe, expect, it } from "vitest";
import { type Freeze, type Override, standing } from "../../../src/features/freezes/model.ts";

const at = (minute: number) => new Date(Date.UTC(2026, 10, 27, 12, minute));
const freeze = (key: string, more: Partial<Freeze> = {}): Freeze => ({
  key,
  id: key,
  scope: "all",
  environments: null,
  from: at(0),
  until: at(30),
  reason: "sale",
  by: { is: "person", who: { team: "T0LOCAL", person: "U0LEAD" } },
  ...more,
});
const override = (covers: string[], more: Partial<Override> = {}): Override => ({
  id: "o",
  service: "shop",
  environment: "production",
  until: at(20),
  reason: "fix",
  by: { team: "T0LOCAL", person: "U0LEAD" },
  at: at(5),
  covers,
  ...more,
});
const shop = { service: "shop", environment: "production", team: "storefront" };
/** Ids of what stands, with `!` when it is overridden; empty when nothing does. */
const said = (freezes: Freeze[], overrides: Override[] = [], minute = 10, place = shop) => {
  const stand = standing(freezes, overrides, place, at(minute));
  return stand.frozen ? `${stand.freezes.map(({ id }) => id).join(" ")}${stand.overriddenBy ? "!" : ""}` : "";
};

describe("a freeze stands", () => {
  it.each([
    ["from its first moment", 0, "F-1"],
    ["until the one before its end", 29, "F-1"],
    ["and not at its end", 30, ""],
    ["nor before it", -1, ""],
  ])("%s", (_when, minute, expected) => {
    expect(said([freeze("F-1")], [], minute)).toBe(expected);
  });

  it.each([
    ["over all", {}, "F-1"],
    ["over the service", { scope: { teams: [], services: ["shop"] } }, "F-1"],
    ["over its team", { scope: { teams: ["storefront"], services: [] } }, "F-1"],
    ["over another service", { scope: { teams: [], services: ["payments"] } }, ""],
    ["over another team", { scope: { teams: ["payments"], services: [] } }, ""],
    ["in its environment", { environments: ["production"] }, "F-1"],
    ["in another environment", { environments: ["staging"] }, ""],
  ])("%s, or does not", (_what, more, expected) => {
    expect(said([freeze("F-1", more)])).toBe(expected);
  });

  it("beside others, the one that lasts longest first, however they come", () => {
    const [short, long] = [freeze("F-1"), freeze("F-2", { until: at(40) })];
    expect(said([short, long])).toBe("F-2 F-1");
    expect(said([long, short])).toBe("F-2 F-1");
  });
});

describe("an override lets a service through", () => {
  it.each([
    ["past what stood when it was made", [freeze("F-1")], override(["F-1"]), 10, "F-1!"],
    ["until its end", [freeze("F-1")], override(["F-1"]), 20, "F-1"],
    ["not before it was made", [freeze("F-1")], override(["F-1"]), 4, "F-1"],
    [
      "not past a freeze that came after it",
      [freeze("F-1"), freeze("F-2")],
      override(["F-1"]),
      10,
      "F-1 F-2",
    ],
    ["past all it names", [freeze("F-1"), freeze("F-2")], override(["F-1", "F-2"]), 10, "F-1 F-2!"],
    ["and no other service", [freeze("F-1")], override(["F-1"], { service: "payments" }), 10, "F-1"],
    ["and no other environment", [freeze("F-1")], override(["F-1"], { environment: "staging" }), 10, "F-1"],
  ])("%s", (_what, freezes, one, minute, expected) => {
    expect(said(freezes, [one], minute)).toBe(expected);
  });
});
