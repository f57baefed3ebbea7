/** Under the lock of causes: a group of alerts joins a ticket, and tickets that are one cause become one. */
import type { DependencyGraph } from "../../catalog/dependencies.ts";
import type { Tx } from "../../platform/db/database.ts";
import { type Actor, systemActor } from "../../platform/people.ts";
import type { AlertGroup } from "../alerts/index.ts";
import type { JoinReason, OpenCause, Place, Surroundings } from "./causes.ts";
import { placeOf } from "./causes.ts";
import type { Choice } from "./decide.ts";
import { membersOf, moveMembers, placedGroups, setMember } from "./members.ts";
import type { Ticket, TicketId } from "./model.ts";
import { published, show, type TicketParts } from "./room.ts";
import { openCauses, readTicket, writeTicket } from "./store.ts";
import { type RecentChange, suspectsOf } from "./suspects.ts";
import { hitsOfParts, isFiring, onsetOf, type Whole, wholeOf } from "./whole.ts";

/** Groups that fire on no ticket yet and are looked at when one opens. */
const waitingMax = 200;

export interface Around {
  graph: DependencyGraph;
  changes: readonly RecentChange[];
  joinWithinMs: number;
}

/** Where a group that fires belongs, by what stands open. */
export async function findPlace(tx: Tx, group: AlertGroup, around: Around): Promise<Place> {
  const open = await openCauses(tx.trx, group.environment);
  return placeOf(newcomerOf(group, tx.now), open, surroundings(around, tx.now));
}

const newcomerOf = (group: AlertGroup, now: Date) => ({
  service: group.service,
  since: onsetOf(group) ?? now,
  sources: group.sources,
});

function surroundings({ graph, changes, joinWithinMs }: Around, now: Date): Surroundings {
  const changedAt = new Map<string, Date>();
  for (const { service, at } of changes) {
    const known = changedAt.get(service);
    if (known === undefined || at > known) changedAt.set(service, at);
  }
  return { graph, changedAt, now, joinWithinMs };
}

/** The ticket with one more group on it, and with those of the tickets it absorbs. */
export async function join(
  tx: Tx,
  parts: TicketParts,
  place: Extract<Place, { do: "join" }>,
  group: AlertGroup,
  decision: Choice | undefined,
): Promise<Ticket> {
  const { because, via } = place;
  const ticket = await lockedTicket(tx, place.ticket);
  await setMember(
    tx.trx,
    ticket.id,
    { groupId: group.id, service: group.service, because, via, decision },
    tx.now,
  );
  tx.audit({
    actor: systemActor,
    action: "ticket.joined",
    subject: ticket.id,
    service: group.service ?? undefined,
    reason: joinText(because, via),
    detail: { rule: group.name, because, via, decision },
  });
  let taken: { takenBy: string | null; takenAt: Date | null } = ticket;
  for (const id of place.absorb) {
    const absorbed = await absorb(tx, parts, id, ticket, because, via);
    if (taken.takenBy === null && absorbed.takenBy !== null) {
      taken = absorbed;
      // One acknowledgement stops every escalation.
      const actor: Actor = { team: parts.platform.slackTeam(), person: absorbed.takenBy, door: "system" };
      if (ticket.pagedAt !== null) await parts.paging.acknowledge(tx, ticket.id, actor);
    }
  }
  return { ...ticket, takenBy: taken.takenBy, takenAt: taken.takenAt, joinedAt: tx.now };
}

/** Ends a ticket that turned out to be a part of another one; its page with it. */
async function absorb(
  tx: Tx,
  parts: TicketParts,
  id: TicketId,
  into: Ticket,
  because: JoinReason,
  via: string | null,
): Promise<Ticket> {
  const ticket = await lockedTicket(tx, id);
  await moveMembers(tx.trx, id, into.id, because, via, tx.now);
  if (ticket.pagedAt !== null) await parts.paging.resolve(tx, id, systemActor);
  const after = published(tx, {
    ...ticket,
    state: "closed",
    closedAt: tx.now,
    closedBy: null,
    closedBecause: "merged",
    closedNote: `Part of ${into.id}: ${joinText(because, via)}.`,
    mergedInto: into.id,
    pagedAt: null,
    changedAt: tx.now,
  });
  await writeTicket(tx.trx, after);
  tx.audit({
    actor: systemActor,
    action: "ticket.merged",
    subject: id,
    service: ticket.service ?? undefined,
    after: into.id,
    reason: joinText(because, via),
  });
  await show(tx, parts, after);
  return ticket;
}

async function lockedTicket(tx: Tx, id: TicketId): Promise<Ticket> {
  const ticket = await readTicket(tx.trx, id, { lock: true });
  if (ticket === undefined) throw new Error(`${id} is an open cause and no ticket`);
  return ticket;
}

/** When a ticket opens: groups that fire already and belong to it, so that its first card knows them. */
export async function pullIn(tx: Tx, parts: TicketParts, ticket: Ticket, around: Around): Promise<boolean> {
  const ids = await parts.alerts.firingGroupIds(tx.trx, ticket.environment, waitingMax);
  const placed = await placedGroups(tx.trx, ids);
  const waiting = await parts.alerts.readGroups(
    tx.trx,
    ids.filter((id) => !placed.has(id) && id !== ticket.groupId),
  );
  let cause: OpenCause = causeOf(ticket);
  let left = waiting.filter((group) => isFiring(group));
  // One that joins may be what another belongs to: until nobody joins any more.
  for (;;) {
    const joining = left.flatMap((group) => {
      const place = placeOf(newcomerOf(group, tx.now), [cause], surroundings(around, tx.now));
      return place.do === "join" ? [{ group, place }] : [];
    });
    if (joining.length === 0) return cause.services.length > ticket.parts.length;
    for (const { group, place } of joining) {
      const { because, via } = place;
      const { id: groupId, service } = group;
      await setMember(tx.trx, ticket.id, { groupId, service, because, via, decision: undefined }, tx.now);
    }
    cause = {
      ...cause,
      services: [...cause.services, ...joining.map(({ group }) => newcomerOf(group, tx.now))],
    };
    left = left.filter((group) => !joining.some((joined) => joined.group === group));
  }
}

const causeOf = (ticket: Ticket): OpenCause => ({
  id: ticket.id,
  services: hitsOfParts(ticket.parts),
  sources: ticket.sources,
  since: ticket.since,
  joinedAt: ticket.joinedAt,
  openedAt: ticket.openedAt,
  isPaged: ticket.pagedAt !== null,
});

/** All groups of a ticket as one, read under the lock; undefined when none is kept any more. */
export async function readWhole(
  tx: Tx,
  parts: TicketParts,
  id: TicketId,
  graph: DependencyGraph,
): Promise<Whole | undefined> {
  const members = await membersOf(tx.trx, id);
  const groups = await parts.alerts.readGroups(
    tx.trx,
    members.map(({ groupId }) => groupId),
  );
  const order = new Map(members.map(({ groupId }, index) => [groupId, index]));
  const sorted = [...groups].sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
  return sorted.length === 0 ? undefined : wholeOf(sorted, members, graph);
}

/** The ticket with its suspects by what is known of changes now; those named before stay if nothing was asked. */
export function withSuspects(ticket: Ticket, around: Around | undefined): Ticket {
  if (around === undefined) return ticket;
  const suspects = suspectsOf(hitsOfParts(ticket.parts), around.changes, around.graph);
  return suspects.length === 0 ? ticket : { ...ticket, suspects };
}

/** `orders-db fires too, and it is needed here` */
export function joinText(because: JoinReason | "first", via: string | null): string {
  switch (because) {
    case "first":
      return "it was the first";
    case "same-service":
      return "it is about the same service, within the same minutes";
    case "dependency":
      return `it depends on ${via}, which fires`;
    case "explains":
      return `${via} fires too, and the others depend on it`;
    case "shared-dependency":
      return `it depends on ${via} like the others, and began when they did`;
    case "unknown-storm":
      return "it is one of many alerts of one sender that the catalog knows no service for";
  }
}
