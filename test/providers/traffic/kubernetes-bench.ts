import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { inject, onTestFinished } from "vitest";
import { createClusters } from "../../../src/providers/kubernetes/clusters.ts";
import { createKubernetesEngine } from "../../../src/providers/traffic/kubernetes.ts";
import { AdminClient } from "../../support/kubernetes/admin.ts";
import { Controllers } from "../../support/kubernetes/controllers.ts";
import { authorityOf, kubeconfigOf } from "../../support/kubernetes/server.ts";
import { tempDir } from "../../support/temp-dir.ts";
import type { TrafficBench } from "./conformance.ts";

export const image = "registry.example/shop:{version}";
export const imageOf = (version: string): string => image.replace("{version}", version);

export interface Cluster {
  readonly admin: AdminClient;
  readonly controllers: Controllers;
  readonly namespace: string;
  readonly kubeconfig: string;
  readonly server: string;
  readonly authority: string | undefined;
}

/** The run's API server, with a namespace of the test's own. */
export async function openCluster(): Promise<Cluster> {
  const answer = await fetch(inject("testKubernetesDoor"));
  const kubeconfig = await answer.text();
  if (!answer.ok) throw new Error(kubeconfig);
  const admin = new AdminClient(kubeconfig);
  const namespace = `shop-${randomBytes(4).toString("hex")}`;
  await admin.create("/api/v1/namespaces", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
  onTestFinished(() => admin.delete(`/api/v1/namespaces/${namespace}`));
  const controllers = new Controllers(admin, namespace);
  return {
    admin,
    controllers,
    namespace,
    kubeconfig,
    ...authorityOf(kubeconfig),
    authority: authorityOf(kubeconfig).authority,
  };
}

export function writeKubeconfig(given: Parameters<typeof kubeconfigOf>[0]): string {
  const path = join(tempDir(), "kubeconfig");
  writeFileSync(path, kubeconfigOf(given));
  return path;
}

export const podTemplate = (app: string, version: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: "web", image: imageOf(version) }] },
});

export const deployments = ({ namespace }: Cluster) => `/apis/apps/v1/namespaces/${namespace}/deployments`;
export const routes = ({ namespace }: Cluster) =>
  `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`;
export const rollouts = ({ namespace }: Cluster) =>
  `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/rollouts`;

export function createDeployment(
  cluster: Cluster,
  name: string,
  version: string,
  { replicas = 2, ...metadata }: { replicas?: number; labels?: object; annotations?: object } = {},
): Promise<void> {
  return cluster.admin.create(deployments(cluster), {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, ...metadata },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: podTemplate(name, version),
    },
  });
}

/** Two rules that name all Services, and one of another application. */
export function createRoute(
  cluster: Cluster,
  services: readonly string[],
  { first = 0 }: { first?: number } = {},
): Promise<void> {
  const backendRefs = services.map((name, nth) => ({ name, port: 8080, weight: nth === 0 ? first : 0 }));
  return cluster.admin.create(routes(cluster), {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "shop" },
    spec: {
      parentRefs: [{ name: "gateway" }],
      rules: [
        { matches: [{ path: { type: "PathPrefix", value: "/api" } }], backendRefs },
        {
          matches: [{ path: { type: "PathPrefix", value: "/legacy" } }],
          backendRefs: [{ name: "legacy", port: 80 }],
        },
        { backendRefs },
      ],
    },
  });
}

export function createRollout(
  cluster: Cluster,
  version: string,
  {
    steps = stepsOf(1, 10, 20, 30, 50),
    replicas = 2,
    ...spec
  }: Record<string, unknown> & { steps?: object[] } = {},
): Promise<void> {
  return cluster.admin.create(rollouts(cluster), {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "shop" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "shop" } },
      template: podTemplate("shop", version),
      strategy: {
        canary: {
          canaryService: "shop-canary",
          stableService: "shop-stable",
          trafficRouting: { nginx: { stableIngress: "shop" } },
          steps,
        },
      },
      ...spec,
    },
  });
}

export const stepsOf = (...weights: number[]): object[] =>
  weights.flatMap((setWeight) => [{ setWeight }, { pause: {} }]);

export interface KubernetesBench extends TrafficBench {
  readonly cluster: Cluster;
  readonly config: Record<string, unknown>;
}

/** What every kind's bench has; `fields` are the kind's own. */
export async function benchOf(
  cluster: Cluster,
  fields: Record<string, unknown>,
): Promise<Omit<KubernetesBench, "served" | "meddle" | "progress">> {
  const config = {
    kubeconfig: cluster.kubeconfig,
    context: null,
    namespace: cluster.namespace,
    name: "shop",
    container: null,
    image,
    backends: [],
    versions: [],
    canaryUrl: null,
    autoscaled: false,
    ...fields,
  };
  const target = { service: "shop", environment: "production", config };
  const { server, authority } = cluster;
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void silent.close());
  const through = (given: Parameters<typeof kubeconfigOf>[0]) => ({
    ...target,
    config: { ...config, kubeconfig: writeKubeconfig(given) },
  });
  const token = "of nobody";
  return {
    cluster,
    config,
    engine: createKubernetesEngine(createClusters()),
    target,
    versions: ["v41", "v42", "v43"],
    dropsZeros: true,
    unknownVersion: "v4:2",
    unauthorised: through({ server, authority, token }),
    unreachable: through({ server: "https://127.0.0.1:1", token }),
    silent: through({ server: `https://127.0.0.1:${(silent.address() as AddressInfo).port}`, token }),
  };
}
