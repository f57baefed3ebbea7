import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createArgoCd } from "../../../src/providers/gitops/argo-cd.ts";
import type { GitopsSystem } from "../../../src/providers/gitops/contract.ts";
import { createFlux } from "../../../src/providers/gitops/flux.ts";
import { stoppedAnnotation } from "../../../src/providers/gitops/switch.ts";
import type { ManagedBy } from "../../../src/providers/traffic/contract.ts";
import { objectsAt } from "./client.ts";
import { ClusterStandIn, type StoredObject } from "./cluster.ts";

const mark = { by: "quarterdeck R-12", until: new Date("2026-11-25T13:40:00Z") };
const sha = "9f3c1e29f3c1e29f3c1e29f3c1e29f3c1e29f3c1";

interface Bench {
  readonly system: GitopsSystem;
  readonly owner: ManagedBy;
  readonly kind: string;
  /** What the spec holds while it heals, and what of it heals not. */
  readonly healing: Record<string, unknown>;
  readonly idle: Record<string, unknown>;
  /** A merge patch that turns it on, as a person's or a controller's. */
  readonly on: Record<string, unknown>;
  readonly source: unknown;
  readonly status: Record<string, unknown>;
}

const benches: Record<string, Bench> = {
  "an Argo CD application": {
    system: createArgoCd(),
    owner: { system: "argo-cd", name: "shop", namespace: "argocd" },
    kind: "argoproj.io/v1alpha1/applications",
    healing: {
      source: { repoURL: "https://git.example.com/shop.git", path: "prod" },
      syncPolicy: { automated: { prune: true, selfHeal: true }, retry: { limit: 5 } },
    },
    idle: { source: { repoURL: "https://git.example.com/shop.git" }, syncPolicy: { retry: { limit: 5 } } },
    on: { syncPolicy: { automated: { selfHeal: true } } },
    status: { sync: { status: "Synced", revision: sha } },
    source: { repository: "https://git.example.com/shop.git", path: "prod", revision: sha },
  },
  "a Flux Kustomization": {
    system: createFlux(),
    owner: { system: "flux", name: "shop", namespace: null },
    kind: "kustomize.toolkit.fluxcd.io/v1/kustomizations",
    healing: { interval: "10m", path: "./prod", sourceRef: { kind: "GitRepository", name: "fleet" } },
    idle: { interval: "10m", suspend: true },
    on: { suspend: false },
    status: { lastAppliedRevision: `main@sha1:${sha}` },
    source: { repository: "fleet", path: "prod", revision: sha },
  },
  "a Flux HelmRelease": {
    system: createFlux(),
    owner: { system: "flux", kind: "helm-release", name: "shop", namespace: "prod" },
    kind: "helm.toolkit.fluxcd.io/v2/helmreleases",
    healing: { interval: "10m", suspend: false },
    idle: { suspend: true },
    on: { suspend: false },
    status: {},
    source: null,
  },
};

let cluster: ClusterStandIn;
beforeEach(async () => {
  cluster = await ClusterStandIn.start();
});
afterEach(() => cluster.close());

describe.each(Object.entries(benches))("%s", (_name, bench) => {
  const { system, owner, healing, idle } = bench;
  const objects = () => objectsAt(cluster.url);
  const put = (spec: Record<string, unknown>): StoredObject =>
    cluster.put(bench.kind, owner.namespace ?? "flux-system", owner.name, structuredClone(spec), {
      status: bench.status,
    });
  const writes = () => cluster.requests.filter(({ method }) => method === "PATCH");

  it("is stopped with a mark on it and put back exactly as it was", async () => {
    const object = put(healing);
    const version = object.metadata.resourceVersion;
    const stopped = await system.suspend(objects(), owner, mark);
    expect(stopped).toMatchObject({ is: "stopped", source: bench.source });
    expect(object.spec).not.toEqual(healing);
    expect(JSON.parse(object.metadata.annotations?.[stoppedAnnotation] ?? "")).toMatchObject({
      by: "quarterdeck R-12",
      until: "2026-11-25T13:40:00.000Z",
    });
    expect(writes()[0]?.body).toMatchObject({ metadata: { resourceVersion: version } });
    expect(await system.resume(objects(), owner, { by: mark.by })).toEqual({ is: "resumed" });
    expect(object.spec).toEqual(healing);
    expect(object.metadata.annotations).toEqual({});
  });

  it("is stopped once, however often it is asked", async () => {
    put(healing);
    await system.suspend(objects(), owner, mark);
    expect(await system.suspend(objects(), owner, mark)).toMatchObject({ is: "stopped", wasHealing: false });
    expect(writes()).toHaveLength(1);
  });

  it("is taken over by another stop, whose end alone begins it again as it was before both", async () => {
    const object = put(healing);
    const other = { by: "quarterdeck R-13", until: new Date("2026-11-25T14:10:00Z") };
    const read = () => JSON.parse(object.metadata.annotations?.[stoppedAnnotation] ?? "{}");
    await system.suspend(objects(), owner, mark);
    const { recorded } = read();
    expect(await system.suspend(objects(), owner, other)).toMatchObject({ is: "stopped", wasHealing: false });
    expect(read()).toEqual({ by: other.by, until: other.until.toISOString(), recorded });
    expect(await system.resume(objects(), owner, { by: mark.by })).toEqual({ is: "handed-over" });
    expect(object.spec).not.toEqual(healing);
    // The other way round: an end that knows of a longer stop gives it the mark.
    expect(await system.resume(objects(), owner, { by: other.by, to: mark })).toEqual({ is: "handed-over" });
    expect(read()).toMatchObject({ by: mark.by, recorded });
    expect(await system.resume(objects(), owner, { by: mark.by })).toEqual({ is: "resumed" });
    expect(object.spec).toEqual(healing);
  });

  it("stays as it is where nothing heals, and is not begun at the end", async () => {
    const object = put(idle);
    expect(await system.suspend(objects(), owner, mark)).toMatchObject({ is: "idle" });
    expect(await system.resume(objects(), owner, { by: mark.by })).toEqual({ is: "theirs" });
    expect(object.spec).toEqual(idle);
    expect(writes()).toEqual([]);
  });

  it("loses nobody's change made at the same moment", async () => {
    const object = put(healing);
    cluster.before = () => cluster.edit(object, { interval: "1m" });
    await system.suspend(objects(), owner, mark);
    expect(object.spec.interval).toBe("1m");
    expect(writes()).toHaveLength(2);
  });

  it("is left to whoever turned it on meanwhile", async () => {
    const object = put(healing);
    await system.suspend(objects(), owner, mark);
    cluster.edit(object, bench.on);
    expect(await system.resume(objects(), owner, { by: mark.by })).toEqual({ is: "theirs" });
    expect(object.metadata.annotations).toEqual({});
    expect(object.spec).toMatchObject(bench.on);
  });

  it("says so when something turns it on again at once", async () => {
    put(healing);
    cluster.after = (object) => cluster.edit(object, bench.on);
    await expect(system.suspend(objects(), owner, mark)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("turned on again at once"),
    });
  });

  it("says that rights are missing, that it is not there, that nobody answers; gone at the end is over", async () => {
    put(healing);
    cluster.refusal = { code: 403, reason: "Forbidden", message: "cannot patch resource" };
    await expect(system.suspend(objects(), owner, mark)).rejects.toMatchObject({ code: "unauthorised" });
    const nobody = { ...owner, name: "nobody" };
    await expect(system.suspend(objects(), nobody, mark)).rejects.toMatchObject({ code: "not_found" });
    expect(await system.resume(objects(), nobody, { by: mark.by })).toEqual({ is: "theirs" });
    await expect(
      system.resume(objectsAt("http://127.0.0.1:9"), owner, { by: mark.by }),
    ).rejects.toMatchObject({
      code: "unreachable",
    });
  });
});

it("stops of two objects of one name the one whose kind the label named, and the first where none is known", async () => {
  const [first, second] = [
    "kustomize.toolkit.fluxcd.io/v1/kustomizations",
    "helm.toolkit.fluxcd.io/v2/helmreleases",
  ].map((kind) => cluster.put(kind, "prod", "shop", {}));
  const flux = createFlux();
  const owner = { system: "flux", name: "shop", namespace: "prod" } as const;
  const release = { ...owner, kind: "helm-release" } as const;
  expect(await flux.suspend(objectsAt(cluster.url), release, mark)).toMatchObject({
    kind: "Flux HelmRelease",
  });
  expect([first?.spec, second?.spec]).toEqual([{}, { suspend: true }]);
  expect(await flux.resume(objectsAt(cluster.url), release, { by: mark.by })).toEqual({ is: "resumed" });
  expect(await flux.suspend(objectsAt(cluster.url), owner, mark)).toMatchObject({
    kind: "Flux Kustomization",
  });
  expect([first?.spec, second?.spec]).toEqual([{ suspend: true }, {}]);
});

it("takes no version of a chart and no digest of an image for a commit", async () => {
  cluster.put(
    "argoproj.io/v1alpha1/applications",
    "argocd",
    "shop",
    { source: { repoURL: "https://charts.example.com", chart: "shop" }, syncPolicy: { automated: {} } },
    { status: { sync: { revision: "1.4.2" } } },
  );
  cluster.put(
    "kustomize.toolkit.fluxcd.io/v1/kustomizations",
    "flux-system",
    "shop",
    { path: "./", sourceRef: { kind: "OCIRepository", name: "fleet" } },
    { status: { lastAppliedRevision: `latest@sha256:${"9f3c1e29".repeat(8)}` } },
  );
  for (const [system, name] of [
    [createArgoCd(), "argo-cd"],
    [createFlux(), "flux"],
  ] as const) {
    const owner = { system: name, name: "shop", namespace: null };
    const { source } = await system.suspend(objectsAt(cluster.url), owner, mark);
    expect(source).toMatchObject({ path: null, revision: null });
  }
});

it("leaves an application alone that somebody turned off in another way meanwhile", async () => {
  const owner = { system: "argo-cd", name: "shop", namespace: null } as const;
  const object = cluster.put("argoproj.io/v1alpha1/applications", "argocd", "shop", {
    syncPolicy: { automated: { selfHeal: true } },
  });
  const argo = createArgoCd();
  await argo.suspend(objectsAt(cluster.url), owner, mark);
  cluster.edit(object, { syncPolicy: { automated: { enabled: false } } });
  expect(await argo.resume(objectsAt(cluster.url), owner, { by: mark.by })).toEqual({ is: "theirs" });
  expect(object.spec).toEqual({ syncPolicy: { automated: { enabled: false } } });
});
