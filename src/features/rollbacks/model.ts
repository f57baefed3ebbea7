/** A rollback: moving → back. Pure. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../platform/canonical.ts";
import type { Id } from "../../platform/ids.ts";
import type { Parity, TrafficSnapshot } from "../../providers/traffic/contract.ts";
import type { Deploy, RanMigration } from "../deploys/index.ts";
import type {
  Aim,
  Failing,
  ParityNote,
  Recovery,
  SurroundingDifference,
  Surroundings,
  Who,
} from "../rollouts/index.ts";

export type RollbackState = { readonly is: "moving" } | { readonly is: "back"; readonly at: Date };

/**
 * `snapshot`: back to a state as it was recorded when the version was left. `version`: all traffic to a version of
 * which no such state is kept; what else the engine holds (replicas) stays as it is now.
 */
export type Way = "snapshot" | "version";

export interface Rollback {
  readonly id: Id<"rollout">;
  readonly service: string;
  readonly environment: string;
  readonly from: string;
  readonly to: string;
  readonly by: Who;
  readonly reason?: string | undefined;
  readonly channel: string;
  readonly startedAt: Date;
  readonly catalogDigest: string;
  /** What the traffic is brought to, exactly. */
  readonly recorded: TrafficSnapshot;
  readonly way: Way;
  /** Settings, flags and schema when the version was left; undefined when that is not known. */
  readonly surroundings?: Surroundings | undefined;
  readonly state: RollbackState;
  /** Deploy that is gone back from. */
  readonly badDeployId?: Id<"deploy"> | undefined;
  readonly deployId?: Id<"deploy"> | undefined;
  readonly failing?: Failing | undefined;
  readonly parity?: ParityNote | undefined;
  readonly recovery?: Recovery | undefined;
}

/** What a rollback would do, as shown before it is confirmed. */
export interface Preview {
  readonly service: string;
  readonly environment: string;
  readonly from: string;
  readonly to: string;
  readonly recorded: TrafficSnapshot;
  readonly way: Way;
  readonly surroundings?: Surroundings | undefined;
  /** Settings and flags changed since the version was left. */
  readonly beside: readonly SurroundingDifference[];
  /** Data migrations that ran since; undefined when no deploy of the service ever told of one. */
  readonly migrations: readonly RanMigration[] | undefined;
  /** Why the engine cannot be read now; the rollback is tried until it can. */
  readonly unreadable?: string | undefined;
  /** Who else keeps the service's objects, and what that means for the way back. */
  readonly managed?: string | undefined;
  /** How users were when the version was left. */
  readonly usersThen: "well" | "hurting" | "unknown";
  readonly current?: Deploy | undefined;
  readonly target?: Deploy | undefined;
  /** How long the version to go back to ran, if that is known. */
  readonly ranMs?: number | undefined;
  readonly differences: Parity["differences"];
  readonly tookMs?: number | undefined;
  /** How often the traffic changed hands until then. */
  readonly turn: number;
}

const digestLength = 12;

/** What a confirmation is bound to: from where, to what, and that nobody moved the traffic in between. */
export function digestOf(preview: Preview): string {
  const { service, environment, from, to, recorded, differences, turn, beside, migrations = [] } = preview;
  const bound = {
    beside: beside.map(({ what, name, actual }) => [what, name, actual]),
    migrations: migrations.map(({ id, reversal }) => [id, reversal]),
    isReadable: preview.unreadable === undefined,
    service,
    environment,
    from,
    to,
    recorded,
    turn,
    differences: differences.map(({ field, recorded: was, actual }) => [field, was, actual]),
  };
  return createHash("sha256")
    .update(canonicalJson(JSON.parse(JSON.stringify(bound))))
    .digest("hex")
    .slice(0, digestLength);
}

/** All traffic to one version; the others stay at 0, ready for a way forward. */
export function allTo(snapshot: TrafficSnapshot, version: string, address: string | null): TrafficSnapshot {
  const others = snapshot.versions.map((one) => ({
    ...one,
    weightPercent: one.version === version ? 100 : 0,
  }));
  const isKnown = others.some((one) => one.version === version);
  return { ...snapshot, versions: isKnown ? others : [...others, { version, weightPercent: 100, address }] };
}

/** What a rollback promised: of a version alone its weights, else all that was recorded. */
export const promised = (way: Way, { differences }: Parity): Parity["differences"] =>
  way === "snapshot"
    ? differences
    : differences.filter(
        ({ field, recorded, actual }) =>
          field.endsWith(".weightPercent") && (recorded ?? 0) !== (actual ?? 0),
      );

/** For an engine that cannot be read now: what a version alone looks like. */
export function onlyTo(
  { engine, target, addressOf }: Pick<Aim, "engine" | "target" | "addressOf">,
  version: string,
): TrafficSnapshot {
  const { service, environment } = target;
  const versions = [{ version, weightPercent: 100, address: addressOf(version) }];
  return { engine: engine.engine, service, environment, versions, fields: {} };
}

/** The version with the most traffic. */
export function mostOf({ versions }: Pick<TrafficSnapshot, "versions">): string | undefined {
  return [...versions].sort((a, b) => b.weightPercent - a.weightPercent)[0]?.version;
}
