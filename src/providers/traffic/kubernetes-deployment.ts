/**
 * A plain Deployment: a rolling update moves all of the traffic, so the shares are 0 and 100, and in between the
 * traffic follows the pods. Source: Kubernetes, "Deployments" (complete, failed, paused; rolling back).
 */
import { ProviderError } from "../errors.ts";
import type { JsonPatch, KubernetesApi } from "../kubernetes/api.ts";
import {
  type Deployment,
  deploymentSchema,
  deployments,
  type PodTemplate,
  type ReplicaSet,
} from "../kubernetes/objects.ts";
import { quoteForShell } from "./checks.ts";
import { type KubernetesConfig, kubectlArguments } from "./kubernetes-config.ts";
import { type Naming, versionIn } from "./kubernetes-images.ts";
import {
  inProgress,
  type Kind,
  namingOf,
  percentOf,
  placeOf,
  replicasKept,
  sharesOf,
} from "./kubernetes-kind.ts";
import { managedBy } from "./kubernetes-managed-by.ts";
import { changedBy, isMarked, markPatch, revisionOf, unchanged } from "./kubernetes-mark.ts";
import { deploymentHealth, deploymentHistory, historyOf } from "./kubernetes-pods.ts";
import { checkDone, isComplete, refusePaused } from "./kubernetes-progress.ts";
import {
  imageFields,
  imagesKept,
  keptTemplate,
  sameTemplate,
  settingOf,
  templatePatch,
  withoutLabel,
  withVersion,
} from "./kubernetes-templates.ts";

const { hashLabel, revisionAnnotation } = deploymentHistory;

interface Read {
  readonly deployment: Deployment;
  /** Its own, the newest first. */
  readonly history: readonly ReplicaSet[];
}

export const deploymentKind: Kind = {
  async describe(api, config) {
    const deployment = await api.find(placeOf(config, deployments, config.name), deploymentSchema);
    if (deployment === undefined) return undefined;
    const history = await historyOf(api, config, deployment, revisionAnnotation);
    return {
      versions: versionsOf(config, history),
      revision: revisionOf(deployment.metadata),
      changedBy: changedBy(deployment.metadata, settingOf(deployment.spec.template)),
      managedBy: managedBy(deployment.metadata),
    };
  },

  weights: async () => [0, 100],

  health: (api, config, version) =>
    deploymentHealth(api, config, { ...namingOf(config), deployment: config.name }, version),

  async setShare(api, config, { version, percent }, idempotencyKey) {
    const naming = namingOf(config);
    if (percent !== 0 && percent !== 100)
      throw new ProviderError(
        "rejected",
        `${version} of ${config.name} cannot have ${percent} %: a Deployment moves all of its traffic or none`,
        "Use steps of 0 and 100 only, or divide the traffic by an HTTPRoute or Argo Rollouts.",
      );
    const read = await readDeployment(api, config);
    const { deployment, history } = read;
    const template = templateFor(naming, read, { version, percent });
    if (sameTemplate(template, deployment.spec.template)) {
      await mark(api, config, deployment, idempotencyKey);
    } else {
      refusePaused(deployment);
      const patched = await api.patch(
        placeOf(config, deployments, config.name),
        [
          ...unchanged(deployment.metadata),
          ...templatePatch(naming, deployment.spec.template, template),
          ...markPatch(deployment.metadata, idempotencyKey, settingOf(template)),
        ],
        deploymentSchema,
      );
      checkDone(naming, patched);
    }
    checkDone(naming, deployment);
    const versions = versionsOf(config, history);
    if (percentOf(versions, version) !== percent)
      throw inProgress(`${config.name}: pods of other versions still end`);
  },

  async keep(api, config) {
    const { deployment, history } = await readDeployment(api, config);
    const { template, replicas, paused } = deployment.spec;
    const current = history.find((set) => sameTemplate(withoutLabel(set.spec.template, hashLabel), template));
    return {
      versions: versionsOf(config, history),
      fields: {
        ...imageFields(template),
        ...(config.autoscaled ? {} : { replicas }),
        paused,
        revisionHash: current?.metadata.labels?.[hashLabel] ?? null,
      },
    };
  },

  async restore(api, config, { versions, fields }, idempotencyKey) {
    const naming = namingOf(config);
    const read = await readDeployment(api, config);
    const { deployment, history } = read;
    const { template, replicas, paused } = deployment.spec;
    const kept = keptTemplate({ template, history }, fields, "revisionHash", hashLabel);
    const isBack = sameTemplate(kept, template);
    const isDone = isBack && isComplete(deployment);
    // A paused Deployment would keep the pods it has, so it is paused again only once they are the old ones.
    const pausedNow = fields.paused === true && isDone;
    const wanted = config.autoscaled ? replicas : replicasKept(fields.replicas, replicas);
    const patch: JsonPatch = [
      ...(isBack ? [] : templatePatch(naming, template, kept)),
      ...(wanted === replicas ? [] : [{ op: "replace" as const, path: "/spec/replicas", value: wanted }]),
      ...(pausedNow === paused ? [] : [{ op: "add" as const, path: "/spec/paused", value: pausedNow }]),
      ...(isMarked(deployment.metadata, idempotencyKey, settingOf(kept))
        ? []
        : markPatch(deployment.metadata, idempotencyKey, settingOf(kept))),
    ];
    const after =
      patch.length === 0
        ? deployment
        : await api.patch(
            placeOf(config, deployments, config.name),
            [...unchanged(deployment.metadata), ...patch],
            deploymentSchema,
          );
    if (!after.spec.paused) checkDone(naming, after);
    const now = versionsOf(config, history);
    if (versions.some(({ version, weightPercent }) => percentOf(now, version) !== weightPercent))
      throw inProgress(`${config.name}: pods of other versions still end`);
  },

  manualRestore(config, { fields }) {
    const kubectl = ["kubectl", ...kubectlArguments(config)];
    const deployment = `deployment/${config.name}`;
    const { replicas } = fields;
    return [
      [...kubectl, "rollout", "resume", deployment, "||", "true"],
      [...kubectl, "set", "image", deployment, ...imagesKept(fields).map(quoteForShell)],
      ...(typeof replicas === "number" ? [[...kubectl, "scale", deployment, `--replicas=${replicas}`]] : []),
      [...kubectl, "rollout", "status", deployment],
    ].map((words) => words.join(" "));
  },
};

async function readDeployment(api: KubernetesApi, config: KubernetesConfig): Promise<Read> {
  const deployment = await api.get(placeOf(config, deployments, config.name), deploymentSchema);
  return { deployment, history: await historyOf(api, config, deployment, revisionAnnotation) };
}

const versionsOf = (config: KubernetesConfig, history: readonly ReplicaSet[]) =>
  sharesOf(
    history.map(({ spec, status }) => ({
      version: versionIn(namingOf(config), spec.template),
      claim: status.availableReplicas,
      address: null,
    })),
  );

/** The template with which the share stands. */
function templateFor(
  naming: Naming,
  { deployment, history }: Read,
  { version, percent }: { version: string; percent: number },
): PodTemplate {
  const { template } = deployment.spec;
  const running = versionIn(naming, template);
  if (percent === 100) return running === version ? template : withVersion(naming, template, version);
  if (running !== version) return template;
  const before = history.find(({ spec }) => versionIn(naming, spec.template) !== version);
  if (before !== undefined) return withoutLabel(before.spec.template, hashLabel);
  throw new ProviderError(
    "rejected",
    `${naming.name}: ${version} is the only version and takes 100 %`,
    "Give another version 100 % instead.",
  );
}

async function mark(
  api: KubernetesApi,
  config: KubernetesConfig,
  { metadata, spec }: Deployment,
  idempotencyKey: string,
): Promise<void> {
  const setting = settingOf(spec.template);
  if (isMarked(metadata, idempotencyKey, setting)) return;
  await api.patch(
    placeOf(config, deployments, config.name),
    [...unchanged(metadata), ...markPatch(metadata, idempotencyKey, setting)],
    deploymentSchema,
  );
}
