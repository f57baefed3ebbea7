/** What alerts are worth, counted in cards. Pure. */
import type { Firings } from "../alerts/index.ts";
import type { TicketRecord } from "../tickets/index.ts";

/** Days that precision is counted over. */
export const windowDays = 28;
/** Below so many judged cards nothing is said of a rule. */
export const judgedMin = 10;
/** Resolved by itself within this time, with nobody at it: nobody could have acted. */
const transientMs = 5 * 60_000;
/** A rule is worth waking somebody for when most of its cards are. */
const worthRatio = 0.5;

/** Each card is one of them. */
export type CardClass = "actioned" | "noise" | "transient" | "unjudged";

export function classOf(ticket: TicketRecord): CardClass {
  if (ticket.mark !== null) return ticket.mark;
  const isTransient =
    ticket.closedBecause === "resolved" &&
    !ticket.isTaken &&
    ticket.lastedMs !== null &&
    ticket.lastedMs <= transientMs;
  return isTransient ? "transient" : "unjudged";
}

export interface Interval {
  low: number;
  high: number;
}

/** Standard normal quantile of 97.5 %. */
const z = 1.959963984540054;

/**
 * 95 % interval of a share, good for few and for extreme counts. Undefined without trials.
 * Source: E. B. Wilson, "Probable inference", 1927; vectors: R. G. Newcombe, Statistics in Medicine 17, 1998.
 */
export function wilson(hits: number, trials: number): Interval | undefined {
  if (trials <= 0) return undefined;
  const share = hits / trials;
  const square = z * z;
  const middle = share + square / (2 * trials);
  const half = z * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials * trials));
  const scale = 1 + square / trials;
  return { low: Math.max(0, (middle - half) / scale), high: Math.min(1, (middle + half) / scale) };
}

export type Verdict = "worth it" | "noisy" | "unclear" | "too few";

export interface Precision {
  /** Judged cards. */
  n: number;
  /** Actioned of judged; undefined while none is judged. */
  ratio: number | undefined;
  interval: Interval | undefined;
  verdict: Verdict;
}

export function precisionOf(actioned: number, noise: number): Precision {
  const n = actioned + noise;
  const interval = wilson(actioned, n);
  return { n, ratio: n === 0 ? undefined : actioned / n, interval, verdict: verdictOf(n, interval) };
}

function verdictOf(n: number, interval: Interval | undefined): Verdict {
  if (n < judgedMin || interval === undefined) return "too few";
  if (interval.high < worthRatio) return "noisy";
  return interval.low > worthRatio ? "worth it" : "unclear";
}

export type Counts = Readonly<Record<CardClass, number>>;

export interface RuleQuality {
  /** The rule that fires. */
  rule: string;
  service: string | null;
  /** Team that owns it. */
  owner: string;
  cards: number;
  pages: number;
  counts: Counts;
  precision: Precision;
  /** Its newest ticket: what a button on it is about. */
  newest: TicketRecord;
}

/** One line per rule, service and owner; the noisiest first. */
export function rulesOf(tickets: readonly TicketRecord[]): readonly RuleQuality[] {
  const byRule = new Map<string, TicketRecord[]>();
  for (const ticket of tickets) {
    const key = JSON.stringify([ticket.name, ticket.service, ticket.team]);
    byRule.set(key, [...(byRule.get(key) ?? []), ticket]);
  }
  return [...byRule.values()].map(ruleOf).sort(noisiestFirst);
}

function ruleOf(tickets: readonly TicketRecord[]): RuleQuality {
  const newest = tickets.reduce((one, other) => (other.openedAt > one.openedAt ? other : one));
  const counts = countsOf(tickets);
  return {
    rule: newest.name,
    service: newest.service,
    owner: newest.team,
    cards: tickets.length,
    pages: tickets.filter(({ wasPaged }) => wasPaged).length,
    counts,
    precision: precisionOf(counts.actioned, counts.noise),
    newest,
  };
}

export function countsOf(tickets: readonly TicketRecord[]): Counts {
  const counts = { actioned: 0, noise: 0, transient: 0, unjudged: 0 };
  for (const ticket of tickets) counts[classOf(ticket)] += 1;
  return counts;
}

/** What people called noise counts before what went by itself, and that before what is only frequent. */
function noisiestFirst(one: RuleQuality, other: RuleQuality): number {
  return (
    other.counts.noise - one.counts.noise ||
    other.counts.transient - one.counts.transient ||
    other.cards - one.cards ||
    (one.rule < other.rule ? -1 : 1)
  );
}

/** More cards were not worth it than were: what a mute is proposed for. */
export const isMuteProposed = ({ counts }: RuleQuality): boolean =>
  counts.noise + counts.transient > counts.actioned && counts.noise + counts.transient > 0;

/** Part of all cards that the rules with the most cards make; undefined without cards. */
export function topShare(rules: readonly RuleQuality[], top = 10): number | undefined {
  const sizes = rules.map(({ cards }) => cards).sort((one, other) => other - one);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  return all === 0 ? undefined : sizes.slice(0, top).reduce((sum, size) => sum + size, 0) / all;
}

/** Part of all firings that say again what the same alert said on the same day. Undefined when nothing fired. */
export function repeatRate(fired: readonly Pick<Firings, "firings" | "distinct">[]): number | undefined {
  const all = fired.reduce((sum, { firings }) => sum + firings, 0);
  const distinct = fired.reduce((sum, one) => sum + one.distinct, 0);
  return all === 0 ? undefined : 1 - distinct / all;
}

const shiftMs = 12 * 3_600_000;

/** Cards that paged per shift of 12 hours in [from, to): the mean, and the worst shift. */
export function pagesPerShift(
  tickets: readonly TicketRecord[],
  from: Date,
  to: Date,
): { mean: number; worst: number } {
  const shifts = Math.max(1, Math.ceil((to.getTime() - from.getTime()) / shiftMs));
  const byShift = new Map<number, number>();
  const paged = tickets.filter(({ wasPaged, openedAt }) => wasPaged && openedAt >= from && openedAt < to);
  for (const { openedAt } of paged) {
    const shift = Math.floor((openedAt.getTime() - from.getTime()) / shiftMs);
    byShift.set(shift, (byShift.get(shift) ?? 0) + 1);
  }
  return { mean: paged.length / shifts, worst: Math.max(0, ...byShift.values()) };
}

/** Pages decided by the sender's word, because nobody could tell how users were. */
export const blindPages = (tickets: readonly TicketRecord[]): readonly TicketRecord[] =>
  tickets.filter(({ wasPaged, decision }) => wasPaged && decision.startsWith("users-unknown"));
