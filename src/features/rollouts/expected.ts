/** How long a rollout takes at the traffic there is. Pure. */
import type { RolloutStep } from "../../catalog/schema.ts";

export interface ExpectedStep {
  readonly weightPercent: number;
  /** Milliseconds; null: with this traffic it never has the requests it needs. */
  readonly ms: number | null;
  /** Too few requests come for its least duration: it lasts longer. */
  readonly isLengthened: boolean;
}

export interface Expected {
  /** Events per second of the service's rarest critical signal; null: could not be read, and only least times count. */
  readonly ratePerSec: number | null;
  readonly steps: readonly ExpectedStep[];
  /** All steps, without the watch after them and without the time somebody takes to promote; null: never. */
  readonly totalMs: number | null;
}

/**
 * A step lasts its least duration or until the new version had the requests it needs, whichever is longer, and then
 * until that was measured and looked at.
 */
export function expectedOf(
  steps: readonly RolloutStep[],
  { intervalMs, lagMs }: { readonly intervalMs: number; readonly lagMs: number },
  ratePerSec: number | undefined,
): Expected {
  const each = steps.map(({ weightPercent, minDuration, minSamples }): ExpectedStep => {
    const isCounted = ratePerSec !== undefined && minSamples > 0;
    const samplesMs = isCounted ? (1_000 * minSamples) / ((ratePerSec * weightPercent) / 100) : 0;
    const ms = Math.round(Math.max(minDuration, samplesMs) + lagMs + intervalMs);
    return {
      weightPercent,
      ms: Number.isFinite(ms) ? ms : null,
      isLengthened: samplesMs > minDuration,
    };
  });
  return {
    ratePerSec: ratePerSec ?? null,
    steps: each,
    totalMs: each.reduce<number | null>((sum, { ms }) => (sum === null || ms === null ? null : sum + ms), 0),
  };
}
