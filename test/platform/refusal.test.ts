import { expect, it } from "vitest";
import { allow, refusalText, refuse } from "../../src/platform/refusal.ts";

it("fills in an empty hint and nobody who could", () => {
  expect(refuse({ rule: "frozen", message: "Frozen." })).toEqual({
    ok: false,
    refusal: { rule: "frozen", message: "Frozen.", hint: "", whoCould: [] },
  });
  expect(allow(7)).toEqual({ ok: true, value: 7 });
});

it("says what, what to do, and who could in one text", () => {
  const { refusal } = refuse({
    rule: "frozen",
    message: "shop is frozen.",
    hint: "Wait.",
    whoCould: ["lena", "olive"],
  });
  expect(refusalText(refusal)).toBe("shop is frozen. Wait. Who could: lena, olive.");
  expect(refusalText(refuse({ rule: "frozen", message: "shop is frozen." }).refusal)).toBe("shop is frozen.");
});
