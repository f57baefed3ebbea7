import { describe, expect, it } from "vitest";
import { argoRolloutSchema, deploymentSchema } from "../../../src/providers/kubernetes/objects.ts";
import type { TrafficState } from "../../../src/providers/traffic/contract.ts";
import type { AdminClient } from "../../support/kubernetes/admin.ts";
import { hasKubernetes } from "../../support/kubernetes/server.ts";
import { trafficConformance } from "./conformance.ts";
import {
  benchOf,
  createDeployment,
  createRollout,
  deployments,
  imageOf,
  type KubernetesBench,
  openCluster,
  rollouts,
  stepsOf,
} from "./kubernetes-bench.ts";

const call = { deadlineMs: 10_000 };
/** Of `setWeight: 30` in the bench's steps. */
const indexOf30 = 6;

async function open(): Promise<KubernetesBench> {
  const cluster = await openCluster();
  await createRollout(cluster, "v41");
  const bench = await benchOf(cluster, { kind: "rollout" });
  const { admin, controllers } = cluster;
  return {
    ...bench,
    shares: [0, 1, 10, 20, 30, 50, 100],
    progress: () => controllers.rollout("shop"),
    async served() {
      const { versions } = await bench.engine.describe(bench.target, call);
      return Object.fromEntries(versions.map(({ version, weightPercent }) => [version, weightPercent]));
    },
    async meddle() {
      const status = { pauseConditions: null, controllerPause: false, currentStepIndex: indexOf30 };
      await admin.merge(`${rollouts(cluster)}/shop/status`, { status });
      await controllers.rollout("shop");
    },
  };
}

describe.runIf(hasKubernetes())("on a real API server", () => {
  trafficConformance("Argo Rollouts", open, { pairs: true });
});

describe.runIf(hasKubernetes())("a Rollout", () => {
  /** v41 has all of the traffic. */
  async function opened(given: Parameters<typeof createRollout>[2] = {}, fields: object = {}) {
    const cluster = await openCluster();
    await createRollout(cluster, "v41", given);
    const { engine, target } = await benchOf(cluster, { kind: "rollout", ...fields });
    const path = `${rollouts(cluster)}/shop`;
    const progress = () => cluster.controllers.rollout("shop");
    await progress();
    const arrive = async (ask: () => Promise<TrafficState>) => {
      for (let look = 1; look <= 12; look += 1) {
        try {
          return await ask();
        } catch (error) {
          expect(error).toMatchObject({ code: "in_progress" });
          await progress();
        }
      }
      throw new Error("it never arrived");
    };
    const read = () => cluster.admin.get(path, argoRolloutSchema);
    return { cluster, admin: cluster.admin, engine, target, path, progress, arrive, read };
  }

  it("stops at no other weights than its steps', and says which there are", async () => {
    const { engine, target } = await opened();
    await expect(engine.setWeight(target, "v42", 15, "k", call)).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringContaining("its steps stand at 0, 1, 10, 20, 30, 50, 100 %"),
    });
  });

  it("holds a pause that would end by itself, and lets it go with the next step", async () => {
    const steps = [{ setWeight: 10 }, { pause: { duration: "10m" } }, { setWeight: 50 }, { pause: {} }];
    const { engine, target, arrive, read } = await opened({ steps });
    await arrive(() => engine.setWeight(target, "v42", 10, "a", call));
    expect((await read()).spec.paused).toBe(true);
    await arrive(() => engine.setWeight(target, "v42", 50, "b", call));
    expect((await read()).spec.paused).toBe(false);
  });

  it("leaves alone what somebody aborted, and tries again what it aborted itself", async () => {
    const { engine, target, arrive, admin, path, progress } = await opened();
    const canary = (key: string) => engine.setWeight(target, "v42", 10, key, call);
    await arrive(() => canary("a"));
    await arrive(() => engine.setWeight(target, "v42", 0, "b", call));
    await arrive(() => canary("c"));
    await admin.merge(`${path}/status`, { status: { abort: true } });
    await progress();
    await expect(canary("d")).rejects.toMatchObject({
      code: "conflict",
      hint: expect.stringContaining("kubectl argo rollouts retry rollout shop"),
    });
  });

  it.each<[string, (admin: AdminClient, path: string) => Promise<unknown>, string]>([
    [
      "somebody's pause",
      (admin, path) => admin.merge(path, { spec: { paused: true } }),
      "kubectl argo rollouts resume shop",
    ],
    [
      "somebody's abort",
      (admin, path) => admin.merge(`${path}/status`, { status: { abort: true } }),
      "kubectl argo rollouts retry rollout shop",
    ],
    [
      "an analysis without a result",
      (admin, path) =>
        admin.merge(`${path}/status`, {
          status: {
            pauseConditions: [{ reason: "InconclusiveAnalysisRun", startTime: "2026-01-01T00:00:00Z" }],
          },
        }),
      "kubectl argo rollouts promote shop",
    ],
  ])("stays where it is after %s, promotes neither, and goes back all the same", async (what, stop, hint) => {
    const { engine, target, arrive, admin, path, progress, read } = await opened();
    const snapshot = await engine.snapshot(target, call);
    await arrive(() => engine.setWeight(target, "v42", 20, "a", call));
    await stop(admin, path);
    if (what !== "an analysis without a result") await progress();
    for (const percent of [50, 100])
      await expect(engine.setWeight(target, "v42", percent, "b", call)).rejects.toMatchObject({
        code: "conflict",
        hint: expect.stringContaining(hint),
      });
    const { spec, status } = await read();
    expect({ paused: spec.paused, abort: status.abort, promoteFull: status.promoteFull }).toEqual({
      paused: what === "somebody's pause",
      abort: what === "somebody's abort",
      promoteFull: false,
    });
    await arrive(() => engine.revert(target, snapshot, "back", call));
    expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
  });

  it("promotes what it held or aborted itself", async () => {
    const steps = [{ setWeight: 10 }, { pause: { duration: "10m" } }, { setWeight: 50 }, { pause: {} }];
    const { engine, target, arrive, read } = await opened({ steps });
    await arrive(() => engine.setWeight(target, "v42", 10, "a", call));
    expect((await read()).spec.paused).toBe(true);
    await arrive(() => engine.setWeight(target, "v42", 100, "b", call));
    expect((await read()).spec.paused).toBe(false);
    await arrive(() => engine.setWeight(target, "v43", 10, "c", call));
    await arrive(() => engine.setWeight(target, "v43", 0, "d", call));
    await arrive(() => engine.setWeight(target, "v43", 100, "e", call));
  });

  it("goes back by aborting first, and then to the image alone: the rest of the template is as it is in Git", async () => {
    const { engine, target, arrive, admin, read, progress, path } = await opened();
    const declared = (await read()).spec.template;
    const snapshot = await engine.snapshot(target, call);
    await arrive(() => engine.setWeight(target, "v42", 50, "a", call));
    const back = () => engine.revert(target, snapshot, "back", call);
    await expect(back()).rejects.toMatchObject({ code: "in_progress" });
    expect((await read()).status.abort).toBe(true);
    expect((await read()).spec.template).toEqual(declared);
    await progress();
    expect((await back()).versions).toMatchObject([{ version: "v41", weightPercent: 100 }]);
    expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });

    // Promoted fully and changed in more than the image, it goes back to all that was recorded.
    await arrive(() => engine.promote(target, "v42", "b", call));
    const containers = [{ name: "web", image: imageOf("v42"), env: [{ name: "FEATURE", value: "on" }] }];
    await admin.merge(path, { spec: { template: { spec: { containers } } } });
    await progress();
    await arrive(() => engine.promote(target, "v42", "c", call));
    await arrive(back);
    expect((await read()).spec.template?.spec.containers[0]).not.toHaveProperty("env");
    const { differences } = await engine.parity(target, snapshot, call);
    expect(differences.filter(({ field }) => field !== "fields.revisionHash")).toEqual([]);
  });

  it("sets the image of the Deployment that it refers to", async () => {
    const cluster = await openCluster();
    await createDeployment(cluster, "web", "v41", { replicas: 0 });
    await createRollout(cluster, "v41", {
      template: undefined,
      selector: { matchLabels: { app: "web" } },
      workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
    });
    const { engine, target } = await benchOf(cluster, { kind: "rollout" });
    const progress = () => cluster.controllers.rollout("shop");
    await progress();
    const snapshot = await engine.snapshot(target, call);
    expect(snapshot.fields).toMatchObject({ workload: "web", "image.web": imageOf("v41") });
    const image = async () =>
      (await cluster.admin.get(`${deployments(cluster)}/web`, deploymentSchema)).spec.template.spec
        .containers[0]?.image;
    await expect(engine.setWeight(target, "v42", 1, "k", call)).rejects.toMatchObject({
      code: "in_progress",
    });
    expect(await image()).toBe(imageOf("v42"));
    await progress();
    expect((await engine.setWeight(target, "v42", 1, "k", call)).versions).toMatchObject([
      { version: "v41", weightPercent: 99 },
      { version: "v42", weightPercent: 1 },
    ]);
    await expect(engine.revert(target, snapshot, "back", call)).rejects.toMatchObject({
      code: "in_progress",
    });
    expect(await image()).toBe(imageOf("v41"));
    expect(engine.manualRevert(target, snapshot)[1]).toContain("set image deployment/web 'web=");
  });

  it("divides by its pods without traffic routing", async () => {
    const steps = stepsOf(1, 10, 50);
    const { engine, target, arrive } = await opened({ replicas: 10, strategy: { canary: { steps } } });
    expect(await engine.weights(target, call)).toEqual([0, 10, 50, 100]);
    expect((await arrive(() => engine.setWeight(target, "v42", 10, "k", call))).versions).toMatchObject([
      { version: "v41", weightPercent: 90 },
      { version: "v42", weightPercent: 10 },
    ]);
    expect(await engine.health(target, "v42", call)).toMatchObject({ state: "serving", ready: 1, wanted: 1 });
  });

  it("prints the commands of the kubectl plugin, for its cluster", async () => {
    const { engine, target, cluster } = await opened({}, { context: "test" });
    const snapshot = await engine.snapshot(target, call);
    const at = `--context test -n ${cluster.namespace}`;
    expect(engine.manualRevert(target, snapshot)).toEqual([
      `kubectl argo rollouts abort shop ${at}`,
      `kubectl argo rollouts set image shop 'web=${imageOf("v41")}' ${at}`,
      `kubectl argo rollouts promote shop --full ${at}`,
      `kubectl argo rollouts status shop ${at}`,
    ]);
  });
});
