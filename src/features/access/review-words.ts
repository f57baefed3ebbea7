/** The review that is owed, on the card of what was taken without asking. Pure. */
import { dateToken, escapeText, type LinkVerb, type Verb } from "../../platform/messages/blocks.ts";
import type { Scene } from "./cards.ts";
import type { Grant } from "./model.ts";
import { isOverdue } from "./review.ts";
import { nameOf } from "./words.ts";

export function reviewLines(_grant: Grant, { catalog, review, now }: Scene): string[] {
  if (review === undefined) return [];
  const { done, dueAt } = review;
  if (done !== null)
    return [
      `Reviewed by ${escapeText(nameOf(catalog, done.by))} ${dateToken(done.at, "date_time")}: "${escapeText(done.text, 1_000)}"`,
    ];
  return [
    isOverdue(review, now)
      ? `Its review is overdue since ${dateToken(dueAt, "date_time")}`
      : `Its review, by somebody else, is due ${dateToken(dueAt, "date_time")}`,
  ];
}

type Verbs = { verbs?: readonly (Verb | LinkVerb)[]; more?: readonly Verb[] };

/** The button that opens the form, as long as nobody wrote it. */
export function withReview({ id }: Grant, { review }: Scene, { verbs = [], more = [] }: Verbs): Verbs {
  if (review === undefined || review.done !== null) return { verbs, more };
  return { verbs: [...verbs, { label: "Review", line: `modal access review: ${id}` }], more };
}
