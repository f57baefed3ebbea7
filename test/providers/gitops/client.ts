import type { ClusterObjects } from "../../../src/providers/gitops/contract.ts";
import { KubernetesApi } from "../../../src/providers/kubernetes/api.ts";

/** The client of clusters, as it asks the stand-in; each request with a deadline of its own. */
export function objectsAt(url: string): ClusterObjects {
  const api = () => new KubernetesApi(url, {}, { deadlineMs: 5_000 });
  return {
    get: (path, schema) => api().get(path, schema),
    merge: (path, json, schema) => api().merge(path, json, schema),
  };
}
