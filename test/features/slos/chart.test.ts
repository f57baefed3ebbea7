import { expect, it } from "vitest";
import { errorBudgetSchema } from "../../../src/catalog/error-budget.ts";
import type { Marker } from "../../../src/features/markers/index.ts";
import { budgetChart } from "../../../src/features/slos/chart.ts";

const at = (hour: number, minute = 0) => new Date(Date.UTC(2026, 10, 25, hour, minute));

it("marks what went out and what became of it, each once, with other services by name", () => {
  const change = {
    id: "D-1",
    service: "shop",
    change: "deploy" as const,
    version: "v42",
    by: "ci",
    outcome: "bad",
  };
  const marker: Marker = {
    id: "m",
    service: "shop",
    environment: "production",
    kind: "reverted",
    version: "v41",
    from: "v42",
    percent: null,
    thing: "R-1",
    at: at(3),
  };
  const chart = budgetChart(
    "shop",
    [{ slo: "shop-availability", from: at(0), to: at(6), points: [{ at: at(1), left: 0.5 }] }],
    {
      changes: [
        { ...change, at: at(2) },
        { ...change, change: "flag", version: "new-checkout on", at: at(1) },
        { ...change, service: "payments", version: "v9", at: at(4) },
        { ...change, version: "v40", at: at(5) },
      ],
      markers: [{ ...marker, kind: "step", version: "v42", percent: 1, at: at(2) }, marker],
      policy: errorBudgetSchema.parse({}),
      zone: "UTC",
    },
  );
  expect(chart?.markers?.map(({ label, kind }) => `${kind} ${label}`)).toEqual([
    "event new-checkout on",
    "step 1 %",
    "event reverted",
    "deploy payments v9",
    "deploy v40",
  ]);
});
