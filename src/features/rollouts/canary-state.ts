/** What is known of the canary besides its signals: its processes, and the alerts that fire on them. */
import { service as serviceOf } from "../../catalog/lookup.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { VersionHealth } from "../../providers/traffic/contract.ts";
import type { FiringOn } from "../alerts/index.ts";
import type { CanaryAlert, Samples } from "./judge.ts";
import type { Rollout } from "./model.ts";
import type { Room } from "./room.ts";
import { trafficDeadlineMs } from "./target.ts";

export interface CanaryState {
  /** Undefined: could not be read, and decides nothing. */
  readonly health: VersionHealth | undefined;
  readonly alerts: readonly CanaryAlert[];
}

export async function readCanary(room: Room, rollout: Rollout): Promise<CanaryState> {
  const [health, alerts] = await Promise.all([readHealth(room, rollout), readAlerts(room, rollout)]);
  return { health, alerts };
}

async function readHealth(room: Room, rollout: Rollout): Promise<VersionHealth | undefined> {
  try {
    const { engine, target, addressOf } = room.aim(rollout);
    const health = await engine.health(target, rollout.to, { deadlineMs: trafficDeadlineMs });
    const isUncounted = health.wanted === null && (engine.startsVersions || addressOf(rollout.to) === null);
    const hasNone = health.wanted === 0 || isUncounted;
    // Where there should be no processes, or nobody counts them, that there are none is no failure.
    return health.state === "down" && hasNone ? undefined : health;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    room.platform.log.warn({ err: error, rollout: rollout.id }, "the canary's processes could not be read");
    return undefined;
  }
}

async function readAlerts({ platform, alerts }: Room, rollout: Rollout): Promise<readonly CanaryAlert[]> {
  const { service, environment, from, to } = rollout;
  const label = serviceOf(platform.catalogs.current(), service)?.versionLabel ?? "version";
  const asked = { service, environment, label, versions: [to, from] };
  return canaryAlerts(await alerts.firingOn(platform.database.db, asked), to);
}

/** Each alert on the canary once, its worst severity, and whether stable has it too. */
export function canaryAlerts(firing: readonly FiringOn[], canary: string): CanaryAlert[] {
  const ranks = ["critical", "error", "warning", "info"];
  const own = new Map<string, CanaryAlert>();
  for (const { name, severity, version } of firing) {
    const known = own.get(name);
    if (version !== canary || (known && ranks.indexOf(known.severity) <= ranks.indexOf(severity))) continue;
    const isOnStable = firing.some((other) => other.name === name && other.version !== canary);
    own.set(name, { name, severity, isOnStable });
  }
  return [...own.values()];
}

/**
 * The processes as the judge hears of them. Down for the first time may be a restart between two answers: it goes back
 * when the next look finds it down too.
 */
export function healthFor(
  health: VersionHealth | undefined,
  wasDown: boolean,
): Samples["health"] | undefined {
  if (health === undefined) return undefined;
  const { state, detail } = health;
  return { state: state === "down" && !wasDown ? "starting" : state, detail };
}
