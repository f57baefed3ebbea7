import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { parse, stringify } from "yaml";
import * as lookup from "../../../src/catalog/lookup.ts";
import { createTrafficEngines } from "../../../src/providers/traffic/instances.ts";
import { base, catalogOf, problems, team } from "../../catalog/files.ts";
import { requireService } from "../../support/services.ts";
import { openHaproxy } from "./haproxy-bench.ts";

const binary = requireService("haproxy") ?? "";
const call = { deadlineMs: 10_000 };

/** A catalog with the shop's traffic as given, on an instance of these sockets. */
const files = (traffic: unknown, sockets: readonly string[] = ["unix:/run/haproxy/admin.sock"]) =>
  [
    base.replace(
      "  accessors:",
      `    - { name: edge, kind: haproxy, environment: production, sockets: ${JSON.stringify(sockets)} }\n  accessors:`,
    ),
    `${team}    traffic: ${JSON.stringify(traffic)}\n`,
  ] as const;

const versions = [
  { name: "v41", backend: "shop_v41", url: "http://10.0.0.11:8080" },
  { name: "v42", backend: "shop_v42" },
];
const byMap = { provider: "edge", map: "/etc/haproxy/maps/shop.map", initialVersion: "v41", versions };

it.each([
  ["no way to set shares", { ...byMap, map: undefined }, "traffic.backend: is missing; add it with servers"],
  ["two ways", { ...byMap, backend: "shop" }, "traffic.backend: has no meaning beside a map"],
  [
    "a version without its backend",
    { ...byMap, versions: [{ name: "v41" }] },
    "traffic.versions.v41.backend: is missing",
  ],
  [
    "a version without its servers",
    { ...byMap, map: undefined, backend: "shop" },
    "traffic.versions.v41.servers: is missing",
  ],
  ["a map by a relative path", { ...byMap, map: "shop.map" }, "must be the map's path"],
  ["a command in a name", { ...byMap, versions: [{ name: "v41", backend: "a;b" }] }, "as HAProxy takes it"],
])("a catalog with %s is refused, naming it", (_what, traffic, words) => {
  expect(problems(...files(byMap))).toEqual([]);
  expect(problems(...files(traffic)).join("\n")).toContain(words);
});

it("the catalogs of the page are whole", async () => {
  const page = await readFile(new URL("../../../docs/engines.md", import.meta.url), "utf8");
  const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  const haproxy = blocks.flatMap((text) => {
    const found: unknown = parse(text);
    const { providers, services, traffic } = Object(found) as Record<string, unknown>;
    if (providers !== undefined) return (Object(services) as { traffic: unknown[] }[])[0]?.traffic ?? [];
    return Array.isArray(found) ? found : Array.isArray(traffic) ? traffic : [];
  });
  const edge = haproxy.filter((entry) => "map" in Object(entry) || "backend" in Object(entry));
  expect(edge).toHaveLength(2);
  for (const entry of edge) expect(problems(...files([entry])), stringify(entry)).toEqual([]);
});

it.runIf(binary).each(["map", "servers"] as const)(
  "what a catalog declares by %s is what moves the traffic",
  async (by) => {
    const { haproxy, config } = await openHaproxy(binary, by);
    const { sockets, versions: declared, ...place } = config;
    const entry = {
      provider: "edge",
      initialVersion: "v41",
      ...place,
      versions: declared.map(({ version, ...rest }) => ({ name: version, ...rest })),
    };
    const catalog = catalogOf(...files(entry, sockets));
    const instance = lookup.trafficInstance(catalog, "edge");
    const found = lookup.trafficOf(catalog, "shop", "production");
    if (!instance || !found) throw new Error("The catalog should declare the shop's traffic.");
    const { engine, configOf } = createTrafficEngines({ env: () => undefined }).of(instance);
    const target = { service: "shop", environment: "production", config: configOf(found) };
    await engine.setWeight(target, "v41", 100, "a", call);
    const state = await engine.setWeight(target, "v42", 25, "b", call);
    expect(state.versions.map(({ version, weightPercent }) => [version, weightPercent])).toEqual([
      ["v41", 75],
      ["v42", 25],
    ]);
    expect(engine.addressOf(target, "v42")).toBe(declared[1]?.url);
    expect(haproxy.child().exitCode).toBeNull();
  },
);
