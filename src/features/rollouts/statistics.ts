/**
 * The statistics a rollout is judged by: counts in, numbers out. Nothing here knows of plans or verdicts.
 *
 * "Bad" and "total" are counts of events (requests) in one half-open bin of time; they may be fractions where
 * a provider extrapolates. Probabilities and shares are 0..1.
 */

export interface Counts {
  readonly bad: number;
  readonly total: number;
}

export interface ComparedCounts {
  readonly canary: Counts;
  readonly stable: Counts;
}

/**
 * Upper confidence bound of the rate ratio canary to stable: π is the canary's part of all bad events,
 * πU its Clopper-Pearson bound, θU = πU / (1 − πU) · nb / nc. Infinity without bad events on stable.
 */
export function rateRatioUpper({ canary, stable }: ComparedCounts, alpha: number): number {
  if (canary.total <= 0 || stable.total <= 0 || stable.bad <= 0) return Number.POSITIVE_INFINITY;
  const share = betaInverse(1 - alpha, canary.bad + 1, stable.bad);
  return ((share / (1 - share)) * stable.total) / canary.total;
}

/** Upper confidence bound of a share (Clopper-Pearson). With 0 bad of n and α 0.05 about 3/n; without data 1. */
export function shareUpper({ bad, total }: Counts, alpha: number): number {
  return bad >= total ? 1 : betaInverse(1 - alpha, bad + 1, total - bad);
}

export interface FixedLook {
  /** Canary's share less stable's. */
  readonly difference: number;
  readonly z: number;
  /** Canary's share over stable's; half an event is added to each cell when one is empty. */
  readonly ratio: number;
  readonly logRatioError: number;
}

/** Two shares compared as if looked at once: for people to read, never to decide by. */
export function fixedLook({ canary, stable }: ComparedCounts): FixedLook {
  const { bad: xc, total: nc } = canary;
  const { bad: xb, total: nb } = stable;
  const difference = xc / nc - xb / nb;
  const pooled = (xc + xb) / (nc + nb);
  const z = difference / Math.sqrt(pooled * (1 - pooled) * (1 / nc + 1 / nb));
  const [half, one] = xc === 0 || xb === 0 ? [0.5, 1] : [0, 0];
  const ratio = (xc + half) / (nc + one) / ((xb + half) / (nb + one));
  const logRatioError = Math.sqrt(1 / (xc + half) - 1 / (nc + one) + 1 / (xb + half) - 1 / (nb + one));
  return { difference, z, ratio, logRatioError };
}

/** How far the canary's part of the traffic is from its weight, in standard deviations; 0 where none is possible. */
export function splitZ(canaryTotal: number, allTotal: number, weightShare: number): number {
  const variance = allTotal * weightShare * (1 - weightShare);
  return variance > 0 ? (canaryTotal - weightShare * allTotal) / Math.sqrt(variance) : 0;
}

/** Bad events of the canary beyond what stable would have had on the same traffic, never below 0. */
export function excessBad({ canary, stable }: ComparedCounts): number {
  const expected = stable.total > 0 ? (canary.total * stable.bad) / stable.total : 0;
  return Math.max(0, canary.bad - expected);
}

/** Lanczos coefficients for g = 7, n = 9 (Godfrey). */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

function logGamma(x: number): number {
  const z = x - 1;
  const base = z + 7.5;
  let series = lanczos[0] ?? 0;
  for (let i = 1; i < lanczos.length; i += 1) series += (lanczos[i] ?? 0) / (z + i);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(base) - base + Math.log(series);
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

/** Continued fraction of the incomplete beta function, by Lentz's method (DLMF 8.17.22). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const notZero = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / notZero(1 - ((a + b) * x) / (a + 1));
  let result = d;
  // The fraction needs about sqrt(max(a, b)) terms; the cap only bounds the time.
  for (let m = 1; m <= 20_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / notZero(1 + even * d);
    c = notZero(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / notZero(1 + odd * d);
    c = notZero(1 + odd / c);
    const step = d * c;
    result *= step;
    if (Math.abs(step - 1) < 1e-14) break;
  }
  return result;
}

/** Regularised incomplete beta function I_x(a, b): the Beta(a, b) distribution function. */
export function betaCdf(x: number, a: number, b: number): number {
  return incompleteBeta(x, a, b, logBeta(a, b));
}

function incompleteBeta(x: number, a: number, b: number, logB: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logB);
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/**
 * Quantile of Beta(a, b): Newton's method inside a bracket that shrinks with every step, so that it is never astray.
 * Starts from the normal approximation of Abramowitz and Stegun, 26.5.22.
 */
export function betaInverse(probability: number, a: number, b: number): number {
  if (probability <= 0) return 0;
  if (probability >= 1) return 1;
  const logB = logBeta(a, b);
  let low = 0;
  let high = 1;
  let x = betaGuess(probability, a, b);
  for (let i = 0; i < 100; i += 1) {
    const miss = incompleteBeta(x, a, b, logB) - probability;
    if (miss < 0) low = x;
    else high = x;
    if (miss === 0 || high - low <= 1e-15 * high) return x;
    const density = Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - logB);
    const step = density > 0 ? miss / density : Number.POSITIVE_INFINITY;
    const newton = x - step;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    // Newton's error is squared by each step.
    if (Math.abs(next - x) <= 1e-7 * Math.min(next, 1 - next)) return next;
    x = next;
  }
  return x;
}

function betaGuess(probability: number, a: number, b: number): number {
  if (a < 1 || b < 1) return a / (a + b);
  const y = normalUpper(1 - probability);
  const al = 1 / (2 * a - 1);
  const be = 1 / (2 * b - 1);
  const h = 2 / (al + be);
  const lambda = (y * y - 3) / 6;
  const w = (y * Math.sqrt(h + lambda)) / h - (be - al) * (lambda + 5 / 6 - 2 / (3 * h));
  const guess = a / (a + b * Math.exp(-2 * w));
  return Number.isFinite(guess) && guess > 0 && guess < 1 ? guess : a / (a + b);
}

/** z with a normal upper tail of `tail`, to about 0.003. Source: Abramowitz and Stegun, 26.2.22. */
export function normalUpper(tail: number): number {
  if (tail > 0.5) return -normalUpper(1 - tail);
  const t = Math.sqrt(-2 * Math.log(tail));
  return t - (2.30753 + 0.27061 * t) / (1 + 0.99229 * t + 0.04481 * t * t);
}
