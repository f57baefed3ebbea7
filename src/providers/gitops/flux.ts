/**
 * Flux: a Kustomization or HelmRelease with `spec.suspend` is not reconciled.
 * Source: Flux docs, "Kustomization" and "Helm Releases", `.spec.suspend`.
 */
import { z } from "zod";
import { folderOf, type GitopsSystem } from "./contract.ts";
import { createSwitch, type HealingKind } from "./switch.ts";

/** `main@sha1:9f3c…`; `main/9f3c…` before Flux 2; `latest@sha256:…` of an image, which is no commit. */
const statusSchema = z.object({ lastAppliedRevision: z.string().optional() });

const sourceSchema = z.object({ sourceRef: z.object({ name: z.string() }), path: z.string().optional() });

const suspended = (
  is: HealingKind["is"],
  kind: string,
  group: string,
  version: string,
  plural: string,
): HealingKind => ({
  is,
  kind,
  resource: { group, version, plural },
  namespace: "flux-system",
  isHealing: ({ spec }) => spec.suspend !== true,
  isStopped: ({ spec }) => spec.suspend === true,
  // Absent and false are the same to Flux; what was absent goes again, so that no difference to Git is left.
  recordedOf: ({ spec }) => spec.suspend ?? null,
  stop: { suspend: true },
  start: (recorded) => ({ suspend: recorded }),
  sourceOf({ spec, status }) {
    const read = statusSchema.safeParse(status ?? {});
    const revision =
      (read.success && /(?:^|[:/])([0-9a-f]{40})$/.exec(read.data.lastAppliedRevision ?? "")?.[1]) || null;
    const source = sourceSchema.safeParse(spec);
    if (!source.success) return null;
    const { sourceRef, path } = source.data;
    return { repository: sourceRef.name, path: folderOf(path), revision };
  },
});

export function createFlux(): GitopsSystem {
  return createSwitch("flux", [
    suspended("kustomization", "Flux Kustomization", "kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
    suspended("helm-release", "Flux HelmRelease", "helm.toolkit.fluxcd.io", "v2", "helmreleases"),
  ]);
}
