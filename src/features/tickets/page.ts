/** A ticket's page: who, in which words, with which verbs. */
import type { Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import { cardKeyOf, rollBackVerb } from "./cards.ts";
import { subjectOf, type Ticket } from "./model.ts";
import type { TicketParts } from "./room.ts";

/** The ticket with its page out; the page itself is written in the same transaction. */
export async function page(tx: Tx, { paging, platform }: TicketParts, ticket: Ticket): Promise<Ticket> {
  const catalog = platform.catalogs.current();
  const back = rollBackVerb(ticket, catalog);
  await paging.page(tx, {
    team: ticket.team,
    service: ticket.service ?? undefined,
    headline: pageLine(ticket, catalog.organisation.defaultEnvironment),
    dedupKey: ticket.id,
    subject: ticket.id,
    channel: ticket.channel,
    parent: cardKeyOf(ticket.id),
    detail: { ...ticket.decision.numbers, rule: ticket.decision.rule },
    verbs: back ? [back] : [],
    actor: systemActor,
  });
  return { ...ticket, pagedAt: tx.now, wasPaged: true, isQuiet: false };
}

function pageLine(ticket: Ticket, defaultEnvironment: string): string {
  const { rule, numbers, words } = ticket.decision;
  const { slo, burn, errorRatio, budgetLeftRatio } = numbers;
  const why =
    rule === "users-hurting" && slo !== undefined
      ? [
          burn === undefined ? "" : `burn ${Math.round(burn)}x`,
          errorRatio === undefined ? "" : `errors ${(errorRatio * 100).toFixed(1)} %`,
          budgetLeftRatio === undefined ? "" : `${Math.round(budgetLeftRatio * 100)} % of the budget left`,
        ]
          .filter(Boolean)
          .join(", ")
      : words.replace(/^Paged: /, "");
  return `PAGE ${escapeText(subjectOf(ticket, defaultEnvironment))}: ${escapeText(ticket.name, 80)}: ${escapeText(why, 300)} (${ticket.id})`;
}
