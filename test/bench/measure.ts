/** What a benchmark answers, and the arithmetic all of them share. Pure. */

/** One line of the table. */
export interface Result {
  /** `benchmark.figure`. */
  name: string;
  value: number;
  /** Undefined: shown as information. */
  goal?: { atLeast: number } | { atMost: number };
  /** `ratio`, `ms`, `posts/s` … */
  unit: string;
  /** What stands behind the figure: both sides of a ratio, what was left out. */
  beside?: string;
}

export interface Benchmark {
  name: string;
  /** One sentence on what is compared with what. */
  about: string;
  run(bench: Bench): Promise<Result[]>;
}

/** What a benchmark is given. */
export interface Bench {
  ground: import("./ground.ts").Ground;
  /** Progress, for people; never on stdout. */
  say(line: string): void;
  /** A table of its own, printed below the results and put between its own marks in docs/benchmarks.md. */
  show(table: Table): void;
}

export interface Table {
  /** Of the marks, `<!-- table NAME -->` and `<!-- end of table NAME -->`. */
  name: string;
  /** One line above it: how it was made. */
  caption: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

export function isOk({ value, goal }: Result): boolean {
  if (goal === undefined) return true;
  return "atLeast" in goal ? value >= goal.atLeast : value <= goal.atMost;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Nearest rank. Throws on none: a benchmark that measured nothing has no result. */
export function percentile(values: readonly number[], ratio: number): number {
  if (values.length === 0) throw new Error("nothing was measured");
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * ratio) - 1)] as number;
}

/**
 * Measures two sides in turn, so that what else the machine does falls on both; every second round begins with the
 * other one. The ratio is the median of the rounds' ratios.
 */
export async function alternate(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<{ ratio: number; ours: number; theirs: number }> {
  const measured: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round % 2 === 0) {
      const first = await ours();
      measured.push({ ours: first, theirs: await theirs() });
    } else {
      const first = await theirs();
      measured.push({ theirs: first, ours: await ours() });
    }
  }
  return {
    ratio: median(measured.map((round) => round.ours / round.theirs)),
    ours: median(measured.map((round) => round.ours)),
    theirs: median(measured.map((round) => round.theirs)),
  };
}
