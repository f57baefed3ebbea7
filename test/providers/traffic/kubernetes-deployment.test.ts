import { describe } from "vitest";
import { hasKubernetes } from "../../support/kubernetes/server.ts";
import { trafficConformance } from "./conformance.ts";
import { benchOf, createDeployment, type KubernetesBench, openCluster } from "./kubernetes-bench.ts";

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
