/** What a team reads on Monday morning, and when that is. Pure. */
import { DateTime } from "luxon";
import type { Firings } from "../alerts/index.ts";
import type { TicketRecord } from "../tickets/index.ts";
import {
  blindPages,
  type Counts,
  countsOf,
  type Precision,
  pagesPerShift,
  precisionOf,
  type RuleQuality,
  repeatRate,
  rulesOf,
  topShare,
  windowDays,
} from "./model.ts";

import { type Observed, observedOf } from "./observed.ts";

export interface Digest {
  team: string;
  /** The week it looks back on: [from, to). */
  from: Date;
  to: Date;
  /** Cards of that week, and those that paged. */
  cards: number;
  pages: number;
  perShift: { mean: number; worst: number };
  /** Of {@link windowDays} days. */
  counts: Counts;
  precision: Precision;
  topShare: number | undefined;
  repeatRate: number | undefined;
  noisiest: readonly RuleQuality[];
  withoutRunbook: readonly RuleQuality[];
  withoutService: readonly RuleQuality[];
  /** Of that week. */
  blindPages: readonly TicketRecord[];
  /** Of that week, by service that is only observed. */
  observed: readonly Observed[];
}

/** What a digest is made for, and by what the catalog says. */
export interface DigestScene {
  team: string;
  /** How often its rules fired, of {@link windowDays} days. */
  fired: readonly Firings[];
  /** The team's services that are only observed. */
  observed: readonly string[];
  /** Hook sources that are paging providers. */
  paging: ReadonlySet<string>;
}

const noisiestMax = 10;
const weekMs = 7 * 86_400_000;
/** After this long Monday's digest is no news; a new installation does not begin with one in mid-week. */
export const lateMs = 86_400_000;

/** The Monday, 09:00 in the zone, that was last. */
export function lastMonday(now: Date, zone: string): Date {
  const local = DateTime.fromJSDate(now, { zone });
  const monday = local.startOf("week").set({ hour: 9 });
  return (monday > local ? monday.minus({ weeks: 1 }) : monday).toJSDate();
}

/** `2026-W10`, the ISO week a moment lies in. */
export const weekName = (at: Date, zone: string): string =>
  DateTime.fromJSDate(at, { zone }).toFormat("kkkk-'W'WW");

/**
 * @param tickets of the team, of {@link windowDays} days before `to`
 * @param hasRunbook by the newest ticket of a rule
 */
export function digestOf(
  { team, observed, paging, fired }: DigestScene,
  tickets: readonly TicketRecord[],
  hasRunbook: (ticket: TicketRecord) => boolean,
  to: Date,
): Digest {
  const from = new Date(to.getTime() - weekMs);
  const week = tickets.filter(({ openedAt }) => openedAt >= from && openedAt < to);
  const rules = rulesOf(tickets);
  const counts = countsOf(tickets);
  return {
    team,
    from,
    to,
    cards: week.length,
    pages: week.filter(({ wasPaged }) => wasPaged).length,
    perShift: pagesPerShift(week, from, to),
    counts,
    precision: precisionOf(counts.actioned, counts.noise),
    topShare: topShare(rules),
    repeatRate: repeatRate(fired),
    noisiest: rules.slice(0, noisiestMax),
    withoutRunbook: rules.filter(({ service, newest }) => service !== null && !hasRunbook(newest)),
    withoutService: rules.filter(({ service }) => service === null),
    blindPages: blindPages(week),
    observed: observedOf(week, observed, paging),
  };
}

/** When the tickets of a digest begin. */
export const windowStart = (to: Date): Date => new Date(to.getTime() - windowDays * 86_400_000);
