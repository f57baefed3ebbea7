/**
 * Mann and Whitney's U test as R's `wilcox.test` does it without exact tables: midranks, continuity correction of 0.5,
 * variance corrected for ties, and a confidence bound of the shift by turning the test around. Pure.
 * Sources: Mann and Whitney (1947); Hodges and Lehmann (1963); R documentation, `wilcox.test`.
 */

export interface MannWhitney {
  /** Pairs in which the first sample is larger, ties as a half. */
  readonly u: number;
  /** (|U − nm/2| − ½) / σ with the sign of the difference; 0 where nothing varies. */
  readonly z: number;
}

/** Compares `first` less `shift` with `second`. */
export function mannWhitney(first: Float64Array, second: Float64Array, shift = 0): MannWhitney {
  const n = first.length;
  const m = second.length;
  const all = new Float64Array(n + m);
  let u = 0;
  for (let i = 0; i < n; i += 1) {
    const x = (first[i] ?? 0) - shift;
    all[i] = x;
    for (let j = 0; j < m; j += 1) {
      const y = second[j] ?? 0;
      if (x > y) u += 1;
      else if (x === y) u += 0.5;
    }
  }
  all.set(second, n);
  const variance = ((n * m) / 12) * (n + m + 1 - tiesOf(all) / ((n + m) * (n + m - 1)));
  const off = u - (n * m) / 2;
  const z = variance > 0 ? (Math.sign(off) * Math.max(0, Math.abs(off) - 0.5)) / Math.sqrt(variance) : 0;
  return { u, z };
}

/** Σ (t³ − t) over groups of equal values. Sorts its argument. */
function tiesOf(values: Float64Array): number {
  values.sort();
  let sum = 0;
  let run = 1;
  for (let i = 1; i <= values.length; i += 1) {
    if (i < values.length && values[i] === values[i - 1]) run += 1;
    else {
      sum += run * run * run - run;
      run = 1;
    }
  }
  return sum;
}

/** Median of all differences `first` − `second` (Hodges and Lehmann's estimate of the shift). */
export function medianShift(first: Float64Array, second: Float64Array): number {
  const differences = new Float64Array(first.length * second.length);
  first.forEach((x, i) => {
    second.forEach((y, j) => {
      differences[i * second.length + j] = x - y;
    });
  });
  differences.sort();
  const middle = differences.length / 2;
  return ((differences[Math.ceil(middle) - 1] ?? 0) + (differences[Math.floor(middle)] ?? 0)) / 2;
}

/** What decides whether the lower confidence bound of the shift is above a point, for any confidence. */
export interface ShiftBound {
  /** z at the point. */
  readonly z: number;
  /** z at the smallest difference of the samples: a confidence beyond it puts the bound at that difference. */
  readonly zFarthest: number;
  readonly isFarthestAbove: boolean;
}

/** The bound of the shift of `first` over `second` against `tolerance` times its own estimate. */
export function shiftBound(first: Float64Array, second: Float64Array, tolerance: number): ShiftBound {
  const smallest = Math.min(...first) - Math.max(...second);
  const point = tolerance * Math.abs(medianShift(first, second));
  return {
    z: mannWhitney(first, second, point).z,
    zFarthest: mannWhitney(first, second, smallest).z,
    isFarthestAbove: smallest > point,
  };
}

/** Whether the lower bound is above the point at the confidence whose two-sided normal quantile is `zCritical`. */
export function isAbove({ z, zFarthest, isFarthestAbove }: ShiftBound, zCritical: number): boolean {
  return zFarthest <= zCritical ? isFarthestAbove : z > zCritical;
}
