/**
 * Which alerts have one cause, and which service it starts from. Pure. A group of alerts that begins to fire either
 * opens a ticket of its own or joins one that stands:
 * - it is about the same service and began in the same minutes;
 * - a dependency of its service fires already: the dependency explains it;
 * - its service is a dependency of services that began to fire just before: it explains them, and their tickets become one;
 * - it shares a dependency with services that began at the same time: the dependency is suspected although it is silent.
 *
 * Nothing of this hides a service that was changed in the last hour: what began to fail well after the others, or was
 * changed after they began, is a cause of its own.
 */
import type { DependencyGraph } from "../../catalog/dependencies.ts";
import type { TicketId } from "./model.ts";

/** A service on a ticket. `service` is null for alerts the catalog knows no service for. */
export interface HitService {
  service: string | null;
  /** When the first of its alerts began. */
  since: Date;
}

/** A group of alerts that fires and stands on no ticket. */
export interface Newcomer extends HitService {
  /** Names of the hook sources that told of it. */
  sources: readonly string[];
}

/** A ticket that stands. */
export interface OpenCause {
  id: TicketId;
  services: readonly HitService[];
  sources: readonly string[];
  /** When the first of it began. */
  since: Date;
  /** When the last service joined. */
  joinedAt: Date;
  openedAt: Date;
  isPaged: boolean;
}

export interface Surroundings {
  graph: DependencyGraph;
  /** When each service was last changed; services not changed lately are left out. */
  changedAt: ReadonlyMap<string, Date>;
  now: Date;
  /** Apart by more than this, two beginnings are not one. 0: nothing joins by time. */
  joinWithinMs: number;
}

export type JoinReason = "same-service" | "dependency" | "explains" | "shared-dependency" | "unknown-storm";

export type Place =
  | { do: "open" }
  | {
      do: "join";
      ticket: TicketId;
      because: JoinReason;
      /** The service both hang on, for people. */
      via: string | null;
      /** Tickets that turn out to be the same cause and end in this one. */
      absorb: readonly TicketId[];
    };

/** A change this long ago may still be the cause of what fails now. */
export const changedLatelyMs = 3_600_000;
/** Two services that share a silent dependency and begin this close together have it as their cause. */
const sameOnsetMs = 120_000;
/** So many services sharing a silent dependency are one cause whatever the seconds between them. */
const sharingMin = 3;
/** Tickets without a service from one sender, before further ones join: a storm of strangers is one card. */
const strangersMax = 3;
const strangersWithinMs = 600_000;

export function placeOf(newcomer: Newcomer, open: readonly OpenCause[], around: Surroundings): Place {
  const name = newcomer.service;
  if (name === null) return strangerPlace(newcomer, open, around);
  const { graph } = around;
  const near = open.filter((cause) => isNear(newcomer, cause, around.joinWithinMs));

  const same = near.filter((cause) => has(cause, name));
  if (same.length > 0) return join(same, "same-service", name);

  const dependencies = graph.dependenciesOf(name);
  const explaining = open
    .filter((cause) => !isOwnCause(newcomer, cause, around))
    .flatMap((cause) => nearest(cause, dependencies).map((found) => ({ cause, ...found })))
    .sort((a, b) => a.steps - b.steps || olderFirst(a.cause, b.cause));
  const [explained] = explaining;
  if (explained) return join([explained.cause], "dependency", explained.service);

  const callers = graph.callersOf(name);
  const explains = near.filter((cause) => nearest(cause, callers).length > 0);
  if (explains.length > 0) return join(explains, "explains", name);

  return sharingPlace(newcomer, name, near, around);
}

/** Alerts the catalog knows no service for: each a ticket, until there are so many that they are one. */
function strangerPlace(
  newcomer: Newcomer,
  open: readonly OpenCause[],
  { now, joinWithinMs }: Surroundings,
): Place {
  if (joinWithinMs === 0) return { do: "open" };
  const strangers = open.filter(
    (cause) =>
      has(cause, null) &&
      cause.sources.some((source) => newcomer.sources.includes(source)) &&
      now.getTime() - cause.joinedAt.getTime() <= strangersWithinMs,
  );
  const newest = [...strangers].sort((a, b) => b.openedAt.getTime() - a.openedAt.getTime())[0];
  return newest && strangers.length >= strangersMax
    ? { do: "join", ticket: newest.id, because: "unknown-storm", via: null, absorb: [] }
    : { do: "open" };
}

function sharingPlace(
  newcomer: Newcomer,
  name: string,
  near: readonly OpenCause[],
  { graph, changedAt }: Surroundings,
): Place {
  const direct = (service: string): string[] =>
    [...graph.dependenciesOf(service)].filter(([, steps]) => steps === 1).map(([dependency]) => dependency);
  for (const dependency of direct(name)) {
    const sharing = near.filter(
      (cause) =>
        !changedAfter(changedAt.get(name), cause) &&
        cause.services.some(({ service }) => service !== null && direct(service).includes(dependency)),
    );
    const services = new Set(sharing.flatMap((cause) => cause.services.map(({ service }) => service)));
    const atOnce = sharing.filter(
      (cause) => Math.abs(cause.since.getTime() - newcomer.since.getTime()) <= sameOnsetMs,
    );
    if (services.size + 1 >= sharingMin) return join(sharing, "shared-dependency", dependency);
    if (atOnce.length > 0) return join(atOnce, "shared-dependency", dependency);
  }
  return { do: "open" };
}

/** The one that paged stays, else the oldest: nobody is paged twice for what turns out to be one cause. */
function join(causes: readonly OpenCause[], because: JoinReason, via: string | null): Place {
  const [kept, ...absorbed] = [...causes].sort(
    (a, b) => Number(b.isPaged) - Number(a.isPaged) || olderFirst(a, b),
  );
  if (kept === undefined) return { do: "open" };
  return { do: "join", ticket: kept.id, because, via, absorb: absorbed.map(({ id }) => id) };
}

const has = (cause: OpenCause, name: string | null): boolean =>
  cause.services.some(({ service }) => service === name);

const olderFirst = (a: OpenCause, b: OpenCause): number =>
  a.openedAt.getTime() - b.openedAt.getTime() || (a.id < b.id ? -1 : 1);

function nearest(cause: OpenCause, reach: ReadonlyMap<string, number>): { service: string; steps: number }[] {
  return cause.services
    .flatMap(({ service }) => {
      const steps = service === null ? undefined : reach.get(service);
      return service === null || steps === undefined ? [] : [{ service, steps }];
    })
    .sort((a, b) => a.steps - b.steps)
    .slice(0, 1);
}

/** Began between the beginning of the cause and the last that joined it, give or take. */
function isNear({ since }: HitService, cause: OpenCause, withinMs: number): boolean {
  if (withinMs === 0) return false;
  const at = since.getTime();
  const from = cause.since.getTime() - withinMs;
  const until = Math.max(cause.since.getTime(), cause.joinedAt.getTime()) + withinMs;
  return at >= from && at <= until;
}

const changedAfter = (changed: Date | undefined, cause: OpenCause): boolean =>
  changed !== undefined && changed > cause.since;

/** Whether a firing dependency does not explain it: it failed long before, or was changed lately and failed later. */
function isOwnCause(newcomer: Newcomer, cause: OpenCause, around: Surroundings): boolean {
  const { changedAt, now, joinWithinMs } = around;
  const began = newcomer.since.getTime();
  if (began < cause.since.getTime() - joinWithinMs) return true;
  const changed = newcomer.service === null ? undefined : changedAt.get(newcomer.service);
  if (changed === undefined || now.getTime() - changed.getTime() > changedLatelyMs) return false;
  return changedAfter(changed, cause) || began > cause.since.getTime() + joinWithinMs;
}

/** The service all others of a ticket hang on; null when none of them is that. */
export function rootOf(services: readonly HitService[], graph: DependencyGraph): string | null {
  const names = [...new Set(services.map(({ service }) => service).filter((name) => name !== null))];
  if (names.length <= 1) return names[0] ?? null;
  const since = new Map(services.map(({ service, since }) => [service, since.getTime()]));
  const ranked = names
    .map((name) => ({
      name,
      dependants: names.filter((other) => graph.dependenciesOf(other).has(name)).length,
    }))
    .filter(({ dependants }) => dependants > 0)
    .sort((a, b) => b.dependants - a.dependants || (since.get(a.name) ?? 0) - (since.get(b.name) ?? 0));
  return ranked[0]?.name ?? null;
}

/** The silent dependency most of the services share directly; null when fewer than two do. */
export function sharedDependency(services: readonly HitService[], graph: DependencyGraph): string | null {
  const names = [...new Set(services.map(({ service }) => service).filter((name) => name !== null))];
  const counts = new Map<string, number>();
  for (const name of names)
    for (const [dependency, steps] of graph.dependenciesOf(name))
      if (steps === 1) counts.set(dependency, (counts.get(dependency) ?? 0) + 1);
  const [most] = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return most && most[1] >= 2 ? most[0] : null;
}
