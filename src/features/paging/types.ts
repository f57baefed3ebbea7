import type { Person } from "../../catalog/schema.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Verb } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";

export interface PageRequest {
  team: string;
  service?: string | undefined;
  /** The whole in one line, escaped, its first 80 characters standing alone: `PAGE shop: errors 9 %, burn 90x`. */
  headline: string;
  /** One open page per key: paging again while it is open changes its words and wakes nobody. */
  dedupKey: string;
  /** Id of the thing it is about, for links: `T-3`, `G-7`. */
  subject: string;
  /** Channel the page is posted to as well; the team's alert channel when left out. */
  channel?: string | undefined;
  /** After *Acknowledge*: the likeliest next verbs (`Roll back`). */
  verbs: readonly Verb[];
  /** Who causes it, for the audit. */
  actor: Actor;
}

/** The one way to page. */
export interface Paging {
  page(tx: Tx, request: PageRequest): Promise<void>;
  /** Stops reminders and escalation. Answers who had acknowledged before, if somebody had. */
  acknowledge(tx: Tx, dedupKey: string, actor: Actor): Promise<{ state: "acknowledged" } | { state: "was-acknowledged"; by: string; at: Date } | { state: "not-open" }>;
  /** What it was about is over. */
  resolve(tx: Tx, dedupKey: string, actor: Actor): Promise<void>;
  /** Who is on call for a team now, first the one to wake. */
  onCall(team: string, at: Date): Promise<readonly Person[]>;
}
