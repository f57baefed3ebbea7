/** How a process that ended by itself is started again. */
export interface RestartPolicy {
  /** Wait before the first restart; it doubles from one to the next. */
  firstMs: number;
  maxMs: number;
  /** A process that ran this long counts as sound: the next restart waits `firstMs` again. */
  soundAfterMs: number;
}

export const restartPolicy: RestartPolicy = { firstMs: 250, maxMs: 10_000, soundAfterMs: 30_000 };

/**
 * @param failuresBefore restarts in a row so far, before the run that just ended
 * @param ranMs how long that run lasted
 * @returns how long to wait now, and the count to keep
 */
export function nextRestart(
  policy: RestartPolicy,
  failuresBefore: number,
  ranMs: number,
): { waitMs: number; failures: number } {
  const failures = ranMs >= policy.soundAfterMs ? 0 : failuresBefore;
  return { waitMs: Math.min(policy.maxMs, policy.firstMs * 2 ** failures), failures: failures + 1 };
}
