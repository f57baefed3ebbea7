import { stringify } from "yaml";
import type { ClusterFacts } from "../kubernetes/clusters.ts";

/** A kubeconfig that holds one cluster, one user and one context. Source: Kubernetes, "Kubeconfig (v1)". */
export function kubeconfigFor(
  { server, authority, tlsServerName }: ClusterFacts,
  { name, token, namespace }: { name: string; token: string; namespace: string },
): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name,
        cluster: {
          server,
          ...(authority !== null && { "certificate-authority-data": authority }),
          ...(tlsServerName !== null && { "tls-server-name": tlsServerName }),
        },
      },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, ...(namespace !== "" && { namespace }) } }],
    "current-context": name,
  });
}
