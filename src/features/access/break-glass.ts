/** Access taken without asking: at once, short, and loud. Another person writes a review within a day. */
import { breakGlassOf, channelFor, leadsChannelFor, slackIdOf } from "../../catalog/lookup.ts";
import type { Catalog, Person } from "../../catalog/schema.ts";
import { onlyIfKnown, slackIdsOf } from "../../platform/authz.ts";
import type { TimeSpan } from "../../platform/commands/spec.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Reply } from "../../platform/feature.ts";
import { escapeText, link, mention } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, type Refused, refuse } from "../../platform/refusal.ts";
import { cardKeyOf as ticketCardKeyOf } from "../tickets/index.ts";
import { cardKeyOf, pageUrl } from "./cards.ts";
import { fileRequest } from "./file.ts";
import { type Grant, jobs, openStates } from "./model.ts";
import { holdsSecret, secretRefusal } from "./reason.ts";
import { isOverdue, reviewOwed, reviewWithinMs } from "./review.ts";
import { countTaken, owedReviews, writeReview } from "./review-store.ts";
import { change, type Room, requesterIn, unreadable, whoOf } from "./room.ts";
import { matchRule, type Rule, withoutAccount } from "./rule.ts";
import { listGrants, lockAsking } from "./store.ts";
import { approverIdsOf, askersText, teamOf } from "./terms.ts";
import { clockText } from "./words.ts";

export interface Taking {
  actor: Actor;
  inboxId?: string | undefined;
  isDryRun: boolean;
  resource: string;
  role: string;
  time: TimeSpan;
  reason: string;
}

/** More often in a day is no emergency but a habit. */
export const takenPerDayMax = 3;
/** Leads who are woken one by one. */
const pagedMax = 5;
const dayMs = 86_400_000;

export const pageKeyOfTaken = (grant: Pick<Grant, "id">, lead: string): string =>
  `access:${grant.id}:taken:${lead}`;

/**
 * The role's own rule for emergencies decides, and nothing else: no approval, ticket or hours. People whom the catalog
 * names may also when Slack cannot say who is in a user group; for everybody else it fails closed.
 */
export async function breakGlass(room: Room, taking: Taking): Promise<Decision<Reply>> {
  const { platform } = room;
  const { actor } = taking;
  const catalog = platform.catalogs.current();
  const typist = onlyIfKnown(catalog, actor);
  if (!typist.ok) return typist;
  const judged = judgeTaking(catalog, taking, platform.clock.now());
  if (!judged.ok) return judged;
  const { rule, askedMs } = judged.value;
  const isIn = await requesterIn(platform, whoOf(actor), rule.terms, { isFresh: true });
  if (isIn === "unreadable") return unreadable();
  if (isIn === "no")
    return refuse({
      rule: "break-glass-people",
      message: `You are not among those who may take ${rule.role.name} on ${rule.resource.name}: ${askersText(catalog, rule.terms)}.`,
      hint: `Ask for it: access request ${rule.resource.name} ${rule.role.name} ${formatDuration(askedMs)} <reason>`,
    });
  const missing = withoutAccount(rule, typist.value);
  if (missing !== undefined) return missing;
  const channel = slackIdOf(leadsChannelFor(catalog, rule.terms.team ?? ""), platform.slackTeam());
  if (channel === undefined)
    throw new Error(`The leads' channel of team ${rule.terms.team} has no id in this workspace`);
  const tickets = await openTickets(room, rule);
  const what = `${rule.role.name} on ${rule.resource.name} for ${formatDuration(askedMs)}`;
  return platform.database.tx<Decision<Reply>>(
    async (tx) => {
      await lockAsking(tx.trx, typist.value.id, rule.resource.name, rule.role.name);
      // One person's are counted one after the other, whatever they are for.
      await lockAsking(tx.trx, typist.value.id, "break-glass", "");
      const refused = await refusedTaking(room, tx, typist.value, rule, actor);
      if (refused !== undefined) return refused;
      if (taking.isDryRun)
        return allow({
          text: `Dry run: ${escapeText(what)} would be yours at once; the leads would be woken, and another person would owe a review. Nothing was done.`,
        });
      const grant = await fileRequest(room, tx, taking, {
        rule,
        person: typist.value,
        requester: whoOf(actor),
        typist: typist.value,
        askedMs,
        totalBeforeMs: 0,
        approvers: [],
        channel,
        basis: { is: "break-glass" },
        whyNotAtOnce: undefined,
      });
      await beLoud(room, tx, grant, actor, tickets);
      const by = clockText(catalog, whoOf(actor), new Date(tx.now.getTime() + reviewWithinMs));
      return allow({
        text: `${grant.id}: ${escapeText(what)} is yours. ${link(pageUrl(platform.publicUrl, grant.id), "Claim it now")}: its time counts from the claim. The leads are being woken; a person other than you reviews it by ${by} tomorrow.`,
      });
    },
    { inboxId: taking.isDryRun ? undefined : taking.inboxId },
  );
}

/** Under the rule's own terms for emergencies. Pure. */
export function judgeTaking(
  catalog: Catalog,
  { resource, role, time, reason }: Pick<Taking, "resource" | "role" | "time" | "reason">,
  now: Date,
): Decision<{ rule: Rule; askedMs: number }> {
  const matched = matchRule(catalog, resource, role);
  if (!matched.ok) return matched;
  const own = breakGlassOf(matched.value.role);
  const what = `${role} on ${resource}`;
  if (own === undefined)
    return refuse({
      rule: "break-glass-allowed",
      message: `${what} is not one that can be taken without asking.`,
      hint: `Ask for it: access request ${resource} ${role} <time> <reason>`,
    });
  if (holdsSecret(reason)) return refuse({ rule: "no-secrets", message: `The reason: ${secretRefusal}.` });
  const askedMs = time.hasFixedEnd ? time.until.getTime() - now.getTime() : time.durationMs;
  if (!(askedMs > 0))
    return refuse({ rule: "end-after-start", message: "That end has passed.", hint: "Name a later end." });
  if (askedMs > own.durationMaxMs)
    return refuse({
      rule: "break-glass-duration-max",
      message: `${what} can be taken for ${formatDuration(own.durationMaxMs)} at most; you wrote ${formatDuration(askedMs)}.`,
      hint: "Take less; access extend asks for more once you have it.",
    });
  const terms = {
    ...matched.value.terms,
    requesters: own.requesters,
    requesterPeople: own.requesterPeople,
    durationMaxMs: own.durationMaxMs,
    // An emergency keeps no hours.
    hours: undefined,
    automatic: undefined,
  };
  return allow({ rule: { ...matched.value, terms }, askedMs });
}

async function refusedTaking(
  { platform }: Room,
  tx: Tx,
  person: Person,
  { resource, role, terms }: Rule,
  actor: Actor,
): Promise<Refused | undefined> {
  const catalog = platform.catalogs.current();
  const leads = slackIdsOf(
    catalog,
    approverIdsOf(catalog, terms).filter((id) => id !== person.id),
    actor.team,
  );
  const request = `Ask for it instead: access request ${resource.name} ${role.name} <time> <reason>`;
  const overdue = (await owedReviews(tx.trx, person.id)).find((review) => isOverdue(review, tx.now));
  if (overdue !== undefined)
    return refuse({
      rule: "review-overdue",
      message: `The review of ${overdue.grant}, which you took, is overdue since ${clockText(catalog, whoOf(actor), overdue.dueAt)}; until somebody writes it you take nothing more.`,
      hint: `Have somebody else write it: access review ${overdue.grant} <text>. ${request}`,
      whoCould: leads,
    });
  const open = await listGrants(tx.trx, {
    personId: person.id,
    resource: resource.name,
    role: role.name,
    states: openStates,
    limit: 5,
  });
  const standing = open.find((grant) => grant.extends === null);
  if (standing !== undefined)
    return refuse({
      rule: "one-open-request",
      message: `${standing.id} of yours for ${role.name} on ${resource.name} is open already (${standing.state.is}).`,
      hint:
        standing.state.is === "requested"
          ? `Take it back first: access return ${standing.id}.`
          : `Use it; more time: access extend ${standing.id} <time> <reason>.`,
    });
  const taken = await countTaken(tx.trx, person.id, new Date(tx.now.getTime() - dayMs));
  if (taken >= takenPerDayMax)
    return refuse({
      rule: "break-glass-per-day",
      message: `You took something without asking ${taken} times in a day; ${takenPerDayMax} is the most.`,
      hint: request,
      whoCould: leads,
    });
  return undefined;
}

type OpenTicket = Awaited<ReturnType<Room["tickets"]["openTicketsOf"]>>[number];

/** What pages on its service now; nothing when that cannot be read: an emergency does not wait for it. */
async function openTickets({ tickets, platform }: Room, { resource }: Rule): Promise<readonly OpenTicket[]> {
  if (resource.service === undefined) return [];
  try {
    return (await tickets.openTicketsOf(resource.service)).filter(({ pagedAt }) => pagedAt !== null);
  } catch (error) {
    platform.log.warn({ err: error }, "open tickets cannot be read; access is taken all the same");
    return [];
  }
}

/** Wakes the leads, says it where the service's alerts are and in each open incident, and notes the review. */
async function beLoud(
  room: Room,
  tx: Tx,
  grant: Grant,
  actor: Actor,
  tickets: readonly OpenTicket[],
): Promise<void> {
  const { platform, paging } = room;
  const catalog = platform.catalogs.current();
  const review = reviewOwed(grant.id, grant.personId, tx.now);
  await writeReview(tx.trx, review, tx.now);
  tx.ring({ job: jobs.review, ref: grant.id, lane: "normal", dueAt: review.tellAt ?? review.dueAt });
  await change(room, tx, grant, grant, {
    actor,
    action: "access.break-glass",
    detail: {
      askedMs: grant.askedMs,
      reviewBy: review.dueAt.toISOString(),
      tickets: tickets.map(({ id }) => id),
    },
    isStateSame: true,
  });
  const said = `${mention(actor.person)} took ${escapeText(grant.role)} on ${escapeText(grant.resource)} without asking, for ${formatDuration(grant.askedMs)}: ${escapeText(grant.reason, 300)}. ${grant.id}; to end it: \`/ops access revoke ${grant.id}\` and why`;
  const leads = approverIdsOf(catalog, grant.terms).filter((id) => id !== grant.personId);
  for (const lead of leads.length > 0 ? leads.slice(0, pagedMax) : [undefined])
    await paging.page(tx, {
      team: teamOf(grant),
      service: grant.service ?? undefined,
      headline: `PAGE ${escapeText(grant.resource)}: ${said}`,
      dedupKey: pageKeyOfTaken(grant, lead ?? "team"),
      subject: grant.id,
      person: lead,
      verbs: [{ label: "Revoke", line: `modal access revoke: ${grant.id}` }],
      actor,
    });
  const alerts =
    grant.service === null ? undefined : slackIdOf(channelFor(catalog, grant.service), platform.slackTeam());
  if (alerts !== undefined && alerts !== grant.channel)
    tx.say({ key: `${cardKeyOf(grant.id)}:taken`, channel: alerts, urgent: true, text: `🔴 ${said}` });
  for (const ticket of tickets)
    tx.say({
      key: `${cardKeyOf(grant.id)}:taken:${ticket.id}`,
      channel: ticket.channel,
      parent: ticketCardKeyOf(ticket.id),
      urgent: true,
      text: said,
    });
}
