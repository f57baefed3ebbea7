/** Who needs whom, by the `dependencies` services declare. Pure. */
import type { Catalog } from "./schema.ts";

/** Other services by name, with the number of steps to the nearest way there; circles end at what was seen. */
export type Reach = ReadonlyMap<string, number>;

export interface DependencyGraph {
  /** Everything a service needs, directly (1) or through others (2 and more). */
  dependenciesOf(service: string): Reach;
  /** Everything that needs a service. */
  callersOf(service: string): Reach;
}

export function dependencyGraph(catalog: Pick<Catalog, "services">): DependencyGraph {
  const needs = new Map(catalog.services.map(({ name, dependencies }) => [name, dependencies]));
  const callers = new Map<string, string[]>();
  for (const [name, dependencies] of needs)
    for (const dependency of dependencies)
      callers.set(dependency, [...(callers.get(dependency) ?? []), name]);
  return {
    dependenciesOf: (service) => reach(service, (name) => needs.get(name) ?? []),
    callersOf: (service) => reach(service, (name) => callers.get(name) ?? []),
  };
}

function reach(start: string, next: (name: string) => readonly string[]): Reach {
  const found = new Map<string, number>();
  let edge: readonly string[] = [start];
  for (let steps = 1; edge.length > 0; steps += 1) {
    const beyond = [...new Set(edge.flatMap(next))].filter((name) => name !== start && !found.has(name));
    for (const name of beyond) found.set(name, steps);
    edge = beyond;
  }
  return found;
}
