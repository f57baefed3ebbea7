/**
 * Tickets: one per cause while it lasts, taken, judged, closed; and whether it pages.
 * Owns: tickets, mutes, the built-in ticket store. Pages when: users hurt by their budget, or it is not known and the
 * sender says critical, or the catalog says so.
 */

import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { createBuiltinTicketing } from "../../providers/ticketing/builtin.ts";
import type { Ticketing } from "../../providers/ticketing/contract.ts";
import { type Alerts, alertsChanged } from "../alerts/index.ts";
import type { Deploys } from "../deploys/index.ts";
import { type Paging, pageAcknowledged } from "../paging/index.ts";
import type { Slos } from "../slos/index.ts";
import { acknowledgedThere, acknowledgedThereJob } from "./acknowledged-there.ts";
import { alertRuleCommand, alertRuleModal } from "./alert-rule.ts";
import { ticketApi } from "./api.ts";
import { followJobs } from "./follow.ts";
import { type TicketRecord, ticketRecords } from "./history.ts";
import { listCommand } from "./list.ts";
import { listenJobs, outsideJob, reconcileJob } from "./listen.ts";
import { ticketMigrations } from "./migrations.ts";
import type { Ticket } from "./model.ts";
import { createMutes } from "./mutes.ts";
import { countPending } from "./outside-store.ts";
import { ticketPages } from "./pages.ts";
import { publishJobOf } from "./publish.ts";
import { followJob, type TicketParts } from "./room.ts";
import { createDeeds, type TicketDeeds } from "./service.ts";
import { muteModal, ticketCommands } from "./slack.ts";
import { listTickets, readTicket, type TicketTables } from "./store.ts";
import { ticketConsole, ticketSummaries } from "./summaries.ts";
import { acknowledgedJob, repeatJob, takingJobs } from "./taking.ts";

export { cardKeyOf } from "./cards.ts";
export type { TicketRecord } from "./history.ts";
export { ticketMigrations } from "./migrations.ts";
export type { Ticket, TicketId } from "./model.ts";
export { type ReplayedCause, type ReplayReport, replay } from "./replay.ts";
export { suspectText } from "./suspect-words.ts";
export { neighbourhood, suspectsOf } from "./suspects.ts";

export interface Tickets {
  /** Undefined when there is no such ticket. Works inside a transaction too. */
  ticketOf(id: string, db?: Db | Trx): Promise<Ticket | undefined>;
  /** Open ones, paged first, the worst and newest first; at most 50. */
  openTicketsOf(service: string): Promise<readonly Ticket[]>;
  /** What became of the tickets opened in [from, to), the newest first. */
  records(from: Date, to: Date): Promise<readonly TicketRecord[]>;
  /** What people may do to tickets, for rooms whose buttons do the same. */
  deeds: TicketDeeds;
}

export interface TicketRooms {
  alerts: Alerts;
  slos: Pick<Slos, "budgetOf">;
  paging: Paging;
  deploys: Pick<Deploys, "recentChanges">;
  /** Providers by the catalog's name; the built-in store when left out. */
  ticketing?: ((name: string) => Ticketing) | undefined;
}

const redecideEverySec = 15;
const reconcileEverySec = 300;
const repeatLookEverySec = 60;

export function createTickets(platform: Platform, rooms: TicketRooms): Feature & { api: Tickets } {
  const { database, clock } = platform;
  const builtin = createBuiltinTicketing(database.db, () => clock.now());
  const parts: TicketParts = { platform, ...rooms, ticketing: rooms.ticketing ?? (() => builtin) };
  const deeds = createDeeds(parts);
  const mutes = createMutes(parts);
  const [follow, redecide] = followJobs(parts);
  if (follow === undefined || redecide === undefined) throw new Error("tickets lacks a job");

  return {
    name: "tickets",
    about: "One ticket per cause while it lasts: taken, judged, closed; and whether it pages.",
    commands: [listCommand(parts), ...ticketCommands(deeds, mutes), alertRuleCommand(parts)],
    modals: [muteModal, alertRuleModal],
    jobs: [
      follow,
      redecide,
      publishJobOf(parts),
      ...listenJobs(parts),
      mutes.job,
      ...takingJobs(parts),
      acknowledgedThere(parts),
    ],
    schedules: [
      { job: redecide.name, everySec: redecideEverySec },
      { job: reconcileJob, everySec: reconcileEverySec },
      { job: repeatJob, everySec: repeatLookEverySec },
    ],
    events: [
      { on: alertsChanged, job: followJob },
      { on: "hooks.ticket", job: outsideJob },
      { on: pageAcknowledged, job: acknowledgedJob },
      { on: "hooks.page", job: acknowledgedThereJob },
    ],
    summaries: ticketSummaries(platform),
    console: ticketConsole(platform),
    routes: ticketPages(platform),
    apiRoutes: ticketApi(platform),
    migrations: ticketMigrations,
    metrics: [
      {
        name: "quarterdeck_tickets_open",
        help: "Open tickets by service and whether they page.",
        type: "gauge",
        read: async () => {
          const rows = await tables<TicketTables>(database.db)
            .selectFrom("tickets")
            .select((eb) => [
              "service",
              eb("paged_at", "is not", null).as("paged"),
              eb.fn.countAll<string>().as("n"),
            ])
            .where("state", "=", "open")
            .groupBy(["service", "paged"])
            .execute();
          return rows.map(({ service, paged, n }) => ({
            labels: { service: service ?? "unknown", paged: String(paged) },
            value: Number(n),
          }));
        },
      },
      {
        name: "quarterdeck_tickets_pending",
        help: "Tickets whose side at their provider is behind, by provider.",
        type: "gauge",
        read: async () =>
          (await countPending(database.db)).map(({ provider, count }) => ({
            labels: { provider },
            value: count,
          })),
      },
    ],
    retention: [
      { table: "tickets", column: "closed_at", keepDays: 400, where: "state = 'closed'" },
      { table: "ticket_groups", column: "left_at", keepDays: 400 },
      {
        table: "ticket_groups",
        column: "joined_at",
        keepDays: 500,
        where: "not exists (select 1 from tickets where tickets.id = ticket_groups.ticket)",
      },
      { table: "ticket_mutes", column: "ended_at", keepDays: 400 },
      {
        table: "ticket_outside",
        column: "changed_at",
        keepDays: 1,
        where: "not exists (select 1 from tickets where tickets.id = ticket_outside.ticket)",
      },
      { table: "ticket_systems", column: "away_until", keepDays: 1 },
      { table: "builtin_tickets", column: "changed_at", keepDays: 400, where: "state = 'closed'" },
    ],
    api: {
      ticketOf: (id, db = database.db) => readTicket(db, id),
      records: (from, to) => ticketRecords(database.db, from, to),
      openTicketsOf: (service) => listTickets(database.db, { service, limit: 50 }),
      deeds,
    },
  };
}
