/** What the judge's benchmark says of its goals, and its table. Pure. */
import { reportHead, rowOf } from "../../src/features/rollouts/simulator/report.ts";
import type { Scenario } from "../../src/features/rollouts/simulator/scenario.ts";
import type { JudgeName, Summary } from "../../src/features/rollouts/simulator/simulate.ts";
import { isOk, type Result, type Table } from "./measure.ts";

export interface Judged {
  readonly scenario: Scenario;
  readonly summaries: readonly Summary[];
}

const tunedNames: readonly JudgeName[] = ["thresholds-tuned", "mann-whitney-tuned"];

const of = ({ summaries }: Judged, name: JudgeName): Summary => {
  const found = summaries.find(({ judge }) => judge === name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
};

/** Goals: few false reverts; never later than the best tuned rival, sooner where that needs two looks; half its harm. */
export function judgeResults(all: readonly Judged[]): Result[] {
  const good = all.filter(({ scenario }) => scenario.expect === "good");
  const bad = all.filter(({ scenario }) => scenario.expect === "bad");
  return [
    ...good.map(falseRevertsResult),
    ...bad.flatMap((judged) => [detectResult(judged), harmResult(judged)]),
    ...(bad.length > 0 ? [allHarmResult(bad)] : []),
  ];
}

function falseRevertsResult(judged: Judged): Result {
  const { value, low, high } = of(judged, "quarterdeck").falseReverts;
  const rivals = tunedNames.map((name) => `${name} ${percent(of(judged, name).falseReverts.value)}`);
  return {
    name: `judge.false-reverts-${judged.scenario.name}`,
    value: 100 * value,
    goal: { atMost: 1 },
    unit: "%",
    beside: `95 % interval ${percent(low)} to ${percent(high)}; ${rivals.join(", ")}`,
  };
}

function detectResult(judged: Judged): Result {
  const lookSec = judged.scenario.plan.lookEvery / 1_000;
  const looks = (name: JudgeName) => (of(judged, name).medianSec?.value ?? Number.NaN) / lookSec;
  const ours = looks("quarterdeck");
  const best = Math.min(...tunedNames.map(looks));
  return {
    name: `judge.detect-${judged.scenario.name}`,
    // Both never: none is later.
    value: ours === best ? 1 : ours / best,
    goal: { atMost: best > 1 && Number.isFinite(best) ? Math.ceil((1_000 * (best - 1)) / best) / 1_000 : 1 },
    unit: "ratio",
    beside: `median looks: ours ${looksText(ours)}, ${tunedNames.map((name) => `${name} ${looksText(looks(name))}`).join(", ")}`,
  };
}

function harmResult(judged: Judged): Result {
  const harm = (name: JudgeName) => of(judged, name).harmedRequests.value;
  return {
    name: `judge.harm-${judged.scenario.name}`,
    value: harm("quarterdeck") / Math.min(...tunedNames.map(harm)),
    goal: { atMost: 1 },
    unit: "ratio",
    beside: `harmed requests: ours ${harm("quarterdeck").toFixed(0)}, ${tunedNames.map((name) => `${name} ${harm(name).toFixed(0)}`).join(", ")}`,
  };
}

function allHarmResult(bad: readonly Judged[]): Result {
  const sum = (name: JudgeName) =>
    bad.reduce((all, judged) => all + of(judged, name).harmedRequests.value, 0);
  return {
    name: "judge.harm-all",
    value: sum("quarterdeck") / Math.min(...tunedNames.map(sum)),
    goal: { atMost: 0.5 },
    unit: "ratio",
    beside: `harmed requests over all bad scenarios: ours ${sum("quarterdeck").toFixed(0)}, ${tunedNames.map((name) => `${name} ${sum(name).toFixed(0)}`).join(", ")}`,
  };
}

export function judgeTable(all: readonly Judged[], caption: string): Table {
  const results = judgeResults(all);
  const goalOf = (name: string): string => {
    const own = results.filter((result) => isOf(result, name));
    const missed = own.filter((result) => !isOk(result));
    return missed.length === 0 ? "met" : missed.map((result) => `**not met**: ${result.beside}`).join("; ");
  };
  return {
    name: "judge",
    caption,
    head: ["scenario", ...reportHead, "our goal"],
    rows: [
      ...all.flatMap(({ scenario, summaries }) =>
        summaries.map((summary, i) => [
          i === 0 ? `**${scenario.name}**` : "",
          ...rowOf(summary),
          summary.judge === "quarterdeck" ? goalOf(scenario.name) : "",
        ]),
      ),
      ...results
        .filter(({ name }) => name === "judge.harm-all")
        .map((result) => [
          "**all bad ones**",
          ...reportHead.map(() => ""),
          `${isOk(result) ? "met" : "**not met**"}: ${result.beside}`,
        ]),
    ],
  };
}

/** Whether a result is of this very scenario: the name of one may end as another's does. */
const isOf = ({ name }: Result, scenario: string): boolean =>
  ["false-reverts", "detect", "harm"].some((figure) => name === `judge.${figure}-${scenario}`);

const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;
const looksText = (looks: number): string => (Number.isFinite(looks) ? String(looks) : "never");
