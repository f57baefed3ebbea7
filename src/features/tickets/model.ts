/** Tickets: one per cause while it is open. Types and what a change of its alerts does to it. Pure. */
import type { Id } from "../../platform/ids.ts";
import type { AlertGroup, Severity } from "../alerts/index.ts";
import type { JoinReason } from "./causes.ts";
import type { Choice } from "./decide.ts";
import type { Suspect } from "./suspects.ts";

export type TicketId = Id<"ticket">;
export type Judgement = "actioned" | "noise";

/** A group of alerts on a ticket. Plain data: it is kept on the ticket's row. */
export interface TicketPart {
  groupId: string;
  service: string | null;
  /** The rule that fires. */
  name: string;
  /** Firing alerts, those the sender did not list included. */
  firingCount: number;
  /** ISO 8601: when its first alert began. */
  since: string;
  /** How it came to stand on this ticket. */
  because: JoinReason | "first";
  /** The service it was joined by. */
  via: string | null;
}

export interface Ticket {
  id: TicketId;
  groupId: string;
  /** Null: the catalog knows no service for it. */
  service: string | null;
  environment: string;
  team: string;
  /** The rule that fires. */
  name: string;
  state: "open" | "closed";
  severity: Severity;
  severityText: string | null;
  /** How it was filed, when that needs a word. */
  note: string | null;
  summary: string | null;
  link: string | null;
  /** Slack channel its card stands in. */
  channel: string;
  since: Date;
  openedAt: Date;
  changedAt: Date;
  /** The ticket of the same cause before this one. */
  follows: TicketId | null;
  firingCount: number;
  hiddenCount: number;
  resolvedCount: number;
  staleCount: number;
  receivedCount: number;
  lastSeenAt: Date | null;
  takenBy: string | null;
  takenAt: Date | null;
  mark: Judgement | null;
  markedBy: string | null;
  markedAt: Date | null;
  /** Since when its page is out; null when it does not page. */
  pagedAt: Date | null;
  wasPaged: boolean;
  decision: Choice;
  closedAt: Date | null;
  /** Slack id; null when its alerts closed it. */
  closedBy: string | null;
  closedBecause: "resolved" | "person" | "merged" | null;
  closedNote: string | null;
  /** Every group of alerts on it, the first that opened it first. */
  parts: readonly TicketPart[];
  /** A silent dependency that the services on it share. */
  sharedVia: string | null;
  /** What was changed before it began, the likeliest first. */
  suspects: readonly Suspect[];
  /** ISO 8601: when it turned from firing to not, or back, lately. */
  flips: readonly string[];
  isFlapping: boolean;
  /** The ticket it turned out to be a part of. */
  mergedInto: TicketId | null;
  /** Its service is only observed: nothing is done, only shown. */
  isObserved: boolean;
  /** When the last group joined it. */
  joinedAt: Date;
  /** Hook sources that told of it. */
  sources: readonly string[];
  /** When it was last said that it fires and nobody has it. */
  saidAt: Date | null;
  /** Its card is held back by a mute. */
  isQuiet: boolean;
  provider: string;
  externalKey: string | null;
  externalUrl: string | null;
  wantedVersion: number;
  publishedVersion: number;
}

/** A mute in force. */
export interface Mute {
  id: string;
  service: string | null;
  groupId: string | null;
  ticket: string | null;
  until: Date;
  reason: string;
  withPages: boolean;
  by: string;
}

/** Back within this time it is the same ticket; later it is a new one that names it. Source: reference, flapping. */
export const reopenWithinMs = 30 * 60_000;

/** On at so many turns within the hour, off once an hour has passed with at most so many. */
export const flapping = { onAt: 6, offAt: 1, withinMs: 3_600_000, holdMs: 15 * 60_000 };
const flipsMax = 50;

/** The turns of the last hour, with one more if it turned now. */
export function flipsAfter(flips: readonly string[], didTurn: boolean, now: Date): readonly string[] {
  const recent = flips.filter((at) => now.getTime() - Date.parse(at) <= flapping.withinMs);
  return (didTurn ? [...recent, now.toISOString()] : recent).slice(-flipsMax);
}

/** With fewer turns than start it and more than end it, it stays what it was. */
export const isFlappingAfter = (flips: readonly string[], was: boolean): boolean =>
  was ? flips.length > flapping.offAt : flips.length >= flapping.onAt;

export type Step =
  | { do: "nothing" }
  | { do: "open"; follows: TicketId | null }
  | { do: "reopen" }
  | { do: "update" }
  /** All is resolved, and it turned so often lately that this must hold first. */
  | { do: "hold"; until: Date }
  | { do: "close"; at: Date };

/** What the alerts of a cause now mean for its newest ticket. */
export function stepOf(group: AlertGroup, newest: Ticket | undefined, now: Date): Step {
  const isFiring = group.firingCount > 0 || group.hiddenCount > 0;
  if (newest === undefined) return isFiring ? { do: "open", follows: null } : { do: "nothing" };
  if (newest.state === "open") {
    if (isFiring) return { do: "update" };
    const at = endOf(group, newest, now);
    const flips = flipsAfter(newest.flips, newest.firingCount + newest.hiddenCount > 0, now);
    const until = new Date(at.getTime() + flapping.holdMs);
    return isFlappingAfter(flips, newest.isFlapping) && until > now
      ? { do: "hold", until }
      : { do: "close", at };
  }
  if (!isFiring || newest.closedAt === null) return { do: "nothing" };
  // Closed by a person while it fired: only what began after that is news.
  const isNews = group.newestStartsAt !== null && group.newestStartsAt > newest.closedAt;
  if (newest.closedBecause === "person" && !isNews) return { do: "nothing" };
  return now.getTime() - newest.closedAt.getTime() <= reopenWithinMs
    ? { do: "reopen" }
    : { do: "open", follows: newest.id };
}

const endOf = (group: AlertGroup, ticket: Ticket, now: Date): Date =>
  group.endedAt !== null && group.endedAt > ticket.since && group.endedAt <= now ? group.endedAt : now;

/** The first words of an alert that say what is wrong; null when it has none. */
export function summaryOf(annotations: Readonly<Record<string, string>>): string | null {
  const words = ["summary", "title", "description", "message"]
    .map((name) => (Object.hasOwn(annotations, name) ? (annotations[name] ?? "").trim() : ""))
    .find((text) => text !== "");
  return words === undefined ? null : [...words].slice(0, 500).join("");
}

/** `shop`, `shop@staging`, or the owner of what no service claims. */
export function subjectOf(
  ticket: Pick<Ticket, "service" | "environment" | "team">,
  defaultEnvironment: string,
): string {
  if (ticket.service === null) return `unknown service (${ticket.team})`;
  return ticket.environment === defaultEnvironment
    ? ticket.service
    : `${ticket.service}@${ticket.environment}`;
}
