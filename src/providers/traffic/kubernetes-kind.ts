/** What the three kinds of object have in common: what each is asked, and how shares, places and waits are said. */
import { ProviderError } from "../errors.ts";
import type { KubernetesApi, ObjectPath, Resource } from "../kubernetes/api.ts";
import type { ManagedBy, TrafficSnapshot, TrafficVersion, VersionHealth } from "./contract.ts";
import type { KubernetesConfig } from "./kubernetes-config.ts";
import type { Naming } from "./kubernetes-images.ts";
import { shareOut } from "./weights.ts";

export interface Standing {
  readonly versions: readonly TrafficVersion[];
  readonly revision: string;
  readonly changedBy: string | null;
  readonly managedBy: ManagedBy | null;
}

export type Fields = TrafficSnapshot["fields"];

export interface Kept {
  readonly versions: readonly TrafficVersion[];
  readonly fields: Fields;
}

/** One kind of object that carries a service's versions. All throw ProviderError. */
export interface Kind {
  /** Undefined when the object is not there. */
  describe(api: KubernetesApi, config: KubernetesConfig): Promise<Standing | undefined>;
  weights(api: KubernetesApi, config: KubernetesConfig): Promise<readonly number[] | null>;
  health(api: KubernetesApi, config: KubernetesConfig, version: string): Promise<VersionHealth>;
  /** `in_progress` until it stands. */
  setShare(
    api: KubernetesApi,
    config: KubernetesConfig,
    share: { readonly version: string; readonly percent: number },
    idempotencyKey: string,
  ): Promise<void>;
  keep(api: KubernetesApi, config: KubernetesConfig): Promise<Kept>;
  /** `in_progress` until the weights stand; `conflict` when somebody changed it meanwhile. */
  restore(api: KubernetesApi, config: KubernetesConfig, kept: Kept, idempotencyKey: string): Promise<void>;
  manualRestore(config: KubernetesConfig, kept: Kept): readonly string[];
}

export const placeOf = ({ namespace }: KubernetesConfig, resource: Resource, name: string): ObjectPath => ({
  resource,
  namespace,
  name,
});

/** Shares of claims (pods, weights) by version, summing to 100; versions without any are left out. */
export function sharesOf(
  claims: readonly { readonly version: string; readonly claim: number; readonly address: string | null }[],
): TrafficVersion[] {
  const byVersion = new Map<string, { claim: number; address: string | null }>();
  for (const { version, claim, address } of claims) {
    const known = byVersion.get(version);
    byVersion.set(version, { claim: (known?.claim ?? 0) + claim, address: known?.address ?? address });
  }
  const taking = [...byVersion].filter(([, { claim }]) => claim > 0);
  const units = shareOut(
    taking.map(([, { claim }]) => claim),
    10_000,
  );
  return taking.map(([version, { address }], index) => ({
    version,
    weightPercent: (units?.[index] ?? 0) / 100,
    address,
  }));
}

export const percentOf = (versions: readonly TrafficVersion[], version: string): number =>
  versions.find((one) => one.version === version)?.weightPercent ?? 0;

export const inProgress = (message: string): ProviderError =>
  new ProviderError("in_progress", message, "It goes on by itself; it is looked at again.");

export const namingOf = ({ name, image, container }: KubernetesConfig): Naming => ({
  name,
  image,
  container,
});

/** Pods there should at least be: more than were recorded are no difference, fewer are put back. */
export const replicasKept = (recorded: Fields[string] | undefined, actual: number): number =>
  typeof recorded === "number" ? Math.max(recorded, actual) : actual;
