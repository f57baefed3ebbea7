/** What many runs say of a judge, each figure with its 95 % interval. Pure. */

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface Measured extends Interval {
  readonly value: number;
}

/** Normal quantile of 0.975. */
const z95 = 1.959963984540054;

/** Share of `n` with Wilson's score interval (1927), which holds near 0 and 1 too. */
export function shareOf(count: number, n: number): Measured {
  if (n === 0) return { value: Number.NaN, low: 0, high: 1 };
  const share = count / n;
  const square = z95 * z95;
  const middle = (share + square / (2 * n)) / (1 + square / n);
  const half = (z95 / (1 + square / n)) * Math.sqrt((share * (1 - share)) / n + square / (4 * n * n));
  return {
    value: share,
    low: count === 0 ? 0 : Math.max(0, middle - half),
    high: count === n ? 1 : Math.min(1, middle + half),
  };
}

/**
 * Quantile by nearest rank; its interval by order statistics (the ranks a binomial count of values below would have).
 * Infinity stands for "never" and is a value like any other. NaN of nothing.
 */
export function quantileOf(values: readonly number[], share: number): Measured {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  if (n === 0) return { value: Number.NaN, low: Number.NaN, high: Number.NaN };
  const at = (rank: number) => sorted[Math.min(n, Math.max(1, rank)) - 1] ?? Number.NaN;
  const spread = z95 * Math.sqrt(n * share * (1 - share));
  return {
    value: at(Math.ceil(n * share)),
    low: at(Math.floor(n * share - spread)),
    high: at(Math.ceil(n * share + spread) + 1),
  };
}

/** Mean with its interval by the central limit theorem. */
export function meanOf(values: readonly number[]): Measured {
  const n = values.length;
  if (n === 0) return { value: Number.NaN, low: Number.NaN, high: Number.NaN };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, n - 1);
  const half = z95 * Math.sqrt(variance / n);
  return { value: mean, low: Math.max(0, mean - half), high: mean + half };
}
