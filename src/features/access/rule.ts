/** The one rule a request is judged by: resource and role, by their exact names. Pure. */
import { accessRule, approversOf, resource as resourceOf } from "../../catalog/lookup.ts";
import type { AccessRole, Catalog, Resource } from "../../catalog/schema.ts";
import { nearest } from "../../platform/commands/nearest.ts";
import type { TimeSpan } from "../../platform/commands/spec.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { startWithinMs } from "./model.ts";
import type { Terms } from "./terms.ts";
import { holdsSecret, secretRefusal, ticketPattern } from "./reason.ts";

export interface Rule {
  resource: Resource;
  role: AccessRole;
  terms: Terms;
}

export function matchRule(catalog: Catalog, resourceName: string, roleName: string): Decision<Rule> {
  const resource = resourceOf(catalog, resourceName);
  if (resource === undefined)
    return refuse({ rule: "known-resource", message: `There is no resource ${resourceName}.` });
  const role = accessRule(catalog, resourceName, roleName);
  const names = resource.roles.map(({ name }) => name);
  if (role === undefined) {
    const near = nearest(roleName, names);
    return refuse({
      rule: "known-role",
      message: `${resourceName} has no role "${roleName}".`,
      hint: `${near === undefined ? "" : `Did you mean ${near}? `}There is ${names.join(", ")}.`,
    });
  }
  const accessor = catalog.providers.accessors.find(({ name }) => name === resource.accessor);
  if (accessor === undefined)
    throw new Error(`The catalog in force names accessor "${resource.accessor}", which it does not declare`);
  const { policy } = role;
  return allow({
    resource,
    role,
    terms: {
      grants: role.grants,
      access: role.terms,
      accessor,
      requesters: policy.requesters,
      approvers: policy.approvers,
      quorum: policy.quorum,
      durationMaxMs: policy.durationMax,
      totalDurationMaxMs: policy.totalDurationMax,
    },
  });
}

export interface Ask {
  time: TimeSpan;
  startAt: Date | undefined;
  reason: string;
  /** Of the grants it continues, in milliseconds. */
  totalBeforeMs: number;
}

/** Whether the rule allows what is asked for. Everything comes from this one rule, never from a similar one. */
export function judgeAsk(
  { role, resource }: Rule,
  { time, startAt, reason, totalBeforeMs }: Ask,
  now: Date,
): Decision<{ askedMs: number }> {
  const { policy } = role;
  const what = `${role.name} on ${resource.name}`;
  if (holdsSecret(reason)) return refuse({ rule: "no-secrets", message: `The reason: ${secretRefusal}.` });
  if (startAt !== undefined && startAt.getTime() - now.getTime() > startWithinMs)
    return refuse({
      rule: "start-within-a-week",
      message: `A start may be at most ${formatDuration(startWithinMs)} away.`,
      hint: "Ask nearer to the time.",
    });
  if (startAt !== undefined && startAt <= now)
    return refuse({ rule: "start-to-come", message: "That start has passed.", hint: "Leave --at out." });
  const from = startAt ?? now;
  const askedMs = time.hasFixedEnd ? time.until.getTime() - from.getTime() : time.durationMs;
  if (!(askedMs > 0))
    return refuse({
      rule: "end-after-start",
      message: "The end is before the start.",
      hint: "Name a later end.",
    });
  if (askedMs > policy.durationMax)
    return refuse({
      rule: "duration-max",
      message: `${what} is given for ${formatDuration(policy.durationMax)} at most; you asked for ${formatDuration(askedMs)}.`,
      hint: "Ask for less; access extend asks for more once you have it.",
    });
  const totalMs = totalBeforeMs + askedMs;
  if (totalMs > policy.totalDurationMax)
    return refuse({
      rule: "total-duration-max",
      message: `${what} lasts ${formatDuration(policy.totalDurationMax)} at most with all extensions; this would make ${formatDuration(totalMs)}.`,
      hint:
        policy.totalDurationMax > totalBeforeMs
          ? `At most ${formatDuration(policy.totalDurationMax - totalBeforeMs)} more can be asked for.`
          : "Return it; ask anew if it is needed still.",
    });
  if (policy.ticketRequired && !ticketPattern.test(reason))
    return refuse({
      rule: "ticket-required",
      message: `${what} needs a ticket in the reason.`,
      hint: "Write one such as INC-42 into it.",
    });
  if (policy.reasonPattern !== undefined && !new RegExp(policy.reasonPattern, "u").test(reason))
    return refuse({
      rule: "reason-pattern",
      message: `The reason for ${what} must match ${policy.reasonPattern}.`,
      hint: "Write it that way.",
    });
  return allow({ askedMs });
}

/** Leads who may approve it for this person: the requester and whoever asked for them may not. */
export function mayApprove(catalog: Catalog, role: AccessRole, not: readonly string[]): readonly string[] {
  return approversOf(catalog, role).filter((id) => !not.includes(id));
}
