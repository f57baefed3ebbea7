import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { Secret } from "../../platform/secret.ts";
import type { TrafficEngine, TrafficTarget } from "../../providers/traffic/contract.ts";

/** The engine behind a traffic instance of the catalog, by its name. */
export type TrafficOf = (instance: string) => TrafficEngine;

export interface Aim {
  engine: TrafficEngine;
  target: TrafficTarget;
  versions: readonly string[];
  initialVersion: string;
  /** Where a version's requests go, as the catalog declares it. */
  addressOf(version: string): string | null;
}

/** Milliseconds for one call to a traffic engine, its reading back included. */
export const trafficDeadlineMs = 5_000;

/** Where a service's traffic is moved, from the catalog in force; refused for a service that declares none. */
export function aimOf(
  platform: Pick<Platform, "catalogs" | "env">,
  traffic: TrafficOf,
  service: string,
  environment: string,
): Decision<Aim> {
  const catalog = platform.catalogs.current();
  const declared = lookup.service(catalog, service)?.traffic;
  const instance = declared && lookup.trafficInstance(catalog, declared.provider);
  if (!declared || !instance)
    return refuse({
      rule: "traffic-declared",
      message: `The catalog declares no traffic for ${service}, so its versions cannot be moved.`,
      hint: `Add traffic: to ${service}. With it: ${servicesWithTraffic(catalog)}.`,
    });
  const [home] = lookup.environmentsOf(catalog, service);
  if (environment !== home)
    return refuse({
      rule: "traffic-declared",
      message: `The traffic of ${service} is declared for ${home}, not for ${environment}.`,
      hint: `Write ${service} or ${service}@${home}.`,
    });
  const config = {
    adminUrl: instance.adminUrl,
    token: new Secret(platform.env(instance.tokenEnv) ?? ""),
    backends: declared.versions.map(({ name, url }) => ({ version: name, url })),
  };
  return allow({
    engine: traffic(instance.name),
    target: { service, environment, config },
    versions: declared.versions.map(({ name }) => name),
    initialVersion: declared.initialVersion,
    addressOf: (version) => {
      const found = declared.versions.find(({ name }) => name === version);
      return found ? new URL(found.url).origin : null;
    },
  });
}

const servicesWithTraffic = (catalog: Catalog): string =>
  catalog.services
    .filter((service) => service.traffic)
    .map(({ name }) => name)
    .join(", ") || "none";
