/** How many requests a service gets now: what its rollout's steps have to fill their samples with. */
import type { Signal } from "../../catalog/schema.ts";
import { ProviderError } from "../../providers/errors.ts";
import { countsEvents } from "./judge-plan.ts";
import type { RolloutPlan } from "./plan.ts";
import type { Room } from "./room.ts";

/** Long enough to even out a minute's noise, short enough to be of now. */
const windowMs = 5 * 60_000;
const minuteMs = 60_000;

/**
 * Events per second of the rarest critical signal that counts events, over the last five minutes; each has to fill a
 * step's samples. Undefined where it cannot be read: then nothing is expected rather than something wrong.
 */
export async function todaysRate(
  { signals, platform }: Pick<Room, "signals" | "platform">,
  service: string,
  version: string,
  plan: Pick<RolloutPlan, "signals" | "lagMs">,
): Promise<number | undefined> {
  const counted = plan.signals.filter((signal) => signal.weight === "critical" && countsEvents(signal));
  const to = new Date(platform.clock.now().getTime() - plan.lagMs);
  const totalOf = async (name: string, spanMs: number): Promise<number | undefined> => {
    const from = new Date(to.getTime() - spanMs);
    const { byVersion, partial } = await signals.counts(service, name, { from, to, versions: [version] });
    return partial === null ? byVersion.get(version)?.total : undefined;
  };
  const rateOf = async ({ name }: Signal): Promise<number | undefined> => {
    try {
      const [whole, last] = await Promise.all([totalOf(name, windowMs), totalOf(name, minuteMs)]);
      return rateFrom(whole, last);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      platform.log.warn({ err: error, service, signal: name }, "the traffic of now could not be read");
      return undefined;
    }
  };
  const known = (await Promise.all(counted.map(rateOf))).filter((rate) => rate !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

/** Where most of five minutes' events came in the last, the version or its traffic is younger than five minutes. */
export function rateFrom(whole: number | undefined, last: number | undefined): number | undefined {
  if (whole === undefined) return undefined;
  const isYoung = last !== undefined && last > whole / 2;
  return isYoung ? (1_000 * last) / minuteMs : (1_000 * whole) / windowMs;
}
