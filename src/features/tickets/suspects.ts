/** What was changed before it began, the likeliest first, each with its reason. Pure. */
import type { DependencyGraph } from "../../catalog/dependencies.ts";
import { changedLatelyMs, type HitService, rootOf, sharedDependency } from "./causes.ts";

/** A deploy, a changed configuration or a switched flag. */
export interface RecentChange {
  /** `D-12` */
  id: string;
  service: string;
  change: "deploy" | "config" | "flag";
  version: string;
  by: string;
  at: Date;
}

export interface Suspect {
  id: string;
  service: string;
  change: RecentChange["change"];
  version: string;
  by: string;
  /** ISO 8601. */
  at: string;
  /** `3 min before it began; calls orders-db` */
  reason: string;
}

const suspectsMax = 5;
/** Half as likely with each so many minutes between the change and the beginning. */
const halfLifeMs = 20 * 60_000;
/** What is recorded this little after the beginning may have come before it: clocks and scrapes differ. */
const graceMs = 60_000;

type Role = "root" | "hit" | "caller" | "dependency";
/** A change of a caller can bring down what it calls as well as a change of the called. */
const weights: Readonly<Record<Role, number>> = { root: 1, hit: 1, caller: 0.9, dependency: 0.8 };

export function suspectsOf(
  services: readonly HitService[],
  changes: readonly RecentChange[],
  graph: DependencyGraph,
): Suspect[] {
  if (services.length === 0) return [];
  const beganMs = Math.min(...services.map(({ since }) => since.getTime()));
  const onsetOf = new Map(services.map(({ service, since }) => [service, since.getTime()]));
  const root = rootOf(services, graph) ?? sharedDependency(services, graph);
  return changes
    .flatMap((change) => {
      const part = roleOf(change.service, services, root, graph);
      if (part === undefined) return [];
      const untilMs = Math.max(beganMs, onsetOf.get(change.service) ?? beganMs) + graceMs;
      const beforeMs = Math.max(0, beganMs - change.at.getTime());
      if (change.at.getTime() > untilMs || beforeMs > changedLatelyMs) return [];
      const score = weights[part.role] * 0.5 ** (beforeMs / halfLifeMs);
      return [{ change, score, reason: `${whenText(beganMs - change.at.getTime())}; ${part.words}` }];
    })
    .sort((a, b) => b.score - a.score || b.change.at.getTime() - a.change.at.getTime())
    .slice(0, suspectsMax)
    .map(({ change: { at, ...change }, reason }) => ({ ...change, at: at.toISOString(), reason }));
}

function roleOf(
  changed: string,
  services: readonly HitService[],
  root: string | null,
  graph: DependencyGraph,
): { role: Role; words: string } | undefined {
  const isHit = services.some(({ service }) => service === changed);
  const needs = graph.dependenciesOf(changed);
  if (changed === root) return { role: "root", words: isHit ? "fails itself" : "all that fail depend on it" };
  if (root !== null && needs.has(root))
    return { role: isHit ? "hit" : "caller", words: `calls ${root}${isHit ? " and fails too" : ""}` };
  if (isHit) return { role: "hit", words: "fails itself" };
  const dependant = services.find(
    ({ service }) => service !== null && graph.dependenciesOf(service).has(changed),
  );
  if (dependant) return { role: "dependency", words: `${dependant.service} depends on it` };
  // A caller of what the failing services call may be what overloads it.
  for (const { service } of services) {
    if (service === null) continue;
    const shared = [...graph.dependenciesOf(service).keys()].find((dependency) => needs.has(dependency));
    if (shared !== undefined) return { role: "caller", words: `calls ${shared}, as ${service} does` };
    if (needs.has(service)) return { role: "caller", words: `calls ${service}` };
  }
  return undefined;
}

function whenText(beforeMs: number): string {
  const minutes = Math.round(Math.abs(beforeMs) / 60_000);
  if (minutes === 0) return beforeMs < 0 ? "as it began" : "just before it began";
  const hours = Math.round(minutes / 60);
  const span = minutes < 120 ? `${minutes} min` : hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
  return `${span} ${beforeMs < 0 ? "after" : "before"} it began`;
}

/** Services whose changes may matter for one that fails: itself, what it needs, and all that call it or what it needs. */
export function neighbourhood(service: string, graph: DependencyGraph): string[] {
  const needs = [...graph.dependenciesOf(service).keys()];
  const around = [service, ...needs].flatMap((name) => [...graph.callersOf(name).keys()]);
  return [...new Set([service, ...needs, ...around])];
}
