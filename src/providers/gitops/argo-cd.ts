/**
 * Argo CD: an Application with `spec.syncPolicy.automated` syncs by itself. Taking that away stops both self-heal and
 * the sync of a new commit; the recorded policy is put back whole.
 * Source: Argo CD docs, "Automated Sync Policy" and "Application Specification".
 */
import { z } from "zod";
import { folderOf, type GitopsSystem } from "./contract.ts";
import { createSwitch, type HealingObject } from "./switch.ts";

const policySchema = z.object({ automated: z.looseObject({ enabled: z.boolean().optional() }).nullish() });
const sourceSchema = z.object({ repoURL: z.string(), path: z.string().optional() });
/** Of a Helm chart it is the chart's version. */
const statusSchema = z.object({ sync: z.object({ revision: z.string().regex(/^[0-9a-f]{40}$/) }) });

const automatedOf = ({ spec }: HealingObject) => {
  const read = policySchema.safeParse(spec.syncPolicy);
  return read.success ? (read.data.automated ?? undefined) : undefined;
};

export function createArgoCd(): GitopsSystem {
  return createSwitch("argo-cd", [
    {
      kind: "Argo CD application",
      resource: { group: "argoproj.io", version: "v1alpha1", plural: "applications" },
      namespace: "argocd",
      isHealing: (object) => {
        const automated = automatedOf(object);
        return automated !== undefined && automated.enabled !== false;
      },
      isStopped: (object) => automatedOf(object) === undefined,
      recordedOf: (object) => automatedOf(object),
      stop: { syncPolicy: { automated: null } },
      start: (recorded) => ({ syncPolicy: { automated: recorded } }),
      sourceOf({ spec, status }) {
        const source = sourceSchema.safeParse(spec.source);
        if (!source.success) return null;
        const { repoURL: repository, path } = source.data;
        const read = statusSchema.safeParse(status);
        return { repository, path: folderOf(path), revision: read.data?.sync.revision ?? null };
      },
    },
  ]);
}
