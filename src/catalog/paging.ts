/** Questions about paging providers asked of a catalog. Pure. */
import { service, team } from "./lookup.ts";
import type { Catalog, PagerInstance } from "./schema.ts";

// A catalog put in force by an earlier release has no such section.
export const pagersOf = (catalog: Catalog): readonly PagerInstance[] => catalog.providers.pagers ?? [];

export const pagerInstance = (catalog: Catalog, name: string): PagerInstance | undefined =>
  pagersOf(catalog).find((instance) => instance.name === name);

/** Those told of each page of a team, or of a service that names its own. */
export function pagersFor(
  catalog: Catalog,
  teamName: string,
  serviceName: string | null,
): readonly PagerInstance[] {
  const own = serviceName === null ? undefined : service(catalog, serviceName)?.pagers;
  const names = own ?? team(catalog, teamName)?.pagers ?? [];
  return names.flatMap((name) => pagerInstance(catalog, name) ?? []);
}

/** Those that a hook source speaks for. */
export const pagersBehind = (catalog: Catalog, source: string): readonly PagerInstance[] =>
  pagersOf(catalog).filter(({ hookSource }) => hookSource === source);

/** What people call the makers of paging providers. */
export const kindNames: Readonly<Partial<Record<PagerInstance["kind"], string>>> = {
  pagerduty: "PagerDuty",
  opsgenie: "Opsgenie",
  oncall: "Grafana OnCall",
};

/** What people call an instance: its maker's name, and its own where that would be ambiguous. */
export function pagerTitle(catalog: Catalog, name: string): string {
  const kind = pagerInstance(catalog, name)?.kind;
  const maker = kind && kindNames[kind];
  if (maker === undefined) return name;
  return pagersOf(catalog).filter((other) => other.kind === kind).length === 1 ? maker : `${maker} ${name}`;
}
