/** Who else keeps an object as it is declared somewhere: read from the labels and annotations they leave on it. */
import type { Metadata } from "../kubernetes/objects.ts";
import type { ManagedBy } from "./contract.ts";

const toolkits = [
  { toolkit: "kustomize", kind: "kustomization" },
  { toolkit: "helm", kind: "helm-release" },
] as const;

/**
 * Sources: Argo CD, "Resource Tracking"; Flux, "kustomize-controller" and "helm-controller" (ownership labels);
 * Helm 3, release annotations. What Argo CD or Flux deploys by Helm is theirs: they would put it back.
 */
export function managedBy({
  labels,
  annotations,
  managedFields,
}: Pick<Metadata, "labels" | "annotations" | "managedFields">): ManagedBy | null {
  const read = (key: string): string | undefined => annotations?.[key] ?? labels?.[key] ?? undefined;

  // `<application>:<group>/<kind>:<namespace>/<name>`; applications of other namespaces are `<namespace>_<name>`.
  const tracked = annotations?.["argocd.argoproj.io/tracking-id"]?.split(":")[0];
  if (tracked !== undefined && tracked !== "") return argoCd(tracked);

  for (const { toolkit, kind } of toolkits) {
    const name = labels?.[`${toolkit}.toolkit.fluxcd.io/name`];
    const namespace = labels?.[`${toolkit}.toolkit.fluxcd.io/namespace`] ?? null;
    if (name !== undefined) return { system: "flux", kind, name, namespace };
  }

  const byLabel = labels?.["argocd.argoproj.io/instance"];
  if (byLabel !== undefined) return argoCd(byLabel);

  const release = read("meta.helm.sh/release-name");
  if (release !== undefined)
    return { system: "helm", name: release, namespace: read("meta.helm.sh/release-namespace") ?? null };

  // Argo CD's default before 3.0, and what most charts write besides: only where Argo CD did write.
  const instance = labels?.["app.kubernetes.io/instance"];
  if (instance !== undefined && managedFields.some(({ manager }) => manager.startsWith("argocd")))
    return argoCd(instance);
  return null;
}

function argoCd(application: string): ManagedBy {
  const cut = application.indexOf("_");
  return cut < 0
    ? { system: "argo-cd", name: application, namespace: null }
    : { system: "argo-cd", name: application.slice(cut + 1), namespace: application.slice(0, cut) };
}
