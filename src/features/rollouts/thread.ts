/** What is said in the thread of a rollout's card. Pure. */
import type { DataMigration } from "../../catalog/schema.ts";
import { codeBlock, escapeText } from "../../platform/messages/blocks.ts";
import { indexOf, type Rollout } from "./model.ts";
import { weightText } from "./words.ts";

export const planKey = (id: string): string => `rollout:${id}:plan`;
export const waitsKey = (id: string, index: number): string => `rollout:${id}:waits:${index}`;
export const wayBackKey = (id: string): string => `rollout:${id}:way-back`;

/** For the thread, once a step is good and somebody has to say so: a card that changes rings no phone. */
export const waitsText = ({ id, to, plan, state }: Rollout): string => {
  const weight = weightText(plan.steps[indexOf({ state, plan })]?.weightPercent ?? 0);
  return `${id} looks good at ${weight} % and waits until somebody promotes it: the card's button, or \`/ops rollout promote ${id}\`. Nobody does: ${escapeText(to)} is reverted at the deadline.`;
};

/** For the thread, from the first minute: how to get back when nothing else works. */
export function wayBackText(rollout: Rollout, byHand: readonly string[]): string {
  const { id, service, environment, plan } = rollout;
  return [
    `*The way back*, whatever happens. In Slack: \`/ops rollout revert ${id}\``,
    "With Slack down, in a terminal:",
    codeBlock([
      `quarterdeck ops "rollout revert ${id}"`,
      `quarterdeck ops "rollback ${service}@${environment}"`,
    ]),
    "With Quarterdeck down, at the traffic itself:",
    codeBlock(byHand),
    ...(plan.migration ? [reversalText(plan.migration)] : []),
  ].join("\n");
}

/** Weights alone do not undo what a migration did to the data. Its reversal may be a command to copy. */
export const reversalText = ({ id, note, reversal }: DataMigration): string =>
  `Data migration ${escapeText(id)}${note ? ` (${escapeText(note, 200)})` : ""} comes with it; its reversal:\n${codeBlock([reversal ?? "not known"])}`;
