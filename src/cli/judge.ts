/** `quarterdeck judge`: the judge of rollouts on recorded data. */
import { readFile } from "node:fs/promises";
import { judge, type SignalReading, type Verdict } from "../features/rollouts/judge.ts";
import { readJudgeInput } from "../features/rollouts/judge-file.ts";
import { percent, short } from "../features/rollouts/words.ts";
import { CommandError, say, table } from "./world.ts";

export interface JudgeOptions {
  file?: string;
  plan?: string;
  json?: boolean;
  exitCode?: boolean;
}

/** With `--exit-code`: what the shell is told. */
const exitCodes: Readonly<Record<Verdict["do"], number>> = { promote: 0, hold: 3, revert: 4 };

export async function run({ file, plan, json, exitCode }: JudgeOptions): Promise<void> {
  if (file === undefined)
    throw new CommandError(
      "Name the recorded data: --file samples.json.",
      "`quarterdeck rollout export R-12` writes one; `quarterdeck judge simulate --list` names scenarios.",
    );
  const input = readJudgeInput(await textOf(file), plan === undefined ? undefined : await textOf(plan));
  const { do: verdict, ...rest } = judge(input.plan, input.samples, input.slo);
  say(json ? JSON.stringify({ verdict, ...rest }, null, 2) : textOfVerdict(verdict, rest));
  if (exitCode) process.exitCode = exitCodes[verdict];
}

async function textOf(file: string): Promise<{ file: string; text: string }> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(
      `${file} cannot be read: ${cause.code ?? cause.message}.`,
      "Name a file that is there.",
    );
  });
  return { file, text };
}

function textOfVerdict(
  verdict: Verdict["do"],
  { reasons, signals, evidence, alphaSpent, alpha = alphaSpent }: Omit<Verdict, "do">,
): string {
  const found = evidence ? `, E ${short(evidence.e)} of ${short(evidence.limit)}` : "";
  return [
    `${verdict}${found}, alpha spent ${short(alphaSpent * 100)} of ${percent(alpha)}`,
    ...reasons.map(({ code, sentence }) => `  ${code}: ${sentence}`),
    "",
    table(["signal", "canary", "stable", "E", "reverts at"], signals.map(rowOf)),
  ].join("\n");
}

function rowOf(reading: SignalReading): string[] {
  const { name } = reading;
  if (reading.kind === "gauge") {
    const level = (value: number | null) => (value === null ? "no data" : short(value));
    return [name, level(reading.canary), level(reading.stable), "", ""];
  }
  const side = ({ ratio, bad, total }: typeof reading.canary) =>
    ratio === null ? "no data" : `${percent(ratio)} (${short(bad)} of ${short(total)})`;
  const limit = reading.eLimit === null ? "advisory" : short(reading.eLimit);
  return [name, side(reading.canary), side(reading.stable), short(reading.e), limit];
}
