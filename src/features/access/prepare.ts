/** What is read and judged before a request is written: who, under which rule, for how long, and who decides. */
import { leadsChannelFor, person as personOf, slackIdOf } from "../../catalog/lookup.ts";
import type { Person } from "../../catalog/schema.ts";
import { onlyIfKnown } from "../../platform/authz.ts";
import type { TimeSpan } from "../../platform/commands/spec.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, type Refused, refuse } from "../../platform/refusal.ts";
import { type Judged, judgeAutomatic } from "./automatic.ts";
import { readDuty, readIncidents } from "./circumstances.ts";
import type { Basis, Grant, Who } from "./model.ts";
import { type Room, requesterIn, unreadable, whoOf } from "./room.ts";
import { judgeAsk, matchRule, mayApprove, type Rule, withoutAccount } from "./rule.ts";
import { approversText, askersText } from "./terms.ts";
import { countText, nameOf } from "./words.ts";

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

export interface Prepared {
  rule: Rule;
  /** Who gets it. */
  person: Person;
  requester: Who;
  typist: Person;
  askedMs: number;
  totalBeforeMs: number;
  /** Person ids who may approve it. */
  approvers: readonly string[];
  /** Slack id of the channel in which it is decided. */
  channel: string;
  basis: Basis;
  /** Why it is not approved at once, where the rule knows that. */
  whyNotAtOnce: string | undefined;
}

export async function prepare(room: Room, asking: Asking): Promise<Decision<Prepared>> {
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
  const missing = withoutAccount(rule, person);
  if (missing !== undefined) return missing;
  const now = platform.clock.now();
  const totalBeforeMs = continues === undefined ? 0 : continues.totalBeforeMs + lastedMs(continues);
  const incidents = await readIncidents(room, rule.resource.service, reason);
  const judged = judgeAsk(rule, { time: asking.time, startAt, reason, totalBeforeMs }, incidents, now);
  if (!judged.ok) return judged;
  const { askedMs } = judged.value;

  const atOnce: Judged =
    rule.terms.automatic === undefined
      ? { is: "manual" }
      : judgeAutomatic(
          rule.terms,
          {
            personId: person.id,
            isOwnRequest: person.id === typist.value.id,
            isForLater: startAt !== undefined,
            askedMs,
            totalBeforeMs,
            duty: await readDuty(room, rule.resource.service, now),
            paging: incidents.paging,
          },
          now,
        );
  const basis = basisOf(rule, atOnce);
  const approvers = mayApprove(catalog, rule.role, [person.id, typist.value.id]);
  if (basis.is === "approval" && approvers.length < rule.terms.quorum)
    return refuse({
      rule: "somebody-else-approves",
      message: `${rule.role.name} on ${rule.resource.name} needs ${countText(rule.terms.quorum, "approval")} by ${approversText(catalog, rule.terms)} other than ${person.name}; there ${approvers.length === 1 ? "is one" : `are ${approvers.length}`}.`,
      hint: "Ask a platform engineer to name another lead or approving team in the catalog.",
    });
  const team = rule.terms.team ?? "";
  const channel = slackIdOf(leadsChannelFor(catalog, team), platform.slackTeam());
  if (channel === undefined)
    throw new Error(`The leads' channel of team ${team} has no id in this workspace`);
  return allow({
    rule,
    person,
    requester,
    typist: typist.value,
    askedMs,
    totalBeforeMs,
    approvers,
    channel,
    basis,
    whyNotAtOnce: atOnce.is === "manual" ? atOnce.why : undefined,
  });
}

function basisOf({ terms }: Rule, atOnce: Judged): Basis {
  if (terms.quorum === 0) return { is: "none-needed" };
  return atOnce.is === "given" ? atOnce.basis : { is: "approval" };
}

const lastedMs = ({ state }: Grant): number => ("durationMs" in state ? state.durationMs : 0);

async function mayAsk(
  { platform }: Room,
  { terms, role, resource }: Rule,
  actor: Actor,
  requester: Who,
  name: string,
): Promise<Refused | undefined> {
  const catalog = platform.catalogs.current();
  const allowed = await requesterIn(platform, requester, terms, { isFresh: true });
  if (allowed === "unreadable") return unreadable();
  const who = requester.person === actor.person ? "You are" : `${name} is`;
  if (allowed === "no")
    return refuse({
      rule: "requesters-only",
      message: `${who} not among those who may ask for ${role.name} on ${resource.name}: ${askersText(catalog, terms)}.`,
      hint: "Ask somebody of those teams, or a platform engineer to change the policy.",
    });
  if (requester.person === actor.person) return undefined;
  // Whoever asks for another must be one who could ask, or lead those who approve.
  const askers = {
    requesters: [...terms.requesters, ...terms.approvers],
    requesterPeople: [...(terms.requesterPeople ?? []), ...(terms.approverPeople ?? [])],
  };
  const own = await requesterIn(platform, whoOf(actor), askers, { isFresh: true });
  if (own === "yes") return undefined;
  if (own === "unreadable") return unreadable();
  return refuse({
    rule: "requesters-only",
    message: `${nameOf(catalog, whoOf(actor))} may not ask for ${role.name} on ${resource.name}, for nobody.`,
  });
}
