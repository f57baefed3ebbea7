/**
 * A Rollout of Argo Rollouts: Quarterdeck chooses the version and says when to go on or back, by the patches that the
 * kubectl plugin sends; Argo Rollouts moves pods and traffic. Its steps say which shares there are.
 * Source: Argo Rollouts 1.9, commands set image, promote, abort, retry and undo of its kubectl plugin.
 */
import { ProviderError } from "../errors.ts";
import type { JsonPatch, KubernetesApi } from "../kubernetes/api.ts";
import {
  type ArgoRollout,
  argoRolloutSchema,
  argoRollouts,
  deploymentSchema,
  deployments,
  type PodTemplate,
} from "../kubernetes/objects.ts";
import { quoteForShell } from "./checks.ts";
import { type KubernetesConfig, kubectlArguments } from "./kubernetes-config.ts";
import { versionIn } from "./kubernetes-images.ts";
import { inProgress, type Kind, namingOf, percentOf, placeOf, replicasKept } from "./kubernetes-kind.ts";
import { managedBy } from "./kubernetes-managed-by.ts";
import { changedBy, isMarked, markPatch, unchanged } from "./kubernetes-mark.ts";
import { historyOf, podHealth } from "./kubernetes-pods.ts";
import {
  isBack,
  isMoving,
  isObserved,
  moveTo,
  type RolloutRead,
  refuseStopped,
  rolloutHistory,
  type Stand,
  setOf,
  settingOf,
  standsOf,
  templateBack,
  versionAt,
  versionsOf,
} from "./kubernetes-rollout-state.ts";
import {
  imageFields,
  imagesKept,
  sameTemplate,
  templatePatch,
  withImages,
  withVersion,
} from "./kubernetes-templates.ts";

const { revisionAnnotation } = rolloutHistory;

export const rolloutKind: Kind = {
  async describe(api, config) {
    const rollout = await api.find(placeOf(config, argoRollouts, config.name), argoRolloutSchema);
    if (rollout === undefined) return undefined;
    const read = await complete(api, config, rollout);
    const { metadata, status } = rollout;
    const at = [status.currentPodHash, status.currentStepIndex ?? 0, status.abort ? "aborted" : ""].join(".");
    return {
      versions: versionsOf(read),
      revision: `${metadata.uid.slice(0, 8)}.${metadata.generation}.${at}`,
      changedBy: changedBy(metadata, settingOf(read)),
      managedBy: managedBy(metadata),
    };
  },

  async weights(api, config) {
    const rollout = await api.get(placeOf(config, argoRollouts, config.name), argoRolloutSchema);
    return [...new Set([0, ...standsOf(rollout).map(({ percent }) => percent), 100])].sort((a, b) => a - b);
  },

  async health(api, config, version) {
    const { rollout, history, naming } = await readRollout(api, config);
    const { selector } = rollout.spec;
    if (selector === undefined)
      return { state: "unknown", ready: null, wanted: null, detail: `${config.name} has no selector` };
    return podHealth(api, config, naming, version, { selector, history, wanted: null });
  },

  async setShare(api, config, { version, percent }, idempotencyKey) {
    const read = await readRollout(api, config);
    const { rollout, naming, template } = read;
    const running = versionIn(naming, template);
    const stable = versionAt(read, rollout.status.stableRS);
    // The stable version's share is the rest of the canary's.
    const isStable = version === stable && version !== running;
    const share = isStable ? { version: running, percent: 100 - percent } : { version, percent };
    if (share.percent > 0 && share.percent < 100) {
      const stand = standFor(config, rollout, share);
      if (share.version === stable)
        throw new ProviderError(
          "rejected",
          `${config.name}: ${version} is the only version and takes 100 %`,
          "Add another version first.",
        );
      if (running !== share.version) return setVersion(api, config, read, share.version);
      return walk(api, config, read, stand, idempotencyKey);
    }
    if (share.percent === 100) {
      if (running !== share.version) return setVersion(api, config, read, share.version);
      if (isObserved(read) && isMoving(rollout)) refuseStopped(read, isOurs(read));
      return promoteFully(api, config, read, idempotencyKey);
    }
    if (running !== share.version) return confirm(api, config, read, idempotencyKey);
    if (isMoving(rollout)) return abort(api, config, read, idempotencyKey);
    const before = read.history.find(({ spec }) => versionIn(naming, spec.template) !== share.version);
    if (before === undefined)
      throw new ProviderError(
        "rejected",
        `${config.name}: ${version} is the only version and takes 100 %`,
        "Give another version 100 % instead.",
      );
    await setTemplate(api, config, read, templateBack(read, before));
    throw inProgress(`${config.name} goes back to ${versionIn(naming, before.spec.template)}`);
  },

  async keep(api, config) {
    const read = await readRollout(api, config);
    const { rollout, template } = read;
    const { spec, status } = rollout;
    // One that was aborted serves the stable version: that is what there is to go back to.
    const isAborted = isMoving(rollout) && status.abort;
    const serving = isAborted ? setOf(read.history, status.stableRS)?.spec.template : undefined;
    const steps = spec.strategy.canary?.steps.length ?? 0;
    return {
      versions: versionsOf(read),
      fields: {
        ...imageFields(serving ?? template),
        ...(config.autoscaled ? {} : { replicas: spec.replicas }),
        paused: spec.paused,
        revisionHash: status.stableRS === "" ? null : status.stableRS,
        step: isAborted ? steps : (status.currentStepIndex ?? null),
        ...(spec.workloadRef && { workload: spec.workloadRef.name }),
      },
    };
  },

  async restore(api, config, { versions, fields }, idempotencyKey) {
    const read = await readRollout(api, config);
    const { rollout, template } = read;
    const { status, spec, metadata } = rollout;
    const path = placeOf(config, argoRollouts, config.name);
    const wanted = [...versions].sort((a, b) => b.weightPercent - a.weightPercent)[0]?.version;
    const stable = versionAt(read, status.stableRS);
    // The weight first, in one patch, for stable pods are all still there.
    if (isMoving(rollout) && stable === wanted && !status.abort && !status.promoteFull)
      await api.merge({ ...path, subresource: "status" }, { status: { abort: true } }, argoRolloutSchema);
    // Then the template: Argo Rollouts goes back to stable without any steps.
    const kept = setOf(read.history, String(fields.revisionHash));
    const isSent = sameTemplate(template, withImages(template, fields));
    if (!isObserved(read) && isSent)
      throw inProgress(`${config.name}: Argo Rollouts has not seen the last change yet`);
    if (!isBack(read, fields)) {
      const back = kept ? templateBack(read, kept) : withImages(template, fields);
      await setTemplate(api, config, read, back);
      throw inProgress(`${config.name} goes back to ${wanted}`);
    }
    // Where stable had moved on, its steps are skipped too.
    if (isMoving(rollout)) return promoteFully(api, config, read, idempotencyKey);
    const replicas = config.autoscaled ? spec.replicas : replicasKept(fields.replicas, spec.replicas);
    const paused = fields.paused === true;
    const setting = settingOf(read);
    const patch: JsonPatch = [
      ...(replicas === spec.replicas
        ? []
        : [{ op: "add" as const, path: "/spec/replicas", value: replicas }]),
      ...(paused === spec.paused ? [] : [{ op: "add" as const, path: "/spec/paused", value: paused }]),
      ...(isMarked(metadata, idempotencyKey, setting) ? [] : markPatch(metadata, idempotencyKey, setting)),
    ];
    if (patch.length > 0) await api.patch(path, [...unchanged(metadata), ...patch], argoRolloutSchema);
    if (percentOf(versionsOf(read), wanted ?? "") !== 100)
      throw inProgress(`${config.name}: pods of other versions still end`);
  },

  manualRestore(config, { fields }) {
    const at = kubectlArguments(config);
    const plugin = (...words: string[]) => ["kubectl argo rollouts", ...words, ...at].join(" ");
    const images = imagesKept(fields).map(quoteForShell);
    return [
      plugin("abort", config.name),
      typeof fields.workload === "string"
        ? ["kubectl", ...at, "set image", `deployment/${fields.workload}`, ...images].join(" ")
        : plugin("set image", config.name, ...images),
      plugin("promote", config.name, "--full"),
      plugin("status", config.name),
    ];
  },
};

async function readRollout(api: KubernetesApi, config: KubernetesConfig): Promise<RolloutRead> {
  const rollout = await api.get(placeOf(config, argoRollouts, config.name), argoRolloutSchema);
  return complete(api, config, rollout);
}

async function complete(
  api: KubernetesApi,
  config: KubernetesConfig,
  rollout: ArgoRollout,
): Promise<RolloutRead> {
  const { template, workloadRef, selector } = rollout.spec;
  const naming = namingOf(config);
  const workload = workloadRef && (await api.get(workloadOf(config, workloadRef), deploymentSchema));
  const found = workload?.spec.template ?? template;
  if (found === undefined)
    throw new ProviderError(
      "rejected",
      `The Rollout ${config.name} has neither a template nor a workloadRef`,
      "Correct the Rollout.",
    );
  const by = selector ?? workload?.spec.selector ?? { matchLabels: null, matchExpressions: [] };
  const owner = { metadata: rollout.metadata, spec: { selector: by } };
  return {
    naming,
    rollout: { ...rollout, spec: { ...rollout.spec, selector: by } },
    template: found,
    workloadGeneration: workload?.metadata.generation ?? null,
    history: await historyOf(api, config, owner, revisionAnnotation),
  };
}

function workloadOf(config: KubernetesConfig, { kind, name }: { kind: string; name: string }) {
  if (kind === "Deployment") return placeOf(config, deployments, name);
  throw new ProviderError(
    "rejected",
    `The Rollout ${config.name} refers to a ${kind}, whose image cannot be set`,
    "Let its workloadRef name a Deployment, or give the Rollout a template.",
  );
}

function standFor(
  { name }: KubernetesConfig,
  rollout: ArgoRollout,
  { version, percent }: { version: string; percent: number },
): Stand {
  const stands = standsOf(rollout);
  const stand = stands.find((one) => one.percent === percent);
  if (stand !== undefined) return stand;
  const shares = [0, ...stands.map((one) => one.percent), 100].join(", ");
  throw new ProviderError(
    "rejected",
    `${version} of ${name} cannot have ${percent} %: its steps stand at ${shares} %`,
    "Add a setWeight with a pause behind it to the Rollout; without traffic routing its pods must divide so.",
  );
}

/** Another version into the template; always `in_progress`. */
async function setVersion(
  api: KubernetesApi,
  config: KubernetesConfig,
  read: RolloutRead,
  version: string,
): Promise<never> {
  const { rollout, naming, template } = read;
  if (isMoving(rollout) && !rollout.status.abort && version !== versionAt(read, rollout.status.stableRS))
    throw new ProviderError(
      "conflict",
      `${config.name} is on its way to ${versionIn(naming, template)}`,
      "Let that end, or take it back first.",
    );
  await setTemplate(api, config, read, withVersion(naming, template, version));
  throw inProgress(`${config.name}: Argo Rollouts begins with ${version}`);
}

async function setTemplate(
  api: KubernetesApi,
  config: KubernetesConfig,
  { rollout, naming, template }: RolloutRead,
  wanted: PodTemplate,
): Promise<void> {
  const { workloadRef } = rollout.spec;
  const patch = templatePatch(naming, template, wanted);
  if (workloadRef === undefined) {
    await api.patch(
      placeOf(config, argoRollouts, config.name),
      [...unchanged(rollout.metadata), ...patch],
      argoRolloutSchema,
    );
    return;
  }
  const place = workloadOf(config, workloadRef);
  const { metadata } = await api.get(place, deploymentSchema);
  await api.patch(place, [...unchanged(metadata), ...patch], deploymentSchema);
}

/** What stands there was set by us. */
const isOurs = (read: RolloutRead): boolean => changedBy(read.rollout.metadata, settingOf(read)) !== null;

/** One move towards a step's weight; returns once it stands there. */
async function walk(
  api: KubernetesApi,
  config: KubernetesConfig,
  read: RolloutRead,
  stand: Stand,
  idempotencyKey: string,
): Promise<void> {
  const { rollout } = read;
  if (!isObserved(read) || !isMoving(rollout))
    throw inProgress(`${config.name}: Argo Rollouts has not seen the last change yet`);
  const path = placeOf(config, argoRollouts, config.name);
  const move = moveTo(read, stand, isOurs(read));
  switch (move.do) {
    case "status":
      await api.merge({ ...path, subresource: "status" }, { status: move.status }, argoRolloutSchema);
      if (move.unpause) await api.merge(path, { spec: { paused: false } }, argoRolloutSchema);
      throw inProgress(`${config.name} goes on to ${stand.percent} %`);
    case "pause":
      await api.merge(path, { spec: { paused: true } }, argoRolloutSchema);
      throw inProgress(`${config.name} is held at ${stand.percent} %`);
    case "stand":
      if (percentOf(versionsOf(read), versionIn(read.naming, read.template)) !== stand.percent)
        throw inProgress(`${config.name}: pods for ${stand.percent} % are starting`);
      return confirm(api, config, read, idempotencyKey);
  }
}

async function promoteFully(
  api: KubernetesApi,
  config: KubernetesConfig,
  read: RolloutRead,
  idempotencyKey: string,
): Promise<void> {
  const { rollout } = read;
  const { status, spec } = rollout;
  const path = placeOf(config, argoRollouts, config.name);
  if (!isObserved(read) || status.stableRS === "")
    throw inProgress(`${config.name}: Argo Rollouts has not seen the last change yet`);
  if (!isMoving(rollout)) return confirm(api, config, read, idempotencyKey);
  if (spec.paused) await api.merge(path, { spec: { paused: false } }, argoRolloutSchema);
  if (!status.promoteFull)
    await api.merge({ ...path, subresource: "status" }, { status: { promoteFull: true } }, argoRolloutSchema);
  throw inProgress(`${config.name}: the last pods of ${versionIn(read.naming, read.template)} are starting`);
}

async function abort(
  api: KubernetesApi,
  config: KubernetesConfig,
  read: RolloutRead,
  idempotencyKey: string,
): Promise<void> {
  const path = placeOf(config, argoRollouts, config.name);
  if (!read.rollout.status.abort) {
    await api.merge({ ...path, subresource: "status" }, { status: { abort: true } }, argoRolloutSchema);
    throw inProgress(`${config.name}: its traffic goes back`);
  }
  if (percentOf(versionsOf(read), versionIn(read.naming, read.template)) !== 0)
    throw inProgress(`${config.name}: its traffic goes back`);
  return confirm(api, config, read, idempotencyKey);
}

/** Leaves our mark on what stands. */
async function confirm(
  api: KubernetesApi,
  config: KubernetesConfig,
  read: RolloutRead,
  idempotencyKey: string,
): Promise<void> {
  const { metadata } = read.rollout;
  const setting = settingOf(read);
  if (isMarked(metadata, idempotencyKey, setting)) return;
  const patch = [...unchanged(metadata), ...markPatch(metadata, idempotencyKey, setting)];
  await api.patch(placeOf(config, argoRollouts, config.name), patch, argoRolloutSchema);
}
