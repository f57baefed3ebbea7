/** Lines on tickets in `/ops`, `/ops status` and `/ops why`, and the list of `/ops alerts`. */
import { personBySlack } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { ConsoleParts, Summaries, SummaryLine } from "../../platform/feature.ts";
import { dateToken, escapeText, mention } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { headlineOf, spanText } from "./cards.ts";
import type { Choice } from "./decide.ts";
import { joinText } from "./joining.ts";
import { decisionsOf } from "./members.ts";
import type { Ticket } from "./model.ts";
import { mutesOf } from "./mute-store.ts";
import { countTickets, listTickets, readTicket } from "./store.ts";
import { suspectLines } from "./suspect-words.ts";

const linesMax = 10;
const goingMax = 50;
/** Page of the open tickets. */
export const ticketsPath = "/tickets";

export function ticketSummaries(platform: Platform): Summaries {
  const { database, clock } = platform;
  const line = (ticket: Ticket): string => ticketLine(ticket, platform);
  return {
    async mine(actor) {
      const tickets = await listTickets(database.db, { takenBy: actor.person, limit: linesMax });
      return tickets.map((ticket) => ({
        rank: ticket.pagedAt === null ? 30 : 10,
        text: `Yours: ${line(ticket)}`,
      }));
    },
    async status(service) {
      const [tickets, open, mutes] = await Promise.all([
        listTickets(database.db, { service, limit: linesMax }),
        countTickets(database.db, { service }),
        mutesOf(database.db, { services: [service], groupIds: [] }, clock.now()),
      ]);
      const lines: SummaryLine[] = tickets.map((ticket) => ({
        rank: ticket.pagedAt === null ? 40 : 10,
        text: line(ticket),
      }));
      if (open > tickets.length)
        lines.push({
          rank: 41,
          text: `… and ${open - tickets.length} more open tickets: \`/ops alerts ${escapeText(service)}\``,
        });
      for (const mute of mutes)
        lines.push({
          rank: 45,
          text: `Muted${mute.withPages ? ", pages too," : ""} until ${dateToken(mute.until, "date_time")}: ${escapeText(mute.reason, 200)}`,
        });
      if (lines.length === 0) lines.push({ rank: 90, text: "No open tickets." });
      return lines;
    },
    async why(thing) {
      if ("id" in thing) {
        const ticket = await readTicket(database.db, thing.id);
        if (ticket === undefined) return [];
        return whyLines(ticket, line(ticket), await decisionsOf(database.db, ticket.id), platform);
      }
      const since = new Date(clock.now().getTime() - 86_400_000);
      const tickets = await listTickets(database.db, {
        service: thing.service,
        closedSince: since,
        limit: 5,
      });
      return tickets.map((ticket, index) => ({
        rank: 20 + index,
        text: `${line(ticket)}\n${escapeText(ticket.decision.words, 1_000)}`,
      }));
    },
  };
}

/** Open tickets for the console's first page. */
export const ticketConsole = (platform: Platform): ConsoleParts => ({
  going: {
    title: "Tickets",
    path: ticketsPath,
    async lines() {
      const tickets = await listTickets(platform.database.db, { limit: goingMax });
      return tickets.map((ticket) => ({
        rank: ticket.pagedAt === null ? 40 : 10,
        text: ticketLine(ticket, platform),
      }));
    },
  },
});

const joinedShownMax = 15;

function whyLines(
  ticket: Ticket,
  line: string,
  members: Awaited<ReturnType<typeof decisionsOf>>,
  { catalogs, slackTeam }: Platform,
): SummaryLine[] {
  const { decision } = ticket;
  const catalog = catalogs.current();
  const lines = [
    line,
    `${escapeText(decision.words, 1_000)} Decided ${dateToken(new Date(decision.at), "date_time")} by rule \`${decision.rule}\`.`,
  ];
  lines.push(...suspectLines(ticket.suspects, catalog).map((words) => `Suspect ${words}`));
  const joined = members.filter(({ because }) => because !== "first");
  for (const { service, because, via, decision } of joined.slice(0, joinedShownMax))
    lines.push(
      `${escapeText(service ?? "unknown service")} is on it because ${escapeText(joinText(because, via))}. ${escapeText(aloneText(decision), 300)}`,
    );
  if (joined.length > joinedShownMax) lines.push(`… and ${joined.length - joinedShownMax} more joined it.`);
  if (ticket.mergedInto !== null)
    lines.push(escapeText(ticket.closedNote ?? `Part of ${ticket.mergedInto}.`));
  if (ticket.note !== null) lines.push(escapeText(ticket.note));
  if (ticket.closedAt !== null && ticket.closedBecause !== "merged")
    lines.push(
      `${ticket.closedBecause === "person" ? `Resolved by ${closerOf(ticket, catalog, slackTeam())}` : "Its alerts resolved"} ${dateToken(ticket.closedAt, "date_time")}.`,
    );
  return lines.map((text, index) => ({ rank: 20 + index, text }));
}

/** What was decided of one that joined: its cause pages once, whatever it would do by itself. */
const aloneText = (decision: Choice | null): string => {
  if (decision === null) return "Not decided apart.";
  const words = decision.words.replace(/^Paged: /, "Alone it pages: ");
  return decision.page ? `${words} One page per cause.` : words;
};

function closerOf({ closedBy }: Ticket, catalog: Catalog, slackTeam: string): string {
  if (closedBy === null) return "a person";
  const known = personBySlack(catalog, slackTeam, closedBy);
  return known ? escapeText(known.name) : mention(closedBy);
}

export function ticketLine(ticket: Ticket, { catalogs }: Platform): string {
  const mark = ticket.state === "closed" ? "⚫" : ticket.pagedAt === null ? "🟠" : "🔴";
  const when =
    ticket.closedAt === null
      ? `since ${dateToken(ticket.since, "date_time")}`
      : `took ${spanText(ticket.closedAt.getTime() - ticket.since.getTime())}`;
  return `${mark} ${ticket.id} ${headlineOf(ticket, catalogs.current())} · ${when}`;
}
