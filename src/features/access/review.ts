/** What is owed for access taken without asking: another person's written review within a day. Pure. */
import type { GrantId, Who } from "./model.ts";

export interface Review {
  readonly grant: GrantId;
  /** Who took it; never the one who reviews. */
  readonly takerId: string;
  readonly dueAt: Date;
  /** When the leads are told next. */
  readonly tellAt: Date | null;
  readonly done: {
    readonly by: Who;
    readonly personId: string;
    readonly at: Date;
    readonly text: string;
  } | null;
}

/** Time for the review. */
export const reviewWithinMs = 24 * 3_600_000;
/** The leads are reminded so long before it is due, and again each day once it is overdue. */
const remindBeforeMs = 8 * 3_600_000;
const tellAgainMs = 24 * 3_600_000;
/** What says less than this is no review. */
export const reviewCharsMin = 15;

export function reviewOwed(grant: GrantId, takerId: string, now: Date): Review {
  const dueAt = new Date(now.getTime() + reviewWithinMs);
  return { grant, takerId, dueAt, tellAt: new Date(dueAt.getTime() - remindBeforeMs), done: null };
}

export const isOverdue = ({ done, dueAt }: Pick<Review, "done" | "dueAt">, now: Date): boolean =>
  done === null && now >= dueAt;

/** After the leads were told: when they are told again. */
export const toldReview = (review: Review, now: Date): Review => ({
  ...review,
  tellAt: new Date(now < review.dueAt ? review.dueAt.getTime() : now.getTime() + tellAgainMs),
});
