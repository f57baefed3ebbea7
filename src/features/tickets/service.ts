/** What people do to tickets: take, resolve, judge. Each decides under the ticket's lock; the second of two is told. */
import { personBySlack, zoneOf } from "../../catalog/lookup.ts";
import type { Authz } from "../../platform/authz.ts";
import { formatMoment } from "../../platform/commands/time.ts";
import type { Scope } from "../../platform/feature.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, type Refused, refuse } from "../../platform/refusal.ts";
import { spanText } from "./cards.ts";
import type { Judgement, Ticket, TicketId } from "./model.ts";
import { published, show, type TicketParts } from "./room.ts";
import { readTicket, writeTicket } from "./store.ts";

export interface Asking {
  actor: Actor;
  inboxId?: string | undefined;
  dryRun: boolean;
}

/** What was done, as plain text for the person who asked; `shown`: the card shows it as well. */
export interface Deed {
  words: string;
  shown: boolean;
}

export interface TicketDeeds {
  acknowledge(id: TicketId, asking: Asking): Promise<Decision<Deed>>;
  resolve(id: TicketId, note: string | undefined, asking: Asking): Promise<Decision<Deed>>;
  mark(id: TicketId, judgement: Judgement, asking: Asking): Promise<Decision<Deed>>;
  /** The ticket, if this person may act on it as a responder. */
  permitted(id: TicketId, actor: Actor): Promise<Decision<Ticket>>;
  /** `Olive Okafor at 03:15 UTC`, for answers. */
  whoWhen(person: string | null, at: Date | null, actor: Actor): string;
}

/** Whose roles count for a ticket: those of the service that stands for it first, then of every other one on it. */
export function scopesOf(ticket: Pick<Ticket, "service" | "team" | "parts">): readonly Scope[] {
  const names = new Set([ticket.service, ...ticket.parts.map(({ service }) => service)]);
  return [...names].map((name) => (name === null ? { team: ticket.team } : { service: name }));
}

/** Responders of any of these; else refused as by the first. */
export async function authoriseAny(
  authz: Authz,
  actor: Actor,
  scopes: readonly Scope[],
): ReturnType<Authz["authorise"]> {
  let refused: Awaited<ReturnType<Authz["authorise"]>> | undefined;
  for (const scope of scopes) {
    const allowed = await authz.authorise(actor, "responder", scope);
    if (allowed.ok) return allowed;
    refused ??= allowed;
  }
  return refused ?? authz.authorise(actor, "responder", undefined);
}

type Change = { done: Ticket; words: string; action: string; reason?: string } | { told: string };

export function createDeeds(parts: TicketParts): TicketDeeds {
  const { platform, paging } = parts;
  const { database, authz, catalogs } = platform;

  const whoWhen: TicketDeeds["whoWhen"] = (person, at, actor) => {
    const catalog = catalogs.current();
    const slackTeam = platform.slackTeam();
    const who = person === null ? "Quarterdeck" : (personBySlack(catalog, slackTeam, person)?.name ?? person);
    const reader = personBySlack(catalog, actor.team, actor.person);
    const zone = reader === undefined ? catalog.organisation.timezone : zoneOf(catalog, reader.id);
    return at === null ? who : `${who} at ${formatMoment(at, zone)}`;
  };

  const permitted: TicketDeeds["permitted"] = async (id, actor) => {
    const ticket = await readTicket(database.db, id);
    if (ticket === undefined) return unknownTicket(id);
    const allowed = await authoriseAny(authz, actor, scopesOf(ticket));
    return allowed.ok ? allow(ticket) : allowed;
  };

  /** Authorised before, so that people are read outside the lock, and again under it, by what was read. */
  const change = async (
    id: TicketId,
    asking: Asking,
    /** What stands against it, whether it is done or only shown. */
    mayNot: (ticket: Ticket) => Refused | undefined,
    decideUnderLock: (
      ticket: Ticket,
      tx: Parameters<Parameters<typeof database.tx>[0]>[0],
    ) => Promise<Decision<Change>>,
    dryRun: (ticket: Ticket) => string,
  ): Promise<Decision<Deed>> => {
    const { actor, inboxId } = asking;
    const peek = await permitted(id, actor);
    if (!peek.ok) return peek;
    if (asking.dryRun)
      return (
        mayNot(peek.value) ?? allow({ words: `Dry run: ${dryRun(peek.value)} Nothing done.`, shown: false })
      );
    return database.tx<Decision<Deed>>(
      async (tx) => {
        const ticket = await readTicket(tx.trx, id, { lock: true });
        if (ticket === undefined) return unknownTicket(id);
        const allowed = await authoriseAny(authz, actor, scopesOf(ticket));
        if (!allowed.ok) return allowed;
        const refused = mayNot(ticket);
        if (refused) return refused;
        const decision = await decideUnderLock(ticket, tx);
        if (!decision.ok) return decision;
        if ("told" in decision.value) return allow({ words: decision.value.told, shown: false });
        const { done, words, action, reason } = decision.value;
        const ready = published(tx, { ...done, changedAt: tx.now });
        await writeTicket(tx.trx, ready);
        tx.audit({
          actor,
          action,
          subject: id,
          service: ticket.service ?? undefined,
          before: ticket.state,
          after: done.state,
          reason,
        });
        await show(tx, parts, ready);
        return allow({ words, shown: !ready.isQuiet });
      },
      { inboxId },
    );
  };

  const ifOver =
    (actor: Actor) =>
    (ticket: Ticket): Refused | undefined =>
      ticket.state === "closed"
        ? isOver(ticket, whoWhen(ticket.closedBy, ticket.closedAt, actor))
        : undefined;

  return {
    permitted,
    whoWhen,

    acknowledge: (id, asking) =>
      change(
        id,
        asking,
        ifOver(asking.actor),
        async (ticket, tx) => {
          const { actor } = asking;
          const answer =
            ticket.pagedAt === null
              ? { state: "not-open" as const }
              : await paging.acknowledge(tx, id, actor);
          const isMine = ticket.takenBy === actor.person;
          if (answer.state === "acknowledged")
            return allow({
              done: { ...ticket, takenBy: actor.person, takenAt: tx.now },
              words: `${id} is yours; the page stops.`,
              action: "ticket.acknowledged",
            });
          if (isMine)
            return allow({
              told: `${id} is yours already, since ${whoWhen(ticket.takenBy, ticket.takenAt, actor).split(" at ").at(-1)}.`,
            });
          if (ticket.takenBy !== null)
            return takenAlready(id, whoWhen(ticket.takenBy, ticket.takenAt, actor));
          if (answer.state === "was-acknowledged" && answer.by !== actor.person)
            return takenAlready(id, whoWhen(answer.by, answer.at, actor));
          return allow({
            done: { ...ticket, takenBy: actor.person, takenAt: tx.now },
            words: `${id} is yours.`,
            action: "ticket.taken",
          });
        },
        (ticket) => `${id} would be yours${ticket.pagedAt === null ? "" : " and its page would stop"}.`,
      ),

    resolve: (id, note, asking) =>
      change(
        id,
        asking,
        ifOver(asking.actor),
        async (ticket, tx) => {
          const { actor } = asking;
          if (ticket.pagedAt !== null) await paging.resolve(tx, id, actor);
          const closedNote = note?.toWellFormed() ?? null;
          const still =
            ticket.firingCount > 0
              ? ` ${ticket.firingCount} of its alerts fire on; one that begins after this opens it again.`
              : "";
          return allow({
            done: {
              ...ticket,
              state: "closed",
              closedAt: tx.now,
              closedBy: actor.person,
              closedBecause: "person",
              closedNote,
              pagedAt: null,
            },
            words: `${id} is resolved after ${spanText(tx.now.getTime() - ticket.since.getTime())}.${still}`,
            action: "ticket.resolved",
            reason: closedNote ?? undefined,
          });
        },
        (ticket) =>
          `${id} would be closed${ticket.firingCount > 0 ? ` while ${ticket.firingCount} of its alerts fire` : ""}.`,
      ),

    mark: (id, judgement, asking) =>
      change(
        id,
        asking,
        (ticket) =>
          ticket.mark === null
            ? undefined
            : refuse({
                rule: "marked-once",
                message: `${id} was marked ${ticket.mark} by ${whoWhen(ticket.markedBy, ticket.markedAt, asking.actor)}. Nothing done.`,
                hint: "A ticket is judged once.",
              }),
        async (ticket, tx) =>
          allow({
            done: { ...ticket, mark: judgement, markedBy: asking.actor.person, markedAt: tx.now },
            words: `${id} is marked ${judgement}.`,
            action: "ticket.marked",
            reason: judgement,
          }),
        () => `${id} would be marked ${judgement}.`,
      ),
  };
}

export const unknownTicket = (id: string): Refused =>
  refuse({ rule: "known-ticket", message: `There is no ticket ${id}.`, hint: "List them: alerts" });

const isOver = (ticket: Ticket, whoWhen: string): Refused =>
  ticket.mergedInto !== null
    ? refuse({
        rule: "ticket-open",
        message: `${ticket.id} is part of ${ticket.mergedInto} by now. Nothing done.`,
        hint: `Say it of that one: status ${ticket.mergedInto}`,
      })
    : refuse({
        rule: "ticket-open",
        message:
          ticket.closedBecause === "person"
            ? `${ticket.id} was resolved by ${whoWhen}. Nothing done.`
            : `${ticket.id} is over: its alerts resolved, seen by ${whoWhen}. Nothing done.`,
        hint: "It opens again when it fires again.",
      });

const takenAlready = (id: string, whoWhen: string): Refused =>
  refuse({
    rule: "taken-once",
    message: `${id} was taken by ${whoWhen}. Nothing done.`,
    hint: `Ask them, or see: status ${id}`,
  });
