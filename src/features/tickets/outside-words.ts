/** A ticket's side at its provider as the card says it. Pure. */
import type { Catalog } from "../../catalog/schema.ts";
import { dateToken, escapeText, link } from "../../platform/messages/blocks.ts";
import type { Ticket } from "./model.ts";
import { keyText, type Outside, personByAccount, systemOf } from "./outside.ts";

interface View {
  catalog: Catalog;
  outside?: Outside | undefined;
}

/** `GitHub #12` as a link, or that it is still to come. */
export function outsideText(ticket: Ticket, { outside, catalog }: View): string[] {
  if (outside === undefined) return [];
  const { externalKey, externalUrl } = ticket;
  if (externalKey === null) return [`ticket pending at ${escapeText(systemOf(catalog, ticket.provider))}`];
  const words = keyText(systemOf(catalog, ticket.provider), externalKey);
  return [externalUrl === null ? escapeText(words) : link(externalUrl, words)];
}

export function assignedFact(ticket: Ticket, { outside, catalog }: View): (readonly [string, string])[] {
  const assignee = outside?.assignee ?? null;
  if (assignee === null) return [];
  const name = personByAccount(catalog, ticket.provider, assignee)?.name ?? assignee;
  return [["Assigned to", `${escapeText(name, 100)} at ${escapeText(systemOf(catalog, ticket.provider))}`]];
}

/** Why its side there is behind. */
export function behindNotes(ticket: Ticket, { outside, catalog }: View): string[] {
  if (outside === undefined || outside.error === null) return [];
  const since = outside.failingSince === null ? "" : ` since ${dateToken(outside.failingSince, "date_time")}`;
  return [
    `${escapeText(systemOf(catalog, ticket.provider))} is behind${since}: ${escapeText(outside.error, 200)}. It is tried again by itself.`,
  ];
}

/** `Closed at GitHub by dana`; undefined when it was closed here. */
export function closedOutsideText(ticket: Ticket, { outside, catalog }: View): string | undefined {
  const by = ticket.closedBy === null ? (outside?.closedBy ?? null) : null;
  if (by === null) return undefined;
  const name = by === "" ? "" : (personByAccount(catalog, ticket.provider, by)?.name ?? by);
  return `Closed at ${escapeText(systemOf(catalog, ticket.provider))}${name === "" ? "" : ` by ${escapeText(name, 100)}`}`;
}
