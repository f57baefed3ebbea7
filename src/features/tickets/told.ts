/** A ticket as it begins, and what its alerts make it say. Pure. */
import { owningTeam, service as serviceOf, ticketingFor } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { AlertGroup } from "../alerts/index.ts";
import { changedLatelyMs } from "./causes.ts";
import type { Choice } from "./decide.ts";
import { flipsAfter, isFlappingAfter, summaryOf, type Ticket, type TicketId } from "./model.ts";
import { isFiring, type Whole } from "./whole.ts";

/** A ticket as it begins, before it says anything of its alerts. */
export function newTicket(
  catalog: Catalog,
  group: AlertGroup,
  begin: {
    id: TicketId;
    follows: TicketId | null;
    flips: readonly string[];
    decision: Choice;
    /** Its card is held back by a mute. */
    isQuiet: boolean;
  },
  now: Date,
): Ticket {
  const { id, follows, flips, decision, isQuiet } = begin;
  const known = group.service === null ? undefined : serviceOf(catalog, group.service);
  return {
    id,
    groupId: group.id,
    service: group.service,
    environment: group.environment,
    team: owningTeam(catalog, group.service ?? "").name,
    name: group.name,
    state: "open",
    severity: group.severity,
    severityText: group.severityText,
    note: group.note,
    summary: null,
    link: null,
    channel: "",
    since: group.firingSince ?? now,
    openedAt: now,
    changedAt: now,
    follows,
    firingCount: 0,
    hiddenCount: 0,
    resolvedCount: 0,
    staleCount: 0,
    receivedCount: 0,
    lastSeenAt: null,
    takenBy: null,
    takenAt: null,
    mark: null,
    markedBy: null,
    markedAt: null,
    pagedAt: null,
    wasPaged: false,
    decision,
    closedAt: null,
    closedBy: null,
    closedBecause: null,
    closedNote: null,
    parts: [],
    sharedVia: null,
    suspects: [],
    flips,
    isFlapping: isFlappingAfter(flips, false),
    mergedInto: null,
    isObserved: known?.mode === "observe",
    joinedAt: now,
    sources: group.sources,
    saidAt: null,
    isQuiet: isQuiet,
    provider: ticketingFor(catalog, group.service ?? ""),
    externalKey: null,
    externalUrl: null,
    wantedVersion: 0,
    publishedVersion: 0,
  };
}

/** What the alerts say now; what they no longer say stays as it was. */
export function withWhole(ticket: Ticket, { group, parts, sharedVia }: Whole, now: Date): Ticket {
  const fires = isFiring(group);
  const isNew = ticket.parts.length === 0;
  const didTurn = !isNew && ticket.firingCount + ticket.hiddenCount > 0 !== fires;
  const flips = flipsAfter(ticket.flips, didTurn, now);
  return {
    ...ticket,
    // Once nothing fires there is no telling what it started from: what was known stays.
    service: fires ? group.service : ticket.service,
    name: fires ? group.name : ticket.name,
    note: group.note,
    firingCount: group.firingCount,
    hiddenCount: group.hiddenCount,
    resolvedCount: group.resolvedCount,
    staleCount: group.staleCount,
    receivedCount: group.receivedCount,
    lastSeenAt: group.lastSeenAt,
    severity: fires ? group.severity : ticket.severity,
    severityText: fires ? group.severityText : ticket.severityText,
    summary: summaryOf(group.annotations) ?? ticket.summary,
    link: group.link ?? ticket.link,
    since: sinceOf(ticket, group, parts.length),
    parts,
    sharedVia: fires ? sharedVia : ticket.sharedVia,
    sources: group.sources,
    flips,
    isFlapping: isFlappingAfter(flips, ticket.isFlapping),
  };
}

/** The earliest beginning heard of; beside others an alert that was old when it was heard of counts from then. */
function sinceOf(ticket: Ticket, { firingSince }: AlertGroup, partCount: number): Date {
  if (ticket.state !== "open") return ticket.since;
  const isOld = partCount > 1 && ticket.openedAt.getTime() - ticket.since.getTime() > changedLatelyMs;
  const known = isOld ? ticket.openedAt : ticket.since;
  return firingSince !== null && firingSince < known ? firingSince : known;
}
