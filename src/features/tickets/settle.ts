/** One transaction: a ticket opens, pages, changes, closes or opens again, by what its alerts say under the lock. */
import { environmentsOf, owningTeam, service as serviceOf, ticketingFor } from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import type { AlertGroup } from "../alerts/index.ts";
import type { Budget } from "../slos/index.ts";
import { channelOf, spanText } from "./cards.ts";
import { type Choice, decide, type Evidence, supersedes } from "./decide.ts";
import { type Mute, stepOf, summaryOf, type Ticket, type TicketId } from "./model.ts";
import { mutesOf } from "./mute-store.ts";
import { readOutside } from "./outside-store.ts";
import { page } from "./page.ts";
import { published, show, type TicketParts } from "./room.ts";
import { newestTicket, writeTicket } from "./store.ts";

/** What was read of the outside before the lock. */
export interface Asked {
  budget?: Budget | undefined;
  whyNoBudget?: string | undefined;
}

export async function settle(
  tx: Tx,
  parts: TicketParts,
  groupId: string,
  asked: Asked | undefined,
): Promise<Rerun> {
  await parts.alerts.lockGroup(tx.trx, groupId);
  const group = await parts.alerts.readGroup(tx.trx, groupId);
  if (group === undefined) return undefined;
  const newest = await newestTicket(tx.trx, groupId, { lock: true });
  const step = stepOf(group, newest, tx.now);
  const mutes = await mutesOf(tx.trx, { service: group.service, groupId }, tx.now);
  const choose = (evidence: Asked): Choice => decide(evidenceOf(parts, group, evidence, mutes), tx.now);
  switch (step.do) {
    case "nothing":
      return undefined;
    case "close":
      // Somebody opened it again at its provider: a person closes it.
      if ((await readOutside(tx.trx, (newest as Ticket).id)).isKeptOpen) return undefined;
      await close(tx, parts, withCounts(newest as Ticket, group), step.at);
      return undefined;
    case "open": {
      if (asked === undefined) return { again: tx.now };
      const ticket = newTicket(
        parts,
        group,
        await nextPublicId(tx.trx, "ticket"),
        step.follows,
        choose(asked),
        mutes,
        tx.now,
      );
      if (ticket === undefined)
        throw new Error(
          `The catalog gives no Slack channel for ${group.service ?? "the default"} in ${parts.platform.slackTeam()}; set organisation.defaultChannel`,
        );
      await save(tx, parts, ticket, "ticket.opened");
      return undefined;
    }
    case "reopen": {
      if (asked === undefined) return { again: tx.now };
      const back: Ticket = {
        ...withCounts(newest as Ticket, group),
        state: "open",
        closedAt: null,
        closedBy: null,
        closedBecause: null,
        closedNote: null,
        pagedAt: null,
        takenBy: null,
        takenAt: null,
        decision: choose(asked),
      };
      await save(tx, parts, back, "ticket.reopened");
      return undefined;
    }
    case "update": {
      const before = newest as Ticket;
      if (before.pagedAt === null && asked === undefined) return { again: tx.now };
      const next = asked === undefined ? before.decision : choose(asked);
      await update(tx, parts, before, withCounts(before, group), next, mutes);
      return undefined;
    }
  }
}

function evidenceOf(
  { platform }: TicketParts,
  group: AlertGroup,
  asked: Asked,
  mutes: readonly Mute[],
): Evidence {
  const catalog = platform.catalogs.current();
  const known = group.service === null ? undefined : serviceOf(catalog, group.service);
  const isOther = known !== undefined && group.environment !== environmentsOf(catalog, known.name)[0];
  return {
    ...asked,
    budget: asked.budget,
    severity: group.severity,
    severityText: group.severityText,
    always: known?.paging?.rule === "every-critical-alert" ? known.paging : undefined,
    otherEnvironment: isOther ? group.environment : undefined,
    mute: mutes.find(({ withPages }) => withPages),
  };
}

function newTicket(
  { platform }: TicketParts,
  group: AlertGroup,
  id: TicketId,
  follows: TicketId | null,
  decision: Choice,
  mutes: readonly Mute[],
  now: Date,
): Ticket | undefined {
  const catalog = platform.catalogs.current();
  const channel = channelOf(catalog, platform.slackTeam(), group.service);
  if (channel === undefined) return undefined;
  const blank = {
    link: null,
    summary: null,
    takenBy: null,
    takenAt: null,
    mark: null,
    markedBy: null,
    markedAt: null,
    pagedAt: null,
    wasPaged: false,
    closedAt: null,
    closedBy: null,
    closedBecause: null,
    closedNote: null,
    externalKey: null,
    externalUrl: null,
    wantedVersion: 0,
    publishedVersion: 0,
  };
  const ticket: Ticket = {
    ...blank,
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
    channel,
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
    decision,
    isQuiet: mutes.length > 0,
    provider: ticketingFor(catalog, group.service ?? ""),
  };
  return withCounts(ticket, group);
}

/** What the alerts say now; what they no longer say stays as it was. */
function withCounts(ticket: Ticket, group: AlertGroup): Ticket {
  const isFiring = group.firingCount > 0;
  return {
    ...ticket,
    note: group.note,
    firingCount: group.firingCount,
    hiddenCount: group.hiddenCount,
    resolvedCount: group.resolvedCount,
    staleCount: group.staleCount,
    receivedCount: group.receivedCount,
    lastSeenAt: group.lastSeenAt,
    severity: isFiring ? group.severity : ticket.severity,
    severityText: isFiring ? group.severityText : ticket.severityText,
    summary: summaryOf(group.annotations) ?? ticket.summary,
    link: group.link ?? ticket.link,
    since:
      ticket.state === "open" && group.firingSince !== null && group.firingSince < ticket.since
        ? group.firingSince
        : ticket.since,
  };
}

async function save(tx: Tx, parts: TicketParts, ticket: Ticket, action: string): Promise<void> {
  const paged = ticket.decision.page ? await page(tx, parts, ticket) : ticket;
  const ready = published(tx, { ...paged, changedAt: tx.now });
  await writeTicket(tx.trx, ready);
  tx.audit({
    actor: systemActor,
    action,
    subject: ticket.id,
    service: ticket.service ?? undefined,
    reason: ticket.decision.words,
    detail: { decision: ticket.decision, follows: ticket.follows },
  });
  await show(tx, parts, ready);
}

async function update(
  tx: Tx,
  parts: TicketParts,
  before: Ticket,
  now: Ticket,
  next: Choice,
  mutes: readonly Mute[],
): Promise<void> {
  const isNew = supersedes(next, before.decision);
  let after: Ticket = {
    ...now,
    decision: isNew ? next : before.decision,
    isQuiet: before.isQuiet && mutes.length > 0,
  };
  if (isNew) {
    tx.audit({
      actor: systemActor,
      action: next.page ? "ticket.paged" : "ticket.decided",
      subject: after.id,
      service: after.service ?? undefined,
      reason: next.words,
      detail: { decision: next, before: before.decision.rule },
    });
    if (next.page) after = await page(tx, parts, after);
  }
  const words = (ticket: Ticket) => [ticket.severity, ticket.summary, ticket.decision.rule].join("\u0000");
  if (words(after) !== words(before)) after = published(tx, { ...after, changedAt: tx.now });
  await writeTicket(tx.trx, after);
  await show(tx, parts, after);
}

async function close(tx: Tx, parts: TicketParts, ticket: Ticket, at: Date): Promise<void> {
  const after = published(tx, {
    ...ticket,
    state: "closed",
    closedAt: at,
    closedBy: null,
    closedBecause: "resolved",
    pagedAt: null,
    changedAt: tx.now,
  });
  if (ticket.pagedAt !== null) await parts.paging.resolve(tx, ticket.id, systemActor);
  await writeTicket(tx.trx, after);
  tx.audit({
    actor: systemActor,
    action: "ticket.closed",
    subject: ticket.id,
    service: ticket.service ?? undefined,
    reason: `all its alerts are resolved, after ${spanText(at.getTime() - ticket.since.getTime())}`,
  });
  await show(tx, parts, after);
}
