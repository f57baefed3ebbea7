import type { ServiceTraffic, TrafficInstance } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import { createClusters } from "../kubernetes/clusters.ts";
import type { TrafficEngine } from "./contract.ts";
import { createHaproxyEngine } from "./haproxy.ts";
import { haproxyConfigOf } from "./haproxy-config.ts";
import { createKubernetesEngine } from "./kubernetes.ts";
import { kubernetesConfigOf } from "./kubernetes-config.ts";
import { createRouterEngine, routerConfigOf } from "./router.ts";

/** One kind of engine, and how it reads what the catalog declares for it. */
export interface TrafficKind {
  readonly engine: TrafficEngine;
  /** What the engine is given as `target.config`; secrets are read from the environment each time. */
  configOf(entry: ServiceTraffic): unknown;
}

export interface TrafficEngines {
  of(instance: TrafficInstance): TrafficKind;
}

/** The engines behind the traffic instances of a catalog. `wrap` lets a caller stand between an engine and its users. */
export function createTrafficEngines(
  { env }: Pick<Platform, "env">,
  wrap: (engine: TrafficEngine) => TrafficEngine = (engine) => engine,
): TrafficEngines {
  const router = wrap(createRouterEngine());
  const haproxy = wrap(createHaproxyEngine());
  const kubernetes = wrap(createKubernetesEngine(createClusters()));
  return {
    of(instance) {
      switch (instance.kind) {
        case "router":
          return { engine: router, configOf: (entry) => routerConfigOf(instance, entry, env) };
        case "haproxy":
          return { engine: haproxy, configOf: (entry) => haproxyConfigOf(instance, entry) };
        case "kubernetes":
          return { engine: kubernetes, configOf: (entry) => kubernetesConfigOf(instance, entry, env) };
      }
    },
  };
}
