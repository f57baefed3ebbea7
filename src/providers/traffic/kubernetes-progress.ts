/** How far a Deployment is. Source: Kubernetes, "Deployments": complete, failed and paused Deployments. Pure. */
import { ProviderError } from "../errors.ts";
import { conditionOf, type Deployment } from "../kubernetes/objects.ts";
import { type Naming, versionIn } from "./kubernetes-images.ts";
import { inProgress } from "./kubernetes-kind.ts";

export function refusePaused({ metadata, spec }: Deployment): void {
  if (!spec.paused) return;
  throw new ProviderError(
    "rejected",
    `The Deployment ${metadata.name} is paused, so no new pod would start`,
    `Somebody paused it: kubectl rollout resume deployment/${metadata.name} -n ${metadata.namespace}`,
  );
}

export function isComplete({ metadata, spec, status }: Deployment): boolean {
  return (
    status.observedGeneration >= metadata.generation &&
    status.updatedReplicas === spec.replicas &&
    status.replicas === status.updatedReplicas &&
    status.availableReplicas === status.updatedReplicas
  );
}

/** Throws `in_progress` while pods are replaced, `rejected` once the Deployment has given up on them. */
export function checkDone(naming: Naming, deployment: Deployment): void {
  const { metadata, spec, status } = deployment;
  if (isComplete(deployment)) return;
  const version = versionIn(naming, spec.template);
  const progress = conditionOf(status.conditions, "Progressing");
  if (
    status.observedGeneration >= metadata.generation &&
    progress?.status === "False" &&
    progress.reason === "ProgressDeadlineExceeded"
  )
    throw new ProviderError(
      "rejected",
      `${metadata.name} gave up on ${version}: ${progress.message || progress.reason}`,
      `See what its pods say: kubectl describe deployment/${metadata.name} -n ${metadata.namespace}`,
    );
  refusePaused(deployment);
  const isSeen = status.observedGeneration >= metadata.generation;
  const there = isSeen ? Math.min(status.updatedReplicas, status.availableReplicas) : 0;
  throw inProgress(`${metadata.name}: ${there} of ${spec.replicas} pods run ${version} and are available`);
}
