/** A change at the provider becomes one here: closed, opened again, assigned. */
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { ExternalTicket } from "../../providers/ticketing/contract.ts";
import type { Ticket, TicketId } from "./model.ts";
import { adoptionOf, type Outside, systemOf } from "./outside.ts";
import { hasOpenSuccessor, readOutside, writeOutside } from "./outside-store.ts";
import { show, type TicketParts } from "./room.ts";
import { readTicket, writeTicket } from "./store.ts";

/**
 * Under the ticket's lock; what it shows was read before.
 *
 * @param by who did it there, if an event named somebody
 */
export async function adopt(
  tx: Tx,
  parts: TicketParts,
  id: TicketId,
  shown: ExternalTicket,
  by: string | null,
): Promise<void> {
  const ticket = await readTicket(tx.trx, id, { lock: true });
  if (ticket === undefined) return;
  const before = await readOutside(tx.trx, id);
  const known: Outside = { ...before, assignee: shown.assignee };
  const step = adoptionOf(ticket, before.agreed, shown.state);
  switch (step) {
    case "nothing": {
      // Found closed by a look; the event that says who comes later.
      const isNamedLate = by !== null && known.closedBy === "" && ticket.state === "closed";
      const after = isNamedLate ? { ...known, closedBy: by } : known;
      if (after.assignee === before.assignee && after.closedBy === before.closedBy) return;
      await writeOutside(tx.trx, after, tx.now);
      await show(tx, parts, ticket);
      return;
    }
    case "agree":
      await writeOutside(tx.trx, { ...known, agreed: shown.state }, tx.now);
      if (known.assignee !== before.assignee) await show(tx, parts, ticket);
      return;
    case "close":
      await writeOutside(
        tx.trx,
        { ...known, agreed: "closed", closedBy: by ?? "", isKeptOpen: false },
        tx.now,
      );
      if (ticket.pagedAt !== null) await parts.paging.resolve(tx, id, systemActor);
      await settled(tx, parts, "ticket.closed", ticket, by, {
        ...ticket,
        state: "closed",
        closedAt: tx.now,
        closedBy: null,
        closedBecause: "person",
        closedNote: null,
        pagedAt: null,
      });
      return;
    case "reopen": {
      const isPast = await hasOpenSuccessor(tx.trx, ticket);
      await writeOutside(
        tx.trx,
        { ...known, agreed: "open", ...(isPast ? {} : { closedBy: null, isKeptOpen: true }) },
        tx.now,
      );
      // Its cause has a newer ticket: one cause has one open card.
      if (isPast) return;
      await settled(tx, parts, "ticket.reopened", ticket, by, {
        ...ticket,
        state: "open",
        closedAt: null,
        closedBy: null,
        closedBecause: null,
        closedNote: null,
      });
      return;
    }
  }
}

async function settled(
  tx: Tx,
  parts: TicketParts,
  action: string,
  before: Ticket,
  by: string | null,
  after: Ticket,
): Promise<void> {
  const ready = { ...after, changedAt: tx.now };
  await writeTicket(tx.trx, ready);
  const system = systemOf(parts.platform.catalogs.current(), before.provider);
  tx.audit({
    actor: systemActor,
    action,
    subject: before.id,
    service: before.service ?? undefined,
    before: before.state,
    after: after.state,
    reason: `${after.state === "closed" ? "closed" : "opened again"} at ${system}${by === null ? "" : ` by ${by}`}`,
    detail: { provider: before.provider, key: before.externalKey, by },
  });
  await show(tx, parts, ready);
}
