/** The built-in scenarios: what a judge must leave alone, and what it must stop. */
import { checkScenario, type Scenario, ScenarioError, type ScenarioText } from "./scenario.ts";

const shop: ScenarioText["service"] = {
  errorsPercent: 0.1,
  // Its 95th percentile is 250 ms, a bound of the histogram.
  latency: { p50Ms: 80, p99Ms: 400 },
  slowAboveMs: 250,
  ordersPer100: 4,
  memory: { mean: 500, ceiling: 600 },
};
const plan: ScenarioText["plan"] = {
  lookEvery: "1m",
  steps: [
    { weightPercent: 1, lasts: "10m" },
    { weightPercent: 10, lasts: "10m" },
    { weightPercent: 50, lasts: "10m" },
  ],
};
const usual = { service: shop, traffic: { perMinute: 6_000 }, plan };
type Changes = NonNullable<ScenarioText["changes"]>;

const good = (name: string, about: string, more: Partial<ScenarioText> = {}): ScenarioText => ({
  ...usual,
  name,
  about,
  expect: "good",
  ...more,
});
const bad = (
  name: string,
  about: string,
  changes: Changes,
  more: Partial<ScenarioText> = {},
): ScenarioText => ({
  ...usual,
  name,
  about,
  expect: "bad",
  changes,
  ...more,
});

const texts: readonly ScenarioText[] = [
  good("steady", "no change, the service that most bad versions below are of"),
  good("steady-errors", "no change, 1 % errors", { service: { ...shop, errorsPercent: 1 } }),
  good("low-traffic", "no change, 60 requests a minute", { traffic: { perMinute: 60 } }),
  good("high-traffic", "no change, 60,000 requests a minute", { traffic: { perMinute: 60_000 } }),
  good(
    "diurnal-ramp",
    "no change, traffic rises from 600 to 12,000 a minute and the service gets slower with it",
    {
      traffic: { low: 600, high: 12_000, period: "1h", peakAt: "30m" },
      changes: [{ on: "both", grows: "30m", latencyFactor: 1.3, errorsFactor: 1.5 }],
    },
  ),
  good(
    "noisy-neighbour",
    "no change, for ten minutes both versions fail five times as often and take half as long again",
    {
      changes: [{ on: "both", from: "8m", until: "18m", errorsFactor: 5, latencyFactor: 1.5 }],
    },
  ),
  bad("errors-triple", "errors 0.1 → 0.3 %", [{ on: "canary", errorsPercent: 0.3 }]),
  bad("errors-five", "errors 1 → 5 %", [{ on: "canary", errorsPercent: 5 }], {
    service: { ...shop, errorsPercent: 1 },
  }),
  bad("p99-fifth", "p99 +20 %: every request takes a fifth longer", [{ on: "canary", latencyFactor: 1.2 }]),
  bad("p99-double", "p99 doubled, the median as before", [{ on: "canary", p99Factor: 2 }]),
  bad("slow-drift", "memory, latency and errors drift up together over half an hour", [
    { on: "canary", grows: "30m", memoryFactor: 1.6, latencyFactor: 1.3, errorsFactor: 3 },
  ]),
  bad("orders-lost", "three in ten orders are lost, errors and latency as before", [
    { on: "canary", ordersFactor: 0.7 },
  ]),
  bad("one-endpoint", "one endpoint of twenty fails one request in ten", [
    { on: "canary", endpoint: { sharePercent: 5, errorsPercent: 10 } },
  ]),
];

/** In the order of the table: good ones first. */
export function builtInScenarios(): readonly Scenario[] {
  return texts.map((text) => checkScenario(text.name, text));
}

/** @throws ScenarioError when there is none of that name. */
export function builtInScenario(name: string): Scenario {
  const found = builtInScenarios().find((scenario) => scenario.name === name);
  if (found) return found;
  const names = texts.map((text) => text.name).join(", ");
  throw new ScenarioError(name, [
    `there is no file and no built-in scenario of that name; there are ${names}`,
  ]);
}
