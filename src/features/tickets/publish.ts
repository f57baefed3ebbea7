/**
 * A ticket's side outside: what is wanted is a version on the row (the intent), the provider is called with our id as
 * marker, read back, and only then is the version recorded. Any step may be done again after a crash.
 */
import type { Job } from "../../platform/rings/runner.ts";
import type { ExternalTicket, TicketContent, Ticketing } from "../../providers/ticketing/contract.ts";
import { spanText } from "./cards.ts";
import { subjectOf, type Ticket } from "./model.ts";
import { publishJob, type TicketParts } from "./room.ts";
import { readTicket, ticketTables } from "./store.ts";

export function publishJobOf({ platform, ticketing }: TicketParts): Job {
  const { database, catalogs } = platform;
  return {
    name: publishJob,
    about: "Brings a ticket at its provider to what it should be.",
    lane: "normal",
    leaseSec: 60,
    async run(id) {
      const ticket = await readTicket(database.db, id);
      if (ticket === undefined || ticket.publishedVersion >= ticket.wantedVersion) return undefined;
      const content = contentOf(ticket, catalogs.current().organisation.defaultEnvironment);
      const shown = await bring(ticketing(ticket.provider), ticket, content);
      await ticketTables(database.db)
        .updateTable("tickets")
        .set({ external_key: shown.key, external_url: shown.url, published_version: ticket.wantedVersion })
        .where("id", "=", id)
        .where("published_version", "<", ticket.wantedVersion)
        .execute();
      return undefined;
    },
  };
}

async function bring(provider: Ticketing, ticket: Ticket, content: TicketContent): Promise<ExternalTicket> {
  const key = ticket.externalKey ?? (await provider.create(content, ticket.id)).key;
  if (ticket.state === "closed") await provider.close(key, closingNote(ticket));
  else await provider.update(key, content);
  const shown = await provider.read(key);
  if (shown?.state !== ticket.state)
    throw new Error(
      `${ticket.provider} shows ${ticket.id} as ${shown?.state ?? "missing"} after it was asked for ${ticket.state}`,
    );
  return shown;
}

function contentOf(ticket: Ticket, defaultEnvironment: string): TicketContent {
  return {
    title: `${subjectOf(ticket, defaultEnvironment)}: ${ticket.name}`,
    body: [ticket.summary, ticket.decision.words, ticket.note, ticket.link]
      .filter((part) => part !== null)
      .join("\n"),
    owner: ticket.team,
    severity: ticket.severity,
  };
}

const closingNote = ({ closedAt, since, closedNote }: Ticket): string =>
  [`Over after ${spanText((closedAt ?? since).getTime() - since.getTime())}.`, closedNote]
    .filter((part) => part !== null)
    .join(" ");
