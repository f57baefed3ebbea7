/** From which bucket bound on a request counts as slow, where the catalog names none: found once, kept with the plan. */
import type { Signal } from "../../catalog/schema.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { RolloutPlan } from "./plan.ts";
import type { Room } from "./room.ts";

/** The share of stable's requests that should be slow: its 95th percentile. */
const slowShare = 0.05;
const slowShareMax = 0.5;
/** Long enough for a few hundred requests of a quiet service. */
const windowSec = 3_600;

/**
 * The bound with a share beyond it that is nearest to one in twenty, on a scale of ratios; undefined without events, or
 * where no bound has some but at most half of them beyond it.
 */
export function slowBoundOf(
  buckets: readonly { readonly le: number; readonly count: number }[],
): number | undefined {
  const all = buckets.at(-1);
  if (all?.le !== Number.POSITIVE_INFINITY || all.count <= 0) return undefined;
  const missOf = (count: number) => Math.abs(Math.log((all.count - count) / all.count / slowShare));
  const fit = buckets.filter(
    ({ le, count }) =>
      Number.isFinite(le) && count < all.count && all.count - count <= slowShareMax * all.count,
  );
  return fit.sort((a, b) => missOf(a.count) - missOf(b.count))[0]?.le;
}

/** The plan with a bound for each quantile that has none; one that cannot be read stays without and is not judged. */
export async function withSlowBounds(
  { signals, platform }: Pick<Room, "signals" | "platform">,
  service: string,
  stable: string,
  plan: RolloutPlan,
): Promise<RolloutPlan> {
  const at = new Date(platform.clock.now().getTime() - plan.lagMs);
  const boundOf = async (signal: Signal): Promise<Signal> => {
    if (signal.kind !== "quantile" || signal.slowAbove !== undefined || signal.promql) return signal;
    try {
      const buckets = await signals.buckets(service, signal.name, { at, windowSec, version: stable });
      const slowAbove = slowBoundOf(buckets);
      return slowAbove === undefined ? signal : { ...signal, slowAbove };
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      platform.log.warn(
        { err: error, service, signal: signal.name },
        "no bound of what is slow could be read",
      );
      return signal;
    }
  };
  return { ...plan, signals: await Promise.all(plan.signals.map(boundOf)) };
}
