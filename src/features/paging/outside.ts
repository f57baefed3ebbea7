/** A page at a paging provider: what is sent next, when it is tried again and looked at. Pure. */

import type { ProviderCode } from "../../providers/errors.ts";
import type { PagerState } from "../../providers/pagers/contract.ts";
import type { Page } from "./model.ts";

/** One page at one provider. `wanted` and `sent` only ever go forward. */
export interface Outside {
  id: string;
  pageId: string;
  /** Name of the catalog's instance. */
  pager: string;
  wanted: PagerState;
  /** Where it stands there by what was sent and taken, or by what came back from it; null: it may know nothing. */
  sent: PagerState | null;
  externalId: string | null;
  /** The line it was told; null before the first call. */
  toldLine: string | null;
  /** Calls since the last one that was taken. */
  attempts: number;
  /** Last call, taken or not; null when none was made: then it surely knows nothing. */
  calledAt: Date | null;
  sentAt: Date | null;
  /** When it was last seen there by asking. */
  seenAt: Date | null;
  /** Since when no call is taken. */
  failingSince: Date | null;
  error: string | null;
}

export type Move =
  | { do: "trigger" | "acknowledge" | "resolve"; to: PagerState }
  /** Nobody was told, and nobody need be any more. */
  | { do: "forget" }
  | { do: "look"; at: Date }
  | { do: "nothing" };

const ranks: Readonly<Record<PagerState, number>> = { triggered: 1, acknowledged: 2, resolved: 3 };

/** Whether `one` is further on than `other`; null is before everything. */
export const isAhead = (one: PagerState | null, other: PagerState | null): boolean =>
  (one === null ? 0 : ranks[one]) > (other === null ? 0 : ranks[other]);

/** How often a provider that can be asked is asked: soon after it was told, seldom once somebody has the page. */
const lookAfterMs = 5_000;
const lookEveryMs = 30_000;
const lookAcknowledgedEveryMs = 300_000;
/** A page older than this is looked at no more. */
const lookForMs = 86_400_000;
/** What was taken and cannot be found after this long is sent again. */
const foundWithinMs = 60_000;
/** How long the end of a page is tried to be told. */
const tellForMs = 86_400_000;

export function moveFor(row: Outside, page: Pick<Page, "resolvedAt">, canRead: boolean, now: Date): Move {
  if (!isAhead(row.wanted, row.sent)) {
    const at = canRead ? nextLook(row, now) : undefined;
    return at === undefined ? { do: "nothing" } : { do: "look", at };
  }
  if (page.resolvedAt !== null && now.getTime() - page.resolvedAt.getTime() > tellForMs)
    return { do: "nothing" };
  if (row.wanted === "triggered") return { do: "trigger", to: row.wanted };
  if (row.sent === null && row.calledAt === null) return { do: "forget" };
  return { do: row.wanted === "acknowledged" ? "acknowledge" : "resolve", to: row.wanted };
}

/** Undefined once looking tells nothing new. */
function nextLook({ sent, sentAt, seenAt }: Outside, now: Date): Date | undefined {
  if (sent === null || sent === "resolved" || sentAt === null) return undefined;
  if (now.getTime() - sentAt.getTime() > lookForMs) return undefined;
  if (seenAt === null || seenAt < sentAt)
    return new Date(Math.max(sentAt.getTime() + lookAfterMs, now.getTime()));
  return new Date(seenAt.getTime() + (sent === "acknowledged" ? lookAcknowledgedEveryMs : lookEveryMs));
}

/** Whether a provider that knows nothing of the page is to be told again: what it took is not a page yet. */
export function isLost({ sent, sentAt, seenAt }: Outside, now: Date): boolean {
  return (
    sent === "triggered" &&
    seenAt === null &&
    sentAt !== null &&
    now.getTime() - sentAt.getTime() >= foundWithinMs
  );
}

/** What a catalog or a secret must mend is tried less often. */
const mendedByPeopleEveryMs = 30_000;

/** `backoffMs`: what the runner waits after so many failures. */
export function retryAfterMs(code: ProviderCode, backoffMs: number): number {
  switch (code) {
    case "unreachable":
    case "timeout":
    case "conflict":
    case "in_progress":
      return backoffMs;
    case "unauthorised":
    case "not_found":
    case "rejected":
      return Math.max(backoffMs, mendedByPeopleEveryMs);
  }
}
