/**
 * Stand-ins for the controllers alone: what the Deployment controller, a gateway and Argo Rollouts would write, step by
 * step when they are told to. The API server behind them is the real one.
 */
import { createHash } from "node:crypto";
import type { z } from "zod";
import {
  argoRolloutSchema,
  deploymentSchema,
  httpRouteSchema,
  isOwnedBy,
  type Metadata,
  type PodTemplate,
  type ReplicaSet,
  replicaSetListSchema,
} from "../../../src/providers/kubernetes/objects.ts";
import type { AdminClient } from "./admin.ts";

const hashOf = (template: PodTemplate): string =>
  createHash("sha256").update(JSON.stringify(template.spec)).digest("hex").slice(0, 10);

interface Owner {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  hashLabel: string;
  revisionAnnotation: string;
}

export class Controllers {
  readonly #apps: string;
  readonly #core: string;

  constructor(
    private readonly admin: AdminClient,
    private readonly namespace: string,
  ) {
    this.#apps = `/apis/apps/v1/namespaces/${namespace}`;
    this.#core = `/api/v1/namespaces/${namespace}`;
  }

  /** All pods of a Deployment are replaced at once; `available` lets only so many of the new ones come up. */
  async deployment(name: string, { available }: { available?: number } = {}): Promise<void> {
    const path = `${this.#apps}/deployments/${name}`;
    const { metadata, spec } = await this.admin.get(path, deploymentSchema);
    if (spec.paused) {
      await this.admin.merge(`${path}/status`, { status: { observedGeneration: metadata.generation } });
      return;
    }
    const owner: Owner = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      hashLabel: "pod-template-hash",
      revisionAnnotation: "deployment.kubernetes.io/revision",
    };
    const sets = await this.#sets(owner, spec.template);
    const current = hashOf(spec.template);
    const up = Math.min(available ?? spec.replicas, spec.replicas);
    for (const set of sets) {
      const isCurrent = set.metadata.labels?.[owner.hashLabel] === current;
      const old = up < spec.replicas && set === sets[1] ? spec.replicas - up : 0;
      await this.#scale(set, isCurrent ? spec.replicas : old, isCurrent ? up : old);
    }
    const updated = available === undefined ? spec.replicas : up;
    await this.admin.merge(`${path}/status`, {
      status: {
        observedGeneration: metadata.generation,
        replicas: spec.replicas,
        updatedReplicas: updated,
        readyReplicas: spec.replicas,
        availableReplicas: spec.replicas,
      },
    });
  }

  /** The gateway takes a route as it is, or says why not. */
  async gateway(route: string, refusal?: { type: string; reason: string; message: string }): Promise<void> {
    const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${this.namespace}/httproutes/${route}`;
    const { metadata } = await this.admin.get(path, httpRouteSchema);
    const conditions = ["Accepted", "ResolvedRefs"].map((type) => ({
      type,
      status: type === refusal?.type ? "False" : "True",
      reason: type === refusal?.type ? refusal.reason : type,
      message: type === refusal?.type ? refusal.message : "",
      observedGeneration: metadata.generation,
      lastTransitionTime: "2026-01-01T00:00:00Z",
    }));
    const parents = [{ parentRef: { name: "gateway" }, controllerName: "test.example/gateway", conditions }];
    await this.admin.merge(`${path}/status`, { status: { parents } });
  }

  /** One look of Argo Rollouts at a Rollout: as far as it goes without anybody. */
  async rollout(name: string): Promise<void> {
    const path = `/apis/argoproj.io/v1alpha1/namespaces/${this.namespace}/rollouts/${name}`;
    const { metadata, spec, status } = await this.admin.get(path, argoRolloutSchema);
    const workload =
      spec.workloadRef &&
      (await this.admin.get(`${this.#apps}/deployments/${spec.workloadRef.name}`, deploymentSchema));
    const template = workload?.spec.template ?? spec.template;
    if (template === undefined) throw new Error(`${name} has no template`);
    const owner: Owner = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Rollout",
      metadata,
      hashLabel: "rollouts-pod-template-hash",
      revisionAnnotation: "rollout.argoproj.io/revision",
    };
    const sets = await this.#sets(owner, template);
    const now = { ...decide({ spec, status }, hashOf(template)) };
    const canaryPercent = now.currentPodHash === now.stableRS ? 0 : now.weight;
    for (const set of sets) {
      const hash = set.metadata.labels?.[owner.hashLabel];
      const canaryPods = Math.ceil((spec.replicas * canaryPercent) / 100);
      const stablePods = spec.strategy.canary?.trafficRouting ? spec.replicas : spec.replicas - canaryPods;
      const pods = hash === now.stableRS ? stablePods : hash === now.currentPodHash ? canaryPods : 0;
      await this.#scale(set, pods, pods);
    }
    const { weight: _weight, ...kept } = now;
    await this.admin.merge(`${path}/status`, {
      status: {
        ...kept,
        observedGeneration: String(metadata.generation),
        ...(workload && { workloadObservedGeneration: String(workload.metadata.generation) }),
        canary: {
          weights: spec.strategy.canary?.trafficRouting && {
            canary: { weight: canaryPercent },
            stable: { weight: 100 - canaryPercent },
          },
        },
      },
    });
  }

  /** ReplicaSets of an owner, the newest first; the template's is made when there is none. */
  async #sets(owner: Owner, template: PodTemplate): Promise<ReplicaSet[]> {
    const { items } = await this.admin.get(`${this.#apps}/replicasets`, replicaSetListSchema);
    const its = items.filter(({ metadata }) => isOwnedBy(metadata, owner.metadata));
    const revisionOf = ({ metadata }: ReplicaSet) =>
      Number(metadata.annotations?.[owner.revisionAnnotation] ?? 0);
    its.sort((a, b) => revisionOf(b) - revisionOf(a));
    const hash = hashOf(template);
    if (its[0]?.metadata.labels?.[owner.hashLabel] === hash) return its;
    const revision = String(its[0] === undefined ? 1 : revisionOf(its[0]) + 1);
    const known = its.find(({ metadata }) => metadata.labels?.[owner.hashLabel] === hash);
    const annotations = { [owner.revisionAnnotation]: revision };
    if (known)
      await this.admin.merge(`${this.#apps}/replicasets/${known.metadata.name}`, {
        metadata: { annotations },
      });
    else {
      const labels = { ...template.metadata.labels, [owner.hashLabel]: hash };
      const { apiVersion, kind } = owner;
      const { name, uid } = owner.metadata;
      await this.admin.post(`${this.#apps}/replicasets`, {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: {
          name: `${name}-${hash}`,
          labels,
          annotations,
          ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
        },
        spec: {
          replicas: 0,
          selector: { matchLabels: labels },
          template: { ...template, metadata: { ...template.metadata, labels } },
        },
      });
    }
    return this.#sets(owner, template);
  }

  async #scale(set: ReplicaSet, pods: number, available: number): Promise<void> {
    const path = `${this.#apps}/replicasets/${set.metadata.name}`;
    if (set.spec.replicas !== pods) await this.admin.merge(path, { spec: { replicas: pods } });
    if (set.status.replicas === pods && set.status.availableReplicas === available) return;
    await this.admin.merge(`${path}/status`, {
      status: { replicas: pods, readyReplicas: available, availableReplicas: available },
    });
    const names = Array.from(
      { length: Math.max(pods, set.status.replicas) },
      (_, nth) => `${set.metadata.name}-${nth}`,
    );
    for (const [nth, name] of names.entries()) {
      if (nth >= pods) await this.admin.delete(`${this.#core}/pods/${name}?gracePeriodSeconds=0`);
      else await this.pod(name, set.spec.template, nth < available);
    }
  }

  /** A pod as its node would report it. */
  async pod(
    name: string,
    template: PodTemplate,
    isReady: boolean,
    waiting?: { reason: string },
  ): Promise<void> {
    await this.admin.create(`${this.#core}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels: template.metadata.labels },
      spec: template.spec,
    });
    await this.admin.merge(`${this.#core}/pods/${name}/status`, {
      status: {
        phase: "Running",
        conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
        containerStatuses: template.spec.containers.map((container) => ({
          name: container.name,
          image: container.image,
          imageID: "",
          ready: isReady,
          restartCount: waiting ? 7 : 0,
          ...(waiting && { state: { waiting } }),
        })),
      },
    });
  }
}

type RolloutPart = Pick<z.output<typeof argoRolloutSchema>, "spec" | "status">;

/** What Argo Rollouts makes of a Rollout. Source: Argo Rollouts 1.9, `rollout/canary.go` and `rollout/pause.go`. */
function decide({ spec, status }: RolloutPart, hash: string) {
  const steps = spec.strategy.canary?.steps ?? [];
  const base = { currentPodHash: hash, abort: false, promoteFull: false, message: null as string | null };
  const settled = {
    ...base,
    stableRS: hash,
    currentStepIndex: steps.length,
    controllerPause: false,
    pauseConditions: null,
    phase: "Healthy",
    weight: 0,
  };
  // The first version, or a way back to stable, goes without steps.
  if (status.stableRS === "" || hash === status.stableRS) return settled;
  const isNew = hash !== status.currentPodHash;
  if (status.promoteFull && !isNew) return settled;
  const stableRS = status.stableRS;
  if (status.abort && !isNew)
    return {
      ...settled,
      stableRS,
      abort: true,
      currentStepIndex: 0,
      phase: "Degraded",
      message: "RolloutAborted: Rollout aborted update",
    };
  let index = isNew ? 0 : (status.currentStepIndex ?? 0);
  let isUnpaused = !isNew && status.controllerPause && status.pauseConditions.length === 0;
  const weightAt = (at: number) =>
    steps.slice(0, at).findLast((step) => step.setWeight !== undefined)?.setWeight ?? 0;
  const going = { ...base, stableRS, controllerPause: false, pauseConditions: null };
  for (; index < steps.length; index += 1) {
    if (spec.paused && steps[index]?.pause === undefined) break;
    if (steps[index]?.pause === undefined) continue;
    if (isUnpaused && !spec.paused) {
      isUnpaused = false;
      continue;
    }
    return {
      ...going,
      currentStepIndex: index,
      weight: weightAt(index),
      controllerPause: true,
      pauseConditions: [{ reason: "CanaryPauseStep", startTime: "2026-01-01T00:00:00Z" }],
      phase: "Paused",
      message: "CanaryPauseStep",
    };
  }
  if (index >= steps.length) return settled;
  return {
    ...going,
    currentStepIndex: index,
    weight: weightAt(index),
    phase: "Paused",
    message: "manually paused",
  };
}
