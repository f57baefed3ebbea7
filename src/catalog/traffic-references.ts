/** What a service's traffic must have for the engine that moves it. */

import { type Checks, checkTwice, unknownName } from "./checks.ts";
import { environmentsOf } from "./lookup.ts";
import type { Service, ServiceTraffic, TrafficInstance } from "./schema.ts";

export function checkTraffic(checks: Checks, service: Service): void {
  const { catalog, say } = checks;
  const known = environmentsOf(catalog, service.name);
  const places = (service.traffic ?? []).map((entry) => entry.environment ?? known[0]);
  (service.traffic ?? []).forEach((entry, index) => {
    const at = ["traffic", index];
    checks.traffic(service, [...at, "provider"], entry.provider);
    checkTwice(say, service, [...at, "versions"], entry.versions);
    const { environment, versions, initialVersion } = entry;
    if (environment !== undefined && !known.includes(environment))
      say(service, [...at, "environment"], unknownName("environment of the service", environment, known));
    if (places.indexOf(places[index]) < index)
      say(service, [...at, "environment"], "has traffic in another entry already; keep one");
    const names = versions.map(({ name }) => name);
    if (initialVersion !== undefined && names.length > 0 && !names.includes(initialVersion))
      say(service, [...at, "initialVersion"], unknownName("version", initialVersion, names));
    const instance = catalog.providers.traffic.find(({ name }) => name === entry.provider);
    if (instance === undefined) return;
    if (instance.environment !== undefined && places[index] !== instance.environment)
      say(
        service,
        [...at, "provider"],
        `"${instance.name}" carries the traffic of ${instance.environment}; name one of ${places[index]}`,
      );
    for (const [field, message] of lacking(instance, entry)) say(service, [...at, ...field], message);
  });
}

type Lack = [field: (string | number)[], message: string];

function lacking(instance: TrafficInstance, entry: ServiceTraffic): Lack[] {
  const { versions } = entry;
  const noInitial: Lack[] =
    entry.initialVersion === undefined ? [[["initialVersion"], "is missing; add it"]] : [];
  const noVersions: Lack[] = versions.length === 0 ? [[["versions"], "is empty; add one"]] : [];
  const eachWith = (field: "url" | "servers" | "backend"): Lack[] =>
    versions.flatMap((version, index): Lack[] =>
      version[field] === undefined ? [[["versions", index, field], "is missing; add it"]] : [],
    );
  switch (instance.kind) {
    case "router":
      return [...noVersions, ...noInitial, ...eachWith("url")];
    case "haproxy":
      return [
        ...noVersions,
        ...noInitial,
        ...haproxyLacks(entry),
        ...eachWith(entry.map ? "backend" : "servers"),
      ];
    case "kubernetes":
      return kubernetesLacks(entry);
  }
}

function haproxyLacks({ map, backend }: ServiceTraffic): Lack[] {
  if (map === undefined && backend === undefined)
    return [
      [["backend"], "is missing; add it with servers for each version, or a map with a backend for each"],
    ];
  if (map !== undefined && backend !== undefined)
    return [[["backend"], "has no meaning beside a map; remove one of them"]];
  return [];
}

function kubernetesLacks({ kubernetes }: ServiceTraffic): Lack[] {
  if (kubernetes === undefined) return [[["kubernetes"], "is missing; add it"]];
  const at = ["kubernetes", "backends"];
  const { kind, backends } = kubernetes;
  if (kind !== "http-route")
    return backends.length === 0 ? [] : [[at, "are for an HTTPRoute; remove them or set kind: http-route"]];
  if (backends.length < 2)
    return [[at, "must be at least two Services with their Deployments: new versions take turns"]];
  return (["service", "deployment"] as const).flatMap((field): Lack[] =>
    backends.flatMap((backend, index): Lack[] =>
      backends.findIndex((other) => other[field] === backend[field]) < index
        ? [[[...at, index, field], `"${backend[field]}" stands there twice; remove one`]]
        : [],
    ),
  );
}
