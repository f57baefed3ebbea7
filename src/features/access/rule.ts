/** The one rule a request is judged by: resource and role, by their exact names. Pure. */
import { accessRule, approversOf, resource as resourceOf } from "../../catalog/lookup.ts";
import {
  type AccessRole,
  accountsNeeded,
  type Catalog,
  type Person,
  type Resource,
} from "../../catalog/schema.ts";
import { hoursText, opensNext, openUntil } from "../../catalog/week-windows.ts";
import { nearest } from "../../platform/commands/nearest.ts";
import type { TimeSpan } from "../../platform/commands/spec.ts";
import { formatDuration, formatMoment } from "../../platform/commands/time.ts";
import { allow, type Decision, type Refused, refuse } from "../../platform/refusal.ts";
import { startWithinMs } from "./model.ts";
import { holdsSecret, secretRefusal, ticketsIn } from "./reason.ts";
import type { Terms } from "./terms.ts";

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
  return allow({ resource, role, terms: termsOf(catalog, resource, role) });
}

/** Some systems give a right to an account that people have; without one nothing could be given. */
export function withoutAccount(
  { terms: { accessor }, resource }: Pick<Rule, "terms" | "resource">,
  person: Person,
): Refused | undefined {
  const system = accountsNeeded[accessor.kind];
  if (system === undefined || person.accounts?.[system] !== undefined) return undefined;
  return refuse({
    rule: "account-known",
    message: `${resource.name} gives a right to an account at ${system}, and the catalog knows none of ${person.name}.`,
    hint: `Add accounts: { ${system}: … } to ${person.id} in the catalog.`,
  });
}

function termsOf(catalog: Catalog, resource: Resource, { grants, terms, policy }: AccessRole): Terms {
  const accessor = catalog.providers.accessors.find(({ name }) => name === resource.accessor);
  if (accessor === undefined)
    throw new Error(`The catalog in force names accessor "${resource.accessor}", which it does not declare`);
  const owner = catalog.services.find(({ name }) => name === resource.service)?.team;
  const { automatic } = policy;
  return {
    grants,
    access: terms,
    accessor,
    team: policy.approvers[0] ?? owner ?? catalog.organisation.defaultOwner,
    requesters: policy.requesters,
    requesterPeople: policy.requesterPeople,
    approvers: policy.approvers,
    approverPeople: policy.approverPeople,
    quorum: policy.quorum,
    durationMaxMs: policy.durationMax,
    totalDurationMaxMs: policy.totalDurationMax,
    hours: policy.hours,
    reasonPattern: policy.reasonPattern,
    ticketRequired: policy.ticketRequired,
    incidentRequired: policy.incidentRequired,
    automatic: automatic && { durationMaxMs: automatic.durationMax, swapSettleMs: automatic.swapSettle },
    stepUp: policy.stepUp,
    reciprocal: policy.reciprocal,
  };
}

export interface Ask {
  time: TimeSpan;
  startAt: Date | undefined;
  reason: string;
  /** Of the grants it continues, in milliseconds. */
  totalBeforeMs: number;
}

/** What was read of tickets before the decision. */
export interface Incidents {
  /** Ids of open tickets that page on the resource's service, the worst first; undefined when they could not be read. */
  paging: readonly string[] | undefined;
  /** Of our own tickets that the reason names, those that are open. */
  namedAndOpen: readonly string[];
}

/** Whether the rule allows what is asked for. Everything comes from this one rule, never from a similar one. */
export function judgeAsk(
  rule: Rule,
  ask: Ask,
  incidents: Incidents,
  now: Date,
): Decision<{ askedMs: number }> {
  const { reason, startAt } = ask;
  if (holdsSecret(reason)) return refuse({ rule: "no-secrets", message: `The reason: ${secretRefusal}.` });
  const askedMs = ask.time.hasFixedEnd
    ? ask.time.until.getTime() - (startAt ?? now).getTime()
    : ask.time.durationMs;
  return (
    refusedStart(rule, startAt, now) ??
    refusedTime(rule, askedMs, ask.totalBeforeMs) ??
    refusedReason(rule, reason, incidents) ??
    allow({ askedMs })
  );
}

const whatOf = ({ role, resource }: Rule): string => `${role.name} on ${resource.name}`;

function refusedStart(rule: Rule, startAt: Date | undefined, now: Date): Refused | undefined {
  if (startAt !== undefined && startAt.getTime() - now.getTime() > startWithinMs)
    return refuse({
      rule: "start-within-a-week",
      message: `A start may be at most ${formatDuration(startWithinMs)} away.`,
      hint: "Ask nearer to the time.",
    });
  if (startAt !== undefined && startAt <= now)
    return refuse({ rule: "start-to-come", message: "That start has passed.", hint: "Leave --at out." });
  if (startAt !== undefined && rule.terms.incidentRequired)
    return refuse({
      rule: "incident-now",
      message: `${whatOf(rule)} is given while a ticket that pages is open; it cannot be asked for later.`,
      hint: "Leave --at out.",
    });
  const { hours } = rule.terms;
  const from = startAt ?? now;
  if (hours === undefined || openUntil(hours, from) !== undefined) return undefined;
  const next = opensNext(hours, from);
  return refuse({
    rule: "hours",
    message: `${whatOf(rule)} is given ${hoursText(hours)} only.`,
    hint: next ? `It opens ${formatMoment(next, hours.zone)}: ask then, or now with --at.` : "",
  });
}

function refusedTime(rule: Rule, askedMs: number, totalBeforeMs: number): Refused | undefined {
  const what = whatOf(rule);
  const { durationMaxMs, totalDurationMaxMs } = rule.terms;
  if (!(askedMs > 0))
    return refuse({
      rule: "end-after-start",
      message: "The end is before the start.",
      hint: "Name a later end.",
    });
  if (askedMs > durationMaxMs)
    return refuse({
      rule: "duration-max",
      message: `${what} is given for ${formatDuration(durationMaxMs)} at most; you asked for ${formatDuration(askedMs)}.`,
      hint: "Ask for less; access extend asks for more once you have it.",
    });
  const totalMs = totalBeforeMs + askedMs;
  if (totalMs <= totalDurationMaxMs) return undefined;
  return refuse({
    rule: "total-duration-max",
    message: `${what} lasts ${formatDuration(totalDurationMaxMs)} at most with all extensions; this would make ${formatDuration(totalMs)}.`,
    hint:
      totalDurationMaxMs > totalBeforeMs
        ? `At most ${formatDuration(totalDurationMaxMs - totalBeforeMs)} more can be asked for.`
        : "Return it; ask anew if it is needed still.",
  });
}

function refusedReason(rule: Rule, reason: string, incidents: Incidents): Refused | undefined {
  const what = whatOf(rule);
  const { ticketRequired, incidentRequired, reasonPattern } = rule.terms;
  const named = ticketsIn(reason);
  const closed = named.own.filter((id) => !incidents.namedAndOpen.includes(id));
  if (ticketRequired && named.elsewhere.length + named.own.length - closed.length === 0)
    return refuse({
      rule: "ticket-required",
      message:
        closed.length > 0
          ? `${what} needs a ticket that is open; ${closed.join(", ")} is not.`
          : `${what} needs a ticket in the reason.`,
      hint: "Write one such as INC-42, or an open one of /ops alerts, into it.",
    });
  if (incidentRequired && incidents.paging === undefined)
    return refuse({
      rule: "incident-readable",
      message: `${what} is for open incidents, and whether there is one cannot be read now.`,
      hint: "Try again in a minute.",
    });
  if (incidentRequired && incidents.paging?.length === 0)
    return refuse({
      rule: "incident-required",
      message: `${what} is given while a ticket that pages is open on ${rule.resource.service}; none is.`,
      hint: `/ops alerts ${rule.resource.service} shows what is open.`,
    });
  if (reasonPattern !== undefined && !new RegExp(reasonPattern, "u").test(reason))
    return refuse({
      rule: "reason-pattern",
      message: `The reason for ${what} must match ${reasonPattern}.`,
      hint: "Write it that way.",
    });
  return undefined;
}

/** Who may approve it for this person: the requester and whoever asked for them may not. */
export function mayApprove(
  catalog: Catalog,
  role: Pick<AccessRole, "policy">,
  not: readonly string[],
): readonly string[] {
  return approversOf(catalog, role).filter((id) => !not.includes(id));
}
