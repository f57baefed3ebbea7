/**
 * Where a Rollout of Argo Rollouts stands, and by which patch it goes on. Pure.
 * Source: Argo Rollouts 1.9: "Rollout Specification", "Canary Deployment Strategy", and the patches of its kubectl plugin.
 */
import { ProviderError } from "../errors.ts";
import type { ArgoRollout, PodTemplate, ReplicaSet } from "../kubernetes/objects.ts";
import type { TrafficVersion } from "./contract.ts";
import { type Naming, versionIn } from "./kubernetes-images.ts";
import { type Fields, inProgress, sharesOf } from "./kubernetes-kind.ts";
import { imageFields, sameTemplate, withImages, withoutLabel } from "./kubernetes-templates.ts";

/** What Argo Rollouts puts on the ReplicaSets it makes. */
export const rolloutHistory = {
  hashLabel: "rollouts-pod-template-hash",
  revisionAnnotation: "rollout.argoproj.io/revision",
} as const;

/** A rollout with everything that belongs to it. */
export interface RolloutRead {
  readonly naming: Naming;
  readonly rollout: ArgoRollout;
  /** Its own, or that of the Deployment it refers to. */
  readonly template: PodTemplate;
  /** Of that Deployment. */
  readonly workloadGeneration: number | null;
  readonly history: readonly ReplicaSet[];
}

/** A step that stands until somebody promotes: `setWeight` followed by `pause`. */
export interface Stand {
  readonly percent: number;
  /** Of the `setWeight`, in the steps. */
  readonly weightIndex: number;
  readonly pauseIndex: number;
  /** The pause ends by itself, so it has to be held. */
  readonly isTimed: boolean;
}

/** The weights a rollout's steps stand at. Without traffic routing only those that its pods can make exactly. */
export function standsOf({ spec }: ArgoRollout): Stand[] {
  const { steps, trafficRouting } = spec.strategy.canary ?? { steps: [] };
  const most = trafficRouting?.maxTrafficWeight ?? 100;
  return steps.flatMap(({ setWeight }, weightIndex): Stand[] => {
    const next = steps[weightIndex + 1];
    if (setWeight === undefined || next?.pause === undefined) return [];
    const percent = Math.round((setWeight / most) * 10_000) / 100;
    if (percent <= 0 || percent >= 100) return [];
    if (trafficRouting === undefined && !Number.isInteger((spec.replicas * percent) / 100)) return [];
    const isTimed = next.pause?.duration !== undefined && next.pause.duration !== 0;
    return [{ percent, weightIndex, pauseIndex: weightIndex + 1, isTimed }];
  });
}

/** The controller has seen what is there now; before that, nothing in the status counts. */
export function isObserved({ rollout, workloadGeneration }: RolloutRead): boolean {
  const { metadata, status } = rollout;
  return (
    status.observedGeneration === String(metadata.generation) &&
    (workloadGeneration === null || status.workloadObservedGeneration === String(workloadGeneration))
  );
}

export const isMoving = ({ status }: ArgoRollout): boolean =>
  status.stableRS !== "" && status.currentPodHash !== status.stableRS;

export const setOf = (history: readonly ReplicaSet[], hash: string): ReplicaSet | undefined =>
  history.find(({ metadata }) => metadata.labels?.[rolloutHistory.hashLabel] === hash);

/**
 * The template with which a Rollout goes back to a ReplicaSet. A Rollout keeps its template as it was written and a
 * ReplicaSet with every default filled in, so only the images are taken where nothing else changed since: what is
 * declared in Git stays recognisable.
 */
export function templateBack({ rollout, template, history }: RolloutRead, to: ReplicaSet): PodTemplate {
  const kept = withoutLabel(to.spec.template, rolloutHistory.hashLabel);
  const current = setOf(history, rollout.status.currentPodHash)?.spec.template;
  const images = imageFields(kept);
  const differsInImages =
    current !== undefined &&
    sameTemplate(withImages(withoutLabel(current, rolloutHistory.hashLabel), images), kept);
  return differsInImages ? withImages(template, images) : kept;
}

/** Whether the template is the kept one again: that of its ReplicaSet, or by its images where that is gone. */
export function isBack({ rollout, template, history }: RolloutRead, fields: Fields): boolean {
  const kept = setOf(history, String(fields.revisionHash))?.spec.template;
  if (kept === undefined) return sameTemplate(template, withImages(template, fields));
  const current = setOf(history, rollout.status.currentPodHash)?.spec.template;
  const { hashLabel } = rolloutHistory;
  return (
    current !== undefined && sameTemplate(withoutLabel(current, hashLabel), withoutLabel(kept, hashLabel))
  );
}

/** The version of a ReplicaSet by its hash. */
export function versionAt({ naming, history }: RolloutRead, hash: string): string | undefined {
  const set = setOf(history, hash);
  return set && versionIn(naming, set.spec.template);
}

/** The share of each version: what the traffic router was told, else the ratio of the pods that serve. */
export function versionsOf(read: RolloutRead): TrafficVersion[] {
  const { rollout, history, naming } = read;
  const { status, spec } = rollout;
  if (status.stableRS === "") return [];
  const stable = versionAt(read, status.stableRS);
  const canary = versionAt(read, status.currentPodHash);
  const told = status.canary.weights;
  if (stable === undefined) return [];
  if (spec.strategy.blueGreen !== undefined || !isMoving(rollout) || canary === undefined)
    return sharesOf([{ version: stable, claim: 1, address: null }]);
  if (spec.strategy.canary?.trafficRouting !== undefined)
    return sharesOf([
      { version: stable, claim: told?.stable.weight ?? 1, address: null },
      { version: canary, claim: told?.canary.weight ?? 0, address: null },
    ]);
  return sharesOf(
    [status.stableRS, status.currentPodHash].flatMap((hash) => {
      const set = setOf(history, hash);
      return set === undefined
        ? []
        : [
            {
              version: versionIn(naming, set.spec.template),
              claim: set.status.availableReplicas,
              address: null,
            },
          ];
    }),
  );
}

/** What our change of a rollout leads to; what stands there is said the same way, so that the two compare. */
export function settingOf({ rollout, template }: RolloutRead): unknown {
  const images = template.spec.containers.map(({ name, image }) => [name, image]);
  if (!isMoving(rollout)) return { images, at: "all" };
  return { images, at: rollout.status.abort ? "aborted" : (rollout.status.currentStepIndex ?? 0) };
}

/** A patch on the rollout or on its status, or nothing to do but wait. */
export type Move =
  | { readonly do: "status"; readonly status: Readonly<Record<string, unknown>>; readonly unpause?: boolean }
  | { readonly do: "pause" }
  | { readonly do: "stand" };

const reasonInconclusive = "InconclusiveAnalysisRun";

/**
 * Throws `conflict` where a person or an analysis stopped it: they let it go on, and Quarterdeck past them at no share.
 * Only the way back does not ask.
 * @param wasOurs an abort that stands there is our own
 */
export function refuseStopped({ naming, rollout }: RolloutRead, wasOurs: boolean): void {
  const { status, spec, metadata } = rollout;
  const { name } = naming;
  const refuse = (message: string, command: string): never => {
    throw new ProviderError(
      "conflict",
      message,
      `If it should go on: kubectl argo rollouts ${command} -n ${metadata.namespace}`,
    );
  };
  if (status.abort) {
    // A pause beside our own abort is the one that it was held by.
    if (wasOurs) return;
    refuse(
      `Argo Rollouts stopped ${name}: ${status.message || "somebody or its analysis aborted it"}`,
      `retry rollout ${name}`,
    );
  }
  const reasons = reasonsOf(rollout);
  // Pauses that would end by themselves are held by us; any other was paused by somebody.
  const pause = spec.strategy.canary?.steps[status.currentStepIndex ?? 0]?.pause;
  if (spec.paused && !(pause?.duration !== undefined && reasons.length > 0))
    refuse(`Somebody paused ${name} in Argo Rollouts`, `resume ${name}`);
  if (reasons.includes(reasonInconclusive))
    refuse(
      `An analysis of Argo Rollouts ended without a result, so ${name} waits for somebody to decide`,
      `promote ${name}`,
    );
}

const reasonsOf = ({ status }: ArgoRollout): string[] => status.pauseConditions.map(({ reason }) => reason);

/** The next move towards a stand. Throws `in_progress` while Argo Rollouts is at work, and as {@link refuseStopped}. */
export function moveTo(read: RolloutRead, stand: Stand, wasOurs: boolean): Move {
  const { naming, rollout } = read;
  const { status, spec } = rollout;
  const { name } = naming;
  const index = status.currentStepIndex ?? 0;
  const reasons = reasonsOf(rollout);
  const isThere =
    !status.abort && index === stand.pauseIndex && (reasons.includes("CanaryPauseStep") || spec.paused);
  if (!isThere) refuseStopped(read, wasOurs);
  if (status.abort) return { do: "status", status: { abort: false }, unpause: spec.paused };
  if (index > stand.pauseIndex)
    // Back to a lower weight: the step is run again. `controllerPause` would end its pause at once.
    return {
      do: "status",
      status: { pauseConditions: null, controllerPause: false, currentStepIndex: stand.weightIndex },
      unpause: spec.paused,
    };
  if (status.phase === "Degraded" || status.phase === "Error")
    throw new ProviderError(
      "rejected",
      `Argo Rollouts cannot go on with ${name}: ${status.message || status.phase}`,
      `See what it says: kubectl argo rollouts get rollout ${name} -n ${rollout.metadata.namespace}`,
    );
  if (isThere) return stand.isTimed && !spec.paused ? { do: "pause" } : { do: "stand" };
  if (index === stand.pauseIndex) throw inProgress(`${name}: pods for ${stand.percent} % are starting`);
  if (reasons.length > 0) return { do: "status", status: { pauseConditions: null }, unpause: spec.paused };
  throw inProgress(
    `${name}: Argo Rollouts is at step ${index}${status.message ? `, ${status.message}` : ""}`,
  );
}
