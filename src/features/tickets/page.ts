/** A ticket's page: who, in which words, with which verbs. */
import type { Catalog } from "../../catalog/schema.ts";
import type { Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import { cardKeyOf, rollBackVerb } from "./cards.ts";
import { subjectOf, type Ticket } from "./model.ts";
import type { TicketParts } from "./room.ts";
import { firstSuspectText } from "./suspect-words.ts";
import { servicesHit } from "./whole.ts";

/** The ticket with its page out; the page itself is written in the same transaction. */
export async function page(tx: Tx, parts: TicketParts, ticket: Ticket): Promise<Ticket> {
  await sayPage(tx, parts, ticket);
  return { ...ticket, pagedAt: tx.now, wasPaged: true, isQuiet: false };
}

/** Tells paging how the page of a ticket reads by now: while it stands this changes its words and wakes nobody. */
export async function sayPage(tx: Tx, { paging, platform }: TicketParts, ticket: Ticket): Promise<void> {
  const catalog = platform.catalogs.current();
  const back = rollBackVerb(ticket, catalog);
  await paging.page(tx, {
    team: ticket.team,
    service: ticket.service ?? undefined,
    headline: pageLine(ticket, catalog),
    dedupKey: ticket.id,
    subject: ticket.id,
    channel: ticket.channel,
    from: ticket.sources,
    parent: cardKeyOf(ticket.id),
    detail: { ...ticket.decision.numbers, rule: ticket.decision.rule, suspects: ticket.suspects },
    verbs: back ? [back] : [],
    actor: systemActor,
  });
}

/**
 * `PAGE shop: HighErrorRate: burn 90x, errors 9.1 %. Suspect 1: shop v42, 02:58, by ci. 11 more services hit. T-1`. Who
 * hurts and what was changed come first; why it pages when that is not known comes last.
 */
function pageLine(ticket: Ticket, catalog: Catalog): string {
  const { rule, numbers, words } = ticket.decision;
  const { slo, burn, errorRatio } = numbers;
  const isMeasured = rule === "users-hurting" && slo !== undefined;
  const measured = [
    burn === undefined ? "" : `burn ${Math.round(burn)}x`,
    errorRatio === undefined ? "" : `errors ${(errorRatio * 100).toFixed(1)} %`,
  ].filter(Boolean);
  const word = ticket.severityText;
  const how = isMeasured
    ? measured.join(", ")
    : word === null
      ? "the sender gives no severity"
      : `the sender says ${word}`;
  const more = servicesHit(ticket.parts).length - 1;
  const parts = [
    `${escapeText(ticket.name, 80)}: ${escapeText(how, 80)}`,
    escapeText(firstSuspectText(ticket.suspects, catalog) ?? "", 120),
    more > 0 ? `${more} more ${more === 1 ? "service" : "services"} hit` : "",
    isMeasured ? "" : escapeText(whyOf(words), 300),
    ticket.id,
  ].filter((part) => part !== "");
  return `PAGE ${escapeText(subjectOf(ticket, catalog.organisation.defaultEnvironment))}: ${parts.join(". ")}`;
}

/** Why it pages, after what the sender says: `Paged: the sender says critical. Whether users …` → `Whether users …` */
function whyOf(words: string): string {
  const said = words.replace(/^Paged: (the sender (says|gives) [^.]*\. )?/, "").replace(/\.$/, "");
  return said.charAt(0).toUpperCase() + said.slice(1);
}
