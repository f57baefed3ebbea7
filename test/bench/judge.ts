/**
 * The judge of rollouts against two rivals on every built-in scenario. The rivals are tuned first, on other chance than
 * what is shown. Nothing but arithmetic: a seed gives the same figures on every machine.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Scenario } from "../../src/features/rollouts/simulator/scenario.ts";
import { builtInScenarios } from "../../src/features/rollouts/simulator/scenarios.ts";
import {
  type JudgeName,
  judgeNames,
  type Outcomes,
  summarise,
  type Tuned,
} from "../../src/features/rollouts/simulator/simulate.ts";
import {
  type Ends,
  falseRevertsMax,
  tunedKayenta,
  tunedThresholds,
} from "../../src/features/rollouts/simulator/tune.ts";
import { createWorld } from "../../src/features/rollouts/simulator/world.ts";
import { judgeResults, judgeTable } from "./judge-table.ts";
import type { Done, Part } from "./judge-worker.ts";
import type { Bench, Benchmark, Result } from "./measure.ts";

const tuning = { seed: 1, runs: 1_000 };
const trial = { seed: 3, runs: 2_000 };
const shown = { seed: 2, runs: 2_000 };
/** Runs a thread does at a time. */
const partRuns = 250;

export const judgeBenchmark: Benchmark = {
  name: "judge",
  about:
    "False reverts, time to detect and harmed requests of the judge, against fixed thresholds and Mann-Whitney.",
  async run({ say, show }: Bench): Promise<Result[]> {
    const scenarios = builtInScenarios();
    const pool = createPool(Math.max(1, availableParallelism()));
    try {
      say(`trying the rivals' settings on ${tuning.runs} runs of ${scenarios.length} scenarios`);
      const tuned = await tune(scenarios, pool);
      say(`chosen: ${JSON.stringify(tuned)}`);
      say(`judging ${shown.runs} runs of each`);
      const judged = await Promise.all(
        scenarios.map(async (scenario) => {
          const parts = await all(scenario, shown, tuned, judgeNames, pool);
          const outcomes = joined(parts.flatMap((done) => ("outcomes" in done ? [done.outcomes] : [])));
          return { scenario, summaries: judgeNames.map((name) => summarise(scenario, name, outcomes[name])) };
        }),
      );
      show(
        judgeTable(
          judged,
          `\`npm run bench -- --only judge\`: ${shown.runs} runs of each scenario from seed ${shown.seed}, the rivals tuned on ${tuning.runs} from seed ${tuning.seed} and tried on ${trial.runs} from seed ${trial.seed}; a look a minute, 95 % intervals.`,
        ),
      );
      return judgeResults(judged);
    } finally {
      await pool.close();
    }
  },
};

/**
 * The best of many settings has been lucky in the runs it was chosen on. So each rival's choice is tried on further
 * runs, and while it turns back more good versions there than it may, the search is asked for a more careful one.
 */
async function tune(scenarios: readonly Scenario[], pool: Pool): Promise<Tuned> {
  const ends = await Promise.all(
    scenarios.map(async (scenario) => {
      const parts = await all(scenario, tuning, undefined, [], pool);
      return {
        world: createWorld(scenario),
        ends: endsTogether(parts.flatMap((done) => ("ends" in done ? [done.ends] : []))),
      };
    }),
  );
  const good = scenarios.filter(({ expect }) => expect === "good");
  const isCareful = async (tuned: Tuned, name: JudgeName): Promise<boolean> => {
    const shares = good.map(async (scenario) => {
      const parts = await all(scenario, trial, tuned, [name], pool);
      const outcomes = parts.flatMap((done) => ("outcomes" in done ? done.outcomes[name] : []));
      return outcomes.filter(({ isFalse }) => isFalse).length / trial.runs;
    });
    return Math.max(...(await Promise.all(shares))) <= falseRevertsMax;
  };
  let tuned: Tuned = { thresholds: {}, kayenta: tunedKayenta([], 0) };
  for (const name of ["thresholds-tuned", "mann-whitney-tuned"] as const) {
    let isChosen = false;
    for (let falseMax = falseRevertsMax; !isChosen && falseMax > falseRevertsMax / 10; falseMax *= 0.8) {
      tuned =
        name === "thresholds-tuned"
          ? { ...tuned, thresholds: tunedThresholds(ends, falseMax) }
          : { ...tuned, kayenta: tunedKayenta(ends, falseMax) };
      isChosen = await isCareful(tuned, name);
    }
    if (!isChosen)
      throw new Error(`no setting of ${name} that was found turns back as few good versions as it may`);
  }
  return tuned;
}

function all(
  { name }: Scenario,
  { seed, runs }: { seed: number; runs: number },
  tuned: Tuned | undefined,
  judges: readonly JudgeName[],
  pool: Pool,
): Promise<Done[]> {
  const starts = Array.from({ length: Math.ceil(runs / partRuns) }, (_, i) => i * partRuns);
  return Promise.all(
    starts.map((from) =>
      pool.run({ scenario: name, seed, from, to: Math.min(runs, from + partRuns), tuned, judges }),
    ),
  );
}

function joined(parts: readonly Outcomes[]): Outcomes {
  const of = (name: JudgeName) => parts.flatMap((part) => part[name]);
  return {
    quarterdeck: of("quarterdeck"),
    thresholds: of("thresholds"),
    "thresholds-tuned": of("thresholds-tuned"),
    "mann-whitney": of("mann-whitney"),
    "mann-whitney-tuned": of("mann-whitney-tuned"),
  };
}

/** Rows of candidates, the parts' runs behind each other in each. */
function endsTogether(parts: readonly Ends[]): Ends {
  const runs = parts.reduce((sum, part) => sum + part.runs, 0);
  const together = (of: "thresholds" | "kayenta"): Uint8Array => {
    const candidates = (parts[0]?.[of].length ?? 0) / (parts[0]?.runs ?? 1);
    const whole = new Uint8Array(candidates * runs);
    let offset = 0;
    for (const part of parts) {
      for (let at = 0; at < candidates; at += 1)
        whole.set(part[of].subarray(at * part.runs, (at + 1) * part.runs), at * runs + offset);
      offset += part.runs;
    }
    return whole;
  };
  return { runs, thresholds: together("thresholds"), kayenta: together("kayenta") };
}

interface Pool {
  run(part: Part): Promise<Done>;
  close(): Promise<void>;
}

/** Threads that each do one part at a time; the first that fails fails its part, and with it the benchmark. */
function createPool(size: number): Pool {
  const waiting: { part: Part; done: (done: Done) => void; failed: (error: Error) => void }[] = [];
  const workers = Array.from({ length: size }, () => {
    const worker = new Worker(new URL("./judge-thread.mjs", import.meta.url));
    let current: (typeof waiting)[number] | undefined;
    const next = () => {
      if (current !== undefined) return;
      current = waiting.shift();
      if (current !== undefined) worker.postMessage(current.part);
    };
    worker.on("message", (done: Done) => {
      current?.done(done);
      current = undefined;
      next();
    });
    worker.on("error", (error: Error) => {
      for (const one of current ? [current, ...waiting.splice(0)] : waiting.splice(0)) one.failed(error);
    });
    return { worker, next };
  });
  return {
    run: (part) =>
      new Promise((done, failed) => {
        waiting.push({ part, done, failed });
        for (const { next } of workers) next();
      }),
    close: async () => {
      await Promise.all(workers.map(({ worker }) => worker.terminate()));
    },
  };
}
