/** How the pods of one version do. Pure. */
import { conditionOf, type Pod } from "../kubernetes/objects.ts";
import type { VersionHealth } from "./contract.ts";

/** Reasons a container waits for that waiting does not cure. Source: Kubernetes, "Images" and "Pod Lifecycle". */
const hopeless = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "InvalidImageName",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
]);

/** @param wanted pods there should be; null: as many as there are */
export function healthOf(version: string, pods: readonly Pod[], wantedPods: number | null): VersionHealth {
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const ready = living.filter(isReady).length;
  const wanted = wantedPods ?? living.length;
  const counts = { ready, wanted };
  const counted = `${ready} of ${wanted} ${wanted === 1 ? "pod" : "pods"} ready`;
  const waits = living.flatMap((pod) =>
    [...pod.status.initContainerStatuses, ...pod.status.containerStatuses].flatMap(
      ({ state, name, restartCount }) =>
        state.waiting ? [{ ...state.waiting, pod: pod.metadata.name, name, restartCount }] : [],
    ),
  );
  const crashing = waits.find(({ reason }) => reason === "CrashLoopBackOff");
  if (crashing)
    return {
      ...counts,
      state: "crash-looping",
      detail: `${counted}; ${crashing.pod} crashes, restarted ${crashing.restartCount} times`,
    };
  const stuck = waits.find(({ reason }) => hopeless.has(reason));
  if (stuck)
    return {
      ...counts,
      state: "down",
      detail: `${counted}; ${stuck.pod} cannot start: ${stuck.reason}`,
    };
  if (wanted === 0) return { ...counts, state: "down", detail: `no pod of ${version} is wanted` };
  return { ...counts, state: ready >= wanted ? "serving" : "starting", detail: counted };
}

const isReady = ({ status }: Pod): boolean => conditionOf(status.conditions, "Ready")?.status === "True";
