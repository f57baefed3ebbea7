/** A rollback: moving → back. Pure. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../platform/canonical.ts";
import type { Id } from "../../platform/ids.ts";
import type { Parity, TrafficSnapshot } from "../../providers/traffic/contract.ts";
import type { Deploy } from "../deploys/index.ts";
import type { Failing, ParityNote, Recovery, Who } from "../rollouts/index.ts";

export type RollbackState = { readonly is: "moving" } | { readonly is: "back"; readonly at: Date };

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
export function digestOf({ service, environment, from, to, recorded, differences, turn }: Preview): string {
  const bound = {
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

/** The version with the most traffic. */
export function mostOf({ versions }: Pick<TrafficSnapshot, "versions">): string | undefined {
  return [...versions].sort((a, b) => b.weightPercent - a.weightPercent)[0]?.version;
}
