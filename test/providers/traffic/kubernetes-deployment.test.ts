import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { deploymentSchema } from "../../../src/providers/kubernetes/objects.ts";
import { hasKubernetes } from "../../support/kubernetes/server.ts";
import { findService } from "../../support/services.ts";
import { trafficConformance } from "./conformance.ts";
import {
  benchOf,
  createDeployment,
  deployments,
  imageOf,
  type KubernetesBench,
  openCluster,
} from "./kubernetes-bench.ts";

const call = { deadlineMs: 10_000 };

async function open(): Promise<KubernetesBench> {
  const cluster = await openCluster();
  await createDeployment(cluster, "shop", "v41");
  const bench = await benchOf(cluster, { kind: "deployment" });
  return {
    ...bench,
    shares: [0, 100],
    progress: () => cluster.controllers.deployment("shop"),
    async served() {
      const { versions } = await bench.engine.describe(bench.target, call);
      return Object.fromEntries(versions.map(({ version, weightPercent }) => [version, weightPercent]));
    },
    meddle: () => Promise.resolve(),
  };
}

describe.runIf(hasKubernetes())("on a real API server", () => {
  trafficConformance("Deployment", open, { whole: true });
});

describe.runIf(hasKubernetes())("a Deployment", () => {
  /** With all traffic on v41. */
  async function opened(given: Parameters<typeof createDeployment>[3] = {}) {
    const cluster = await openCluster();
    await createDeployment(cluster, "shop", "v41", given);
    const { engine, target } = await benchOf(cluster, { kind: "deployment" });
    const progress = () => cluster.controllers.deployment("shop");
    await progress();
    return { cluster, engine, target, progress, path: `${deployments(cluster)}/shop` };
  }
  const inProgress = (words: string) => ({ code: "in_progress", message: expect.stringContaining(words) });

  it("moves by its pods, says how far it is, and goes back to the whole template that was recorded", async () => {
    const { cluster, engine, target, progress, path } = await opened({
      replicas: 4,
      annotations: { "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/shop" },
    });
    const { admin, controllers } = cluster;
    const snapshot = await engine.snapshot(target, call);
    expect(snapshot.fields).toMatchObject({
      kind: "deployment",
      "image.web": imageOf("v41"),
      replicas: 4,
      paused: false,
    });

    const forward = () => engine.promote(target, "v42", "R-1:100", call);
    await expect(forward()).rejects.toMatchObject(inProgress("0 of 4 pods run v42"));
    await controllers.deployment("shop", { available: 1 });
    await expect(forward()).rejects.toMatchObject(inProgress("1 of 4 pods run v42"));
    const half = await engine.describe(target, call);
    expect(half.versions.map(({ version, weightPercent }) => [version, weightPercent])).toEqual([
      ["v42", 25],
      ["v41", 75],
    ]);
    expect(half.managedBy).toEqual({ system: "argo-cd", name: "shop", namespace: null });
    expect(await engine.health(target, "v42", call)).toMatchObject({
      state: "starting",
      ready: 1,
      wanted: 4,
    });
    await progress();
    expect((await forward()).changedBy).toBe("R-1:100");

    // Somebody changes more than the image, and takes pods away.
    const env = [{ name: "web", image: imageOf("v42"), env: [{ name: "FEATURE", value: "on" }] }];
    await admin.merge(path, { spec: { replicas: 3, template: { spec: { containers: env } } } });
    await progress();
    const { differences } = await engine.parity(target, snapshot, call);
    expect(differences.map(({ field }) => field).filter((field) => field.startsWith("fields"))).toEqual([
      "fields.image.web",
      "fields.replicas",
      "fields.revisionHash",
    ]);
    const back = () => engine.revert(target, snapshot, "R-1:revert", call);
    await expect(back()).rejects.toMatchObject(inProgress("pods run v41"));
    await progress();
    await back();
    expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
    const { spec } = await admin.get(path, deploymentSchema);
    expect(spec.template.spec.containers[0]).not.toHaveProperty("env");

    // More pods than were recorded are nobody's harm, and a way back takes none away.
    await admin.merge(path, { spec: { replicas: 9 } });
    await progress();
    expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
    await back();
    expect((await admin.get(path, deploymentSchema)).spec.replicas).toBe(9);
  });

  it("goes back to the version before when its own has no share any more", async () => {
    const { engine, target, progress } = await opened();
    await expect(engine.setWeight(target, "v41", 0, "k", call)).rejects.toMatchObject({ code: "rejected" });
    await expect(engine.promote(target, "v42", "a", call)).rejects.toMatchObject({ code: "in_progress" });
    await progress();
    const away = () => engine.setWeight(target, "v42", 0, "b", call);
    await expect(away()).rejects.toMatchObject({ code: "in_progress" });
    await progress();
    expect((await away()).versions).toMatchObject([{ version: "v41", weightPercent: 100 }]);
  });

  it("is refused a part, while it is paused, and once it gave up; the way back works all the same", async () => {
    const { cluster, engine, target, progress, path } = await opened();
    const { admin } = cluster;
    const snapshot = await engine.snapshot(target, call);
    const rejected = (words: string) => ({ code: "rejected", message: expect.stringContaining(words) });
    await expect(engine.setWeight(target, "v42", 10, "k", call)).rejects.toMatchObject(rejected("10 %"));
    await admin.merge(path, { spec: { paused: true } });
    await expect(engine.promote(target, "v42", "k", call)).rejects.toMatchObject(rejected("is paused"));
    await admin.merge(path, { spec: { paused: false } });
    await expect(engine.promote(target, "v42", "k", call)).rejects.toMatchObject({ code: "in_progress" });
    const { metadata } = await admin.get(path, deploymentSchema);
    await admin.merge(`${path}/status`, {
      status: {
        observedGeneration: metadata.generation,
        updatedReplicas: 1,
        conditions: [
          { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "no quota" },
        ],
      },
    });
    await expect(engine.promote(target, "v42", "k", call)).rejects.toMatchObject(
      rejected("gave up on v42: no quota"),
    );
    await admin.merge(path, { spec: { paused: true } });
    const back = () => engine.revert(target, snapshot, "R-1:revert", call);
    await expect(back()).rejects.toMatchObject({ code: "in_progress" });
    await progress();
    await back();
    expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
  });

  it("lets one of two changes at the same moment win, and the way back over both", async () => {
    const { engine, target, progress } = await opened();
    const snapshot = await engine.snapshot(target, call);
    const both = await Promise.allSettled(
      ["v42", "v43"].map((version) => engine.promote(target, version, version, call)),
    );
    const codes = both.map((one) =>
      one.status === "rejected" ? (one.reason as { code: string }).code : "done",
    );
    // The later one may also have come after the first was written, and then it is the one that counts.
    expect(codes).toContain("in_progress");
    expect(codes.every((code) => code === "in_progress" || code === "conflict")).toBe(true);
    await expect(engine.revert(target, snapshot, "back", call)).rejects.toMatchObject({
      code: "in_progress",
    });
    await progress();
    expect((await engine.revert(target, snapshot, "back", call)).versions).toMatchObject([
      { version: "v41" },
    ]);
  });

  it("names a pod that crashes", async () => {
    const { cluster, engine, target, path } = await opened({ replicas: 1 });
    const { template } = (await cluster.admin.get(path, deploymentSchema)).spec;
    await cluster.controllers.pod("shop-crashing", template, false, { reason: "CrashLoopBackOff" });
    expect(await engine.health(target, "v41", call)).toMatchObject({
      state: "crash-looping",
      detail: expect.stringContaining("shop-crashing crashes, restarted 7 times"),
    });
    expect(await engine.health(target, "v42", call)).toMatchObject({ state: "down" });
  });

  const kubectl = findService("kubectl");
  it.runIf(kubectl)("is put back by the printed commands alone", async () => {
    const { cluster, engine, target, progress } = await opened();
    const snapshot = await engine.snapshot(target, call);
    await expect(engine.promote(target, "v42", "k", call)).rejects.toMatchObject({ code: "in_progress" });
    await progress();
    const commands = engine.manualRevert(target, snapshot);
    // The last one waits for the pods.
    const script = commands.slice(0, -1).join("\n");
    await promisify(execFile)("sh", ["-ec", script], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    });
    await progress();
    expect(await engine.parity(target, snapshot, call)).toEqual({ equal: true, differences: [] });
  });
});
