/** A ticket as people read it. Pure. */
import {
  channelFor,
  personBySlack,
  person as personOf,
  service as serviceOf,
  slackIdOf,
} from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import {
  type Block,
  card,
  context,
  dateToken,
  escapeText,
  type LinkVerb,
  link,
  type Mark,
  mention,
  type Verb,
} from "../../platform/messages/blocks.ts";
import { type Mute, subjectOf, type Ticket, type TicketId } from "./model.ts";
import { keyText, type Outside, systemOf } from "./outside.ts";

export interface Scene {
  catalog: Catalog;
  slackTeam: string;
  /** In force for this ticket. */
  mutes: readonly Mute[];
  /** Its side at its provider; undefined for the built-in store. */
  outside?: Outside | undefined;
}

/** Key of a ticket's card for life; others hang their messages on it as `parent`. */
export const cardKeyOf = (id: TicketId): string => `ticket:${id}`;

export function ticketCard(ticket: Ticket, scene: Scene): { text: string; blocks: Block[] } {
  const summary =
    ticket.summary === null
      ? []
      : [["What", withLink(escapeText(ticket.summary, 400), ticket.link)] as const];
  return card({
    mark: markOf(ticket),
    headline: headlineOf(ticket, scene.catalog),
    context: [
      ownerText(ticket, scene),
      `since ${dateToken(ticket.since, "date_time")}`,
      ticket.id,
      ...(ticket.follows ? [`after ${ticket.follows}`] : []),
      ...outsideText(ticket, scene),
    ],
    facts: [
      ...summary,
      ["Decision", escapeText(ticket.decision.words, 600)],
      ["Alerts", countsText(ticket)],
      ...(ticket.takenBy === null
        ? assignedFact(ticket, scene)
        : [
            [
              "Taken by",
              `${nameOf(ticket.takenBy, scene)}${ticket.takenAt ? ` at ${dateToken(ticket.takenAt)}` : ""}`,
            ] as const,
          ]),
      ...(ticket.mark === null
        ? []
        : [["Judged", `${ticket.mark} by ${nameOf(ticket.markedBy, scene)}`] as const]),
    ],
    body: notesOf(ticket, scene).map((words) => context(words)),
    ...verbsOf(ticket, scene),
    last: lastLine(ticket, scene),
  });
}

const markOf = ({ state, pagedAt }: Ticket): Mark =>
  state === "closed" ? "⚫" : pagedAt === null ? "🟠" : "🔴";

/** `shop · HighErrorRate · critical · 3 firing` */
export function headlineOf(ticket: Ticket, catalog: Catalog): string {
  const severity = ticket.severityText === null ? ticket.severity : escapeText(ticket.severityText, 30);
  const state = ticket.state === "closed" ? "over" : stateText(ticket);
  return `${escapeText(subjectOf(ticket, catalog.organisation.defaultEnvironment))} · ${escapeText(ticket.name, 120)} · ${severity} · ${state}`;
}

const stateText = ({ firingCount, hiddenCount, pagedAt, takenBy }: Ticket): string =>
  `${firingCount + hiddenCount} firing${pagedAt === null ? "" : takenBy === null ? ", paged" : ", paged and taken"}`;

const withLink = (words: string, url: string | null): string =>
  url === null ? words : `${words} ${link(url, "source")}`;

function countsText(ticket: Ticket): string {
  const parts = [`${ticket.firingCount} firing`];
  if (ticket.hiddenCount > 0) parts.push(`${ticket.hiddenCount} more the sender did not list`);
  if (ticket.resolvedCount > 0) parts.push(`${ticket.resolvedCount} resolved`);
  return `${parts.join(", ")} · received ${ticket.receivedCount} ×`;
}

function ownerText(ticket: Ticket, scene: Scene): string {
  const known = ticket.service === null ? undefined : serviceOf(scene.catalog, ticket.service);
  const dri = known && personOf(scene.catalog, known.dri);
  return `owner ${escapeText(ticket.team)}${dri ? `, ${escapeText(dri.name)}` : ""}`;
}

/** `GitHub #12` as a link, or that it is still to come. */
function outsideText(ticket: Ticket, { outside, catalog }: Scene): string[] {
  if (outside === undefined) return [];
  const { externalKey, externalUrl } = ticket;
  if (externalKey === null) return [`ticket pending at ${escapeText(systemOf(catalog, ticket.provider))}`];
  const words = keyText(systemOf(catalog, ticket.provider), externalKey);
  return [externalUrl === null ? escapeText(words) : link(externalUrl, words)];
}

function assignedFact(ticket: Ticket, { outside, catalog }: Scene): (readonly [string, string])[] {
  const assignee = outside?.assignee ?? null;
  if (assignee === null) return [];
  return [
    ["Assigned to", `${escapeText(assignee, 100)} at ${escapeText(systemOf(catalog, ticket.provider))}`],
  ];
}

/** Why its side outside is behind. */
function behindNotes(ticket: Ticket, { outside, catalog }: Scene): string[] {
  if (outside === undefined || outside.error === null) return [];
  const since = outside.failingSince === null ? "" : ` since ${dateToken(outside.failingSince, "date_time")}`;
  return [
    `${escapeText(systemOf(catalog, ticket.provider))} is behind${since}: ${escapeText(outside.error, 200)}. It is tried again by itself.`,
  ];
}

/** By name, not by mention: a card wakes nobody; a page does. */
function nameOf(slackId: string | null, scene: Scene): string {
  if (slackId === null) return "Quarterdeck";
  const known = personBySlack(scene.catalog, scene.slackTeam, slackId);
  return known ? escapeText(known.name) : mention(slackId);
}

function notesOf(ticket: Ticket, scene: Scene): string[] {
  const notes = [...(ticket.note === null ? [] : [escapeText(ticket.note)]), ...behindNotes(ticket, scene)];
  if (ticket.state === "closed") return notes;
  if (ticket.staleCount > 0 && ticket.lastSeenAt !== null)
    notes.push(
      `Stale: ${ticket.staleCount} of ${ticket.firingCount} not heard of since ${dateToken(ticket.lastSeenAt, "date_time")}. Not resolved by that; ask the sender.`,
    );
  for (const mute of scene.mutes)
    notes.push(
      `Muted${mute.withPages ? ", pages too," : ""} until ${dateToken(mute.until, "date_time")} by ${nameOf(mute.by, scene)}: ${escapeText(mute.reason, 200)}`,
    );
  return notes;
}

function verbsOf(
  ticket: Ticket,
  scene: Scene,
): { verbs: readonly (Verb | LinkVerb)[]; more: readonly Verb[] } {
  const judge: Verb[] =
    ticket.mark === null
      ? [
          { label: "Actioned", line: `mark ${ticket.id} actioned` },
          { label: "Noise", line: `mark ${ticket.id} noise` },
        ]
      : [];
  if (ticket.state === "closed") return { verbs: [], more: judge };
  const runbook = runbookVerb(ticket);
  const back = rollBackVerb(ticket, scene.catalog);
  const mute: Verb[] = scene.mutes.some(({ groupId }) => groupId !== null)
    ? [{ label: "Unmute", line: `unmute ${ticket.id}` }]
    : [{ label: "Mute", line: `modal mute: ${ticket.id}` }];
  if (ticket.pagedAt !== null && ticket.takenBy === null)
    return {
      verbs: [{ label: "Acknowledge", line: `ack ${ticket.id}`, style: "primary" }, back ?? runbook],
      more: [...(back ? [runbook] : []), ...mute, ...judge],
    };
  if (ticket.takenBy === null)
    return {
      verbs: [runbook, { label: "Take it", line: `ack ${ticket.id}`, style: "primary" }],
      more: [...(back ? [back] : []), ...mute, ...judge],
    };
  const resolve: Verb = { label: "Resolve", line: `resolve ${ticket.id}` };
  return { verbs: [runbook, back ?? resolve], more: [...(back ? [resolve] : []), ...mute, ...judge] };
}

/** Which runbook is found by the ticket's alert. */
const runbookVerb = (ticket: Ticket): Verb => ({
  label: "Runbook",
  line: ["runbook", ticket.service, `ticket=${ticket.id}`].filter(Boolean).join(" "),
});

/** Only where there is traffic to turn back. */
export function rollBackVerb(ticket: Pick<Ticket, "service">, catalog: Catalog): Verb | undefined {
  const known = ticket.service === null ? undefined : serviceOf(catalog, ticket.service);
  if (known?.traffic === undefined) return undefined;
  return {
    label: "Roll back",
    line: `rollback ${known.name}`,
    style: "danger",
    confirm: `Shows what rolling back ${known.name} would do: a rollout in flight is reverted, else it goes back to the last good version. Nothing changes before you confirm that.`,
  };
}

function lastLine(ticket: Ticket, scene: Scene): string | undefined {
  if (ticket.state === "open" || ticket.closedAt === null) return undefined;
  const closedOutside = ticket.closedBy === null ? scene.outside?.closedBy : undefined;
  const who =
    typeof closedOutside === "string"
      ? `Closed at ${escapeText(systemOf(scene.catalog, ticket.provider))}${closedOutside === "" ? "" : ` by ${escapeText(closedOutside, 100)}`}`
      : ticket.closedBecause === "person"
        ? `Resolved by ${nameOf(ticket.closedBy, scene)}`
        : "All its alerts are resolved";
  const parts = [
    `${who} after ${spanText(ticket.closedAt.getTime() - ticket.since.getTime())}`,
    ticket.wasPaged ? "paged" : "no page",
  ];
  if (ticket.takenBy !== null && ticket.takenBy !== ticket.closedBy)
    parts.push(`taken by ${nameOf(ticket.takenBy, scene)}`);
  const still =
    ticket.closedBecause === "person" && ticket.firingCount > 0
      ? ` ${ticket.firingCount} alerts fired on then; a new one opens it again.`
      : "";
  return `${parts.join(" · ")}.${ticket.closedNote === null ? "" : ` ${escapeText(ticket.closedNote, 300)}`}${still}`;
}

/** `94 s`, `12 min`, `3 h 5 min`, `2 d 4 h` */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Slack channel of a service's alerts; the default one when the catalog gives that no id here. */
export function channelOf(catalog: Catalog, slackTeam: string, service: string | null): string | undefined {
  return (
    slackIdOf(channelFor(catalog, service ?? ""), slackTeam) ?? slackIdOf(channelFor(catalog, ""), slackTeam)
  );
}
