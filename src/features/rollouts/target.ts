import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { TrafficEngine, TrafficTarget } from "../../providers/traffic/contract.ts";
import type { TrafficEngines } from "../../providers/traffic/instances.ts";

/** What moves a service's traffic in one environment. */
export interface Aim {
  engine: TrafficEngine;
  target: TrafficTarget;
  /** Declared versions; empty where any can be given traffic. */
  versions: readonly string[];
  /** Version that has all traffic before the first rollout, where the engine does not know it by itself. */
  initialVersion: string | undefined;
  knows(version: string): boolean;
  /** Where a version's requests go, as the catalog declares it. */
  addressOf(version: string): string | null;
}

/** Milliseconds for one call to a traffic engine, its reading back included. */
export const trafficDeadlineMs = 5_000;

/** Where a service's traffic is moved, from the catalog in force; refused where it declares none. */
export function aimOf(
  platform: Pick<Platform, "catalogs">,
  traffic: TrafficEngines,
  service: string,
  environment: string,
): Decision<Aim> {
  const catalog = platform.catalogs.current();
  const declared = lookup.trafficOf(catalog, service, environment);
  const instance = declared && lookup.trafficInstance(catalog, declared.provider);
  if (!declared || !instance) return notDeclared(catalog, service, environment);
  try {
    const { engine, configOf } = traffic.of(instance);
    const target = { service, environment, config: configOf(declared) };
    return allow({
      engine,
      target,
      versions: engine.versions(target),
      initialVersion: declared.initialVersion,
      knows: (version) => engine.knows(target, version),
      addressOf: (version) => engine.addressOf(target, version),
    });
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return refuse({ rule: "traffic-declared", message: `${error.message}.`, hint: error.hint });
  }
}

function notDeclared(catalog: Catalog, service: string, environment: string): Decision<never> {
  const places = lookup.trafficPlacesOf(catalog, service);
  if (places.length > 0)
    return refuse({
      rule: "traffic-declared",
      message: `The traffic of ${service} is declared for ${places.join(", ")}, not for ${environment}.`,
      hint: `Write ${places.map((place) => `${service}@${place}`).join(" or ")}.`,
    });
  return refuse({
    rule: "traffic-declared",
    message: `The catalog declares no traffic for ${service}, so its versions cannot be moved.`,
    hint: `Add traffic: to ${service}. With it: ${servicesWithTraffic(catalog)}.`,
  });
}

const servicesWithTraffic = (catalog: Catalog): string =>
  catalog.services
    .filter((service) => service.traffic)
    .map(({ name }) => name)
    .join(", ") || "none";
