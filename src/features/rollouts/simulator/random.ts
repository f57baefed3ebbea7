/** Chance from a seed: the same seed gives the same numbers on every machine. */

/** Uniform numbers, 0 ≤ x < 1, with 53 random bits. */
export type Uniform = () => number;

/** 2^32 as steps of a 32-bit word, and the bits of a double's fraction. */
const word = 2 ** 32;
const fraction = 2 ** 53;

/**
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021; period 2^128 − 1), its
 * state filled by splitmix32 from the seed and, for independent streams of one seed, the numbers after it.
 */
export function createUniform(seed: number, ...stream: readonly number[]): Uniform {
  let mixed = 0;
  const splitmix = (): number => {
    mixed = (mixed + 0x9e3779b9) | 0;
    let z = mixed ^ (mixed >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  for (const part of [seed, ...stream]) {
    mixed = (splitmix() ^ Math.floor(part)) | 0;
    mixed = (splitmix() ^ Math.floor(part / word)) | 0;
  }
  let [a, b, c, d] = [splitmix(), splitmix(), splitmix(), splitmix() | 1];
  const next = (): number => {
    const scaled = Math.imul(b, 5);
    const answer = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return answer;
  };
  return () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / fraction;
}

/** Standard normal, by Box and Muller; the second of each pair is thrown away, so that nothing is kept between calls. */
export function normal(uniform: Uniform): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Below this mean the number is counted up term by term, from it on drawn by rejection. */
const rejectionFrom = 10;

/**
 * Poisson, exact: by inversion for small means, else by transformed rejection (PTRS; Hörmann, "The transformed
 * rejection method for generating Poisson random variables", 1993), whose cost does not grow with the mean.
 */
export function poisson(uniform: Uniform, mean: number): number {
  if (!(mean > 0)) return 0;
  if (mean < rejectionFrom) {
    let k = 0;
    let term = Math.exp(-mean);
    let left = uniform() - term;
    while (left >= 0 && term > 0) {
      k += 1;
      term *= mean / k;
      left -= term;
    }
    return k;
  }
  const logMean = Math.log(mean);
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = uniform() - 0.5;
    const v = uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const accept = Math.log((v * inverseAlpha) / (a / (us * us) + b));
    if (accept <= k * logMean - mean - logFactorial(k)) return k;
  }
}

/**
 * Binomial, exact: by inversion for few expected events, else by transformed rejection (BTRS; Hörmann, "The generation
 * of binomial random variates", 1993), whose cost does not grow with `n`.
 */
export function binomial(uniform: Uniform, n: number, p: number): number {
  if (!(n > 0) || !(p > 0)) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(uniform, n, 1 - p);
  if (n * p < rejectionFrom) return binomialByInversion(uniform, n, p);
  const q = 1 - p;
  const spread = Math.sqrt(n * p * q);
  const b = 1.15 + 2.53 * spread;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const c = n * p + 0.5;
  const squeeze = 0.92 - 4.2 / b;
  const alpha = (2.83 + 5.1 / b) * spread;
  const logOdds = Math.log(p / q);
  const mode = Math.floor((n + 1) * p);
  const atMode = logFactorial(mode) + logFactorial(n - mode);
  for (;;) {
    const u = uniform() - 0.5;
    const v = uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + c);
    if (k < 0 || k > n) continue;
    if (us >= 0.07 && v <= squeeze) return k;
    const accept = Math.log((v * alpha) / (a / (us * us) + b));
    if (accept <= atMode - logFactorial(k) - logFactorial(n - k) + (k - mode) * logOdds) return k;
  }
}

function binomialByInversion(uniform: Uniform, n: number, p: number): number {
  const odds = p / (1 - p);
  let k = 0;
  let term = Math.exp(n * Math.log1p(-p));
  let left = uniform() - term;
  while (left >= 0 && k < n) {
    term *= (odds * (n - k)) / (k + 1);
    k += 1;
    left -= term;
  }
  return k;
}

/** How many of `n` fall into each class, by one binomial a class; shares add up to 1. */
export function multinomial(uniform: Uniform, n: number, shares: readonly number[]): number[] {
  let leftCount = n;
  let leftShare = 1;
  return shares.map((share, i) => {
    const isLast = i === shares.length - 1;
    const count = isLast
      ? leftCount
      : binomial(uniform, leftCount, leftShare > 0 ? Math.min(1, share / leftShare) : 0);
    leftCount -= count;
    leftShare -= share;
    return count;
  });
}

/** ln k!: a table's sum for small k, Stirling's series beyond (error below 1e-12). */
function logFactorial(k: number): number {
  if (k < 16) {
    let product = 1;
    for (let i = 2; i <= k; i += 1) product *= i;
    return Math.log(product);
  }
  const x = k + 1;
  const square = 1 / (x * x);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
