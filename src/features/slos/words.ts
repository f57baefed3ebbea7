/** What people read of a budget. Pure; names come from the catalog and are escaped. */
import { formatDuration } from "../../platform/commands/time.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Budget, SloReading } from "./types.ts";

const short = (value: number): string => {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 10 ? 0 : size >= 1 ? 1 : 2)));
};
export const percentText = (ratio: number): string => `${short(ratio * 100)} %`;
export const burnText = (burn: number): string => `${short(burn)}x`;

/** `Users hurting: errors 9 %, burn 90x, budget left 12 % (shop-availability 99.9 % over 28d)`. */
export function usersLine(budget: Budget): string {
  const { users, worst } = budget;
  if (!worst) return "Users unknown: no user-facing SLO is declared";
  return `Users ${users}: ${numbersOf(worst)} (${escapeText(worst.slo)} ${worst.objectivePercent} % over ${formatDuration(worst.windowMs)})`;
}

/** The numbers of one reading, what cannot be known said so. */
export function numbersOf(reading: SloReading): string {
  const parts = [
    ...(reading.errorRatio === undefined ? [] : [`errors ${percentText(reading.errorRatio)}`]),
    ...(reading.burn === undefined ? [] : [`burn ${burnText(reading.burn)}`]),
    reading.remaining === null ? "budget left unknown" : `budget left ${percentText(reading.remaining)}`,
    ...(reading.why === undefined ? [] : [escapeText(reading.why, 200)]),
    ...(reading.partial === undefined ? [] : [`partly: ${escapeText(reading.partial, 200)}`]),
  ];
  return parts.join(", ");
}

/** Why the users count as they do: the rows and what fires. */
export function whyLines(budget: Budget): string[] {
  return budget.readings.map((reading) => {
    const { firing } = reading;
    const because = firing
      ? `${firing.severity} row fires: both ${formatDuration(firing.shortMs)} and ${formatDuration(firing.longMs)} burn more than ${burnText(firing.burn)}`
      : "no row fires";
    const facing = reading.isUserFacing ? "" : "; not user-facing, so it never pages";
    return `SLO ${escapeText(reading.slo)} ${reading.state}: ${because}; ${numbersOf(reading)}${facing}`;
  });
}

export const mark = (budget: Budget): string =>
  budget.users === "hurting" ? "🔴" : budget.users === "well" ? "🟢" : "⚪";

/** What a change may do now: while users hurt no rollout starts, whatever is left of the budget. */
export const askedText = (budget: Budget, policyWords: string): string =>
  budget.users === "hurting"
    ? `No rollout starts while users hurt; rolling back always does. After that: ${policyWords}`
    : policyWords;
