/** Many groups of alerts as one: what a ticket says of all of them. Pure. */
import type { DependencyGraph } from "../../catalog/dependencies.ts";
import { type AlertGroup, severityRank } from "../alerts/index.ts";
import { changedLatelyMs, type HitService, type JoinReason, rootOf, sharedDependency } from "./causes.ts";
import type { TicketPart } from "./model.ts";

/** How each group came to a ticket. */
export interface Joined {
  groupId: string;
  because: JoinReason | "first";
  via: string | null;
}

/** The groups of a ticket and the one that stands for it. */
export interface Whole {
  /** Counts of all; service, name, words and severity of the group that stands for it. */
  group: AlertGroup;
  parts: readonly TicketPart[];
  sharedVia: string | null;
}

/**
 * The groups of a ticket, in the order they joined; at least one. The service that the others depend on stands for
 * all; without one the first does.
 */
export function wholeOf(
  groups: readonly AlertGroup[],
  joined: readonly Joined[],
  graph: DependencyGraph,
): Whole {
  const [first] = groups;
  if (first === undefined) throw new Error("A ticket without a group of alerts");
  const firing = groups.filter((group) => isFiring(group));
  const counted = firing.length > 0 ? firing : groups;
  const hits = hitsOf(counted);
  const root = rootOf(hits, graph);
  const standing = worstFirst(counted.filter(({ service }) => service === root))[0] ?? first;
  const worst = worstFirst(counted)[0] ?? standing;
  const sum = (of: (group: AlertGroup) => number) => groups.reduce((total, group) => total + of(group), 0);
  return {
    group: {
      ...standing,
      severity: worst.severity,
      severityText: worst.severityText,
      firingCount: sum(({ firingCount }) => firingCount),
      hiddenCount: sum(({ hiddenCount }) => hiddenCount),
      resolvedCount: sum(({ resolvedCount }) => resolvedCount),
      staleCount: sum(({ staleCount }) => staleCount),
      receivedCount: sum(({ receivedCount }) => receivedCount),
      sources: [...new Set(groups.flatMap(({ sources }) => sources))],
      // Of one alone its sender's own word counts; beside others, when it began for us.
      firingSince: earliest(
        groups.map((group) => (groups.length > 1 && group.firingSince ? onsetOf(group) : group.firingSince)),
      ),
      firingAt: earliest(groups.map(({ firingAt }) => firingAt)),
      newestStartsAt: latest(groups.map(({ newestStartsAt }) => newestStartsAt)),
      endedAt: latest(groups.map(({ endedAt }) => endedAt)),
      lastSeenAt: latest(groups.map(({ lastSeenAt }) => lastSeenAt)),
    },
    parts: groups.map((group) => partOf(group, joined)),
    sharedVia: root === null ? sharedDependency(hits, graph) : null,
  };
}

export const isFiring = ({ firingCount, hiddenCount }: AlertGroup): boolean => firingCount + hiddenCount > 0;

/**
 * When a group's alerts began; when it was heard of, if none says, or if they had fired for long by then: a sender that
 * is new here tells of old alerts, and those began with nothing of now.
 */
export function onsetOf(group: AlertGroup): Date | null {
  const { firingSince, firingAt } = group;
  const isOld =
    firingSince !== null && firingAt !== null && firingAt.getTime() - firingSince.getTime() > changedLatelyMs;
  return (isOld ? firingAt : firingSince) ?? firingAt ?? group.newestStartsAt ?? group.lastSeenAt;
}

function hitsOf(groups: readonly AlertGroup[]): HitService[] {
  return groups.flatMap((group) => {
    const since = onsetOf(group);
    return since === null ? [] : [{ service: group.service, since }];
  });
}

function partOf(group: AlertGroup, joined: readonly Joined[]): TicketPart {
  const how = joined.find(({ groupId }) => groupId === group.id);
  return {
    groupId: group.id,
    service: group.service,
    name: group.name,
    firingCount: group.firingCount + group.hiddenCount,
    since: (onsetOf(group) ?? new Date(0)).toISOString(),
    because: how?.because ?? "first",
    via: how?.via ?? null,
  };
}

const worstFirst = (groups: readonly AlertGroup[]): AlertGroup[] =>
  [...groups].sort(
    (a, b) =>
      Number(isFiring(b)) - Number(isFiring(a)) || severityRank[a.severity] - severityRank[b.severity],
  );

const times = (all: readonly (Date | null)[]): number[] =>
  all.filter((at) => at !== null).map((at) => at.getTime());
const earliest = (all: readonly (Date | null)[]): Date | null =>
  times(all).length === 0 ? null : new Date(Math.min(...times(all)));
const latest = (all: readonly (Date | null)[]): Date | null =>
  times(all).length === 0 ? null : new Date(Math.max(...times(all)));

/** Services on a ticket that fire, each once, the earliest first. */
export function servicesHit(parts: readonly TicketPart[]): string[] {
  const firing = parts.filter(({ firingCount }) => firingCount > 0);
  const counted = firing.length > 0 ? firing : parts;
  const sorted = [...counted].sort((a, b) => Date.parse(a.since) - Date.parse(b.since));
  return [...new Set(sorted.map(({ service }) => service).filter((name) => name !== null))];
}

/** The services of a ticket with their beginnings. */
export const hitsOfParts = (parts: readonly TicketPart[]): HitService[] =>
  parts
    .filter(({ firingCount }) => firingCount > 0)
    .map(({ service, since }) => ({ service, since: new Date(since) }));
