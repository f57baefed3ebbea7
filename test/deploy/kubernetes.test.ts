import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ProviderError } from "../../src/providers/errors.ts";
import { createClusters } from "../../src/providers/kubernetes/clusters.ts";
import type { TrafficTarget } from "../../src/providers/traffic/contract.ts";
import { createKubernetesEngine } from "../../src/providers/traffic/kubernetes.ts";
import {
  benchOf,
  type Cluster,
  createDeployment,
  createRollout,
  createRoute,
  openCluster,
  writeKubeconfig,
} from "../providers/traffic/kubernetes-bench.ts";
import { hasKubernetes } from "../support/kubernetes/server.ts";

const objectSchema = z.looseObject({
  kind: z.string(),
  rules: z.array(z.looseObject({ verbs: z.array(z.string()) })).optional(),
});
type KubernetesObject = z.output<typeof objectSchema>;

const read = (file: string): KubernetesObject[] =>
  parseAllDocuments(readFileSync(`deploy/kubernetes/${file}`, "utf8")).map((document) =>
    objectSchema.parse(document.toJS()),
  );

const paths: Record<string, (namespace: string) => string> = {
  Namespace: () => "/api/v1/namespaces",
  ServiceAccount: () => "/api/v1/namespaces/quarterdeck/serviceaccounts",
  Role: (namespace) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`,
  RoleBinding: (namespace) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`,
};

const engine = createKubernetesEngine(createClusters());
const call = { deadlineMs: 10_000 };

/** Every kind of object, moved once and put back, with the rights that are applied. */
async function openWithRights(): Promise<{
  cluster: Cluster;
  /** Verb and resource of one right of the Role, or all of them. */
  rights: readonly { verb: string; rule: number }[];
  setRole(without?: { verb: string; rule: number }): Promise<void>;
  use(kind: string): Promise<void>;
}> {
  const cluster = await openCluster();
  const { admin, namespace, server, authority, controllers } = cluster;
  for (const object of read("service-account.yaml"))
    await admin.create(paths[object.kind]?.(namespace) ?? "", object);
  const [role, binding] = read("role.yaml");
  if (!role?.rules || !binding) throw new Error("role.yaml holds no Role and binding");
  const roles = paths.Role?.(namespace) ?? "";
  await admin.create(roles, role);
  await admin.create(paths.RoleBinding?.(namespace) ?? "", binding);
  const answer = z
    .object({ status: z.object({ token: z.string() }) })
    .parse(
      await admin.post("/api/v1/namespaces/quarterdeck/serviceaccounts/quarterdeck/token", { spec: {} }),
    );
  const kubeconfig = writeKubeconfig({ server, authority, token: answer.status.token });

  const tracks = ["shop-a", "shop-b"];
  await Promise.all(
    [...tracks, "plain"].map((name) => createDeployment(cluster, name, "v0", { replicas: 1 })),
  );
  await createRoute(cluster, tracks);
  await createRollout(cluster, "v0", { replicas: 1 });
  const { config } = await benchOf(cluster, { kubeconfig });
  const kinds: Record<string, object> = {
    rollout: { kind: "rollout" },
    "http-route": {
      kind: "http-route",
      backends: tracks.map((name) => ({ service: name, deployment: name })),
    },
    deployment: { kind: "deployment", name: "plain" },
  };
  const progress = async () => {
    await Promise.all([...tracks, "plain"].map((name) => controllers.deployment(name)));
    await controllers.gateway("shop");
    await controllers.rollout("shop");
  };
  return {
    cluster,
    rights: role.rules.flatMap(({ verbs }, rule) => verbs.map((verb) => ({ verb, rule }))),
    async setRole(without) {
      const rules = role.rules?.map((rule, index) => ({
        ...rule,
        verbs: rule.verbs.filter((verb) => index !== without?.rule || verb !== without.verb),
      }));
      const kept = rules?.filter(({ verbs }) => verbs.length > 0);
      await admin.put(`${roles}/quarterdeck-traffic`, { ...role, rules: kept });
    },
    async use(kind) {
      const target: TrafficTarget = {
        service: "shop",
        environment: "production",
        config: { ...config, ...kinds[kind] },
      };
      const arrive = async (ask: () => Promise<unknown>) => {
        for (;;) {
          try {
            return await ask();
          } catch (error) {
            if (!(error instanceof ProviderError && error.code === "in_progress")) throw error;
            await progress();
          }
        }
      };
      const part = kind === "deployment" ? 100 : 10;
      await arrive(() => engine.setWeight(target, "v1", 100, "a", call));
      const snapshot = await engine.snapshot(target, call);
      await arrive(() => engine.setWeight(target, "v2", part, "b", call));
      await engine.health(target, "v2", call);
      await engine.weights(target, call);
      await arrive(() => engine.revert(target, snapshot, "c", call));
      expect(await engine.parity(target, snapshot, call), kind).toEqual({ equal: true, differences: [] });
    },
  };
}

describe.runIf(hasKubernetes())("the Role in deploy/kubernetes", () => {
  it("lets every kind of object be moved, and nothing in it can be left out", async () => {
    const { rights, setRole, use } = await openWithRights();
    const kinds = ["rollout", "http-route", "deployment"];
    for (const kind of kinds) await use(kind);
    expect(rights.length).toBeGreaterThan(6);
    for (const right of rights) {
      await setRole(right);
      const refusals: string[] = [];
      for (const kind of kinds) {
        const refusal = await untilRefused(() => use(kind));
        if (refusal) refusals.push(refusal);
        if (refusals.length > 0) break;
      }
      expect(refusals, `without ${right.verb} of rule ${right.rule}`).toEqual([
        expect.stringContaining(`Quarterdeck may not ${right.verb} `),
      ]);
    }
  });
});

/** What was refused for want of a right; undefined when all went well. */
async function untilRefused(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof ProviderError && error.code === "unauthorised") return error.message;
    throw error;
  }
}
