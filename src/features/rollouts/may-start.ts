import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { Budget, BudgetPolicy } from "../slos/index.ts";
import type { Care } from "./plan-steps.ts";
import type { Room } from "./room.ts";
import type { StartRequest } from "./start.ts";
import type { Aim } from "./target.ts";
import { short } from "./words.ts";

/** Where policy asks for it, nothing goes out that no change asks for. */
export function changeIsNamed(
  { platform }: Room,
  { service, version, change }: StartRequest,
): Decision<undefined> {
  if (change !== undefined || !platform.catalogs.current().policies.rollout.changeRequired)
    return allow(undefined);
  return refuse({
    rule: "change-required",
    message: `A rollout of ${service} needs the change that asks for it.`,
    hint: `Name it: rollout start ${service} ${version} --change C-12. Reverts and rollbacks need none.`,
  });
}

/** Warm-up requests that are declared are made: a version they cannot be sent to is not started. */
export function canBeWarmed(
  aim: Aim,
  { service, version }: StartRequest,
  warmUp: unknown,
): Decision<undefined> {
  if (warmUp === undefined || aim.addressOf(version) !== null) return allow(undefined);
  return refuse({
    rule: "warm-up-address",
    message: `${service} declares warm-up requests, and its version ${version} has no address to send them to.`,
    hint: `Give the version a url under traffic of ${service} in the catalog, or take warmUp out of its rollout.`,
  });
}

/** No rollout adds risk while users are hurt. */
export function usersAreWell(
  { service, environment }: StartRequest,
  { users, worst }: Budget,
): Decision<undefined> {
  if (users !== "hurting") return allow(undefined);
  return refuse({
    rule: "users-are-well",
    message: `Users of ${service} are hurting now${worst ? ` (${worst.slo}: burn ${short(worst.burn ?? 0)}x)` : ""}; a rollout would add to it.`,
    hint: `Mend that first: rollback ${service}@${environment}, runbook ${service}.`,
  });
}

/** What the service's error budget policy asks of this start, by this person. A lead who starts it has approved it. */
export async function careOf(
  { platform }: Room,
  actor: Actor,
  { service, level, words, careful }: BudgetPolicy,
): Promise<Decision<Care | undefined>> {
  const lead = () => platform.authz.authorise(actor, "lead", { service }, { isFresh: true });
  const isApproved = level === "approval" && (await lead()).ok;
  const whoCould = platform.authz.whoCould("lead", { service }, actor.team);
  switch (level) {
    case "ship":
      return allow(undefined);
    case "freeze":
      return refuse({
        rule: "error-budget-freeze",
        message: `${words}.`,
        hint: `slo ${service} shows what spent it. A rollback goes through. An exception is a change of errorBudget of ${service} in the catalog.`,
        whoCould,
      });
    case "approval":
      if (!isApproved)
        return refuse({
          rule: "error-budget-approval",
          message: `${words}.`,
          hint: "A lead's approval is a lead starting it: the same words. A rollback needs none.",
          whoCould,
        });
      return allow({ why: words, ...careful, isApproved });
    case "careful":
      return allow({ why: words, ...careful, isApproved });
  }
}
