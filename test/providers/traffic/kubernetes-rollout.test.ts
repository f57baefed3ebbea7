import { describe } from "vitest";
import { hasKubernetes } from "../../support/kubernetes/server.ts";
import { trafficConformance } from "./conformance.ts";
import { benchOf, createRollout, type KubernetesBench, openCluster, rollouts } from "./kubernetes-bench.ts";

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
