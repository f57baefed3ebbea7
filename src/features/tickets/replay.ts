/**
 * What would have become of alerts that were heard of before: the same decisions, on a world of its own, with nothing
 * written and nobody told.
 */
import type { DependencyGraph } from "../../catalog/dependencies.ts";
import { dependencyGraph } from "../../catalog/dependencies.ts";
import { environmentsOf, service as serviceOf } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { groupOf, type Severity, severityRank, type Told } from "../alerts/index.ts";
import type { Budget } from "../slos/index.ts";
import { changedLatelyMs, type HitService, type OpenCause, placeOf, rootOf } from "./causes.ts";
import { type Choice, decide } from "./decide.ts";
import { flipsAfter, isFlappingAfter, reopenWithinMs, type TicketId } from "./model.ts";
import { type RecentChange, type Suspect, suspectsOf } from "./suspects.ts";

/** One card, as it would have been. */
export interface ReplayedCause {
  service: string | null;
  environment: string;
  name: string;
  /** ISO 8601. */
  openedAt: string;
  closedAt: string | null;
  /** Services on it, the earliest first. */
  services: readonly string[];
  /** Distinct alerts on it, and the times they began to fire. */
  alertCount: number;
  firingCount: number;
  page: boolean;
  pagedAt: string | null;
  rule: Choice["rule"];
  words: string;
  suspects: readonly Suspect[];
}

export interface ReplayReport {
  from: string | null;
  to: string | null;
  /** Changes told, and distinct alerts among them. */
  changeCount: number;
  alertCount: number;
  cardCount: number;
  pageCount: number;
  ticketCount: number;
  /** Pages where the budget could not be known and the sender's word decided. */
  unknownPageCount: number;
  /** Causes over before their card was due. */
  transientCount: number;
  causes: readonly ReplayedCause[];
}

export interface ReplayWorld {
  catalog: Catalog;
  /** Undefined when it cannot be known for that moment. */
  budgetOf(service: string, at: Date): Promise<Budget | undefined>;
  /** Deploys, settings and flags of that time. */
  changes: readonly (RecentChange & { environment: string })[];
}

interface Group {
  key: string;
  service: string | null;
  environment: string;
  name: string;
  firing: Map<string, { severity: Severity; severityText: string | null; since: Date }>;
  seen: Set<string>;
  sources: Set<string>;
  firingAt: Date | null;
  cause: Cause | undefined;
}

interface Cause {
  id: number;
  groups: Set<Group>;
  first: Group;
  openedAt: Date;
  joinedAt: Date;
  closedAt: Date | null;
  pagedAt: Date | null;
  /** The decision that stands. */
  choice: Choice;
  flips: readonly string[];
  isFlapping: boolean;
  firingCount: number;
  services: Map<string | null, Date>;
  suspects: readonly Suspect[];
}

/** Decides over changes in the order they were heard of. */
export async function replay(told: readonly Told[], world: ReplayWorld): Promise<ReplayReport> {
  const run = new Replay(world);
  const sorted = [...told].sort((a, b) => a.seenAt.getTime() - b.seenAt.getTime());
  for (const change of sorted) await run.hear(change);
  await run.end(sorted.at(-1)?.seenAt);
  return run.report(sorted);
}

class Replay {
  readonly #groups = new Map<string, Group>();
  readonly #causes: Cause[] = [];
  readonly #waiting = new Set<Group>();
  readonly #graph: DependencyGraph;
  #transientCount = 0;

  constructor(private readonly world: ReplayWorld) {
    this.#graph = dependencyGraph(world.catalog);
  }

  async hear(change: Told): Promise<void> {
    await this.#passTime(change.seenAt);
    const group = this.#groupOf(change);
    const key = `${change.source}\u0000${change.fingerprint}`;
    const wasFiring = group.firing.size > 0;
    group.seen.add(key);
    group.sources.add(change.source);
    if (change.status === "firing") {
      const { severity, severityText, at: since } = change;
      group.firing.set(key, { severity, severityText, since });
      if (group.cause) group.cause.firingCount += 1;
    } else group.firing.delete(key);
    if (group.firing.size > 0) await this.#fires(group, change.seenAt);
    else if (wasFiring) this.#resolves(group, change.seenAt);
  }

  async end(at: Date | undefined): Promise<void> {
    if (at) await this.#passTime(new Date(at.getTime() + this.world.catalog.policies.alerts.groupWait));
  }

  /** Cards that were waiting for company are due. */
  async #passTime(now: Date): Promise<void> {
    const { groupWait } = this.world.catalog.policies.alerts;
    for (const group of [...this.#waiting]) {
      const due = new Date((group.firingAt as Date).getTime() + groupWait);
      if (due > now) continue;
      this.#waiting.delete(group);
      await this.#open(group, due, true);
    }
  }

  async #fires(group: Group, now: Date): Promise<void> {
    group.firingAt ??= now;
    const { cause } = group;
    if (cause?.closedAt === null) return await this.#decideAgain(cause, group, now);
    if (cause?.closedAt && now.getTime() - cause.closedAt.getTime() <= reopenWithinMs) {
      cause.closedAt = null;
      cause.pagedAt = null;
      this.#turn(cause, now);
      return await this.#decideAgain(cause, group, now, true);
    }
    if (!this.#waiting.has(group)) await this.#open(group, now, false);
  }

  #resolves(group: Group, now: Date): void {
    group.firingAt = null;
    if (this.#waiting.delete(group)) {
      this.#transientCount += 1;
      return;
    }
    const { cause } = group;
    if (cause === undefined || [...cause.groups].some(({ firing }) => firing.size > 0)) return;
    cause.closedAt = now;
    this.#turn(cause, now);
  }

  #turn(cause: Cause, now: Date): void {
    cause.flips = flipsAfter(cause.flips, true, now);
    cause.isFlapping = isFlappingAfter(cause.flips, cause.isFlapping);
  }

  async #open(group: Group, now: Date, isDue: boolean): Promise<void> {
    const place = placeOf(newcomerOf(group, now), this.#openCauses(group.environment), {
      graph: this.#graph,
      changedAt: this.#changedAt(group.environment, now),
      now,
      joinWithinMs: this.world.catalog.policies.alerts.joinWithin,
    });
    if (place.do === "join") {
      const cause = this.#causes.find(({ id }) => causeId(id) === place.ticket) as Cause;
      this.#add(cause, group, now);
      for (const absorbed of place.absorb) this.#absorb(absorbed, cause, now);
      return await this.#decideAgain(cause, group, now);
    }
    const choice = await this.#decide(group, now, false);
    if (!choice.page && !choice.wouldPage && !isDue && this.world.catalog.policies.alerts.groupWait > 0) {
      this.#waiting.add(group);
      return;
    }
    const cause: Cause = {
      id: this.#causes.length + 1,
      groups: new Set(),
      first: group,
      openedAt: now,
      joinedAt: now,
      closedAt: null,
      pagedAt: choice.page ? now : null,
      choice,
      flips: [],
      isFlapping: false,
      firingCount: group.firing.size,
      services: new Map(),
      suspects: [],
    };
    this.#causes.push(cause);
    this.#add(cause, group, now);
  }

  #add(cause: Cause, group: Group, now: Date): void {
    cause.groups.add(group);
    group.cause = cause;
    cause.joinedAt = now;
    const { since } = newcomerOf(group, now);
    const known = cause.services.get(group.service);
    if (known === undefined || since < known) cause.services.set(group.service, since);
    const changes = this.world.changes.filter(
      (change) => change.environment === group.environment && change.at <= now,
    );
    const suspects = suspectsOf(hitsOf(cause), changes, this.#graph);
    if (suspects.length > 0) cause.suspects = suspects;
  }

  #absorb(id: TicketId, into: Cause, now: Date): void {
    const index = this.#causes.findIndex((cause) => causeId(cause.id) === id);
    const [gone] = this.#causes.splice(index, 1);
    if (gone === undefined) return;
    for (const group of gone.groups) this.#add(into, group, now);
    into.firingCount += gone.firingCount;
    if (gone.openedAt < into.openedAt) into.openedAt = gone.openedAt;
  }

  /** A page stands; what does not page yet may by now. */
  async #decideAgain(cause: Cause, group: Group, now: Date, isReopened = false): Promise<void> {
    if (cause.choice.page && !isReopened) return;
    const next = await this.#decide(group, now, cause.isFlapping);
    if (next.page && cause.pagedAt === null) cause.pagedAt = now;
    if (next.page || isReopened || group === cause.first)
      cause.choice = cause.choice.page && !next.page ? cause.choice : next;
  }

  async #decide(group: Group, now: Date, isFlapping: boolean): Promise<Choice> {
    const { catalog, budgetOf } = this.world;
    const known = group.service === null ? undefined : serviceOf(catalog, group.service);
    const budget = group.service === null ? undefined : await budgetOf(group.service, now);
    const worst = [...group.firing.values()].sort(
      (a, b) => severityRank[a.severity] - severityRank[b.severity],
    )[0];
    const isOther = known !== undefined && group.environment !== environmentsOf(catalog, known.name)[0];
    return decide(
      {
        budget,
        whyNoBudget:
          group.service === null ? "the catalog knows no service for it" : "it cannot be read for that time",
        severity: worst?.severity ?? "info",
        severityText: worst?.severityText ?? null,
        always: known?.paging?.rule === "every-critical-alert" ? known.paging : undefined,
        otherEnvironment: isOther ? group.environment : undefined,
        mute: undefined,
        isFlapping,
        isObserved: known?.mode === "observe",
      },
      now,
    );
  }

  #groupOf({ labels, source, named }: Told): Group {
    const { key, service, environment, name } = groupOf(this.world.catalog, labels, source, named);
    const known = this.#groups.get(key);
    if (known) return known;
    const group: Group = {
      key,
      service,
      environment,
      name,
      firing: new Map(),
      seen: new Set(),
      sources: new Set(),
      firingAt: null,
      cause: undefined,
    };
    this.#groups.set(key, group);
    return group;
  }

  #openCauses(environment: string): OpenCause[] {
    return this.#causes
      .filter((cause) => cause.closedAt === null && cause.first.environment === environment)
      .map((cause) => ({
        id: causeId(cause.id),
        services: hitsOf(cause),
        sources: [...cause.groups].flatMap(({ sources }) => [...sources]),
        since: new Date(Math.min(...[...cause.services.values()].map((at) => at.getTime()))),
        joinedAt: cause.joinedAt,
        openedAt: cause.openedAt,
        isPaged: cause.pagedAt !== null,
      }));
  }

  #changedAt(environment: string, now: Date): Map<string, Date> {
    const changed = new Map<string, Date>();
    for (const change of this.world.changes) {
      const isLate = now.getTime() - change.at.getTime() > changedLatelyMs || change.at > now;
      if (isLate || change.environment !== environment) continue;
      const known = changed.get(change.service);
      if (known === undefined || change.at > known) changed.set(change.service, change.at);
    }
    return changed;
  }

  report(told: readonly Told[]): ReplayReport {
    const causes = this.#causes.map((cause) => this.#shown(cause));
    const pages = causes.filter(({ page, rule }) => page || rule === "observing");
    return {
      from: told[0]?.seenAt.toISOString() ?? null,
      to: told.at(-1)?.seenAt.toISOString() ?? null,
      changeCount: told.length,
      alertCount: new Set(told.map(({ source, fingerprint }) => `${source}\u0000${fingerprint}`)).size,
      cardCount: causes.length,
      pageCount: pages.length,
      ticketCount: causes.length - pages.length,
      unknownPageCount: pages.filter(({ rule }) => rule.startsWith("users-unknown")).length,
      transientCount: this.#transientCount,
      causes,
    };
  }

  #shown(cause: Cause): ReplayedCause {
    const services = [...cause.services].sort(([, a], [, b]) => a.getTime() - b.getTime());
    const root = rootOf(hitsOf(cause), this.#graph);
    const standing = [...cause.groups].find(({ service }) => service === root) ?? cause.first;
    return {
      service: standing.service,
      environment: standing.environment,
      name: standing.name,
      openedAt: cause.openedAt.toISOString(),
      closedAt: cause.closedAt?.toISOString() ?? null,
      services: services.map(([name]) => name).filter((name) => name !== null),
      alertCount: [...cause.groups].reduce((sum, { seen }) => sum + seen.size, 0),
      firingCount: cause.firingCount,
      page: cause.choice.page,
      pagedAt: cause.pagedAt?.toISOString() ?? null,
      rule: cause.choice.rule,
      words: cause.choice.words,
      suspects: cause.suspects,
    };
  }
}

const causeId = (id: number): TicketId => `T-${id}` as TicketId;

const hitsOf = ({ services }: Cause): HitService[] =>
  [...services].map(([service, since]) => ({ service, since }));

const newcomerOf = (group: Group, now: Date) => ({
  service: group.service,
  since: new Date(Math.min(now.getTime(), ...[...group.firing.values()].map(({ since }) => since.getTime()))),
  sources: [...group.sources],
});
