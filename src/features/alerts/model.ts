/** Alerts as Quarterdeck sees them, whoever sent them. Pure. */
import type { ReadEvent } from "./events.ts";
import type { AlertLink } from "./webhooks/links.ts";

/** Worst first. */
const severities = ["critical", "error", "warning", "info"] as const;
export type Severity = (typeof severities)[number];
/** 0 is the worst. */
export const severityRank: Readonly<Record<Severity, number>> = {
  critical: 0,
  error: 1,
  warning: 2,
  info: 3,
};

/** Words of senders on our scale; case does not matter. */
const words: Readonly<Record<Exclude<Severity, "info">, readonly string[]>> = {
  critical: ["critical", "crit", "page", "sev0", "sev1", "p1", "alarm", "emergency", "fatal", "disaster"],
  error: ["error", "sev2", "p2", "high", "major"],
  warning: ["warning", "warn", "sev3", "p3", "insufficient_data", "medium", "moderate"],
};

/** A sender's severity on our scale; what is not known counts as info and is shown as it came. */
export function severityOf(text: string | undefined): Severity {
  const word = (text ?? "").trim().toLowerCase();
  return severities.find((severity) => severity !== "info" && words[severity].includes(word)) ?? "info";
}

/**
 * Whether a sender's word wakes somebody where nobody can know whether users hurt: critical does, and so does no word
 * at all, for then nothing is known.
 */
export const pagesWhenUnknown = (severity: Severity, severityText: string | null): boolean =>
  severity === "critical" || severityText === null;

/** One alert of one delivery. Absent times are not known (`startsAt`) or open (`endsAt`). */
export interface ReadAlert {
  /** As given, or a hash of the sorted labels. */
  fingerprint: string;
  status: "firing" | "resolved";
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  startsAt?: Date | undefined;
  endsAt?: Date | undefined;
  /** What a person calls it, on one line. */
  title: string;
  /** http(s) addresses only; the first is the sender's own page of it. */
  links: readonly AlertLink[];
  severity: Severity;
  /** The sender's own word, as it came. */
  severityText?: string | undefined;
  /** Service and environment in the sender's words; used where no rule of the catalog and no label says. */
  named?: Named | undefined;
}

export interface Named {
  service?: string | undefined;
  /** What may be a service's name, counted only where the catalog declares one of that name. */
  hints?: readonly string[] | undefined;
  environment?: string | undefined;
}

/** Title of an alert to which its sender gives none. */
export const untitled = "Alert without a name";

/** What a reader could not read: the field by its path, and why. */
export interface Unreadable {
  /** `alerts[3].startsAt`, or `body` for the body as a whole. */
  field: string;
  why: string;
}

/** One delivery as read: what is readable is taken, what is not is named. */
export interface ReadDelivery {
  /** The sender's own id of this delivery, the same when it is sent again; null when it gives none. */
  deliveryId: string | null;
  alerts: readonly ReadAlert[];
  /** What it tells besides alerts. */
  events: readonly ReadEvent[];
  problems: readonly Unreadable[];
  /** The sender's own group, as text. */
  groupKey: string;
  /** More alerts fire in the sender's group than it listed: what is absent here may still fire. */
  hiddenCount: number;
  /** Outbox event to announce with the delivery's row id once it is folded: for what else must be done about it. */
  followUp?: string | undefined;
}

/** An alert as kept, one per (source, fingerprint). */
export interface KeptAlert {
  source: string;
  fingerprint: string;
  status: "firing" | "resolved";
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  title: string;
  links: readonly AlertLink[];
  link: string | null;
  severity: Severity;
  severityText: string | null;
  startsAt: Date;
  /** Latest beginning heard of: two Prometheus peers report one episode a little apart, and news may overtake. */
  latestStartsAt: Date;
  /** When the episode ended; null while it fires. */
  endedAt: Date | null;
  firstSeenAt: Date;
  lastSeenAt: Date;
  /** Deliveries that told of it. */
  receivedCount: number;
}

/**
 * What is kept after one more delivery. At least once and in any order: a firing that began before the end we know
 * of never reopens, a resolve of an older episode never closes a newer one, and blanks overwrite nothing.
 */
export function fold(
  kept: KeptAlert | undefined,
  read: ReadAlert,
  source: string,
  receivedAt: Date,
): KeptAlert {
  if (kept === undefined) return begin(read, source, receivedAt);
  const seen: KeptAlert = {
    ...kept,
    lastSeenAt: later(kept.lastSeenAt, receivedAt),
    receivedCount: kept.receivedCount + 1,
  };
  if (read.status === "firing") {
    if (isLateFiring(kept, read)) return seen;
    const told = withWords(seen, read);
    const startsAt = notAfter(read.startsAt, receivedAt);
    if (kept.status === "resolved")
      return { ...told, status: "firing", startsAt, latestStartsAt: startsAt, endedAt: null };
    if (read.startsAt === undefined) return told;
    return {
      ...told,
      startsAt: startsAt < kept.startsAt ? startsAt : kept.startsAt,
      latestStartsAt: later(kept.latestStartsAt, startsAt),
    };
  }
  const endedAt = notAfter(read.endsAt, receivedAt);
  if (kept.status === "resolved")
    return { ...seen, endedAt: kept.endedAt === null ? endedAt : later(kept.endedAt, endedAt) };
  if (isLateResolve(kept, read, endedAt)) return seen;
  return { ...withWords(seen, read), status: "resolved", endedAt };
}

function begin(read: ReadAlert, source: string, receivedAt: Date): KeptAlert {
  return {
    source,
    fingerprint: read.fingerprint,
    status: read.status,
    labels: read.labels,
    annotations: read.annotations,
    title: read.title,
    links: read.links,
    link: read.links[0]?.url ?? null,
    severity: read.severity,
    severityText: read.severityText ?? null,
    startsAt: notAfter(read.startsAt, receivedAt),
    latestStartsAt: notAfter(read.startsAt, receivedAt),
    endedAt: read.status === "resolved" ? notAfter(read.endsAt, receivedAt) : null,
    firstSeenAt: receivedAt,
    lastSeenAt: receivedAt,
    receivedCount: 1,
  };
}

function isLateFiring(kept: KeptAlert, read: ReadAlert): boolean {
  if (kept.status !== "resolved" || kept.endedAt === null || read.startsAt === undefined) return false;
  return read.startsAt <= kept.latestStartsAt || read.startsAt < kept.endedAt;
}

/** Of an earlier episode: it had ended when this one began. */
function isLateResolve(kept: KeptAlert, read: ReadAlert, endedAt: Date): boolean {
  return read.startsAt !== undefined && read.startsAt < kept.latestStartsAt && endedAt <= kept.latestStartsAt;
}

/** Labels are the alert's identity and come whole; an annotation that comes blank keeps what it said. */
function withWords(kept: KeptAlert, read: ReadAlert): KeptAlert {
  const told = Object.entries(read.annotations).filter(([, text]) => text.trim() !== "");
  return {
    ...kept,
    labels: Object.keys(read.labels).length > 0 ? read.labels : kept.labels,
    annotations: { ...kept.annotations, ...Object.fromEntries(told) },
    title: read.title === untitled ? kept.title : read.title,
    links: read.links.length > 0 ? read.links : kept.links,
    link: read.links[0]?.url ?? kept.link,
    severity: read.severityText === undefined ? kept.severity : read.severity,
    severityText: read.severityText ?? kept.severityText,
  };
}

const later = (one: Date, other: Date): Date => (one > other ? one : other);

/** A time a sender gives, never ahead of when we heard of it: its clock may be wrong. */
const notAfter = (given: Date | undefined, receivedAt: Date): Date =>
  given === undefined || given > receivedAt ? receivedAt : given;
