import type { Person } from "../../catalog/schema.ts";
import type { Db, Trx, Tx } from "../../platform/db/database.ts";
import type { Verb } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";

export interface PageRequest {
  team: string;
  service?: string | undefined;
  /** The whole in one line, escaped, its first 80 characters standing alone: `PAGE shop: errors 9 %, burn 90x`. */
  headline: string;
  /** One page per key until it is resolved: paging again before that changes its words and wakes nobody. */
  dedupKey: string;
  /** Id of the thing it is about, for links: `T-3`, `G-7`. */
  subject: string;
  /** Slack channel the page is posted to as well; the team's alert channel when left out. */
  channel?: string | undefined;
  /** Key of a message in whose thread it is posted there, such as a ticket's card. */
  parent?: string | undefined;
  /** Catalog id of the person to wake first instead of who is on call. */
  person?: string | undefined;
  /** After *Acknowledge*: the likeliest next verbs (`Roll back`). */
  verbs: readonly Verb[];
  /** Names of the hook sources whose alerts cause it: a paging provider behind one of them is not told again. */
  from?: readonly string[] | undefined;
  /** The numbers behind the decision to page, for the audit. */
  detail?: Record<string, unknown> | undefined;
  /** Who causes it, for the audit. */
  actor: Actor;
}

/** Emitted with the page's key as ref whenever a page is acknowledged, by whatever door. */
export const pageAcknowledged = "pages.acknowledged";

export interface Standing {
  state: "open" | "acknowledged" | "resolved";
  /** Slack id; `Jane Doe (pager)` for somebody who did it outside and is nobody the catalog knows. */
  acknowledgedBy: string | null;
  acknowledgedAt: Date | null;
}

/** The one way to page. */
export interface Paging {
  page(tx: Tx, request: PageRequest): Promise<void>;
  /**
   * Stops reminders and escalation. The answer's `by` is who had acknowledged before, if somebody had.
   *
   * @param shownAs who it is on cards, when that is nobody of Slack
   */
  acknowledge(
    tx: Tx,
    dedupKey: string,
    actor: Actor,
    shownAs?: string,
  ): Promise<
    { state: "acknowledged" } | { state: "was-acknowledged"; by: string; at: Date } | { state: "not-open" }
  >;
  /** What it was about is over. */
  resolve(tx: Tx, dedupKey: string, actor: Actor): Promise<void>;
  /** The newest page for a key, whatever became of it. Works inside a transaction too. */
  standing(db: Db | Trx, dedupKey: string): Promise<Standing | undefined>;
  /** Who is on call for a team at that moment, first the one to wake: an override, else the rotation, else the leads. */
  onCall(team: string, at: Date): Promise<readonly Person[]>;
  /** Who has a team's duty at that moment; undefined for a team without a schedule, and in a gap. */
  dutyOf(team: string, at: Date): Promise<OnDuty | undefined>;
}

export interface OnDuty {
  person: Person;
  /** When it was put on them in place of the schedule; undefined when the schedule says so. */
  takenOverAt?: Date | undefined;
}
