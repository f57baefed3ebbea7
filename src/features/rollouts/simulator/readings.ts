/** What a rival reads of a run: one number per signal, side and stretch of looks, as a metrics query gives it. Pure. */
import type { Look, SideLook } from "./world.ts";

export const signalNames = ["errors", "latency", "orders", "memory"] as const;
export type SignalName = (typeof signalNames)[number];

/** Which way is harm. */
export const directions: Readonly<Record<SignalName, "increase" | "decrease">> = {
  errors: "increase",
  latency: "increase",
  orders: "decrease",
  memory: "increase",
};

export interface Readings {
  readonly looks: number;
  /** The value over the `window` looks that end with look `at`; NaN without requests, or where there is no such signal. */
  value(signal: SignalName, side: "canary" | "stable", at: number, window: number): number;
  /** Requests over the same stretch. */
  requests(side: "canary" | "stable", at: number, window: number): number;
}

export function readingsOf(looks: readonly Look[], boundsMs: readonly number[]): Readings {
  const sums = { canary: runningSums(looks, "canary"), stable: runningSums(looks, "stable") };
  const width = boundsMs.length + 1;
  const over = (sum: Float64Array, at: number, window: number) =>
    (sum[at + 1] ?? 0) - (sum[Math.max(0, at + 1 - window)] ?? 0);
  return {
    looks: looks.length,
    requests: (side, at, window) => over(sums[side].total, at, window),
    value(signal, side, at, window) {
      const own = sums[side];
      switch (signal) {
        case "errors":
          return over(own.bad, at, window) / over(own.total, at, window);
        case "orders":
          return looks[at]?.[side].orders === null
            ? Number.NaN
            : over(own.orders, at, window) / over(own.total, at, window);
        case "memory":
          return looks[at]?.[side].memory ?? Number.NaN;
        case "latency": {
          const from = Math.max(0, at + 1 - window) * width;
          const to = (at + 1) * width;
          const total = over(own.total, at, window);
          return quantile(
            boundsMs,
            (i) => (own.buckets[to + i] ?? 0) - (own.buckets[from + i] ?? 0),
            total,
            0.99,
          );
        }
      }
    },
  };
}

/**
 * Quantile of a histogram, linear inside its bucket; above the last bound it is that bound. NaN without events.
 * Source: Prometheus documentation, `histogram_quantile`.
 */
export function quantile(
  boundsMs: readonly number[],
  countOf: (bucket: number) => number,
  total: number,
  share: number,
): number {
  if (!(total > 0)) return Number.NaN;
  const rank = share * total;
  let below = 0;
  for (let i = 0; i < boundsMs.length; i += 1) {
    const count = countOf(i);
    if (below + count >= rank) {
      const low = boundsMs[i - 1] ?? 0;
      return low + (((boundsMs[i] ?? 0) - low) * (rank - below)) / count;
    }
    below += count;
  }
  return boundsMs.at(-1) ?? Number.NaN;
}

function runningSums(looks: readonly Look[], side: "canary" | "stable") {
  const width = looks[0]?.[side].buckets.length ?? 0;
  const sum = (of: (look: SideLook) => number) => {
    const running = new Float64Array(looks.length + 1);
    looks.forEach((look, i) => {
      running[i + 1] = (running[i] ?? 0) + of(look[side]);
    });
    return running;
  };
  const buckets = new Float64Array((looks.length + 1) * width);
  looks.forEach((look, at) => {
    look[side].buckets.forEach((count, i) => {
      buckets[(at + 1) * width + i] = (buckets[at * width + i] ?? 0) + count;
    });
  });
  return {
    total: sum(({ total }) => total),
    bad: sum(({ bad }) => bad),
    orders: sum(({ orders }) => orders ?? 0),
    buckets,
  };
}
