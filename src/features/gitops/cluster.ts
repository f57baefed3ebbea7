import * as lookup from "../../catalog/lookup.ts";
import type { Platform } from "../../platform/platform.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { Clusters } from "../../providers/kubernetes/clusters.ts";
import type { UseCluster } from "./room.ts";

/** The cluster in which a service's traffic is moved, with the rights the traffic is moved with. */
export function clusterOf(
  { catalogs, env }: Pick<Platform, "catalogs" | "env">,
  clusters: Clusters,
): UseCluster {
  return async ({ service, environment }, call, work) => {
    const catalog = catalogs.current();
    const entry = lookup.trafficOf(catalog, service, environment);
    const instance = entry && lookup.trafficInstance(catalog, entry.provider);
    if (instance?.kind !== "kubernetes")
      throw new ProviderError(
        "not_found",
        `The traffic of ${service} in ${environment} is moved in no cluster`,
        "Look at traffic of the service in the catalog.",
      );
    const { kubeconfigEnv, context = null } = instance;
    const kubeconfig = kubeconfigEnv === undefined ? null : env(kubeconfigEnv);
    if (kubeconfig === undefined)
      throw new ProviderError(
        "unauthorised",
        `The kubeconfig of ${instance.name} is not set`,
        `Set ${kubeconfigEnv}, which the catalog names for it.`,
      );
    return clusters.use({ kubeconfig, context }, call, work);
  };
}
