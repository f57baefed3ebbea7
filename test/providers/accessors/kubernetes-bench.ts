import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ProviderError } from "../../../src/providers/errors.ts";
import type { KubernetesApi } from "../../../src/providers/kubernetes/api.ts";
import type { Clusters } from "../../../src/providers/kubernetes/clusters.ts";
import { AdminClient } from "../../support/kubernetes/admin.ts";
import { authorityOf, kubeconfigOf } from "../../support/kubernetes/server.ts";

const collections: Record<string, (namespace: string) => string> = {
  Namespace: () => "/api/v1/namespaces",
  ServiceAccount: (namespace) => `/api/v1/namespaces/${namespace}/serviceaccounts`,
  Role: (namespace) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`,
  RoleBinding: (namespace) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`,
  ClusterRole: () => "/apis/rbac.authorization.k8s.io/v1/clusterroles",
  ClusterRoleBinding: () => "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
};

export interface AccessCluster {
  readonly admin: AdminClient;
  /** Of the account that has what deploy/kubernetes gives, and nothing else. */
  readonly kubeconfig: string;
  /** Holds the service accounts of grants. */
  readonly namespace: string;
  /** Two namespaces that people get rights in. */
  readonly shops: readonly [string, string];
  /** ClusterRole that reads pods. */
  readonly clusterRole: string;
  /** What the API server says to that token: an HTTP status. */
  ask(token: string, path: string): Promise<number>;
  close(): Promise<void>;
}

/** The run's API server, set up as deploy/kubernetes says, with names of its own. */
export async function openAccessCluster(): Promise<AccessCluster> {
  const adminKubeconfig = await (await fetch(inject("testKubernetesDoor"))).text();
  const admin = new AdminClient(adminKubeconfig);
  const run = randomBytes(4).toString("hex");
  const [namespace, clusterRole] = [`access-${run}`, `pod-reader-${run}`];
  const shops = [`shop-a-${run}`, `shop-b-${run}`] as const;
  const setUp = async (file: string, into: string) => {
    const text = readFileSync(`deploy/kubernetes/${file}`, "utf8")
      .replaceAll("quarterdeck-access", namespace)
      .replaceAll("[view]", `[${clusterRole}]`);
    for (const document of parseAllDocuments(text)) {
      const object = z
        .looseObject({ kind: z.string(), metadata: z.looseObject({ namespace: z.string().optional() }) })
        .parse(document.toJS());
      await admin.create(collections[object.kind]?.(object.metadata.namespace ?? into) ?? "", object);
    }
  };
  await setUp("service-account.yaml", "quarterdeck");
  await setUp("access.yaml", namespace);
  await setUp("access-everywhere.yaml", namespace);
  const readPods = { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] };
  await admin.create(collections.ClusterRole?.("") ?? "", {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: clusterRole },
    rules: [readPods],
  });
  for (const name of shops) {
    await admin.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    await setUp("access-namespace.yaml", name);
    await admin.create(collections.Role?.(name) ?? "", {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "debugger" },
      rules: [{ apiGroups: [""], resources: ["pods/log"], verbs: ["get"] }],
    });
  }
  const answer = z
    .object({ status: z.object({ token: z.string() }) })
    .parse(
      await admin.post("/api/v1/namespaces/quarterdeck/serviceaccounts/quarterdeck/token", { spec: {} }),
    );
  const { server, authority } = authorityOf(adminKubeconfig);
  const home = mkdtempSync(join(tmpdir(), "quarterdeck-access-"));
  const kubeconfig = join(home, "kubeconfig");
  writeFileSync(
    kubeconfig,
    kubeconfigOf({ server, ...(authority && { authority }), token: answer.status.token }),
  );
  const ca = authority && readFileSync(authority);
  const ask = (token: string, path: string) =>
    new Promise<number>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      request(new URL(path, server), { ca, headers, agent: false }, (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode ?? 0));
      })
        .once("error", reject)
        .end();
    });
  const close = async () => {
    rmSync(home, { recursive: true });
    const names = [namespace, ...shops];
    await Promise.all(names.map((name) => admin.delete(`/api/v1/namespaces/${name}`)));
  };
  return { admin, kubeconfig, namespace, shops, clusterRole, ask, close };
}

/** Every token that is asked for is made, and its answer never comes. */
export function losingTokens(clusters: Clusters): Clusters {
  return {
    ...clusters,
    use: (address, call, work) =>
      clusters.use(address, call, (api) =>
        work(
          new Proxy(api, {
            get: (target, name: keyof KubernetesApi) => {
              if (name !== "create") return target[name].bind(target);
              return async (...[at, json, schema]: Parameters<KubernetesApi["create"]>) => {
                const made = await target.create(at, json, schema);
                if (at.subresource === "token") throw new ProviderError("timeout", "no answer", "read back");
                return made;
              };
            },
          }),
        ),
      ),
  };
}
