/** Asking for access, and for more of it. */
import { leadsChannelFor, person as personOf, slackIdOf } from "../../catalog/lookup.ts";
import { onlyIfKnown } from "../../platform/authz.ts";
import type { TimeSpan } from "../../platform/commands/spec.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Reply } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { allow, type Decision, type Refused, refuse } from "../../platform/refusal.ts";
import { askedState, type Grant, type GrantId, openStates, requestsPerHourMax, textDigest } from "./model.ts";
import { change, type Room, requesterIn, unknownGrant, unreadable, whoOf } from "./room.ts";
import { judgeAsk, matchRule, mayApprove, type Rule } from "./rule.ts";
import { countRequests, decisionTimes, listGrants, lockAsking, readGrant } from "./store.ts";
import { clockText, countText, nameOf, requesterName, spanText, standing } from "./words.ts";

export interface Asking {
  actor: Actor;
  inboxId?: string | undefined;
  isDryRun: boolean;
  resource: string;
  role: string;
  time: TimeSpan;
  reason: string;
  /** Person id; the one who asks when left out. */
  forPerson?: string | undefined;
  startAt?: Date | undefined;
  continues?: Grant | undefined;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const historyMs = 90 * dayMs;
const askedBeforeMs = 30 * dayMs;

export async function requestAccess(room: Room, asking: Asking): Promise<Decision<Reply>> {
  const { platform } = room;
  const { actor, continues, reason, startAt } = asking;
  const catalog = platform.catalogs.current();
  const typist = onlyIfKnown(catalog, actor);
  if (!typist.ok) return typist;
  const person = asking.forPerson === undefined ? typist.value : personOf(catalog, asking.forPerson);
  const slackId = person && slackIdOf(person, actor.team);
  if (person === undefined || slackId === undefined)
    return refuse({ rule: "known-people-only", message: "That person is not in this workspace." });
  const requester = { team: actor.team, person: slackId };

  const matched = matchRule(catalog, asking.resource, asking.role);
  if (!matched.ok) return matched;
  const rule = matched.value;
  const may = await mayAsk(room, rule, actor, requester, person.name);
  if (may !== undefined) return may;
  const now = platform.clock.now();
  const totalBeforeMs = continues === undefined ? 0 : continues.totalBeforeMs + lastedMs(continues);
  const judged = judgeAsk(rule, { time: asking.time, startAt, reason, totalBeforeMs }, now);
  if (!judged.ok) return judged;
  const { askedMs } = judged.value;

  const approvers = mayApprove(catalog, rule.role, [person.id, typist.value.id]);
  if (approvers.length < rule.terms.quorum)
    return refuse({
      rule: "somebody-else-approves",
      message: `${rule.role.name} on ${rule.resource.name} needs ${countText(rule.terms.quorum, "approval")} by leads of ${rule.terms.approvers.join(", ")} other than ${person.name}; there ${approvers.length === 1 ? "is one" : `are ${approvers.length}`}.`,
      hint: "Ask a platform engineer to name another lead or approving team in the catalog.",
    });
  const channel = slackIdOf(leadsChannelFor(catalog, rule.terms.approvers[0] ?? ""), platform.slackTeam());
  if (channel === undefined)
    throw new Error(`The leads' channel of team ${rule.terms.approvers[0]} has no id in this workspace`);
  const tail = await whoApproves(room, rule, approvers);
  const what = `${rule.resource.name} ${rule.role.name} for ${formatDuration(askedMs)}${person.id === typist.value.id ? "" : ` for ${person.name}`}`;
  if (asking.isDryRun)
    return allow({
      text: `Dry run: would ask for ${escapeText(what)} (${escapeText(rule.terms.grants)}). ${escapeText(tail)} Nothing was done.`,
    });

  return platform.database.tx<Decision<Reply>>(
    async (tx) => {
      await lockAsking(tx.trx, person.id, rule.resource.name, rule.role.name);
      const standingOne = await openOne(room, asking, person.id, tx.trx);
      if (standingOne) return alreadyAsked(room, standingOne, actor);
      const lately = await countRequests(tx.trx, {
        askedById: typist.value.id,
        since: new Date(tx.now.getTime() - hourMs),
      });
      if (lately >= requestsPerHourMax)
        return refuse({
          rule: "requests-per-hour",
          message: `You asked ${lately} times in an hour; ${requestsPerHourMax} is the most.`,
          hint: "Wait, or talk to a lead.",
        });
      const id = await nextPublicId(tx.trx, "grant");
      await change(
        room,
        tx,
        undefined,
        {
          id,
          seq: 0,
          requester,
          personId: person.id,
          accounts: { ...person.accounts },
          before: null,
          askedBy: whoOf(actor),
          askedById: typist.value.id,
          resource: rule.resource.name,
          role: rule.role.name,
          service: rule.resource.service ?? null,
          channel,
          terms: rule.terms,
          reason,
          askedMs,
          notAfter: asking.time.hasFixedEnd ? asking.time.until : null,
          startAt: startAt ?? null,
          extends: continues?.id ?? null,
          totalBeforeMs,
          askedBefore: await countRequests(tx.trx, {
            personId: person.id,
            resource: rule.resource.name,
            since: new Date(tx.now.getTime() - askedBeforeMs),
          }),
          requestedAt: tx.now,
          decidedAt: null,
          claimedAt: null,
          overAt: null,
          byHand: [],
          state: askedState(tx.now, catalog.policies.access.decideWithin),
        },
        {
          actor,
          action: "access.requested",
          detail: {
            requester: requester.person,
            resource: rule.resource.name,
            role: rule.role.name,
            askedMs,
            reasonDigest: textDigest(reason),
            extends: continues?.id,
          },
        },
      );
      return allow({
        text: `${id}: asked for ${escapeText(what)}; the time counts from the claim. ${escapeText(tail)} I tell ${person.id === typist.value.id ? "you" : escapeText(person.name)} directly once it is decided.`,
      });
    },
    { inboxId: asking.inboxId },
  );
}

export interface Extending {
  actor: Actor;
  inboxId?: string | undefined;
  isDryRun: boolean;
  id: GrantId;
  time: TimeSpan;
  reason: string;
}

/** More time is a new request under the rule of now, with a login of its own; the total over the chain is capped. */
export async function extendGrant(room: Room, { id, ...asking }: Extending): Promise<Decision<Reply>> {
  const { platform } = room;
  const grant = await readGrant(platform.database.db, id);
  if (grant === undefined) return unknownGrant(id);
  const catalog = platform.catalogs.current();
  const typist = onlyIfKnown(catalog, asking.actor);
  if (!typist.ok) return typist;
  if (typist.value.id !== grant.personId)
    return refuse({
      rule: "own-grants-only",
      message: `${id} is ${requesterName(catalog, grant)}'s; only they can ask for more of it.`,
      whoCould: [grant.requester.person],
    });
  if (grant.state.is !== "active")
    return refuse({
      rule: "active-grants-only",
      message: `${id} is not active: ${standing(catalog, grant, whoOf(asking.actor))}.`,
      hint: `Ask anew: access request ${grant.resource} ${grant.role} <time> <reason>`,
    });
  return requestAccess(room, {
    ...asking,
    resource: grant.resource,
    role: grant.role,
    continues: grant,
  });
}

const lastedMs = ({ state }: Grant): number => ("durationMs" in state ? state.durationMs : 0);

async function mayAsk(
  { platform }: Room,
  { terms, role, resource }: Rule,
  actor: Actor,
  requester: { team: string; person: string },
  name: string,
): Promise<Refused | undefined> {
  const catalog = platform.catalogs.current();
  const allowed = await requesterIn(platform, requester, terms.requesters, { isFresh: true });
  if (allowed === "unreadable") return unreadable();
  const who = requester.person === actor.person ? "You are" : `${name} is`;
  if (allowed === "no")
    return refuse({
      rule: "requesters-only",
      message: `${who} not in a team that may ask for ${role.name} on ${resource.name}: ${terms.requesters.join(", ")}.`,
      hint: "Ask somebody of those teams, or a platform engineer to change the policy.",
    });
  if (requester.person === actor.person) return undefined;
  // Whoever asks for another must be one who could ask, or lead those who approve.
  const own = await requesterIn(platform, whoOf(actor), [...terms.requesters, ...terms.approvers], {
    isFresh: true,
  });
  if (own === "yes") return undefined;
  if (own === "unreadable") return unreadable();
  return refuse({
    rule: "requesters-only",
    message: `${nameOf(catalog, whoOf(actor))} may not ask for ${role.name} on ${resource.name}, for nobody.`,
  });
}

async function openOne(
  _room: Room,
  { continues, resource, role }: Asking,
  personId: string,
  trx: Parameters<typeof listGrants>[0],
): Promise<Grant | undefined> {
  const filter = continues ? { extends: continues.id } : { personId, resource, role };
  const open = await listGrants(trx, { ...filter, states: openStates, limit: 5 });
  return continues ? open[0] : open.find((grant) => grant.extends === null);
}

function alreadyAsked({ platform }: Room, grant: Grant, actor: Actor): Refused {
  const catalog = platform.catalogs.current();
  const { id, state } = grant;
  const asked = `${grant.resource} ${grant.role} was asked for at ${clockText(catalog, whoOf(actor), grant.requestedAt)} already: ${id}, ${standing(catalog, grant, whoOf(actor))}.`;
  const hint =
    state.is === "active"
      ? `More time: access extend ${id} <time> <reason>. Done with it: access return ${id}.`
      : `To ask differently, take it back first: access return ${id}.`;
  return refuse({ rule: "one-open-request", message: asked, hint });
}

async function whoApproves({ platform }: Room, rule: Rule, approvers: readonly string[]): Promise<string> {
  const catalog = platform.catalogs.current();
  const names = approvers.map((id) => personOf(catalog, id)?.name ?? id).slice(0, 5);
  const history = await decisionTimes(
    platform.database.db,
    rule.resource.name,
    rule.role.name,
    new Date(platform.clock.now().getTime() - historyMs),
  );
  const usual =
    history.count === 0
      ? "How long that takes: no history yet."
      : `That usually takes ${spanText(history.medianMs)} (median of ${history.count} in 90 days).`;
  const needed = rule.terms.quorum > 1 ? `${rule.terms.quorum} of them must` : "can";
  return `${names.join(", ")} ${rule.terms.quorum > 1 ? `— ${needed} approve` : "can approve"}. ${usual}`;
}
