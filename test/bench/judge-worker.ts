/** One thread of the judge's benchmark: simulates the parts it is sent and sends back what came out. */
import { parentPort } from "node:worker_threads";
import { builtInScenario } from "../../src/features/rollouts/simulator/scenarios.ts";
import {
  type JudgeName,
  type Outcomes,
  simulate,
  type Tuned,
} from "../../src/features/rollouts/simulator/simulate.ts";
import { candidateEnds, type Ends } from "../../src/features/rollouts/simulator/tune.ts";

export interface Part {
  readonly scenario: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** Undefined: try every setting of the rivals, judge nothing. */
  readonly tuned: Tuned | undefined;
  readonly judges: readonly JudgeName[];
}

export type Done = { readonly ends: Ends } | { readonly outcomes: Outcomes };

parentPort?.on("message", ({ scenario, tuned, judges, ...runs }: Part) => {
  const found = builtInScenario(scenario);
  const done: Done =
    tuned === undefined
      ? { ends: candidateEnds(found, runs) }
      : { outcomes: simulate(found, runs, tuned, judges) };
  parentPort?.postMessage(done);
});
