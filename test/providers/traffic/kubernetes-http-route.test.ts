import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { deploymentSchema, httpRouteSchema } from "../../../src/providers/kubernetes/objects.ts";
import { hasKubernetes } from "../../support/kubernetes/server.ts";
import { findService } from "../../support/services.ts";
import { trafficConformance } from "./conformance.ts";
import {
  benchOf,
  createDeployment,
  createRoute,
  deployments,
  imageOf,
  type KubernetesBench,
  openCluster,
  routes,
} from "./kubernetes-bench.ts";

/** With everything a rule holds, to be written back. */
const rawRouteSchema = z.object({
  spec: z.object({ rules: z.array(z.looseObject({ backendRefs: z.array(z.looseObject({})) })) }),
});

const tracks = ["shop-a", "shop-b", "shop-c"];

async function open(): Promise<KubernetesBench> {
  const cluster = await openCluster();
  // The third is parked until it is needed.
  await Promise.all(
    tracks.map((name, nth) => createDeployment(cluster, name, "v0", { replicas: nth === 2 ? 0 : 2 })),
  );
  await createRoute(cluster, tracks);
  const bench = await benchOf(cluster, {
    kind: "http-route",
    backends: tracks.map((name) => ({ service: name, deployment: name })),
  });
  const { admin, controllers } = cluster;
  const path = `${routes(cluster)}/shop`;
  return {
    ...bench,
    async progress() {
      await Promise.all(tracks.map((name) => controllers.deployment(name)));
      await controllers.gateway("shop");
    },
    async served() {
      const { versions } = await bench.engine.describe(bench.target, { deadlineMs: 10_000 });
      return Object.fromEntries(versions.map(({ version, weightPercent }) => [version, weightPercent]));
    },
    async meddle(canaryPercent) {
      const { spec } = await admin.get(path, rawRouteSchema);
      const weights = [100 - canaryPercent, canaryPercent, 0];
      const rules = spec.rules.map(({ backendRefs, ...rule }) => ({
        ...rule,
        backendRefs: backendRefs.map((ref, nth) => ({ ...ref, weight: weights[nth] })),
      }));
      await admin.merge(path, { spec: { rules } });
    },
  };
}

describe.runIf(hasKubernetes())("on a real API server", () => {
  trafficConformance("HTTPRoute", open);
});

describe.runIf(hasKubernetes())("an HTTPRoute", () => {
  const call = { deadlineMs: 10_000 };

  /** v41 has all of the traffic; the second Deployment is parked. */
  async function opened() {
    const cluster = await openCluster();
    const { admin, controllers } = cluster;
    const pair = tracks.slice(0, 2);
    await createDeployment(cluster, "shop-a", "v41", { replicas: 3 });
    await createDeployment(cluster, "shop-b", "v40", { replicas: 0 });
    await createRoute(cluster, pair, { first: 1 });
    const bench = await benchOf(cluster, {
      kind: "http-route",
      backends: pair.map((name) => ({ service: name, deployment: name })),
    });
    const progress = async () => {
      await Promise.all(pair.map((name) => controllers.deployment(name)));
      await controllers.gateway("shop");
    };
    await progress();
    const weights = async () => {
      const { spec } = await admin.get(`${routes(cluster)}/shop`, httpRouteSchema);
      return spec.rules.map(({ backendRefs }) => backendRefs.map(({ weight }) => weight));
    };
    return {
      ...bench,
      ...cluster,
      progress,
      weights,
      deployment: (name: string) => `${deployments(cluster)}/${name}`,
    };
  }

  it("wakes a parked Deployment, gives no traffic before its pods are there, and then the same by every rule", async () => {
    const { engine, target, admin, controllers, progress, weights, deployment } = await opened();
    const canary = () => engine.setWeight(target, "v42", 0.01, "R-1:0.01", call);
    const underWay = (words: string) => ({ code: "in_progress", message: expect.stringContaining(words) });
    expect(await engine.health(target, "v42", call)).toMatchObject({ state: "down" });
    await expect(canary()).rejects.toMatchObject(underWay("0 of 3 pods run v42"));
    await controllers.deployment("shop-b", { available: 1 });
    await expect(canary()).rejects.toMatchObject(underWay("1 of 3 pods run v42"));
    expect(await weights()).toEqual([[1, 0], [1], [1, 0]]);
    await controllers.deployment("shop-b");
    await expect(canary()).rejects.toMatchObject(underWay("has not taken the weights"));
    expect(await weights()).toEqual([[9999, 1], [1], [9999, 1]]);
    await progress();
    expect((await canary()).versions).toEqual([
      { version: "v41", weightPercent: 99.99, address: "shop-a" },
      { version: "v42", weightPercent: 0.01, address: "shop-b" },
    ]);
    expect((await admin.get(deployment("shop-b"), deploymentSchema)).spec.replicas).toBe(3);
    await expect(engine.setWeight(target, "v43", 1, "k", call)).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringContaining("no Deployment free for v43"),
    });
  });

  it("goes back at once although the gateway or the canary's pods are in trouble", async () => {
    const { engine, target, controllers, progress, weights, admin, deployment } = await opened();
    const snapshot = await engine.snapshot(target, call);
    const canary = () => engine.setWeight(target, "v42", 50, "R-1:50", call);
    for (const _look of [1, 2]) {
      await expect(canary()).rejects.toMatchObject({ code: "in_progress" });
      await progress();
    }
    await canary();
    await admin.merge(deployment("shop-b"), { spec: { paused: true } });
    await controllers.gateway("shop", {
      type: "ResolvedRefs",
      reason: "BackendNotFound",
      message: "shop-b is gone",
    });
    const back = () => engine.revert(target, snapshot, "R-1:revert", call);
    await expect(back()).rejects.toMatchObject({ code: "in_progress" });
    expect(await weights()).toEqual([[1, 0], [1], [1, 0]]);
    await controllers.gateway("shop", {
      type: "ResolvedRefs",
      reason: "BackendNotFound",
      message: "shop-b is gone",
    });
    await expect(back()).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringContaining("ResolvedRefs is False, BackendNotFound: shop-b is gone"),
    });
    await controllers.gateway("shop");
    await back();
    expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
    expect(
      (await admin.get(deployment("shop-b"), deploymentSchema)).spec.template.spec.containers[0]?.image,
    ).toBe(imageOf("v40"));
  });

  it.each([
    ["the canary's Deployment is gone", "deployment"],
    ["somebody took the canary out of a rule", "rule"],
  ])("goes back although %s, and prints how in that order", async (_what, change) => {
    const bench = await opened();
    const { engine, target, progress, weights, admin, deployment } = bench;
    const snapshot = await engine.snapshot(target, call);
    for (const _look of [1, 2]) {
      await engine.setWeight(target, "v42", 50, "R-1:50", call).catch(() => undefined);
      await progress();
    }
    await engine.setWeight(target, "v42", 50, "R-1:50", call);
    const path = `${routes(bench)}/shop`;
    if (change === "deployment") await admin.delete(deployment("shop-b"));
    else {
      const { spec } = await admin.get(path, rawRouteSchema);
      const rules = spec.rules.map((rule, nth) =>
        nth === 0 ? { ...rule, backendRefs: rule.backendRefs.filter((ref) => ref.name !== "shop-b") } : rule,
      );
      await admin.merge(path, { spec: { rules } });
    }
    const back = () => engine.revert(target, snapshot, "R-1:revert", call);
    await expect(back()).rejects.toMatchObject({ code: "in_progress" });
    expect(await weights()).toEqual([change === "rule" ? [1] : [1, 0], [1], [1, 0]]);
    const commands = engine.manualRevert(target, snapshot);
    const places = ["deployment/shop-a", "rules/0/", "rules/2/", "deployment/shop-b"].map((part) =>
      commands.findIndex((command) => command.includes(part)),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
  });

  it("brings the old version back into a Deployment that has another one by now, before it gets its traffic", async () => {
    const { engine, target, progress, weights } = await opened();
    const snapshot = await engine.snapshot(target, call);
    const arrive = async (version: string, key: string) => {
      for (let look = 1; look <= 6; look += 1) {
        try {
          return await engine.promote(target, version, key, call);
        } catch (error) {
          expect(error).toMatchObject({ code: "in_progress" });
          await progress();
        }
      }
      throw new Error(`${version} never arrived`);
    };
    await arrive("v42", "R-1");
    await arrive("v43", "R-2");
    const back = () => engine.revert(target, snapshot, "R-2:revert", call);
    // v43 is where v41 was: the weights already point there.
    await expect(back()).rejects.toMatchObject({
      code: "in_progress",
      message: expect.stringContaining("pods run v41"),
    });
    for (const _look of [1, 2]) {
      await progress();
      await back().catch((error: unknown) => expect(error).toMatchObject({ code: "in_progress" }));
    }
    await back();
    expect(await weights()).toEqual([[1, 0], [1], [1, 0]]);
    expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
  });

  const kubectl = findService("kubectl");
  it.runIf(kubectl)("is put back by the printed commands alone", async () => {
    const { engine, target, progress, kubeconfig } = await opened();
    const snapshot = await engine.snapshot(target, call);
    for (const _look of [1, 2]) {
      await engine.setWeight(target, "v42", 50, "k", call).catch(() => undefined);
      await progress();
    }
    await engine.setWeight(target, "v42", 50, "k", call);
    const script = engine.manualRevert(target, snapshot).join("\n");
    await promisify(execFile)("sh", ["-ec", script], { env: { ...process.env, KUBECONFIG: kubeconfig } });
    await progress();
    expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
  });
});
