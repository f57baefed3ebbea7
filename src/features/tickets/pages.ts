/** The console's pages of tickets: those that are open, and one with its card, its reasons and its thread. */
import type { Route } from "../../platform/feature.ts";
import { cardAndThread, linesHtml } from "../../platform/http/cards.ts";
import { escapeHtml, live, page } from "../../platform/http/page.ts";
import { sendPage } from "../../platform/http/server.ts";
import { parseIdOf } from "../../platform/ids.ts";
import type { Platform } from "../../platform/platform.ts";
import { cardKeyOf } from "./cards.ts";
import { countTickets, listTickets, readTicket } from "./store.ts";
import { ticketLine, ticketSummaries, ticketsPath } from "./summaries.ts";

const rowsMax = 100;

export function ticketPages(platform: Platform): Route[] {
  const { database, catalogs } = platform;
  const { why } = ticketSummaries(platform);
  return [
    {
      method: "GET",
      path: ticketsPath,
      about: "Open tickets, paged first; `?service=` those of one.",
      role: "anyone",
      nav: { label: "Tickets", order: 50 },
      async handle({ res, url, frame }) {
        const service = url.searchParams.get("service") ?? undefined;
        const isKnown =
          service === undefined || catalogs.current().services.some(({ name }) => name === service);
        const filter = isKnown ? { service } : { service: "" };
        const [tickets, open] = await Promise.all([
          listTickets(database.db, { ...filter, limit: rowsMax }),
          countTickets(database.db, filter),
        ]);
        const more = open > tickets.length ? `<p>… and ${open - tickets.length} more.</p>` : "";
        const lines = tickets.map((ticket) => ({ rank: 0, text: ticketLine(ticket, platform) }));
        const all = service === undefined ? "" : `<p><a href="${ticketsPath}">All open tickets</a></p>`;
        const body = live(
          "tickets",
          "ticket:*",
          lines.length === 0 ? "<p>No ticket is open.</p>" : linesHtml(lines, frame) + more,
        );
        sendPage(
          res,
          200,
          page(service === undefined ? "Open tickets" : `Open tickets of ${service}`, body + all, frame),
        );
      },
    },
    {
      method: "GET",
      path: `${ticketsPath}/:id`,
      about: "A ticket: its card with its verbs, why it stands as it does, what was said.",
      role: "anyone",
      thing: "T",
      async handle({ res, params, frame }) {
        const id = parseIdOf("ticket", params.id ?? "");
        const ticket = id && (await readTicket(database.db, id));
        if (!ticket)
          return sendPage(
            res,
            404,
            page(
              "No such ticket",
              `<p>There is none of this id. <a href="${ticketsPath}">Open tickets</a></p>`,
              frame,
            ),
          );
        const key = cardKeyOf(ticket.id);
        const none = "It has no card: it is held back while its service is quiet.";
        const [{ card, thread }, lines] = await Promise.all([
          cardAndThread(database.db, key, frame, none),
          why?.({ id: ticket.id }) ?? [],
        ]);
        const service =
          ticket.service === null
            ? ""
            : `<p><a href="/services/${encodeURIComponent(ticket.service)}">${escapeHtml(ticket.service)}</a> · <a href="/audit?subject=${ticket.id}">audit of ${ticket.id}</a></p>`;
        const body = live("ticket", key, `${card}<h2>Why</h2>${linesHtml(lines, frame)}${thread}`);
        sendPage(res, 200, page(`${ticket.id} ${ticket.name}`, body + service, frame));
      },
    },
  ];
}
