/** What a request waits for, and until when: a decision, then the claim. Pure. */
import type { Policies } from "../../catalog/schema.ts";
import { opensNext, openUntil } from "../../catalog/week-windows.ts";
import type { Approval, Grant, GrantState } from "./model.ts";

/** First reminder to the approvers, or half of the time they have. */
const remindAfterMs = 15 * 60_000;
/** Then others are told as well, or after three quarters of it. */
const escalateAfterMs = 45 * 60_000;
/** Changes of one open request; more than that is another request. */
export const editsMax = 5;

export function askedState(
  now: Date,
  { decideWithin, remindAfter = remindAfterMs, escalateAfter = escalateAfterMs }: Policies["access"],
): Extract<GrantState, { is: "requested" }> {
  const after = (ms: number): Date => new Date(now.getTime() + ms);
  return {
    is: "requested",
    approvals: [],
    decideBy: after(decideWithin),
    remindAt: after(Math.min(remindAfter, decideWithin / 2)),
    escalateAt: after(Math.min(escalateAfter, (decideWithin * 3) / 4)),
  };
}

/** What nothing more is missing for: it waits for the claim. */
export function approvedState(
  grant: Grant,
  approvals: readonly Approval[],
  durationMs: number,
  now: Date,
  claimWithinMs: number,
): Extract<GrantState, { is: "approved" }> {
  const earliest = grant.startAt !== null && grant.startAt > now ? grant.startAt : now;
  const { hours } = grant.terms;
  // Decided after hours: it can be claimed when they begin again.
  const isShut = hours !== undefined && openUntil(hours, earliest) === undefined;
  const claimFrom = (isShut ? opensNext(hours, earliest) : undefined) ?? earliest;
  const lapsesAt = Math.min(
    claimFrom.getTime() + claimWithinMs,
    grant.notAfter?.getTime() ?? Number.POSITIVE_INFINITY,
  );
  return { is: "approved", approvals, durationMs, claimFrom, claimBy: new Date(lapsesAt) };
}
