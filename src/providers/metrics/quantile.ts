import { parseMetricNumber } from "./exposition.ts";

/** A cumulative bucket of a classic histogram: events at or below `le`. */
export interface Bucket {
  readonly le: number;
  readonly count: number;
}

/**
 * Adds buckets of several series (instances, routes) by their bound. "1", "1.0" and "1e0" are one bound: clients
 * spell it as they like and Prometheus 3 rewrites it. A bound that is no number is left out.
 * Sum first, then take the quantile: a mean of quantiles is the quantile of nothing.
 */
export function mergeBuckets(parts: readonly { readonly le: string; readonly count: number }[]): Bucket[] {
  const sums = new Map<number, number>();
  for (const { le, count } of parts) {
    const bound = parseMetricNumber(le);
    if (bound === undefined || Number.isNaN(bound) || !Number.isFinite(count)) continue;
    sums.set(bound, (sums.get(bound) ?? 0) + count);
  }
  return toSorted([...sums].map(([le, count]) => ({ le, count })));
}

/**
 * Quantile `q` by linear interpolation inside its bucket, exactly as Prometheus's `histogram_quantile` on classic
 * buckets: below 0 −Inf, above 1 +Inf, in the last bucket its lower bound (read it as "at least"), NaN without a
 * +Inf bucket, with fewer than two buckets or without events.
 * Source: Prometheus, promql/quantile.go, `BucketQuantile`.
 */
export function bucketQuantile(q: number, buckets: readonly Bucket[]): number {
  if (Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const all = rising(buckets);
  const total = totalOf(all);
  if (all.length < 2 || total === null || total === 0) return Number.NaN;
  const rank = q * total;
  const index = Math.min(
    all.findIndex(({ count }) => count >= rank),
    all.length - 1,
  );
  const here = all[index];
  const below = all[index - 1];
  if (!here) return Number.NaN;
  if (index === all.length - 1) return below?.le ?? Number.NaN;
  if (!below && here.le <= 0) return here.le;
  const low = below?.le ?? 0;
  const countBelow = below?.count ?? 0;
  const inside = here.count - countBelow;
  // Only rank 0 in an empty first bucket: Prometheus divides 0 by 0 here, and so is honest about knowing nothing.
  return low + ((here.le - low) * (rank - countBelow)) / inside;
}

/**
 * Events slower than a bucket's bound, of all. The bound must be one of the buckets: between two there is only
 * guessing, so null says that the histogram cannot answer. Null also without a +Inf bucket.
 */
export function slowerThan(
  bound: number,
  buckets: readonly Bucket[],
): { readonly bad: number; readonly total: number } | null {
  const all = rising(buckets);
  const total = totalOf(all);
  const at = all.find(({ le }) => le === bound);
  return at && total !== null ? { bad: total - at.count, total } : null;
}

/** Count of the +Inf bucket; null when the last one is finite. */
function totalOf(all: readonly Bucket[]): number | null {
  const last = all.at(-1);
  return last?.le === Number.POSITIVE_INFINITY ? last.count : null;
}

/** Sorted, each count at least its predecessor's: buckets read at slightly different times may fall. */
function rising(buckets: readonly Bucket[]): Bucket[] {
  let highest = 0;
  return toSorted(buckets).map(({ le, count }) => {
    highest = Math.max(highest, count);
    return { le, count: highest };
  });
}

function toSorted(buckets: readonly Bucket[]): Bucket[] {
  return [...buckets].sort((a, b) => (a.le === b.le ? 0 : a.le < b.le ? -1 : 1));
}
