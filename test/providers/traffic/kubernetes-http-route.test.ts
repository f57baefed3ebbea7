import { describe } from "vitest";
import { z } from "zod";
import { hasKubernetes } from "../../support/kubernetes/server.ts";
import { trafficConformance } from "./conformance.ts";
import {
  benchOf,
  createDeployment,
  createRoute,
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
