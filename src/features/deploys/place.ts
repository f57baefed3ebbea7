/** Which service and environment a sender means; pure. */
import { environmentsOf, serviceNamed, servicesOfRepository } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { DeployEvent } from "../alerts/index.ts";

export type Place = { service: string; environment: string } | { problem: string };

/** Digits of a commit or digest that people read, and that tell it from any other of a repository. */
const digitsShown = 12;

/** A commit's or digest's beginning, as people write it; any other version as it is. */
export function versionShown(version: string): string {
  const [, algorithm = "", digits = ""] = /^(sha\d+:)?([0-9a-f]{40}|[0-9a-f]{64})$/i.exec(version) ?? [];
  return digits === "" ? version : `${algorithm}${digits.slice(0, digitsShown)}`;
}

/** By the service's name, else by its repository; the source's environment, else the service's first, when none is named. */
export function placeOf(
  catalog: Catalog,
  source: string,
  event: Pick<DeployEvent, "service" | "repository" | "environment">,
): Place {
  const found = serviceOf(catalog, event);
  if ("problem" in found) return found;
  const { service } = found;
  const environments = environmentsOf(catalog, service);
  const { defaultEnvironment } = catalog.hookSources.find(({ name }) => name === source) ?? {};
  const named = event.environment ?? defaultEnvironment;
  if (named === undefined) return { service, environment: environments[0] as string };
  const environment = environments.find((known) => known.toLowerCase() === named.toLowerCase());
  return environment === undefined
    ? { problem: `${service} has no environment "${named}"; it has ${environments.join(", ")}` }
    : { service, environment };
}

function serviceOf(
  catalog: Catalog,
  { service, repository }: Pick<DeployEvent, "service" | "repository">,
): { service: string } | { problem: string } {
  const named = service === null ? undefined : serviceNamed(catalog, service);
  if (named !== undefined) return { service: named.name };
  const owners = repository === null ? [] : servicesOfRepository(catalog, repository);
  const [only] = owners;
  if (only !== undefined && owners.length === 1) return { service: only.name };
  if (only !== undefined)
    return { problem: `${repository} is the repository of ${owners.map(({ name }) => name).join(", ")}` };
  if (repository !== null) return { problem: `no service has the repository ${repository}` };
  return { problem: `no service is called "${service ?? ""}"` };
}
