/** The traffic before a rollout: what runs, the state to come back to, the shares it can be split by. */
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { TrafficSnapshot } from "../../providers/traffic/contract.ts";
import type { Room } from "./room.ts";
import type { StartRequest } from "./start.ts";
import { type Aim, trafficDeadlineMs } from "./target.ts";

/** The state to come back to. A service the engine does not know yet gets its first version before anything else. */
export async function readWayBack(
  room: Room,
  aim: Aim,
  isDryRun: boolean,
): Promise<Decision<TrafficSnapshot>> {
  const { engine, target, initialVersion } = aim;
  const within = { deadlineMs: trafficDeadlineMs };
  try {
    const { versions } = await engine.describe(target, within);
    if (versions.length > 0) return allow(await engine.snapshot(target, within));
    const { service, environment } = target;
    if (initialVersion === undefined)
      return refuse({
        rule: "way-back-known",
        message: `${aim.engine.engine} knows no version of ${target.service} yet, so there would be no way back. Nothing was started.`,
        hint: `Deploy a first version, or name initialVersion under traffic of ${target.service} in the catalog.`,
      });
    if (isDryRun)
      return allow({
        engine: engine.engine,
        service,
        environment,
        versions: [{ version: initialVersion, weightPercent: 100, address: aim.addressOf(initialVersion) }],
        fields: {},
      });
    await ensureRouted(room, aim);
    return allow(await engine.snapshot(target, within));
  } catch (error) {
    return unreadable(target.service, error);
  }
}

/** Shares the version can be given; null: any. */
export async function readWeights({ engine, target }: Aim): Promise<Decision<readonly number[] | null>> {
  try {
    return allow(await engine.weights(target, { deadlineMs: trafficDeadlineMs }));
  } catch (error) {
    return unreadable(target.service, error);
  }
}

function unreadable(service: string, error: unknown): Decision<never> {
  if (!(error instanceof ProviderError)) throw error;
  return refuse({
    rule: "way-back-known",
    message: `The traffic of ${service} cannot be read (${error.message}), so there would be no way back. Nothing was started.`,
    hint: error.hint,
  });
}

/** Gives a service its version when the engine knows none: the recorded one, else the catalog's first. */
export async function ensureRouted(room: Room, aim: Aim): Promise<void> {
  const { engine, target, initialVersion } = aim;
  const { service, environment } = target;
  const within = { deadlineMs: trafficDeadlineMs };
  if ((await engine.describe(target, within)).versions.length > 0) return;
  const recorded = (await room.deploys.current(service, environment))?.version;
  const version = recorded !== undefined && aim.knows(recorded) ? recorded : initialVersion;
  // Such an engine knows what runs by itself; what it does not know, nobody may choose for it.
  if (version === undefined) return;
  await engine.promote(target, version, `first:${service}:${version}`, within);
}

export function fromVersion(
  { service, environment, version: to }: StartRequest,
  { versions }: TrafficSnapshot,
): Decision<string> {
  const taking = versions.filter(({ weightPercent }) => weightPercent > 0);
  const [only] = taking;
  if (taking.length === 1 && only?.version === to)
    return refuse({
      rule: "another-version",
      message: `${to} already has all traffic of ${service}.`,
      hint: "",
    });
  if (taking.length !== 1 || !only)
    return refuse({
      rule: "one-version-before",
      message: `The traffic of ${service} is split outside any rollout: ${taking.map(({ version, weightPercent }) => `${version} ${weightPercent} %`).join(", ")}.`,
      hint: `Bring it to one version first: rollback ${service}@${environment}.`,
    });
  return allow(only.version);
}
