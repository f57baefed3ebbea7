import { expect, it } from "vitest";
import { z } from "zod";
import { poll } from "../../../src/platform/embedded/wait.ts";
import { createArgoCd } from "../../../src/providers/gitops/argo-cd.ts";
import type { ClusterObjects, GitopsSystem } from "../../../src/providers/gitops/contract.ts";
import { createFlux } from "../../../src/providers/gitops/flux.ts";
import { stoppedAnnotation } from "../../../src/providers/gitops/switch.ts";
import { createClusters } from "../../../src/providers/kubernetes/clusters.ts";
import type { AdminClient } from "../../support/kubernetes/admin.ts";
import { hasKubernetes } from "../../support/kubernetes/server.ts";
import { openCluster } from "../traffic/kubernetes-bench.ts";

/** No more than what is read and written here; the rest of a `spec` is kept as it comes. */
const definition = (group: string, version: string, kind: string, plural: string) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: `${plural}.${group}`,
    annotations: { "api-approved.kubernetes.io": "unapproved, for tests" },
  },
  spec: {
    group,
    scope: "Namespaced",
    names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
              status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
            },
          },
        },
      },
    ],
  },
});

async function define(admin: AdminClient, group: string, version: string, kind: string, plural: string) {
  await admin.create(
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    definition(group, version, kind, plural),
  );
  const isServed = async () =>
    (await admin.exists(`/apis/${group}/${version}/namespaces/default/${plural}`)) || undefined;
  if (!(await poll(isServed, 30_000, 100))) throw new Error(`${plural} of ${group} are not served`);
}

const objectSchema = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }),
  spec: z.record(z.string(), z.unknown()),
});

const benches: [string, GitopsSystem, "argo-cd" | "flux", string, string, string, Record<string, unknown>][] =
  [
    [
      "an Argo CD application",
      createArgoCd(),
      "argo-cd",
      "argoproj.io",
      "v1alpha1",
      "Application",
      {
        source: { repoURL: "https://git.example.com/shop.git", path: "prod" },
        syncPolicy: { automated: { prune: true, selfHeal: true }, retry: { limit: 5 } },
      },
    ],
    [
      "a Flux Kustomization",
      createFlux(),
      "flux",
      "kustomize.toolkit.fluxcd.io",
      "v1",
      "Kustomization",
      { interval: "10m", sourceRef: { kind: "GitRepository", name: "fleet" } },
    ],
  ];

it.skipIf(!hasKubernetes()).each(benches)(
  "a real API server takes the stop of %s, refuses it to a version that is gone, and has all put back",
  async (_name, system, kind, group, version, objectKind, spec) => {
    const { admin, namespace, kubeconfig } = await openCluster();
    const plural = `${objectKind.toLowerCase()}s`;
    await define(admin, group, version, objectKind, plural);
    const at = `/apis/${group}/${version}/namespaces/${namespace}/${plural}`;
    await admin.post(at, {
      apiVersion: `${group}/${version}`,
      kind: objectKind,
      metadata: { name: "shop" },
      spec,
    });
    const read = () => admin.get(`${at}/shop`, objectSchema);
    const owner = { system: kind, name: "shop", namespace };
    const use = <T>(work: (objects: ClusterObjects) => Promise<T>): Promise<T> =>
      createClusters().use({ kubeconfig, context: null }, { deadlineMs: 10_000 }, work);
    const mark = { by: "quarterdeck R-12", until: new Date("2026-11-25T13:40:00Z") };

    let writes = 0;
    const stopped = await use((objects) =>
      system.suspend(
        {
          get: (path, schema) => objects.get(path, schema),
          async merge(path, json, schema) {
            writes += 1;
            // Somebody else writes between our read and our write.
            if (writes === 1) await admin.merge(`${at}/shop`, { spec: { extra: "theirs" } });
            return objects.merge(path, json, schema);
          },
        },
        owner,
        mark,
      ),
    );
    expect(stopped.is).toBe("stopped");
    expect(writes).toBe(2);
    const during = await read();
    expect(during.metadata.annotations?.[stoppedAnnotation]).toContain("quarterdeck R-12");
    expect(during.spec).not.toEqual({ ...spec, extra: "theirs" });
    expect(await use((objects) => system.resume(objects, owner, mark))).toEqual({ is: "resumed" });
    const after = await read();
    expect(after.spec).toEqual({ ...spec, extra: "theirs" });
    expect(after.metadata.annotations ?? {}).toEqual({});
    await expect(
      use((objects) => system.suspend(objects, { ...owner, name: "nobody" }, mark)),
    ).rejects.toMatchObject({ code: "not_found" });
  },
);
