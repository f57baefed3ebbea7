/** A simulation as people and as programs read it. Pure. */
import { formatDuration } from "../../../platform/commands/time.ts";
import { percent, short } from "../judge/words.ts";
import type { Measured } from "./measures.ts";
import type { Scenario } from "./scenario.ts";
import type { Summary } from "./simulate.ts";

export interface Report {
  readonly scenario: Pick<Scenario, "name" | "about" | "expect">;
  readonly runs: number;
  readonly seed: number;
  readonly lookEverySec: number;
  readonly judges: readonly Summary[];
}

export const reportHead = ["judge", "false reverts", "missed", "median", "p90", "harmed requests"] as const;

export function rowOf(summary: Summary): string[] {
  const { judge, falseReverts, missed, medianSec, p90Sec, harmedRequests } = summary;
  const share = (of: Measured | null) => (of === null ? "" : withInterval(of, percent));
  const time = (of: Measured | null) => (of === null ? "" : withInterval(of, timeText));
  const isHarmless = medianSec === null;
  return [
    judge,
    share(falseReverts),
    share(missed),
    time(medianSec),
    time(p90Sec),
    isHarmless ? "" : withInterval(harmedRequests, short),
  ];
}

const timeText = (sec: number): string => (Number.isFinite(sec) ? formatDuration(sec * 1_000) : "never");

/** `0.4 % (0.2 % to 0.8 %)`, the interval left out where it says nothing more. */
function withInterval({ value, low, high }: Measured, words: (value: number) => string): string {
  const [middle, from, to] = [words(value), words(low), words(high)];
  return from === middle && to === middle ? middle : `${middle} (${from} to ${to})`;
}
