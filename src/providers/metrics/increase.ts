/** Counters as increments: what was added between one reading and the next. */

export interface CounterPoint {
  readonly atMs: number;
  readonly value: number;
  /** When the counter began (OpenMetrics `_created`), epoch milliseconds. */
  readonly createdMs?: number;
}

export interface Increment {
  /** Half-open on the left: counted after fromMs, up to and with atMs. */
  readonly fromMs: number;
  readonly atMs: number;
  readonly value: number;
  readonly isReset: boolean;
}

export interface Increments {
  readonly increments: readonly Increment[];
  /** Points left out: not finite, negative, or not later than the one before. */
  readonly dropped: number;
}

/**
 * What one counter rose by between neighbouring points. A fall, or a newer beginning, is a restart from 0 and adds
 * the whole new value, as Prometheus's `increase` counts before it extrapolates; nothing is extrapolated here.
 *
 * @param bornMs set for a series known to be new (a fresh pod): its first value counts whole from then on.
 * Source: Prometheus, promql/functions.go, `extrapolatedRate`.
 */
export function counterIncrements(points: readonly CounterPoint[], bornMs?: number): Increments {
  const increments: Increment[] = [];
  let before: CounterPoint | undefined =
    bornMs === undefined ? undefined : { atMs: bornMs, value: 0, createdMs: bornMs };
  let dropped = 0;
  for (const point of points) {
    const isOdd = !Number.isFinite(point.value) || point.value < 0 || !Number.isFinite(point.atMs);
    if (isOdd || (before && point.atMs <= before.atMs)) {
      dropped += 1;
      continue;
    }
    if (before) {
      const isReset = point.value < before.value || isYounger(point, before);
      const value = isReset ? point.value : point.value - before.value;
      increments.push({ fromMs: before.atMs, atMs: point.atMs, value, isReset });
    }
    before = point;
  }
  return { increments, dropped };
}

function isYounger(point: CounterPoint, before: CounterPoint): boolean {
  return (
    point.createdMs !== undefined && before.createdMs !== undefined && point.createdMs > before.createdMs
  );
}

/** What a counter rose by over all its points; null with fewer than two, where nothing can be said. */
export function counterIncrease(points: readonly CounterPoint[]): number | null {
  const { increments } = counterIncrements(points);
  return increments.length > 0 ? increments.reduce((sum, { value }) => sum + value, 0) : null;
}
