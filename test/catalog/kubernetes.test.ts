import { expect, it } from "vitest";
import * as lookup from "../../src/catalog/lookup.ts";
import { createTrafficEngines } from "../../src/providers/traffic/instances.ts";
import { base, catalogOf, problems, team } from "./files.ts";

const cluster =
  "providers:\n  traffic:\n    - { name: eu, kind: kubernetes, kubeconfigEnv: EU_KUBECONFIG, context: eu, cluster: eu-1 }\n";
const service = (kubernetes: string) =>
  `services:\n  - { name: api, team: storefront, dri: olive, traffic: { provider: eu, ${kubernetes} } }\n`;
const object = (more: string) =>
  `kubernetes: { namespace: shop, name: api, image: "ghcr.io/acme/api:{version}", ${more} }`;

it.each([
  ["no object", "initialVersion: v1", "traffic.kubernetes: is missing; add it"],
  [
    "no image",
    "kubernetes: { kind: rollout, namespace: shop, name: api }",
    "kubernetes.image: is missing; add it",
  ],
  [
    "an image without its version",
    'kubernetes: { kind: rollout, namespace: shop, name: api, image: "api:latest" }',
    "must hold {version}",
  ],
  [
    "an HTTPRoute over one Service",
    object("kind: http-route, backends: [{ service: a, deployment: a }]"),
    "at least two",
  ],
  [
    "a Service that stands there twice",
    object("kind: http-route, backends: [{ service: a, deployment: a }, { service: a, deployment: b }]"),
    'backends.1.service: "a" stands there twice',
  ],
  [
    "backends of something else",
    object("kind: rollout, backends: [{ service: a, deployment: a }]"),
    "backends: are for an HTTPRoute",
  ],
])("refuses %s, naming the field", (_what, text, expected) => {
  const found = problems(base, team, cluster, service(text));
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(expected);
});

it("hands the engine what is declared, with the kubeconfig that the variable names", () => {
  const catalog = catalogOf(
    base,
    team,
    cluster,
    service(
      `${object("kind: http-route, backends: [{ service: a, deployment: a }, { service: b, deployment: c }], canaryUrl: 'http://canary:8080/up', autoscaled: true")}, versions: [{ name: v1, url: 'http://v1' }, { name: v2 }]`,
    ),
  );
  const entry = lookup.trafficOf(catalog, "api", "production");
  const instance = lookup.trafficInstance(catalog, "eu");
  if (!entry || !instance) throw new Error("not declared");
  const set = { EU_KUBECONFIG: "/etc/eu.kubeconfig" };
  const kindWith = (variables: Record<string, string>) => {
    const { engine, configOf } = createTrafficEngines({ env: (name) => variables[name] }).of(instance);
    return { engine, target: { service: "api", environment: "production", config: configOf(entry) } };
  };
  const { engine, target } = kindWith(set);
  expect(target.config).toMatchObject({
    kubeconfig: "/etc/eu.kubeconfig",
    context: "eu",
    kind: "http-route",
    backends: [
      { service: "a", deployment: "a" },
      { service: "b", deployment: "c" },
    ],
    autoscaled: true,
  });
  expect(engine.versions(target)).toEqual(["v1", "v2"]);
  expect([engine.knows(target, "v2"), engine.knows(target, "v3")]).toEqual([true, false]);
  expect([engine.addressOf(target, "v1"), engine.addressOf(target, "v2")]).toEqual([
    "http://v1",
    "http://canary:8080",
  ]);
  expect(() => engine.versions(kindWith({}).target)).toThrow("kubeconfig");
});
