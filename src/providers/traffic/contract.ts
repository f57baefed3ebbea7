import { z } from "zod";

/** What all traffic engines share: who is meant, what is read, what is kept, and the methods. */
export interface TrafficTarget {
  readonly service: string;
  readonly environment: string;
  /** The engine's own configuration; each engine reads it with its schema and refuses it naming the field. */
  readonly config: unknown;
}

/** Percent of requests, 0 to 100 in steps of 0.01. */
export const weightPercentSchema = z
  .number()
  .min(0)
  .max(100)
  .refine((percent) => Math.abs(percent * 100 - Math.round(percent * 100)) < 1e-6, "at most two decimals");

const versionSchema = z.strictObject({
  version: z.string().min(1),
  weightPercent: weightPercentSchema,
  /** Where this version's requests go, as the engine writes it; null where it has no such thing. */
  address: z.string().nullable(),
});
export type TrafficVersion = z.output<typeof versionSchema>;

/** Who else keeps an object as it is declared somewhere, and so puts back what is changed by hand. */
export interface ManagedBy {
  readonly system: "argo-cd" | "flux" | "helm";
  /** Of Flux, which of its two kinds applies the object; absent where it is not known. */
  readonly kind?: "kustomization" | "helm-release" | undefined;
  readonly name: string;
  readonly namespace: string | null;
}

/** What was read from the engine. */
export interface TrafficState {
  readonly service: string;
  readonly environment: string;
  /** Sum of weights 100; empty when the engine does not know the service yet. */
  readonly versions: readonly TrafficVersion[];
  /** Changes whenever anything changes, whoever did it; opaque. */
  readonly revision: string;
  /** Idempotency key of the last change, or null where somebody else made it. */
  readonly changedBy: string | null;
  /** Null where nothing else manages it, and for engines that nothing else can manage. */
  readonly managedBy: ManagedBy | null;
}

/** How the processes of one version do. */
export interface VersionHealth {
  /** `unknown`: the engine cannot tell. */
  readonly state: "serving" | "starting" | "down" | "crash-looping" | "unknown";
  /** Processes that are ready, and that there should be; null where the engine does not count them. */
  readonly ready: number | null;
  readonly wanted: number | null;
  /** For people: `1 of 3 pods ready`. */
  readonly detail: string;
}

/** Everything a revert needs, plain JSON, to be kept before the first step. */
export const trafficSnapshotSchema = z.strictObject({
  engine: z.string().min(1),
  service: z.string().min(1),
  environment: z.string().min(1),
  versions: z.array(versionSchema).min(1),
  /** What else this engine restores and compares (replicas, image digests), by name. */
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
export type TrafficSnapshot = z.output<typeof trafficSnapshotSchema>;

export interface ParityDifference {
  /** `versions.v42.weightPercent`, `versions.v42.address`, `fields.replicas`. */
  readonly field: string;
  /** Null where the snapshot, or now the engine, has no such thing. */
  readonly recorded: string | number | boolean | null;
  readonly actual: string | number | boolean | null;
}

export interface Parity {
  readonly equal: boolean;
  readonly differences: readonly ParityDifference[];
}

export interface TrafficCall {
  /** Milliseconds for the whole method, retries and reading back included. */
  readonly deadlineMs: number;
  /** Ends the call early, with `timeout`. */
  readonly signal?: AbortSignal | undefined;
}

/** What an idempotency key may be: 1 to 200 visible ASCII characters. */
export const idempotencyKeyPattern = /^[\x21-\x7e]{1,200}$/;

/**
 * Moves a service's traffic between its versions.
 *
 * Every method throws ProviderError. After `timeout` or `unreachable` the effect may have happened: call again with
 * the same input. Each method states what is wanted, so a repeat changes nothing; the key marks the change as ours,
 * so that one made by somebody else is noticed. What a method returns was read from the engine after the change.
 */
export interface TrafficEngine {
  /** `router`, `haproxy`, …; also in every snapshot. */
  readonly engine: string;

  /** It starts a version's processes itself, with its first share; before that nothing of it can serve. */
  readonly startsVersions?: boolean;

  /** What is there now. */
  describe(target: TrafficTarget, call: TrafficCall): Promise<TrafficState>;

  /** Whether a version's processes serve; before it has any, `down` or `starting`. */
  health(target: TrafficTarget, version: string, call: TrafficCall): Promise<VersionHealth>;

  /** The shares in percent that a version can be given, where not every one can: those of the object's own steps. */
  weights(target: TrafficTarget, call: TrafficCall): Promise<readonly number[] | null>;

  /** Versions the catalog declares; empty where any can be given traffic. */
  versions(target: TrafficTarget): readonly string[];

  /** Whether a version can be given traffic, so far as the catalog tells. */
  knows(target: TrafficTarget, version: string): boolean;

  /** Where a version's requests go, as the catalog declares it; null where it declares none. */
  addressOf(target: TrafficTarget, version: string): string | null;

  /**
   * Gives a version a share; the others share the rest in the proportion they have. A service that the engine does not
   * know yet begins with its first version at 100.
   * `not_found` for a version it does not know, `in_progress` while it is on its way there, `rejected` for a percent that cannot be, `conflict` when somebody
   * changed the weights at the same moment: read, decide and try again.
   */
  setWeight(
    target: TrafficTarget,
    version: string,
    percent: number,
    idempotencyKey: string,
    call: TrafficCall,
  ): Promise<TrafficState>;

  /** All traffic to a version; the others stay at 0, ready for a way back. */
  promote(
    target: TrafficTarget,
    version: string,
    idempotencyKey: string,
    call: TrafficCall,
  ): Promise<TrafficState>;

  /** `not_found` when the engine does not know the service: there is no state to go back to. */
  snapshot(target: TrafficTarget, call: TrafficCall): Promise<TrafficSnapshot>;

  /** Puts back exactly what the snapshot holds, whatever stands there and whoever put it: never `conflict`. */
  revert(
    target: TrafficTarget,
    snapshot: TrafficSnapshot,
    idempotencyKey: string,
    call: TrafficCall,
  ): Promise<TrafficState>;

  /** Compares what is there with a snapshot, field by field. */
  parity(target: TrafficTarget, snapshot: TrafficSnapshot, call: TrafficCall): Promise<Parity>;

  /** The exact shell commands that put a snapshot back by hand, for when Quarterdeck is gone. No secrets in them. */
  manualRevert(target: TrafficTarget, snapshot: TrafficSnapshot): readonly string[];
}
