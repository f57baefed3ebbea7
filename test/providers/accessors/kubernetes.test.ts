import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { AccessTerms } from "../../../src/catalog/schema.ts";
import { Secret } from "../../../src/platform/secret.ts";
import type { Accessor, Granted, GrantIntent } from "../../../src/providers/accessors/contract.ts";
import {
  createKubernetesAccessor,
  type KubernetesAccessorOptions,
} from "../../../src/providers/accessors/kubernetes.ts";
import {
  isWholePower,
  outlastingIn,
  tokenSecondsFor,
} from "../../../src/providers/accessors/kubernetes-plan.ts";
import { createClusters } from "../../../src/providers/kubernetes/clusters.ts";
import { hasKubernetes } from "../../support/kubernetes/server.ts";
import { accessorConformance } from "./conformance.ts";
import { anybody, partOf } from "./granted.ts";
import { type AccessCluster, losingTokens, openAccessCluster } from "./kubernetes-bench.ts";

const clusters = createClusters();

describe.runIf(hasKubernetes())("the Kubernetes accessor, with the rights of deploy/kubernetes", () => {
  let cluster: AccessCluster;
  let terms: Record<"reader" | "debugger" | "both" | "everywhere", AccessTerms>;
  const accessor = (change: Partial<KubernetesAccessorOptions> = {}): Accessor =>
    createKubernetesAccessor({
      clusters,
      cluster: { kubeconfig: cluster.kubeconfig, context: null },
      namespace: cluster.namespace,
      grantable: Object.values(terms),
      deadlineMs: 20_000,
      now: () => new Date(),
      ...change,
    });
  const intentOf = (externalName: string, change: Partial<GrantIntent> = {}): GrantIntent => ({
    externalName,
    grantee: anybody,
    terms: terms.reader,
    expiresAt: new Date(Date.now() + 3_600_000),
    ...change,
  });
  const pods = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;
  const statusOf = (granted: Granted, path: string) => cluster.ask(partOf(granted, "token"), path);
  const bindingOf = (namespace: string, name: string) =>
    `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings/${name}`;
  const account = (name: string) => `/api/v1/namespaces/${cluster.namespace}/serviceaccounts/${name}`;

  beforeAll(async () => {
    cluster = await openAccessCluster();
    const { clusterRole, shops } = cluster;
    terms = {
      reader: { clusterRole, namespaces: [shops[0]] },
      debugger: { role: "debugger", namespaces: [...shops] },
      both: { clusterRole, namespaces: [...shops] },
      everywhere: { clusterRole, namespaces: "all" },
    };
  });

  afterAll(async () => {
    await cluster?.close();
  });

  accessorConformance(
    {
      ownEndPrecisionMs: 5_000,
      takesPastEnds: false,
      sessions: "unknown",
      secrets: "renewed",
      effect: "own",
      isMarked: true,
      isListed: true,
      endsAtOnce: true,
    },
    async () => ({
      accessor: accessor(),
      roles: [terms.reader, terms.debugger, terms.both, terms.everywhere],
      membershipsOf: ({ clusterRole, role, namespaces }) =>
        (namespaces === "all" ? ["all namespaces"] : (namespaces as string[]))
          .map(
            (namespace) => `${clusterRole ? "ClusterRole" : "Role"} ${clusterRole ?? role} in ${namespace}`,
          )
          .sort(),
      hostileTerms: [
        { clusterRole: "cluster-admin", namespaces: "all" },
        { clusterRole: "system:masters", namespaces: "all" },
        { clusterRole: "not-declared", namespaces: [cluster.shops[0]] },
        { clusterRole: cluster.clusterRole, namespaces: [cluster.namespace] },
        { clusterRole: cluster.clusterRole, namespaces: ["kube-system"] },
        { clusterRole: cluster.clusterRole, namespaces: [] },
        { clusterRole: cluster.clusterRole },
        { clusterRole: cluster.clusterRole, role: "debugger", namespaces: [cluster.shops[0]] },
        { role: "debugger", namespaces: "all" },
        { role: "../clusterroles/cluster-admin", namespaces: [cluster.shops[0]] },
        { role: "debugger", namespaces: ["shop/../kube-system"] },
        { grantRole: "app_ro" },
      ],
      works: async (granted) => (await statusOf(granted, pods(cluster.shops[0]))) === 200,
      losingAnswers: async () => ({
        accessor: accessor({ clusters: losingTokens(clusters) }),
        close: async () => undefined,
      }),
    }),
  );

  it("gives what the role gives in its namespaces, and nothing beside it", async () => {
    const granted = await accessor().grant(intentOf("qd_scope", { terms: terms.both }), "scope");
    const [shop, other] = cluster.shops;
    await expect.poll(() => statusOf(granted, pods(shop)), { timeout: 10_000 }).toBe(200);
    await expect.poll(() => statusOf(granted, pods(other)), { timeout: 10_000 }).toBe(200);
    expect(await statusOf(granted, pods("kube-system"))).toBe(403);
    expect(await statusOf(granted, pods(cluster.namespace))).toBe(403);
    expect(await statusOf(granted, `/api/v1/namespaces/${shop}/secrets`)).toBe(403);
    await accessor().revoke(intentOf("qd_scope", { terms: terms.both }));
  });

  it("hands out a kubeconfig that is whole, with the token in nothing that prints", async () => {
    const granted = await accessor({ publicUrl: "https://kube.example:6443" }).grant(
      intentOf("qd_config"),
      "config",
    );
    expect(granted.credential.find(({ id }) => id === "kubeconfig")).toMatchObject({
      fileName: "qd-config.kubeconfig",
      value: expect.any(Secret),
    });
    const config = parse(partOf(granted, "kubeconfig"));
    expect(config).toMatchObject({
      clusters: [{ cluster: { server: "https://kube.example:6443" } }],
      contexts: [{ context: { namespace: cluster.shops[0] } }],
      users: [{ user: { token: partOf(granted, "token") } }],
      "current-context": "qd-config",
    });
    expect(config.clusters[0].cluster["certificate-authority-data"]).toMatch(/^LS0t/);
    await accessor().revoke(intentOf("qd_config"));
  });

  it("has a token that no longer is one when its service account or Secret is gone, though nobody had used it", async () => {
    const granted = await accessor().grant(intentOf("qd_token"), "token");
    await cluster.admin.delete(`/api/v1/namespaces/${cluster.namespace}/secrets/qd-token`);
    await expect.poll(() => statusOf(granted, "/api/v1/namespaces"), { timeout: 15_000 }).toBe(401);
    const revoked = await accessor().revoke(intentOf("qd_token"));
    expect(revoked.readBack).toMatchObject({ exists: false, memberships: [] });
    expect(revoked.lastsUntil?.getTime()).toBeGreaterThan(Date.now());
  });

  it("makes a binding anew that names another role: a roleRef never changes", async () => {
    const [shop] = cluster.shops;
    await accessor().grant(intentOf("qd_anew", { terms: terms.debugger }), "anew");
    await accessor().grant(intentOf("qd_anew"), "anew");
    const found = await accessor().verify(intentOf("qd_anew", { terms: terms.debugger }));
    expect(found.memberships).toEqual([`ClusterRole ${cluster.clusterRole} in ${shop}`]);
    await accessor().revoke(intentOf("qd_anew"));
  });

  it("ends a grant of which only the bindings are left, and touches no object that others made", async () => {
    const [shop, other] = cluster.shops;
    const intent = intentOf("qd_left", { terms: terms.both });
    await accessor().grant(intent, "left");
    await cluster.admin.delete(account("qd-left"));
    await cluster.admin.delete(bindingOf(other, "qd-left"));
    await cluster.admin.create(bindingOf(other, "").slice(0, -1), {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "qd-left" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "debugger" },
    });
    expect(await accessor().verify(intent)).toMatchObject({ exists: true, canLogin: false });
    expect((await accessor().revoke(intent)).readBack.exists).toBe(false);
    expect(await cluster.admin.exists(bindingOf(shop, "qd-left"))).toBe(false);
    expect(await cluster.admin.exists(bindingOf(other, "qd-left"))).toBe(true);

    await cluster.admin.create(account("").slice(0, -1), { metadata: { name: "qd-theirs" } });
    const theirs = intentOf("qd_theirs");
    await expect(accessor().revoke(theirs)).rejects.toMatchObject({ code: "conflict" });
    const listed = (await accessor().list()).find(({ ref }) => ref.externalName === "qd_theirs");
    expect(listed).toMatchObject({ idempotencyKey: null });
    expect(await cluster.admin.exists(account("qd-theirs"))).toBe(true);
    await cluster.admin.delete(account("qd-theirs"));
  });

  it("says in a dry run which right it lacks, which role is not there, and what goes on after the end", async () => {
    const missing = { clusterRole: cluster.clusterRole, namespaces: ["kube-public"] };
    const plan = await accessor({ grantable: [missing] }).plan(intentOf("qd_dry", { terms: missing }));
    expect(plan.obstacles).toEqual(
      ["get", "create", "delete"].map(
        (verb) =>
          `Quarterdeck may not ${verb} rolebindings in the namespace kube-public; deploy/kubernetes/access.yaml has all it needs`,
      ),
    );
    const absent = { role: "absent", namespaces: [cluster.shops[0]] };
    const refused = accessor({ grantable: [absent] }).grant(intentOf("qd_dry", { terms: absent }), "dry");
    await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/unauthorised|not_found/) });
    const { words, endStatements } = await accessor().plan(intentOf("qd_dry"));
    expect(words.join(" ")).toContain("exec, attach, port-forward");
    expect(endStatements).toEqual([
      `kubectl -n ${cluster.shops[0]} delete rolebinding qd-dry --ignore-not-found`,
      `kubectl -n ${cluster.namespace} delete secret,serviceaccount qd-dry --ignore-not-found`,
    ]);
    expect(await cluster.admin.exists(account("qd-dry"))).toBe(false);
  });
});

describe("the life of a token", () => {
  const now = new Date("2026-11-25T12:00:00.500Z");
  it.each([
    ["half an hour", "2026-11-25T12:30:00.500Z", 1_800],
    ["never past the end", "2026-11-25T12:30:01.499Z", 1_800],
    ["the shortest there is", "2026-11-25T12:05:00.500Z", 600],
    ["not the one that is made to last a year", "2026-11-25T13:00:07.500Z", 3_606],
  ])("is %s", (_what, end, seconds) => {
    expect(tokenSecondsFor(new Date(end), now)).toBe(seconds);
  });
});

describe("what a role gives beyond its end", () => {
  const rule = (verbs: string[], apiGroups: string[], resources: string[], resourceNames: string[] = []) => ({
    verbs,
    apiGroups,
    resources,
    resourceNames,
  });
  it("is told of tokens, secrets, bindings and pods, and of nothing harmless", () => {
    expect(outlastingIn([rule(["get", "list"], ["", "apps"], ["pods", "deployments"])])).toEqual([]);
    expect(outlastingIn([rule(["create"], [""], ["serviceaccounts/token"])])).toHaveLength(1);
    expect(outlastingIn([rule(["*"], ["*"], ["*"])])).toHaveLength(5);
  });

  it("is refused when it is everything in the whole cluster", () => {
    const all = { clusterRole: "x", namespaces: "all" as const };
    expect(isWholePower([rule(["*"], ["*"], ["*"])], all)).toBe(true);
    expect(isWholePower([rule(["*"], ["*"], ["*"])], { ...all, namespaces: ["shop"] })).toBe(false);
    expect(isWholePower([rule(["get"], ["*"], ["*"])], all)).toBe(false);
    expect(isWholePower([rule(["impersonate"], [""], ["groups"])], all)).toBe(true);
    expect(isWholePower([rule(["impersonate"], [""], ["users"], ["robot"])], all)).toBe(false);
  });
});
