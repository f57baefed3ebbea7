import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { pointer } from "../../../src/providers/kubernetes/api.ts";
import { createClusters } from "../../../src/providers/kubernetes/clusters.ts";
import {
  argoRollouts,
  deploymentSchema,
  deployments,
  httpRoutes,
  labelSelectorOf,
} from "../../../src/providers/kubernetes/objects.ts";
import { hasKubernetes, kubeconfigOf } from "../../support/kubernetes/server.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { createDeployment, openCluster } from "../traffic/kubernetes-bench.ts";

const call = { deadlineMs: 10_000 };
const nothing = async () => undefined;

describe("which cluster is meant", () => {
  const use = (kubeconfig: string | null, context: string | null = null) =>
    createClusters().use({ kubeconfig, context }, call, nothing);
  const written = (text: string) => {
    const path = join(tempDir(), "kubeconfig");
    writeFileSync(path, text);
    return path;
  };
  const whole = kubeconfigOf({ server: "https://127.0.0.1:1", token: "t" });

  it("is refused without a kubeconfig, with one that cannot be read, without its context or its server", async () => {
    const refusals = [
      [() => use("/nowhere/kubeconfig"), "rejected", "/nowhere/kubeconfig cannot be read"],
      [() => use(written("{")), "rejected", "cannot be read"],
      [() => use(written(whole), "prod"), "rejected", "no context prod; it has test"],
      [
        () => use(written("apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n")),
        "rejected",
        "no cluster with an address",
      ],
      [() => use(null), "rejected", "runs in no cluster"],
    ] as const;
    for (const [work, code, words] of refusals)
      await expect(work()).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it("says that an exec plugin gave no credentials", async () => {
    const config = JSON.parse(whole) as { users: unknown[] };
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "/nowhere/login",
      interactiveMode: "Never",
    };
    config.users = [{ name: "tester", user: { exec } }];
    await expect(use(written(JSON.stringify(config)))).rejects.toMatchObject({ code: "unauthorised" });
  });

  it("does not wait for an exec plugin longer than it may", async () => {
    const config = JSON.parse(whole) as { users: unknown[] };
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "sleep",
      args: ["2"],
      interactiveMode: "Never",
    };
    config.users = [{ name: "tester", user: { exec } }];
    const address = { kubeconfig: written(JSON.stringify(config)), context: null };
    const work = createClusters().use(address, { deadlineMs: 50 }, nothing);
    await expect(work).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("50 ms") });
  });

  it("has one deadline for the credentials and the requests after them", async () => {
    // Takes the connection, and says nothing.
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const config = JSON.parse(kubeconfigOf({ server: `https://127.0.0.1:${port}`, token: "t" })) as {
      users: unknown[];
    };
    const apiVersion = "client.authentication.k8s.io/v1";
    const credential = JSON.stringify({ apiVersion, kind: "ExecCredential", status: { token: "t" } });
    const exec = {
      apiVersion,
      command: "sh",
      args: ["-c", `sleep 0.4; echo '${credential}'`],
      interactiveMode: "Never",
    };
    config.users = [{ name: "tester", user: { exec } }];
    const address = { kubeconfig: written(JSON.stringify(config)), context: null };
    const startedMs = performance.now();
    const work = createClusters().use(address, { deadlineMs: 600 }, (api) =>
      api.get({ resource: deployments, namespace: "shop", name: "web" }, deploymentSchema),
    );
    await expect(work).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("600 ms") });
    expect(performance.now() - startedMs).toBeLessThan(850);
  });

  it("is read again when the kubeconfig changes", async () => {
    const clusters = createClusters();
    const path = written(whole);
    await clusters.use({ kubeconfig: path, context: "test" }, call, nothing);
    writeFileSync(path, whole.replaceAll('"test"', '"other"'));
    const again = clusters.use({ kubeconfig: path, context: "test" }, call, nothing);
    await expect(again).rejects.toMatchObject({ message: expect.stringContaining("no context test") });
  });
});

it("writes selectors as queries do, and pointers with what they must escape", () => {
  const expression = (operator: string, values: string[] = []) => ({ key: "tier", operator, values });
  const selector = (...matchExpressions: ReturnType<typeof expression>[]) =>
    labelSelectorOf({ matchLabels: { app: "shop" }, matchExpressions });
  expect(selector(expression("In", ["web", "api"]), expression("NotIn", ["db"]))).toBe(
    "app=shop,tier in (web,api),tier notin (db)",
  );
  expect(selector(expression("Exists"), expression("DoesNotExist"))).toBe("app=shop,tier,!tier");
  expect(pointer("metadata", "annotations", "a/b~c", 0)).toBe("/metadata/annotations/a~1b~0c/0");
});

describe.runIf(hasKubernetes())("a real API server", () => {
  it("answers what is there, and says what is not, what is no more, and what cannot be", async () => {
    const cluster = await openCluster();
    await createDeployment(cluster, "web", "v1");
    const { kubeconfig, namespace } = cluster;
    const path = { resource: deployments, namespace, name: "web" };
    await createClusters().use({ kubeconfig, context: "test" }, call, async (api) => {
      const { metadata } = await api.get(path, deploymentSchema);
      expect(metadata.name).toBe("web");
      expect(await api.find({ ...path, name: "none" }, deploymentSchema)).toBeUndefined();
      const refusals = [
        [
          () => api.get({ ...path, resource: { ...argoRollouts, version: "v9" } }, z.unknown()),
          "not_found",
          "v9",
        ],
        [() => api.get({ ...path, resource: httpRoutes }, z.unknown()), "not_found", `${namespace}/web`],
        [
          () => api.patch(path, [{ op: "test", path: "/metadata/resourceVersion", value: "1" }], z.unknown()),
          "conflict",
          "not what was read",
        ],
        [
          () => api.merge(path, { metadata: { resourceVersion: "1" }, spec: { replicas: 9 } }, z.unknown()),
          "conflict",
          "at the same moment",
        ],
        [() => api.merge(path, { spec: { replicas: -1 } }, z.unknown()), "rejected", "spec.replicas"],
        [() => api.get(path, z.object({ spec: z.string() })), "rejected", "spec"],
      ] as const;
      for (const [work, code, words] of refusals)
        await expect(work()).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    });
  });

  it("is not trusted with a certificate that the kubeconfig does not know", async () => {
    const { server } = await openCluster();
    const path = join(tempDir(), "kubeconfig");
    writeFileSync(path, kubeconfigOf({ server, token: "t" }));
    const work = createClusters().use({ kubeconfig: path, context: null }, call, (api) =>
      api.get({ resource: deployments, namespace: "shop", name: "web" }, deploymentSchema),
    );
    await expect(work).rejects.toMatchObject({
      code: "unreachable",
      hint: expect.stringContaining("certificate-authority"),
    });
  });
});
