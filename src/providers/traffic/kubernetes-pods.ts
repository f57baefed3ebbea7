/** The ReplicaSets and pods behind a version. */
import type { KubernetesApi } from "../kubernetes/api.ts";
import {
  deploymentSchema,
  deployments,
  isOwnedBy,
  labelSelectorOf,
  type Metadata,
  podListSchema,
  pods,
  type ReplicaSet,
  replicaSetListSchema,
  replicaSets,
  type Selector,
} from "../kubernetes/objects.ts";
import type { VersionHealth } from "./contract.ts";
import type { KubernetesConfig } from "./kubernetes-config.ts";
import { healthOf } from "./kubernetes-health.ts";
import { type Naming, versionIn } from "./kubernetes-images.ts";
import { placeOf } from "./kubernetes-kind.ts";

/** Labels and annotations the Deployment controller puts on the ReplicaSets it makes. */
export const deploymentHistory = {
  hashLabel: "pod-template-hash",
  revisionAnnotation: "deployment.kubernetes.io/revision",
} as const;

/** ReplicaSets that an object owns, the newest first. */
export async function historyOf(
  api: KubernetesApi,
  { namespace }: KubernetesConfig,
  owner: { readonly metadata: Metadata; readonly spec: { readonly selector: Selector } },
  annotation: string,
): Promise<ReplicaSet[]> {
  const { items } = await api.list(
    { resource: replicaSets, namespace, labelSelector: labelSelectorOf(owner.spec.selector) },
    replicaSetListSchema,
  );
  const number = ({ metadata }: ReplicaSet): number => Number(metadata.annotations?.[annotation] ?? 0);
  return items
    .filter(({ metadata }) => isOwnedBy(metadata, owner.metadata))
    .sort((a, b) => number(b) - number(a));
}

/** How the pods of one version of a Deployment do. */
export async function deploymentHealth(
  api: KubernetesApi,
  config: KubernetesConfig,
  naming: Naming & { readonly deployment: string },
  version: string,
): Promise<VersionHealth> {
  const deployment = await api.get(placeOf(config, deployments, naming.deployment), deploymentSchema);
  const history = await historyOf(api, config, deployment, deploymentHistory.revisionAnnotation);
  return podHealth(api, config, naming, version, {
    selector: deployment.spec.selector,
    history,
    wanted: versionIn(naming, deployment.spec.template) === version ? deployment.spec.replicas : null,
  });
}

export async function podHealth(
  api: KubernetesApi,
  { namespace }: KubernetesConfig,
  naming: Naming,
  version: string,
  owner: { selector: Selector; history: readonly ReplicaSet[]; wanted: number | null },
): Promise<VersionHealth> {
  const { items } = await api.list(
    { resource: pods, namespace, labelSelector: labelSelectorOf(owner.selector) },
    podListSchema,
  );
  const its = items.filter(({ spec }) => versionIn(naming, { metadata: {}, spec }) === version);
  const scaled = owner.history
    .filter(({ spec }) => versionIn(naming, spec.template) === version)
    .reduce((sum, { spec }) => sum + spec.replicas, 0);
  return healthOf(version, its, owner.wanted ?? scaled);
}
