/** A ticket as people read it. Pure. */

import {
  channelFor,
  personBySlack,
  person as personOf,
  service as serviceOf,
  slackIdOf,
} from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { auditUrl } from "../../platform/audit/link.ts";
import {
  type Block,
  card,
  channelLink,
  context,
  dateToken,
  escapeText,
  type LinkVerb,
  link,
  type Mark,
  mention,
  type Verb,
} from "../../platform/messages/blocks.ts";
import { flapping, type Mute, subjectOf, type Ticket, type TicketId } from "./model.ts";
import type { Outside } from "./outside.ts";
import { assignedFact, behindNotes, closedOutsideText, outsideText } from "./outside-words.ts";
import { suspectLines } from "./suspect-words.ts";
import { servicesHit } from "./whole.ts";

export interface Scene {
  catalog: Catalog;
  slackTeam: string;
  publicUrl: string;
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
    auditUrl: auditUrl(scene.publicUrl, ticket.id),
    facts: [
      ...summary,
      ...(ticket.suspects.length === 0
        ? []
        : [["Suspects", suspectLines(ticket.suspects, scene.catalog).join("\n")] as const]),
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
  const more = servicesHit(ticket.parts).length - 1;
  const name = `${escapeText(ticket.name, 120)}${more > 0 ? ` and ${more} more ${more === 1 ? "service" : "services"}` : ""}`;
  return `${escapeText(subjectOf(ticket, catalog.organisation.defaultEnvironment))} · ${name} · ${severity} · ${state}`;
}

const stateText = ({ firingCount, hiddenCount, pagedAt, takenBy, isFlapping, isObserved }: Ticket): string =>
  [
    `${firingCount + hiddenCount} firing`,
    ...(isFlapping ? ["flapping"] : []),
    ...(isObserved ? ["observed only"] : []),
    ...(pagedAt === null ? [] : [takenBy === null ? "paged" : "paged and taken"]),
  ].join(", ");

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

/** By name, not by mention: a card wakes nobody; a page does. */
function nameOf(slackId: string | null, scene: Scene): string {
  if (slackId === null) return "Quarterdeck";
  const known = personBySlack(scene.catalog, scene.slackTeam, slackId);
  return known ? escapeText(known.name) : mention(slackId);
}

function notesOf(ticket: Ticket, scene: Scene): string[] {
  const notes = [...(ticket.note === null ? [] : [escapeText(ticket.note)]), ...behindNotes(ticket, scene)];
  const services = servicesText(ticket);
  if (services !== undefined) notes.push(services);
  if (ticket.state === "closed") return notes;
  if (ticket.isFlapping)
    notes.push(
      `Flapping: ${ticket.flips.length} turns in the last hour. It pages only if users hurt, and is over once it holds for ${spanText(flapping.holdMs)}.`,
    );
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

const namesShownMax = 12;

/** Which services one cause hits, the rules of the one that stands for it, and what they share. */
function servicesText(ticket: Ticket): string | undefined {
  const hit = servicesHit(ticket.parts);
  const rules = [...new Set(ticket.parts.map(({ name }) => name))];
  if (hit.length <= 1 && rules.length <= 1) return undefined;
  const suspected = new Set(ticket.suspects.map(({ service }) => service));
  // What was changed lately is named whatever the number: nothing hides it.
  const first = hit.filter((name) => suspected.has(name));
  const rest = hit.filter((name) => !suspected.has(name));
  const shown = [...first, ...rest].slice(0, Math.max(namesShownMax, first.length));
  const more = hit.length - shown.length;
  const names = `${shown.map((name) => escapeText(name)).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  const shared = ticket.sharedVia === null ? "" : ` All depend on ${escapeText(ticket.sharedVia)}.`;
  const which = `Rules: ${rules
    .slice(0, 6)
    .map((name) => escapeText(name, 60))
    .join(", ")}${rules.length > 6 ? ` and ${rules.length - 6} more` : ""}.`;
  return hit.length <= 1 ? which : `One cause, ${hit.length} services: ${names}.${shared} ${which}`;
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
  if (ticket.state === "closed") return { verbs: [], more: ticket.closedBecause === "merged" ? [] : judge };
  // Of no service, what helps first is the rule that says whose it is.
  const rule: Verb = { label: "Propose a rule", line: `modal alert-rule: ${ticket.id}` };
  const isOfNobody = ticket.service === null;
  const runbook = isOfNobody ? rule : runbookVerb(ticket);
  const back = rollBackVerb(ticket, scene.catalog);
  const mute: Verb[] = scene.mutes.some(({ groupId }) => groupId !== null)
    ? [{ label: "Unmute", line: `unmute ${ticket.id}` }]
    : [{ label: "Mute", line: `modal mute: ${ticket.id}` }];
  if (isOfNobody) mute.push(runbookVerb(ticket));
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

/** Only where there is traffic to turn back: of the first suspect that was deployed, else of the service itself. */
export function rollBackVerb(
  ticket: Pick<Ticket, "service" | "suspects">,
  catalog: Catalog,
): Verb | undefined {
  const [suspect] = ticket.suspects;
  const suspected = suspect?.change === "deploy" ? serviceOf(catalog, suspect.service) : undefined;
  const own = ticket.service === null ? undefined : serviceOf(catalog, ticket.service);
  const known = suspected?.traffic === undefined ? own : suspected;
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
  if (ticket.closedBecause === "merged") return escapeText(ticket.closedNote ?? "", 400);
  const who =
    closedOutsideText(ticket, scene) ??
    (ticket.closedBecause === "person"
      ? `Resolved by ${nameOf(ticket.closedBy, scene)}`
      : "All its alerts are resolved");
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
  return `${parts.join(" · ")}.${ticket.closedNote === null ? "" : ` ${stopped(escapeText(ticket.closedNote, 300))}`}${still}`;
}

/** With a full stop, unless it ends with one. */
const stopped = (words: string): string => (/[.!?…]$/.test(words) ? words : `${words}.`);

/** One line in the channel of a service whose alerts stand on a card elsewhere. */
export function elsewhereText(ticket: Ticket, services: readonly string[], catalog: Catalog): string {
  const names = services.map((name) => escapeText(name)).join(", ");
  return `${markOf(ticket)} ${names}: part of ${ticket.id} in ${channelLink(ticket.channel)}: ${headlineOf(ticket, catalog)}`;
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
