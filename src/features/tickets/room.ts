/** What the files of this room share: its parts, how a changed ticket is shown and published. */
import type { Tx } from "../../platform/db/database.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Ticketing } from "../../providers/ticketing/contract.ts";
import type { Alerts } from "../alerts/index.ts";
import type { Deploys } from "../deploys/index.ts";
import type { Paging } from "../paging/index.ts";
import type { Slos } from "../slos/index.ts";
import { cardKeyOf, channelOf, elsewhereText, ticketCard } from "./cards.ts";
import type { Ticket } from "./model.ts";
import { ticketMutes } from "./mute-store.ts";
import { isBuiltin } from "./outside.ts";
import { readOutside } from "./outside-store.ts";

export interface TicketParts {
  platform: Platform;
  alerts: Alerts;
  slos: Pick<Slos, "budgetOf">;
  paging: Paging;
  deploys: Pick<Deploys, "recentChanges">;
  /** The provider a ticket names. */
  ticketing: (name: string) => Ticketing;
}

export const followJob = "tickets.follow";
export const publishJob = "tickets.publish";
/** Under which ref a provider's tickets are brought out, one after another. */
export const providerRefPrefix = "provider:";
export const unmuteJob = "tickets.unmute";

/** Makes the card show the ticket. A held-back card is not shown; a page overrides that. */
export async function show(
  tx: Tx,
  { platform }: Pick<TicketParts, "platform">,
  ticket: Ticket,
): Promise<void> {
  if (ticket.isQuiet) return;
  const mutes = await ticketMutes(tx.trx, ticket, tx.now);
  const catalog = platform.catalogs.current();
  const hasOutside = !ticket.isObserved && !isBuiltin(catalog, ticket.provider);
  const outside = hasOutside ? await readOutside(tx.trx, ticket.id) : undefined;
  const shown = ticketCard(ticket, {
    catalog,
    slackTeam: platform.slackTeam(),
    publicUrl: platform.publicUrl,
    mutes,
    outside,
  });
  tx.say({ key: cardKeyOf(ticket.id), channel: ticket.channel, urgent: ticket.pagedAt !== null, ...shown });
  for (const [channel, services] of otherChannels(platform, ticket))
    tx.say({
      key: `${cardKeyOf(ticket.id)}:in:${channel}`,
      channel,
      text: elsewhereText(ticket, services, platform.catalogs.current()),
    });
}

/** Channels of services on the ticket other than the one its card stands in. */
function otherChannels(platform: Platform, ticket: Ticket): Map<string, string[]> {
  const channels = new Map<string, string[]>();
  if (ticket.closedBecause === "merged") return channels;
  for (const service of [...new Set(ticket.parts.map((part) => part.service))]) {
    if (service === null) continue;
    const channel = channelOf(platform.catalogs.current(), platform.slackTeam(), service);
    if (channel === undefined || channel === ticket.channel) continue;
    channels.set(channel, [...(channels.get(channel) ?? []), service]);
  }
  return channels;
}

/** The ticket with one more version for the provider, and the ring that brings it there. */
export function published(tx: Tx, ticket: Ticket): Ticket {
  // Of a service that is only observed nothing goes outside.
  if (ticket.isObserved) return ticket;
  tx.ring({ job: publishJob, ref: ticket.id, lane: "normal" });
  return { ...ticket, wantedVersion: ticket.wantedVersion + 1 };
}
