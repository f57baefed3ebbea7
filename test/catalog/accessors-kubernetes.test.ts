import { describe, expect, it } from "vitest";
import { accessorInstanceSchema, accessTermsSchemas } from "../../src/catalog/accessors.ts";

/** What is said of each field that is not as it must be. */
const said = (
  schema: { safeParse(value: unknown): { error?: { issues: { path: PropertyKey[]; message: string }[] } } },
  value: unknown,
) =>
  (schema.safeParse(value).error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);

describe("terms of a role in a cluster", () => {
  it.each([
    [{ clusterRole: "view", namespaces: ["shop"] }, undefined],
    [{ role: "debugger", namespaces: ["shop", "web-2"] }, undefined],
    [{ clusterRole: "acme:on-call", namespaces: "all" }, undefined],
    [{ role: "debugger", namespaces: "all" }, "namespaces: must list namespaces"],
    [{ clusterRole: "view", role: "debugger", namespaces: ["shop"] }, "a clusterRole or a role, not both"],
    [{ namespaces: ["shop"] }, "a clusterRole or a role"],
    [{ clusterRole: "view", namespaces: [] }, "namespaces: "],
    [{ clusterRole: "view", namespaces: ["shop", "shop"] }, "namespaces: "],
    [{ clusterRole: "view", namespaces: ["Shop"] }, "must be a namespace"],
    [{ clusterRole: "cluster-admin", namespaces: ["shop"] }, "power over the cluster itself"],
    [{ clusterRole: "system:node", namespaces: ["shop"] }, "power over the cluster itself"],
    [{ clusterRole: "a/b", namespaces: ["shop"] }, "must be the name of a Role"],
    [{ clusterRole: "view", namespaces: ["shop"], more: 1 }, "more"],
  ])("%j", (terms, problem) => {
    const problems = said(accessTermsSchemas.kubernetes, terms);
    expect(problems).toEqual(problem === undefined ? [] : [expect.stringContaining(problem)]);
  });
});

it("of a cluster that Quarterdeck runs in, the address people reach is needed", () => {
  const instance = { name: "prod", kind: "kubernetes" };
  expect(said(accessorInstanceSchema, { ...instance, kubeconfigEnv: "PROD_KUBECONFIG" })).toEqual([]);
  expect(said(accessorInstanceSchema, { ...instance, publicUrl: "https://kube.example" })).toEqual([]);
  expect(said(accessorInstanceSchema, instance)).toEqual([expect.stringContaining("publicUrl: is needed")]);
});
