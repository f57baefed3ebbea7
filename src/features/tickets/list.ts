/** `/ops alerts`: tickets, and every alert behind them, page by page. */
import { z } from "zod";
import { arg, argsOf, defineCommand, flagsOf } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Reply } from "../../platform/feature.ts";
import { dateToken, escapeText, link, section } from "../../platform/messages/blocks.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import type { AlertFilter, ListedAlert } from "../alerts/index.ts";
import type { Ticket } from "./model.ts";
import type { TicketParts } from "./room.ts";
import { unknownTicket } from "./service.ts";
import { countTickets, listTickets, readTicket } from "./store.ts";
import { ticketLine } from "./summaries.ts";

const dayMs = 86_400_000;
const linesMax = 20;
/** Labels shown of an alert: enough to tell it from its neighbours. */
const labelsShownMax = 6;
const hiddenLabels = new Set(["alertname", "service", "severity"]);

const alertsSpec = defineCommand({
  name: "alerts",
  args: z.object({ target: arg.target("service", "T").optional() }),
  flags: z.object({ since: arg.duration().optional(), page: arg.count().optional() }),
  role: "anyone",
  acts: false,
  summary:
    "Alerts as tickets: open ones, and those that ended lately. Of a ticket or service: each alert, by page.",
  example: "alerts shop --since 24h",
});

export function listCommand({ platform, alerts }: Pick<TicketParts, "platform" | "alerts">): Command {
  const { database } = platform;

  const alertsOf = async (filter: AlertFilter, pageNumber: number, again: string): Promise<string[]> => {
    const all = await alerts.countAlerts(database.db, filter);
    if (all === 0) return [];
    const pages = Math.ceil(all / linesMax);
    const page = Math.min(pageNumber, pages);
    const found = await alerts.listAlerts(database.db, filter, {
      limit: linesMax,
      offset: (page - 1) * linesMax,
    });
    const next = page < pages ? ` Next: \`/ops alerts ${again} --page ${page + 1}\`` : "";
    return [
      `*${all.toLocaleString("en")} ${all === 1 ? "alert" : "alerts"}*, page ${page} of ${pages}.${next}`,
      ...found.map(alertLine),
    ];
  };

  const ofTicket = async (ticket: Ticket, page: number): Promise<string[]> => [
    ticketLine(ticket, platform),
    ...(await alertsOf({ groupIds: ticket.parts.map(({ groupId }) => groupId) }, page, ticket.id)),
  ];

  const run = async ({ line, now }: CommandContext): Promise<Decision<Reply>> => {
    const { target } = argsOf(alertsSpec, line);
    const { since: sinceMs, page = 1 } = flagsOf(alertsSpec, line);
    if (target?.is === "id") {
      const ticket = await readTicket(database.db, target.id);
      return ticket === undefined ? unknownTicket(target.id) : reply(await ofTicket(ticket, page));
    }
    const service = target?.is === "service" ? target.service : undefined;
    const since = new Date(now.getTime() - (sinceMs ?? dayMs));
    const filter = { service, closedSince: since };
    const [tickets, all] = await Promise.all([
      listTickets(database.db, { ...filter, limit: linesMax }),
      countTickets(database.db, filter),
    ]);
    const lines = tickets.map((ticket) => ticketLine(ticket, platform));
    if (all > tickets.length)
      lines.push(`… and ${all - tickets.length} more; name a service to see its own.`);
    if (service !== undefined) lines.push(...(await alertsOf({ service, since }, page, service)));
    else if (tickets.length > 0) lines.push("Each alert of one: `/ops alerts T-3` or a service.");
    return lines.length > 0
      ? reply(lines)
      : allow({
          text: `No alerts${service ? ` for ${escapeText(service)}` : ""} in that time. Look further back: \`--since 7d\`.`,
        });
  };
  return { spec: alertsSpec, run };
}

const reply = (lines: readonly string[]): Decision<Reply> =>
  allow({ text: lines.join("\n"), blocks: chunks(lines).map(section) });

/** `🟠 HighErrorRate · shop · critical · instance=a · since 09:59 source` */
function alertLine(alert: ListedAlert): string {
  const labels = Object.entries(alert.labels)
    .filter(([name]) => !hiddenLabels.has(name))
    .slice(0, labelsShownMax)
    .map(([name, value]) => `${escapeText(name, 40)}=${escapeText(value, 80)}`);
  const when =
    alert.endedAt === null
      ? `since ${dateToken(alert.startsAt, "date_time")}${alert.isStale ? ", stale" : ""}`
      : `until ${dateToken(alert.endedAt, "date_time")}`;
  const parts = [
    `${alert.status === "firing" ? "🟠" : "⚫"} ${escapeText(alert.name, 80)}`,
    escapeText(alert.service ?? "unknown service"),
    escapeText(alert.severityText ?? alert.severity, 30),
    ...labels,
    when,
  ];
  return `${parts.join(" · ")}${alert.link === null ? "" : ` ${link(alert.link, "source")}`}`;
}

/** Lines joined into sections below Slack's limit. */
function chunks(lines: readonly string[]): string[] {
  const joined: string[] = [];
  for (const line of lines) {
    const last = joined.at(-1);
    if (last !== undefined && last.length + line.length < 2_800)
      joined[joined.length - 1] = `${last}\n${line}`;
    else joined.push(line);
  }
  return joined;
}
