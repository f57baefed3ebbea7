import { describe, expect, it } from "vitest";
import {
  argoRolloutSchema,
  httpRouteSchema,
  type Metadata,
  type Pod,
  podListSchema,
  type ReplicaSet,
  replicaSetListSchema,
} from "../../../src/providers/kubernetes/objects.ts";
import { kubernetesConfigOf, readConfig } from "../../../src/providers/traffic/kubernetes-config.ts";
import { healthOf } from "../../../src/providers/traffic/kubernetes-health.ts";
import { carrierOf, versionOf } from "../../../src/providers/traffic/kubernetes-images.ts";
import { managedBy } from "../../../src/providers/traffic/kubernetes-managed-by.ts";
import {
  type Move,
  moveTo,
  type RolloutRead,
  type Stand,
  standsOf,
  versionsOf,
} from "../../../src/providers/traffic/kubernetes-rollout-state.ts";
import {
  checkAccepted,
  rulesOf,
  weightPatch,
} from "../../../src/providers/traffic/kubernetes-route-rules.ts";

const metadata = (given: Partial<Metadata> = {}) => ({
  name: "shop",
  namespace: "shop",
  uid: "0a1b2c3d-0000",
  resourceVersion: "1",
  generation: 3,
  ...given,
});

describe("a version in an image", () => {
  const digest = `@sha256:${"0".repeat(64)}`;
  it.each([
    ["ghcr.io/acme/shop:{version}", "ghcr.io/acme/shop:v42", "v42"],
    ["ghcr.io/acme/shop:{version}", `ghcr.io/acme/shop:v42${digest}`, "v42"],
    ["ghcr.io/acme/shop:{version}-slim", "ghcr.io/acme/shop:v42-slim", "v42"],
    ["ghcr.io/{version}/shop:{version}", "ghcr.io/v42/shop:v42", "v42"],
    ["ghcr.io/{version}/shop:{version}", "ghcr.io/v42/shop:v41", "ghcr.io/v42/shop:v41"],
    ["ghcr.io/acme/shop:{version}", "ghcrxio/acme/shop:v42", "ghcrxio/acme/shop:v42"],
    ["ghcr.io/acme/shop:{version}", "mirror.example/shop:v42", "mirror.example/shop:v42"],
  ])("of %s in %s is %s", (image, found, version) => {
    expect(versionOf({ image }, found)).toBe(version);
  });

  it("is asked of the container that is named, and of the only one without a name", () => {
    const template = (...names: string[]) => ({
      metadata: {},
      spec: { containers: names.map((name) => ({ name, image: `${name}:v1` })) },
    });
    const naming = { name: "shop", image: "{version}", container: null };
    expect(carrierOf(naming, template("web"))).toEqual({ index: 0, name: "web", image: "web:v1" });
    expect(carrierOf({ ...naming, container: "web" }, template("proxy", "web")).index).toBe(1);
    expect(() => carrierOf(naming, template("proxy", "web"))).toThrow("several containers: proxy, web");
    expect(() => carrierOf({ ...naming, container: "app" }, template("web"))).toThrow("no container app");
  });
});

describe("who manages an object", () => {
  const none = { labels: {}, annotations: {}, managedFields: [] };
  const tracking = "argocd.argoproj.io/tracking-id";
  it.each([
    ["nobody", {}, null],
    [
      "Argo CD by its annotation",
      { annotations: { [tracking]: "shop:apps/Deployment:shop/web" } },
      { system: "argo-cd", name: "shop", namespace: null },
    ],
    [
      "an application of another namespace",
      { annotations: { [tracking]: "team-a_shop:apps/Deployment:shop/web" } },
      { system: "argo-cd", name: "shop", namespace: "team-a" },
    ],
    [
      "Argo CD by its label, where it wrote",
      {
        labels: { "app.kubernetes.io/instance": "shop" },
        managedFields: [{ manager: "argocd-application-controller" }],
      },
      { system: "argo-cd", name: "shop", namespace: null },
    ],
    ["a chart's label alone: nobody", { labels: { "app.kubernetes.io/instance": "shop" } }, null],
    [
      "Flux by a Kustomization",
      {
        labels: {
          "kustomize.toolkit.fluxcd.io/name": "apps",
          "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        },
      },
      { system: "flux", kind: "kustomization", name: "apps", namespace: "flux-system" },
    ],
    [
      "Flux by a HelmRelease, although Helm wrote",
      {
        labels: { "helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "shop" },
        annotations: { "meta.helm.sh/release-name": "shop" },
      },
      { system: "flux", kind: "helm-release", name: "shop", namespace: "shop" },
    ],
    [
      "Helm by its release",
      {
        labels: { "app.kubernetes.io/instance": "shop", "app.kubernetes.io/managed-by": "Helm" },
        annotations: { "meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "web" },
      },
      { system: "helm", name: "shop", namespace: "web" },
    ],
  ])("is %s", (_who, given, expected) => {
    expect(managedBy({ ...none, ...given })).toEqual(expected);
  });
});

describe("the health of a version", () => {
  const pod = (name: string, ready: boolean, waiting?: string, deleted = false): Pod =>
    podListSchema.parse({
      items: [
        {
          metadata: { ...metadata({ name }), ...(deleted && { deletionTimestamp: "2026-01-01T00:00:00Z" }) },
          spec: { containers: [{ name: "web", image: "shop:v42" }] },
          status: {
            conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
            containerStatuses: [
              {
                name: "web",
                ready,
                restartCount: 7,
                ...(waiting && { state: { waiting: { reason: waiting } } }),
              },
            ],
          },
        },
      ],
    }).items[0] as Pod;

  it.each([
    ["serves with all of its pods", [pod("a", true), pod("b", true)], 2, "serving", "2 of 2 pods ready"],
    ["starts until then", [pod("a", true), pod("b", false)], 2, "starting", "1 of 2 pods ready"],
    ["starts while pods are not made yet", [], 2, "starting", "0 of 2 pods ready"],
    ["does not count what ends", [pod("a", true, undefined, true)], 1, "starting", "0 of 1 pod ready"],
    [
      "crashes with one that crashes",
      [pod("a", true), pod("b", false, "CrashLoopBackOff")],
      2,
      "crash-looping",
      "1 of 2 pods ready; b crashes, restarted 7 times",
    ],
    [
      "is down without its image",
      [pod("a", false, "ImagePullBackOff")],
      1,
      "down",
      "0 of 1 pod ready; a cannot start: ImagePullBackOff",
    ],
    ["is down when none is wanted", [], 0, "down", "no pod of v42 is wanted"],
  ] as const)("%s", (_what, pods, wanted, state, detail) => {
    expect(healthOf("v42", pods, wanted)).toMatchObject({ state, detail, wanted });
  });
});

const replicaSet = (hash: string, version: string, availableReplicas: number): ReplicaSet =>
  replicaSetListSchema.parse({
    items: [
      {
        metadata: metadata({ name: `shop-${hash}`, labels: { "rollouts-pod-template-hash": hash } }),
        spec: { template: { spec: { containers: [{ name: "web", image: `shop:${version}` }] } } },
        status: { availableReplicas },
      },
    ],
  }).items[0] as ReplicaSet;

/** On the way from v41 to v42, with what the test says of it. */
function rolloutRead(
  {
    status = {},
    spec = {},
    canary = {},
  }: Record<"status" | "spec" | "canary", object> | Record<string, object>,
  pods: readonly [stable: number, canary: number] = [9, 1],
): RolloutRead {
  const template = { metadata: {}, spec: { containers: [{ name: "web", image: "shop:v42" }] } };
  const steps = [
    { setWeight: 10 },
    { pause: {} },
    { analysis: { templates: [] } },
    { setWeight: 25 },
    { pause: { duration: "1h" } },
    { setWeight: 50 },
    { pause: {} },
    { setWeight: 60 },
    { setWeight: 100 },
  ];
  const rollout = argoRolloutSchema.parse({
    metadata: metadata(),
    spec: {
      replicas: 10,
      selector: { matchLabels: { app: "shop" } },
      template,
      strategy: { canary: { steps, trafficRouting: {}, ...canary } },
      ...spec,
    },
    status: {
      phase: "Progressing",
      observedGeneration: "3",
      stableRS: "old",
      currentPodHash: "new",
      currentStepIndex: 0,
      ...status,
    },
  });
  return {
    naming: { name: "shop", image: "shop:{version}", container: null },
    rollout,
    template,
    workloadGeneration: null,
    history: [replicaSet("new", "v42", pods[1]), replicaSet("old", "v41", pods[0])],
  };
}

describe("a Rollout's steps", () => {
  const percents = (read: RolloutRead) => standsOf(read.rollout).map(({ percent }) => percent);

  it("are shares where a pause follows the weight", () => {
    expect(standsOf(rolloutRead({}).rollout)).toEqual([
      { percent: 10, weightIndex: 0, pauseIndex: 1, isTimed: false },
      { percent: 25, weightIndex: 3, pauseIndex: 4, isTimed: true },
      { percent: 50, weightIndex: 5, pauseIndex: 6, isTimed: false },
    ]);
  });

  it("are shares of maxTrafficWeight", () => {
    expect(percents(rolloutRead({ canary: { trafficRouting: { maxTrafficWeight: 1000 } } }))).toEqual([
      1, 2.5, 5,
    ]);
  });

  it("are shares that the pods can make, without traffic routing", () => {
    expect(percents(rolloutRead({ canary: { trafficRouting: undefined } }))).toEqual([10, 50]);
  });
});

describe("the shares of a Rollout", () => {
  const shares = (read: RolloutRead) =>
    Object.fromEntries(versionsOf(read).map(({ version, weightPercent }) => [version, weightPercent]));

  it("are what its traffic router was told", () => {
    const weights = { canary: { weight: 25 }, stable: { weight: 75 } };
    expect(shares(rolloutRead({ status: { canary: { weights } } }))).toEqual({ v41: 75, v42: 25 });
  });

  it("are the ratio of the pods that serve, without one", () => {
    expect(shares(rolloutRead({ canary: { trafficRouting: undefined } }, [8, 1]))).toEqual({
      v41: 88.89,
      v42: 11.11,
    });
  });

  it("are the stable version's before the canary has any, and nobody's before there is one", () => {
    expect(shares(rolloutRead({}))).toEqual({ v41: 100 });
    expect(shares(rolloutRead({ status: { stableRS: "" } }))).toEqual({});
  });
});

describe("the way to a share", () => {
  const ten: Stand = { percent: 10, weightIndex: 0, pauseIndex: 1, isTimed: false };
  const timed: Stand = { percent: 25, weightIndex: 3, pauseIndex: 4, isTimed: true };
  const fifty: Stand = { percent: 50, weightIndex: 5, pauseIndex: 6, isTimed: false };
  const pausedAt = (currentStepIndex: number, reason = "CanaryPauseStep") => ({
    currentStepIndex,
    controllerPause: true,
    pauseConditions: [{ reason }],
  });

  it.each<[string, object, Stand, Move]>([
    ["is over at its pause", { status: pausedAt(1) }, ten, { do: "stand" }],
    ["holds a pause that would end by itself", { status: pausedAt(4) }, timed, { do: "pause" }],
    ["is over once that is held", { status: pausedAt(4), spec: { paused: true } }, timed, { do: "stand" }],
    [
      "leaves an earlier pause",
      { status: pausedAt(1) },
      timed,
      { do: "status", status: { pauseConditions: null }, unpause: false },
    ],
    [
      "leaves one that was held",
      { status: pausedAt(4), spec: { paused: true } },
      fifty,
      { do: "status", status: { pauseConditions: null }, unpause: true },
    ],
    [
      "runs an earlier step again to go back",
      { status: pausedAt(4) },
      ten,
      {
        do: "status",
        status: { pauseConditions: null, controllerPause: false, currentStepIndex: 0 },
        unpause: false,
      },
    ],
  ])("%s", (_what, given, stand, move) => {
    expect(moveTo(rolloutRead(given as Record<string, object>), stand, false)).toEqual(move);
  });

  it.each<[string, object, Stand, string, string]>([
    ["waits while pods start", { status: { currentStepIndex: 0 } }, ten, "in_progress", "step 0"],
    ["waits for the pause itself", { status: { currentStepIndex: 1 } }, ten, "in_progress", "pods for 10 %"],
    [
      "leaves alone what somebody aborted",
      { status: { abort: true, message: "latency" } },
      ten,
      "conflict",
      "latency",
    ],
    ["leaves alone what somebody paused", { spec: { paused: true } }, ten, "conflict", "Somebody paused"],
    [
      "leaves alone what somebody paused at a pause of its own",
      { status: pausedAt(1), spec: { paused: true } },
      timed,
      "conflict",
      "Somebody paused",
    ],
    [
      "leaves alone what an analysis without a result holds",
      { status: pausedAt(2, "InconclusiveAnalysisRun") },
      timed,
      "conflict",
      "without a result",
    ],
    [
      "says so also at the pause it is on its way to",
      { status: pausedAt(1, "InconclusiveAnalysisRun") },
      ten,
      "conflict",
      "without a result",
    ],
    [
      "leaves alone what somebody paused beyond it",
      { status: pausedAt(6), spec: { paused: true } },
      ten,
      "conflict",
      "Somebody paused",
    ],
    ["says that Argo Rollouts gave up", { status: { phase: "Degraded" } }, ten, "rejected", "cannot go on"],
  ])("%s", (_what, given, stand, code, words) => {
    const move = () => moveTo(rolloutRead(given as Record<string, object>), stand, false);
    expect(move).toThrow(expect.objectContaining({ code, message: expect.stringContaining(words) }));
  });

  it("tries again what was aborted by our own word", () => {
    expect(moveTo(rolloutRead({ status: { abort: true }, spec: { paused: true } }), ten, true)).toEqual({
      do: "status",
      status: { abort: false },
      unpause: true,
    });
  });
});

describe("the rules of an HTTPRoute", () => {
  const config = readConfig({
    service: "shop",
    environment: "production",
    config: kubernetesConfigOf(
      { name: "eu", kind: "kubernetes", context: "eu" },
      {
        provider: "eu",
        versions: [],
        kubernetes: {
          kind: "http-route",
          namespace: "shop",
          name: "shop",
          image: "shop:{version}",
          backends: ["a", "b"].map((service) => ({ service, deployment: service })),
          autoscaled: false,
        },
      },
      () => undefined,
    ),
  });
  const route = (rules: object[], parents: object[] = []) =>
    httpRouteSchema.parse({
      metadata: metadata(),
      spec: { parentRefs: [{ name: "gateway" }], rules: rules.map((backendRefs) => ({ backendRefs })) },
      status: { parents },
    });
  const both = [
    { name: "b", weight: 0 },
    { name: "a", weight: 1 },
  ];

  it("count where they name the Services, each by its own place", () => {
    const rules = rulesOf(config, route([both, [{ name: "legacy" }], both.toReversed()]), "divisible");
    expect(rules).toEqual([
      { index: 0, weights: { a: 1, b: 0 }, refs: { a: 1, b: 0 } },
      { index: 2, weights: { a: 1, b: 0 }, refs: { a: 0, b: 1 } },
    ]);
    const wanted = rules.map((rule) => ({ ...rule, weights: { a: 9900, b: 100 } }));
    expect(weightPatch(rules, wanted).slice(0, 2)).toEqual([
      { op: "test", path: "/spec/rules/0/backendRefs/0/name", value: "b" },
      { op: "add", path: "/spec/rules/0/backendRefs/0/weight", value: 100 },
    ]);
    expect(weightPatch(wanted, wanted)).toEqual([]);
  });

  it.each([
    ["none names them", [[{ name: "legacy" }]], "no rule of shop names a or b"],
    ["one is missing", [[{ name: "a" }]], "rule 0 of shop does not name b"],
    ["others take part", [[...both, { name: "c" }]], "rule 0 of shop also sends traffic to c"],
    [
      "one divides the traffic in its own way",
      [
        both,
        [
          { name: "a", weight: 1 },
          { name: "b", weight: 1 },
        ],
      ],
      "rule 1 of shop divides the traffic differently from rule 0",
    ],
    ["one stands there twice", [[...both, { name: "a" }]], "names a twice"],
    [
      "it is a Service of another namespace",
      [[{ name: "a" }, { name: "b", namespace: "web" }]],
      "does not name b",
    ],
  ])("are refused when %s", (_what, rules, message) => {
    expect(() => rulesOf(config, route(rules), "divisible")).toThrow(message);
  });

  it("are read and put back as they are, whatever somebody made of them", () => {
    const changed = route([both, [{ name: "a", weight: 5 }], [...both, { name: "c" }]]);
    expect(rulesOf(config, changed, "as they are").map(({ weights }) => weights)).toEqual([
      { a: 1, b: 0 },
      { a: 5 },
      { a: 1, b: 0 },
    ]);
  });

  const condition = (type: string, status: string, observedGeneration = 3) => ({
    type,
    status,
    observedGeneration,
    reason: status === "False" ? "BackendNotFound" : type,
    message: "no such Service",
  });
  it.each([
    ["nobody has looked", [], "in_progress"],
    [
      "the gateway looked at the one before",
      [condition("Accepted", "True", 2), condition("ResolvedRefs", "True")],
      "in_progress",
    ],
    ["it has not said all", [condition("Accepted", "True")], "in_progress"],
    [
      "it does not know",
      [condition("Accepted", "True"), condition("ResolvedRefs", "Unknown")],
      "in_progress",
    ],
    [
      "a Service is not there",
      [condition("Accepted", "True"), condition("ResolvedRefs", "False")],
      "rejected",
    ],
  ])("do not count when %s", (_what, conditions, code) => {
    const parents = conditions.length === 0 ? [] : [{ parentRef: { name: "gateway" }, conditions }];
    expect(() => checkAccepted(route([both], parents))).toThrow(expect.objectContaining({ code }));
  });

  it("count once the gateway has taken them", () => {
    const conditions = [condition("Accepted", "True"), condition("ResolvedRefs", "True")];
    expect(() =>
      checkAccepted(route([both], [{ parentRef: { name: "gateway" }, conditions }])),
    ).not.toThrow();
  });
});

describe("the configuration", () => {
  const whole = {
    kubeconfig: "/etc/kubeconfig",
    context: null,
    kind: "deployment",
    namespace: "shop",
    name: "shop",
    container: null,
    image: "shop:{version}",
    backends: [],
    versions: [],
    canaryUrl: null,
    autoscaled: false,
  };
  it.each([
    ["kubeconfig", { kubeconfig: "" }, "kubeconfigEnv"],
    ["image", { image: "shop" }, "catalog"],
    ["backends", { kind: "http-route" }, "catalog"],
  ])("names %s when it cannot be used", (field, wrong, hint) => {
    const target = { service: "shop", environment: "production", config: { ...whole, ...wrong } };
    expect(() => readConfig(target)).toThrow(
      expect.objectContaining({
        code: "rejected",
        message: expect.stringContaining(field),
        hint: expect.stringContaining(hint),
      }),
    );
  });
});
