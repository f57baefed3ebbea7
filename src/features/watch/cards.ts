/** What people read of a trouble of Quarterdeck's own. Pure. */
import { type Block, card, dateToken, escapeText } from "../../platform/messages/blocks.ts";
import { type Condition, spanText } from "./model.ts";
import type { Alarm } from "./store.ts";

/** What can be done, for somebody who never saw Quarterdeck's inside. */
const cures: Readonly<Record<Condition, string>> = {
  clock: "Let every machine follow the same time server (NTP).",
  workers: "Start `quarterdeck worker`: nothing is done without one.",
  rings: "Check REDIS_URL, or Postgres when it is not set; then restart `quarterdeck worker`.",
  slack: "Set SLACK_BOT_TOKEN anew (`quarterdeck doctor`); what waits is shown then.",
  paging: "`quarterdeck doctor` says which system fails; call who is on call by another way.",
  deliveries: "`quarterdeck doctor`; alerts are kept and not lost.",
  outbox: "`quarterdeck doctor`; use `quarterdeck ops` in a terminal meanwhile.",
};

/** The conditions that somebody is woken for; the others stop the heartbeat alone. */
export const alarming: ReadonlySet<Condition> = new Set<Condition>([
  "workers",
  "rings",
  "slack",
  "paging",
  "deliveries",
  "outbox",
]);

/** For a phone's lock screen: its first 80 characters carry the whole. Plain text. */
export const alarmText = (saw: string): string => `Quarterdeck itself: ${saw}`;
export const cureText = (condition: Condition): string => cures[condition];

/** The card in the default channel: it is seen once Slack takes messages again, and says how long it lasted. */
export function troubleCard(alarm: Alarm): { text: string; blocks: Block[] } {
  return card({
    mark: alarm.endedAt ? "⚫" : "🔴",
    headline: escapeText(alarmText(alarm.saw)),
    context: [`since ${dateToken(alarm.openedAt, "date_time")}`],
    body: [],
    verbs: [],
    more: [],
    last: alarm.endedAt
      ? `Over after ${spanText(alarm.endedAt.getTime() - alarm.openedAt.getTime())}.`
      : cures[alarm.condition],
  });
}
