/**
 * Argo CD: an Application with `spec.syncPolicy.automated` syncs by itself. Taking that away stops both self-heal and
 * the sync of a new commit; the recorded policy is put back whole.
 * Source: Argo CD docs, "Automated Sync Policy" and "Application Specification".
 */
import { z } from "zod";
import type { GitopsSystem } from "./contract.ts";
import { createSwitch, type HealingObject } from "./switch.ts";

const policySchema = z.object({ automated: z.looseObject({ enabled: z.boolean().optional() }).nullish() });
const sourceSchema = z.object({ repoURL: z.string(), path: z.string().optional() });
const statusSchema = z.object({ sync: z.object({ revision: z.string().optional() }).optional() });

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
        const { repoURL: repository, path = null } = source.data;
        const read = statusSchema.safeParse(status ?? {});
        return { repository, path, revision: (read.success && read.data.sync?.revision) || null };
      },
    },
  ]);
}
