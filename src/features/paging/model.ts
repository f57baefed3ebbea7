/** When a page reminds, moves on to somebody else, and stops. Pure. */
import type { Rung } from "../../catalog/schema.ts";
import type { Verb } from "../../platform/messages/blocks.ts";

export interface Page {
  id: string;
  dedupKey: string;
  state: "open" | "acknowledged" | "resolved";
  team: string;
  service: string | null;
  subject: string;
  headline: string;
  /** Slack channel. */
  channel: string;
  parent: string | null;
  verbs: readonly Verb[];
  /** Names of the hook sources whose alerts cause it. */
  from: readonly string[];
  openedAt: Date;
  openedBy: string;
  /** Steps of the team's escalation taken, and when the last one was. */
  climbed: number;
  climbedAt: Date | null;
  reminders: number;
  remindedAt: Date | null;
  acknowledgedAt: Date | null;
  acknowledgedBy: string | null;
  resolvedAt: Date | null;
  resolvedBy: string | null;
}

/** Why this person was woken. */
export type Because = "on-call" | "asked" | "escalated" | "undelivered";

/** Somebody woken by a page. */
export interface Wake {
  /** Catalog id. */
  person: string;
  /** Slack user id. */
  user: string;
  at: Date;
  because: Because;
  /** When it was given up that the message reaches them. */
  failedAt: Date | null;
}

/** What became of the direct message. `refused`: Slack will not take it; trying again will not help. */
export type Delivery = { state: "delivered" } | { state: "refused"; why: string } | { state: "pending" };

export interface Policy {
  remindEveryMs: number;
  escalateAfterMs: number;
  /** The team's own steps, which take the place of `escalateAfterMs`. */
  ladder?: readonly Rung[] | undefined;
  /** A message not shown for this long did not reach anybody in time. */
  undeliveredAfterMs: number;
}

export type Step =
  | { do: "give-up"; wake: Wake; why: string }
  | { do: "wake-next"; because: "escalated" | "undelivered" }
  | { do: "climb"; rung: Rung }
  | { do: "remind" };

export const undeliveredAfterMs = 60_000;
/** How soon a refusal by Slack is noticed. */
const lookEveryMs = 5_000;

/**
 * What is due now, and when to look again; undefined once nobody waits. A person not reached and a person not
 * answering both lead to the next one, but one look wakes one person at most.
 */
export function stepsDue(
  page: Page,
  wakes: readonly (Wake & { delivery: Delivery })[],
  policy: Policy,
  now: Date,
): { steps: readonly Step[]; nextAt: Date } | undefined {
  if (page.state !== "open") return undefined;
  const nowMs = now.getTime();
  const dueMs: number[] = [];
  const steps: Step[] = [];

  for (const wake of wakes) {
    if (wake.failedAt !== null || wake.delivery.state === "delivered") continue;
    const giveUpMs = wake.at.getTime() + policy.undeliveredAfterMs;
    if (wake.delivery.state === "refused")
      steps.push({ do: "give-up", wake, why: `Slack refused it: ${wake.delivery.why}` });
    else if (nowMs >= giveUpMs)
      steps.push({
        do: "give-up",
        wake,
        why: `Slack did not take it for ${Math.round(policy.undeliveredAfterMs / 1_000)} s`,
      });
    else dueMs.push(Math.min(giveUpMs, nowMs + lookEveryMs));
  }

  const escalation = nextEscalation(page, wakes, policy);
  const isUnreached = steps.length > 0 || wakes.length === 0;
  if (isUnreached) {
    steps.push({ do: "wake-next", because: "undelivered" });
    dueMs.push(nowMs + policy.escalateAfterMs);
  }
  // Somebody woken in place of one who was not reached has the whole time; the team's own steps keep theirs.
  if (escalation && (escalation.step.do === "climb" || !isUnreached)) {
    const isDue = nowMs >= escalation.atMs;
    if (isDue) steps.push(escalation.step);
    const afterMs = escalation.step.do === "climb" ? 0 : policy.escalateAfterMs;
    dueMs.push(isDue ? nowMs + afterMs : escalation.atMs);
  }

  const remindMs = (page.remindedAt ?? page.openedAt).getTime() + policy.remindEveryMs;
  if (nowMs >= remindMs) {
    steps.push({ do: "remind" });
    dueMs.push(nowMs + policy.remindEveryMs);
  } else dueMs.push(remindMs);

  return { steps, nextAt: new Date(Math.min(...dueMs)) };
}

/** The step up that is next, and when; undefined at the top of the team's own ladder. */
function nextEscalation(
  page: Page,
  wakes: readonly Wake[],
  { ladder, escalateAfterMs }: Policy,
): { atMs: number; step: Step } | undefined {
  if (ladder === undefined) {
    const lastMs = Math.max(page.openedAt.getTime(), ...wakes.map(({ at }) => at.getTime()));
    return { atMs: lastMs + escalateAfterMs, step: { do: "wake-next", because: "escalated" } };
  }
  const rung = ladder[page.climbed];
  const sinceMs = (page.climbedAt ?? page.openedAt).getTime();
  return rung && { atMs: sinceMs + rung.after, step: { do: "climb", rung } };
}

/** `94 s`, `12 min`, `3 h 5 min` */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
