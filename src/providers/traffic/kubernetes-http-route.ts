/**
 * A Gateway API HTTPRoute whose rules divide the traffic over Services by weight, each Service with a Deployment of
 * its own. A new version goes into a Deployment that has no traffic, so they take turns; a share is a weight of 10,000.
 * Source: Gateway API, "HTTP traffic splitting", and the API reference of HTTPRoute (weights, conditions).
 */
import { ProviderError } from "../errors.ts";
import { type KubernetesApi, pointer } from "../kubernetes/api.ts";
import {
  type Deployment,
  deploymentSchema,
  deployments,
  type HttpRoute,
  httpRouteSchema,
  httpRoutes,
} from "../kubernetes/objects.ts";
import { quoteForShell } from "./checks.ts";
import type { TrafficVersion } from "./contract.ts";
import { type KubernetesConfig, kubectlArguments } from "./kubernetes-config.ts";
import { type Naming, versionIn } from "./kubernetes-images.ts";
import { type Fields, type Kind, percentOf, placeOf, replicasKept, sharesOf } from "./kubernetes-kind.ts";
import { managedBy } from "./kubernetes-managed-by.ts";
import { changedBy, isMarked, markPatch, revisionOf, unchanged } from "./kubernetes-mark.ts";
import { deploymentHealth } from "./kubernetes-pods.ts";
import { checkDone, refusePaused } from "./kubernetes-progress.ts";
import { type AppRule, checkAccepted, rulesOf, type Weights, weightPatch } from "./kubernetes-route-rules.ts";
import {
  imageFields,
  imagesKept,
  sameTemplate,
  templatePatch,
  withImages,
  withVersion,
} from "./kubernetes-templates.ts";
import { reweigh } from "./weights.ts";

/** A Service, its Deployment, and what it has of the traffic. */
interface Track {
  readonly service: string;
  readonly naming: Naming;
  readonly deployment: Deployment;
  readonly version: string;
  /** Its weight in the first rule that names it; all rules are set alike. */
  readonly weight: number;
}

interface Read {
  readonly route: HttpRoute;
  readonly rules: readonly AppRule[];
  readonly tracks: readonly Track[];
}

const unitsOfPercent = 100;

export const httpRouteKind: Kind = {
  async describe(api, config) {
    const route = await api.find(placeOf(config, httpRoutes, config.name), httpRouteSchema);
    if (route === undefined) return undefined;
    const { rules, tracks } = await readTracks(api, config, route, "as they are");
    return {
      versions: versionsOf(tracks),
      revision: revisionOf(route.metadata, ...tracks.map(({ deployment }) => deployment.metadata)),
      changedBy: changedBy(route.metadata, settingOf(rules)),
      managedBy: managedBy(route.metadata),
    };
  },

  weights: async () => null,

  async health(api, config, version) {
    const { tracks } = await read(api, config, "as they are");
    const track = trackOf(tracks, version);
    if (track === undefined)
      return { state: "down", ready: null, wanted: null, detail: `no Deployment runs ${version}` };
    const { naming } = track;
    return deploymentHealth(api, config, { ...naming, deployment: naming.name }, version);
  },

  async setShare(api, config, { version, percent }, idempotencyKey) {
    const { route, rules, tracks } = await read(api, config, "divisible");
    const current = withIdle(versionsOf(tracks), tracks, version);
    const reweighed = reweigh(current, { version, address: null }, percent);
    if (!reweighed.ok)
      throw new ProviderError("rejected", `${config.name}: ${reweighed.message}`, reweighed.hint);
    const track = trackOf(tracks, version);
    if (percent > 0) {
      if (track === undefined)
        await putVersion(api, config, freeTrack(config, tracks, version), version, tracks);
      else await awaitPods(api, config, track, tracks);
    }
    const weights: Record<string, number> = Object.fromEntries(
      config.backends.map(({ service }) => [service, 0]),
    );
    for (const { version: name, weightPercent } of reweighed.versions) {
      const its = name === version ? track : trackOf(tracks, name);
      if (its !== undefined) weights[its.service] = Math.round(weightPercent * unitsOfPercent);
    }
    await setWeights(api, config, { route, rules }, allRules(rules, weights), idempotencyKey);
  },

  async keep(api, config) {
    const { rules, tracks } = await read(api, config, "divisible");
    const fields: Fields = {};
    for (const { index, weights, refs } of rules)
      for (const [service, place] of Object.entries(refs))
        fields[weightField({ rule: index, place, service })] = weights[service] ?? 0;
    for (const { naming, deployment } of tracks) {
      Object.assign(fields, imageFields(deployment.spec.template, `image.${naming.name}`));
      if (!config.autoscaled) fields[`replicas.${naming.name}`] = deployment.spec.replicas;
    }
    return { versions: versionsOf(tracks), fields };
  },

  async restore(api, config, { versions, fields }, idempotencyKey) {
    const { route, rules, tracks } = await read(api, config, "as they are");
    const weights = keptWeights(rules, fields);
    const takes = ({ service }: { readonly service: string }) =>
      weights.some((rule) => (rule.weights[service] ?? 0) > 0);
    const gone = config.backends.find(
      (backend) => takes(backend) && !tracks.some(({ service }) => service === backend.service),
    );
    if (gone !== undefined)
      throw new ProviderError(
        "not_found",
        `The Deployment ${gone.deployment}, which is to take the traffic, is not there`,
        "Create it again as it was; the revert goes on by itself.",
      );
    // What will take traffic must run what it ran; then the weights, at once; then the rest.
    for (const track of tracks.filter(takes)) await putBack(api, config, track, fields, "and wait");
    await setWeights(api, config, { route, rules }, weights, idempotencyKey);
    for (const track of tracks.filter((one) => !takes(one))) await putBack(api, config, track, fields);
    const now = versionsOf((await read(api, config, "as they are")).tracks);
    if (versions.some(({ version, weightPercent }) => percentOf(now, version) !== weightPercent))
      throw new ProviderError("conflict", `${config.name} is not as it was`, "It is put back again.");
  },

  manualRestore(config, { fields }) {
    const kubectl = ["kubectl", ...kubectlArguments(config)].join(" ");
    const kept = weightsKept(fields);
    // As the engine does it: what takes traffic runs what it ran, then the weights, then the rest. A command a rule, for
    // one that somebody changed refuses the whole patch it is in.
    const patches = [...new Set(kept.map(({ rule }) => rule))].map((index) => {
      const patch = kept
        .filter(({ rule }) => rule === index)
        .flatMap(({ rule, place, service, weight }) => {
          const at = ["spec", "rules", rule, "backendRefs", place] as const;
          return [
            { op: "test", path: pointer(...at, "name"), value: service },
            { op: "add", path: pointer(...at, "weight"), value: weight },
          ];
        });
      return `${kubectl} patch httproute ${config.name} --type=json -p ${quoteForShell(JSON.stringify(patch))}`;
    });
    const bringBack = ({ deployment }: { readonly deployment: string }): string[] => {
      const images = imagesKept(fields, `image.${deployment}`).map(quoteForShell).join(" ");
      const replicas = fields[`replicas.${deployment}`];
      return [
        ...(images === "" ? [] : [`${kubectl} set image deployment/${deployment} ${images}`]),
        ...(typeof replicas === "number"
          ? [`${kubectl} scale deployment/${deployment} --replicas=${replicas}`]
          : []),
      ];
    };
    const takes = (backend: { readonly service: string }) =>
      kept.some(({ service, weight }) => service === backend.service && weight > 0);
    return [
      ...config.backends.filter(takes).flatMap(bringBack),
      ...patches,
      ...config.backends.filter((backend) => !takes(backend)).flatMap(bringBack),
    ];
  },
};

type How = Parameters<typeof rulesOf>[2];

async function read(api: KubernetesApi, config: KubernetesConfig, how: How): Promise<Read> {
  const route = await api.get(placeOf(config, httpRoutes, config.name), httpRouteSchema);
  return readTracks(api, config, route, how);
}

/** A Service whose Deployment is not there has no track: nothing runs behind it. */
async function readTracks(
  api: KubernetesApi,
  config: KubernetesConfig,
  route: HttpRoute,
  how: How,
): Promise<Read> {
  const rules = rulesOf(config, route, how);
  const tracks = await Promise.all(
    config.backends.map(async ({ service, deployment: name }): Promise<Track[]> => {
      const naming: Naming = { name, image: config.image, container: config.container };
      const deployment = await api.find(placeOf(config, deployments, name), deploymentSchema);
      if (deployment === undefined) return [];
      const weight = rules.find(({ weights }) => weights[service] !== undefined)?.weights[service] ?? 0;
      return [{ service, naming, deployment, version: versionIn(naming, deployment.spec.template), weight }];
    }),
  );
  return { route, rules, tracks: tracks.flat() };
}

const versionsOf = (tracks: readonly Track[]) =>
  sharesOf(tracks.map(({ version, weight, service }) => ({ version, claim: weight, address: service })));

/** Where one version has all the traffic, the others whose pods are still there can take what it gives up. */
function withIdle(versions: TrafficVersion[], tracks: readonly Track[], version: string): TrafficVersion[] {
  if (versions.length !== 1 || versions[0]?.version !== version) return versions;
  const idle = tracks.filter(
    (track) => track.version !== version && track.deployment.status.availableReplicas > 0,
  );
  const names = [...new Set(idle.map((track) => track.version))];
  return [...versions, ...names.map((name) => ({ version: name, weightPercent: 0, address: null }))];
}

/** The one with traffic first, when two run the same version. */
const trackOf = (tracks: readonly Track[], version: string): Track | undefined =>
  tracks.filter((track) => track.version === version).sort((a, b) => b.weight - a.weight)[0];

function freeTrack({ name }: KubernetesConfig, tracks: readonly Track[], version: string): Track {
  const free = tracks.find(({ weight }) => weight === 0);
  if (free !== undefined) return free;
  const taken = tracks.map((track) => `${track.naming.name} runs ${track.version}`).join(", ");
  throw new ProviderError(
    "rejected",
    `${name} has no Deployment free for ${version}: ${taken}`,
    "Give one of them no traffic first, or add a backend in the catalog.",
  );
}

/** Brings a version into a Deployment without traffic; always `in_progress`, for its pods must start. */
async function putVersion(
  api: KubernetesApi,
  config: KubernetesConfig,
  { naming, deployment }: Track,
  version: string,
  tracks: readonly Track[],
): Promise<never> {
  refusePaused(deployment);
  const { template } = deployment.spec;
  const patched = await api.patch(
    placeOf(config, deployments, naming.name),
    [
      ...unchanged(deployment.metadata),
      ...templatePatch(naming, template, withVersion(naming, template, version)),
      ...wakePatch(deployment, tracks),
    ],
    deploymentSchema,
  );
  checkDone(naming, patched);
  throw new ProviderError("in_progress", `${naming.name} gets ${version}`, "It is looked at again.");
}

async function awaitPods(
  api: KubernetesApi,
  config: KubernetesConfig,
  { naming, deployment, weight }: Track,
  tracks: readonly Track[],
): Promise<void> {
  // What has traffic keeps it: its pods are the judge's business.
  if (weight > 0) return;
  const wake = wakePatch(deployment, tracks);
  const now =
    wake.length === 0
      ? deployment
      : await api.patch(
          placeOf(config, deployments, naming.name),
          [...unchanged(deployment.metadata), ...wake],
          deploymentSchema,
        );
  checkDone(naming, now);
}

/** One that was scaled to nothing gets as many pods as the largest of the others. */
function wakePatch({ spec }: Deployment, tracks: readonly Track[]) {
  if (spec.replicas > 0) return [];
  const most = Math.max(1, ...tracks.map(({ deployment }) => deployment.spec.replicas));
  return [{ op: "replace" as const, path: "/spec/replicas", value: most }];
}

const allRules = (rules: readonly AppRule[], weights: Weights): AppRule[] =>
  rules.map((rule) => ({ ...rule, weights }));

const settingOf = (rules: readonly AppRule[]): unknown =>
  rules.map(({ index, weights }) => ({ index, weights }));

async function setWeights(
  api: KubernetesApi,
  config: KubernetesConfig,
  { route, rules }: Pick<Read, "route" | "rules">,
  wanted: readonly AppRule[],
  idempotencyKey: string,
): Promise<void> {
  const setting = settingOf(wanted);
  const patch = [
    ...weightPatch(rules, wanted),
    ...(isMarked(route.metadata, idempotencyKey, setting)
      ? []
      : markPatch(route.metadata, idempotencyKey, setting)),
  ];
  const after =
    patch.length === 0
      ? route
      : await api.patch(
          placeOf(config, httpRoutes, config.name),
          [...unchanged(route.metadata), ...patch],
          httpRouteSchema,
        );
  checkAccepted(after);
}

interface WeightKept {
  readonly rule: number;
  /** In the rule's `backendRefs`. */
  readonly place: number;
  readonly service: string;
  readonly weight: number;
}

const weightField = ({ rule, place, service }: Omit<WeightKept, "weight">): string =>
  `weight.${rule}.${place}.${service}`;

const weightsKept = (fields: Fields): WeightKept[] =>
  Object.entries(fields).flatMap(([field, weight]) => {
    const [, rule, place, service] = /^weight\.(\d+)\.(\d+)\.(.+)$/.exec(field) ?? [];
    return service === undefined || typeof weight !== "number"
      ? []
      : [{ rule: Number(rule), place: Number(place), service, weight }];
  });

/** The weights that were kept, rule by rule; for rules that are new since, those of the first. */
function keptWeights(rules: readonly AppRule[], fields: Fields): AppRule[] {
  const kept = weightsKept(fields);
  const first = kept[0]?.rule;
  return rules.map((rule) => {
    const from = kept.some((one) => one.rule === rule.index) ? rule.index : first;
    const its = kept.filter((one) => one.rule === from);
    return { ...rule, weights: Object.fromEntries(its.map(({ service, weight }) => [service, weight])) };
  });
}

async function putBack(
  api: KubernetesApi,
  config: KubernetesConfig,
  { naming, deployment }: Track,
  fields: Fields,
  wait?: "and wait",
): Promise<void> {
  const { template, replicas } = deployment.spec;
  const kept = withImages(template, fields, `image.${naming.name}`);
  const wanted = config.autoscaled ? replicas : replicasKept(fields[`replicas.${naming.name}`], replicas);
  const isBack = sameTemplate(kept, template);
  const patch = [
    ...(isBack ? [] : templatePatch(naming, template, kept)),
    ...(wanted === replicas ? [] : [{ op: "replace" as const, path: "/spec/replicas", value: wanted }]),
  ];
  const after =
    patch.length === 0
      ? deployment
      : await api.patch(
          placeOf(config, deployments, naming.name),
          [...unchanged(deployment.metadata), ...patch],
          deploymentSchema,
        );
  // One that runs the right version already takes the traffic back at once, whatever else its pods do.
  if (wait && !isBack) checkDone(naming, after);
  if (wait && isBack && deployment.status.availableReplicas === 0) checkDone(naming, after);
}
