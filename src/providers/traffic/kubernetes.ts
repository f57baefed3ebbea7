import { ProviderError } from "../errors.ts";
import type { KubernetesApi } from "../kubernetes/api.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import { checkKey, checkSnapshot } from "./checks.ts";
import {
  type TrafficCall,
  type TrafficEngine,
  type TrafficSnapshot,
  type TrafficState,
  type TrafficTarget,
  weightPercentSchema,
} from "./contract.ts";
import { checkVersion, type KubernetesConfig, knowsVersion, readConfig } from "./kubernetes-config.ts";
import { deploymentKind } from "./kubernetes-deployment.ts";
import { httpRouteKind } from "./kubernetes-http-route.ts";
import type { Kept, Kind } from "./kubernetes-kind.ts";
import { rolloutKind } from "./kubernetes-rollout.ts";
import { compareSnapshots } from "./parity.ts";

const engine = "kubernetes";
/** Somebody may change the object while the way back is made; then it is read again. */
const restoreAttemptsMax = 5;

const kinds: Record<KubernetesConfig["kind"], Kind> = {
  deployment: deploymentKind,
  "http-route": httpRouteKind,
  rollout: rolloutKind,
};

/** Traffic in a Kubernetes cluster: by Argo Rollouts, by a Gateway API HTTPRoute, or by a plain Deployment. */
export function createKubernetesEngine(clusters: Clusters): TrafficEngine {
  function use<T>(
    target: TrafficTarget,
    call: TrafficCall,
    work: (api: KubernetesApi, kind: Kind, config: KubernetesConfig) => Promise<T>,
  ): Promise<T> {
    const config = readConfig(target);
    return clusters.use(config, call, (api) => work(api, kinds[config.kind], config));
  }

  async function setWeight(
    target: TrafficTarget,
    version: string,
    percent: number,
    idempotencyKey: string,
    call: TrafficCall,
  ): Promise<TrafficState> {
    checkKey(idempotencyKey);
    checkPercent(target, percent);
    checkVersion(readConfig(target), version);
    return use(target, call, async (api, kind, config) => {
      await kind.setShare(api, config, { version, percent }, idempotencyKey);
      return stateOf(target, await kind.describe(api, config));
    });
  }

  return {
    engine,
    startsVersions: true,

    versions: (target) => readConfig(target).versions.map(({ name }) => name),
    knows: (target, version) => knowsVersion(readConfig(target), version),
    addressOf(target, version) {
      const { versions, canaryUrl } = readConfig(target);
      const url = versions.find(({ name }) => name === version)?.url ?? canaryUrl;
      return url === null ? null : new URL(url).origin;
    },

    weights: (target, call) => use(target, call, (api, kind, config) => kind.weights(api, config)),

    health: (target, version, call) =>
      use(target, call, (api, kind, config) => kind.health(api, config, version)),

    describe: (target, call) =>
      use(target, call, async (api, kind, config) => stateOf(target, await kind.describe(api, config))),

    setWeight,

    promote: (target, version, idempotencyKey, call) => setWeight(target, version, 100, idempotencyKey, call),

    snapshot: (target, call) =>
      use(target, call, async (api, kind, config) => snapshotOf(target, await kind.keep(api, config))),

    async revert(target, snapshot, idempotencyKey, call) {
      checkKey(idempotencyKey);
      check(target, snapshot);
      return use(target, call, async (api, kind, config) => {
        for (let attempt = 1; ; attempt += 1) {
          try {
            await kind.restore(api, config, snapshot, idempotencyKey);
            return stateOf(target, await kind.describe(api, config));
          } catch (error) {
            const isLost = error instanceof ProviderError && error.code === "conflict";
            if (!isLost || attempt === restoreAttemptsMax) throw error;
          }
        }
      });
    },

    async parity(target, snapshot, call) {
      check(target, snapshot);
      return use(target, call, async (api, kind, config) => {
        const actual = snapshotOf(target, await kind.keep(api, config));
        return compareSnapshots(snapshot, withoutMorePods(actual, snapshot));
      });
    },

    manualRevert(target, snapshot) {
      check(target, snapshot);
      const config = readConfig(target);
      return kinds[config.kind].manualRestore(config, snapshot);
    },
  };
}

function check(target: TrafficTarget, snapshot: TrafficSnapshot): void {
  checkSnapshot(engine, target, snapshot);
  const { kind } = readConfig(target);
  if (snapshot.fields.kind === kind) return;
  throw new ProviderError(
    "rejected",
    `The snapshot's kind is ${snapshot.fields.kind ?? "none"}, not ${kind}`,
    "The service's traffic was declared differently when it was taken.",
  );
}

function checkPercent({ service }: TrafficTarget, percent: number): void {
  if (weightPercentSchema.safeParse(percent).success) return;
  throw new ProviderError(
    "rejected",
    `${service}: percent ${percent} is not a share`,
    "Give 0 to 100, two decimals at most.",
  );
}

function stateOf(
  { service, environment }: TrafficTarget,
  standing: Awaited<ReturnType<Kind["describe"]>>,
): TrafficState {
  const unknown = { versions: [], revision: "0", changedBy: null, managedBy: null };
  return { service, environment, ...(standing ?? unknown) };
}

function snapshotOf({ service, environment, config }: TrafficTarget, kept: Kept): TrafficSnapshot {
  if (kept.versions.length === 0)
    throw new ProviderError(
      "not_found",
      `No version of ${service} has traffic in the cluster`,
      "Give the service its first version at 100 %.",
    );
  const { kind } = readConfig({ service, environment, config });
  return {
    engine,
    service,
    environment,
    versions: [...kept.versions],
    fields: { kind, ...kept.fields },
  };
}

/** More pods than were recorded are no difference: a way back never takes any away. */
function withoutMorePods(actual: TrafficSnapshot, recorded: TrafficSnapshot): TrafficSnapshot {
  const fields = Object.entries(actual.fields).map(([field, value]) => {
    const before = recorded.fields[field];
    const isMore =
      /^replicas(\.|$)/.test(field) &&
      typeof value === "number" &&
      typeof before === "number" &&
      value > before;
    return [field, isMore ? before : value];
  });
  return { ...actual, fields: Object.fromEntries(fields) };
}
