/** Tickets for programs. */
import { z } from "zod";
import { type ApiRoute, defineApiRoute } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, refuse } from "../../platform/refusal.ts";
import type { Ticket } from "./model.ts";
import { listTickets, readTicket } from "./store.ts";

const ticketSchema = z.object({
  id: z.string(),
  service: z.string().nullable(),
  environment: z.string(),
  team: z.string(),
  name: z.string().meta({ description: "The rule that fires." }),
  state: z.enum(["open", "closed"]),
  severity: z.string(),
  summary: z.string().nullable(),
  firing: z.int(),
  since: z.iso.datetime(),
  openedAt: z.iso.datetime(),
  takenBy: z.string().nullable().meta({ description: "Slack user id." }),
  pagedAt: z.iso.datetime().nullable(),
  closedAt: z.iso.datetime().nullable(),
  closedBecause: z.string().nullable(),
});

const shown = (ticket: Ticket): z.output<typeof ticketSchema> => ({
  id: ticket.id,
  service: ticket.service,
  environment: ticket.environment,
  team: ticket.team,
  name: ticket.name,
  state: ticket.state,
  severity: ticket.severity,
  summary: ticket.summary,
  firing: ticket.firingCount,
  since: ticket.since.toISOString(),
  openedAt: ticket.openedAt.toISOString(),
  takenBy: ticket.takenBy,
  pagedAt: ticket.pagedAt?.toISOString() ?? null,
  closedAt: ticket.closedAt?.toISOString() ?? null,
  closedBecause: ticket.closedBecause,
});

const dayMs = 86_400_000;

export function ticketApi({ database, clock }: Platform): readonly ApiRoute[] {
  return [
    defineApiRoute({
      method: "GET",
      path: "/tickets",
      operationId: "listTickets",
      about: "Open tickets, paged ones and the worst first; with closedDays those closed since then too.",
      scope: "read",
      query: z.strictObject({
        service: z.string().max(63).optional(),
        closedDays: z.coerce.number().min(0).max(90).optional(),
        limit: z.coerce.number().int().min(1).max(200).default(50),
      }),
      answer: z.object({ tickets: z.array(ticketSchema) }),
      handle: async ({ query: { service, closedDays, limit }, services }) => {
        const closedSince =
          closedDays === undefined ? undefined : new Date(clock.now().getTime() - closedDays * dayMs);
        const found = await listTickets(database.db, { service, services, closedSince, limit });
        return allow({ tickets: found.map(shown) });
      },
    }),
    defineApiRoute({
      method: "GET",
      path: "/tickets/:id",
      operationId: "readTicket",
      about: "One ticket.",
      scope: "read",
      answer: ticketSchema,
      handle: async ({ params, covers }) => {
        const found = await readTicket(database.db, params.id ?? "");
        return found && covers(found.service)
          ? allow(shown(found))
          : refuse({ rule: "known-thing", message: "There is no ticket of this id that the token covers." });
      },
    }),
  ];
}
