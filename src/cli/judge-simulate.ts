/** `quarterdeck judge simulate`: simulated rollouts through the judge and its two rivals. */
import { readFile, writeFile } from "node:fs/promises";
import {
  evidencePicture,
  harmPicture,
  peekedAt,
  revertsPicture,
} from "../features/rollouts/simulator/pictures.ts";
import { type Report, reportHead, rowOf } from "../features/rollouts/simulator/report.ts";
import { readScenario, type Scenario } from "../features/rollouts/simulator/scenario.ts";
import { builtInScenario, builtInScenarios } from "../features/rollouts/simulator/scenarios.ts";
import {
  type JudgeName,
  judgeNames,
  oneRun,
  simulate,
  summarise,
} from "../features/rollouts/simulator/simulate.ts";
import { tunedRivals } from "../features/rollouts/simulator/tuned.ts";
import { createWorld } from "../features/rollouts/simulator/world.ts";
import { type ChartSpec, renderLineChart } from "../platform/charts.ts";
import { CommandError, say, table, tell } from "./world.ts";

export interface SimulateOptions {
  scenario?: string;
  runs: string;
  seed: string;
  list?: boolean;
  json?: boolean;
  chart?: string;
  show?: string;
}

const runsMax = 1_000_000;
const shows = ["harm", "reverts", "evidence"] as const;

export async function run(options: SimulateOptions): Promise<void> {
  if (options.list) return list(options);
  if (options.scenario === undefined)
    throw new CommandError(
      "Name what to simulate: --scenario, a file or a built-in one.",
      "--list names them.",
    );
  const runs = wholeNumber("--runs", options.runs, 1, runsMax);
  const seed = wholeNumber("--seed", options.seed, 0, Number.MAX_SAFE_INTEGER);
  const show = shows.find((one) => one === options.show);
  if (options.show !== undefined && show === undefined)
    throw new CommandError(
      `--show ${options.show} is none of ${shows.join(", ")}.`,
      "Leave it out for the usual one.",
    );
  const scenario = await scenarioOf(options.scenario);
  const outcomes = simulate(scenario, { seed, from: 0, to: runs }, tunedRivals);
  const report: Report = {
    scenario: { name: scenario.name, about: scenario.about, expect: scenario.expect },
    runs,
    seed,
    lookEverySec: scenario.plan.lookEvery / 1_000,
    judges: judgeNames.map((name) => summarise(scenario, name, outcomes[name])),
  };
  if (options.chart !== undefined) {
    const what = show ?? (scenario.expect === "bad" ? "harm" : "reverts");
    await writeFile(options.chart, await renderLineChart(picture(scenario, what, { runs, seed, outcomes })));
    tell(`${options.chart}: ${what}`);
  }
  say(options.json ? JSON.stringify(report, null, 2) : textOf(report));
}

function list({ json }: SimulateOptions): void {
  const all = builtInScenarios().map(({ name, about, expect }) => ({ name, about, expect }));
  say(
    json
      ? JSON.stringify(all, null, 2)
      : table(
          ["name", "should", "what happens"],
          all.map(({ name, expect, about }) => [name, expect === "bad" ? "go back" : "stay", about]),
        ),
  );
}

async function scenarioOf(nameOrFile: string): Promise<Scenario> {
  if (!/[./]/.test(nameOrFile)) return builtInScenario(nameOrFile);
  const text = await readFile(nameOrFile, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(
      `${nameOrFile} cannot be read: ${cause.code ?? cause.message}.`,
      "--list names the built-in scenarios.",
    );
  });
  return readScenario(nameOrFile, text);
}

function picture(
  scenario: Scenario,
  show: (typeof shows)[number],
  { runs, seed, outcomes }: { runs: number; seed: number; outcomes: ReturnType<typeof simulate> },
): ChartSpec {
  const world = createWorld(scenario);
  const tuned: JudgeName[] = ["quarterdeck", "thresholds-tuned", "mann-whitney-tuned"];
  switch (show) {
    case "evidence":
      return evidencePicture(scenario, seed);
    case "harm":
      return harmPicture(scenario, outcomes, tuned);
    case "reverts": {
      const peeked = Array.from({ length: runs }, (_, at) => peekedAt(oneRun(world, seed, at)));
      return revertsPicture(scenario, outcomes, ["quarterdeck", "mann-whitney"], peeked);
    }
  }
}

function textOf({ scenario, runs, seed, lookEverySec, judges }: Report): string {
  const head = `${scenario.name}: ${scenario.about}. ${runs} runs from seed ${seed}, a look every ${lookEverySec} s; 95 % intervals.`;
  return `${head}\n\n${table(reportHead, judges.map(rowOf))}`;
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < min || value > max)
    throw new CommandError(
      `${option} ${text} is no whole number from ${min} to ${max}.`,
      `Example: ${option} 2000`,
    );
  return value;
}
