/** What the files of this room share: its parts, how a changed ticket is shown and published. */
import type { Tx } from "../../platform/db/database.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Ticketing } from "../../providers/ticketing/contract.ts";
import type { Alerts } from "../alerts/index.ts";
import type { Paging } from "../paging/index.ts";
import type { Slos } from "../slos/index.ts";
import { cardKeyOf, ticketCard } from "./cards.ts";
import type { Ticket } from "./model.ts";
import { mutesOf } from "./mute-store.ts";
import { isBuiltin } from "./outside.ts";
import { readOutside } from "./outside-store.ts";

export interface TicketParts {
  platform: Platform;
  alerts: Alerts;
  slos: Pick<Slos, "budgetOf">;
  paging: Paging;
  /** The provider a ticket names. */
  ticketing: (name: string) => Ticketing;
}

export const followJob = "tickets.follow";
export const publishJob = "tickets.publish";
export const unmuteJob = "tickets.unmute";

/** Makes the card show the ticket. A held-back card is not shown; a page overrides that. */
export async function show(
  tx: Tx,
  { platform }: Pick<TicketParts, "platform">,
  ticket: Ticket,
): Promise<void> {
  if (ticket.isQuiet) return;
  const mutes = await mutesOf(tx.trx, ticket, tx.now);
  const catalog = platform.catalogs.current();
  const outside = isBuiltin(catalog, ticket.provider) ? undefined : await readOutside(tx.trx, ticket.id);
  const shown = ticketCard(ticket, { catalog, slackTeam: platform.slackTeam(), mutes, outside });
  tx.say({ key: cardKeyOf(ticket.id), channel: ticket.channel, urgent: ticket.pagedAt !== null, ...shown });
}

/** The ticket with one more version for the provider, and the ring that brings it there. */
export function published(tx: Tx, ticket: Ticket): Ticket {
  tx.ring({ job: publishJob, ref: ticket.id, lane: "normal" });
  return { ...ticket, wantedVersion: ticket.wantedVersion + 1 };
}
