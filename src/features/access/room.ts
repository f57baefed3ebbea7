/** What the files of this room share: its parts, how a change is written, shown and followed by the next step. */
import { slackIdOf } from "../../catalog/lookup.ts";
import { onlyIfKnown } from "../../platform/authz.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision, type Refused, refuse } from "../../platform/refusal.ts";
import { SlackError } from "../../platform/slack/client.ts";
import type { Accessor } from "../../providers/accessors/contract.ts";
import type { Accessors } from "../../providers/accessors/instances.ts";
import type { Freezes } from "../freezes/index.ts";
import type { Paging } from "../paging/index.ts";
import type { Tickets } from "../tickets/index.ts";
import { cardKeyOf, grantCard, requesterKeyOf } from "./cards.ts";
import { type Grant, isOver, nextStep, stateDigest, type Who } from "./model.ts";
import { requesterNote } from "./note.ts";
import { sceneOf } from "./scene.ts";
import { writeGrant } from "./store.ts";
import { approversText, type Terms } from "./terms.ts";

export interface Room {
  platform: Platform;
  accessors: Accessors;
  paging: Paging;
  tickets: Pick<Tickets, "openTicketsOf" | "ticketOf">;
  freezes: Pick<Freezes, "lines">;
}

export const whoOf = ({ team, person }: Actor): Who => ({ team, person });

export interface Cause {
  actor: Actor;
  action: string;
  /** Ids and digests only. */
  detail?: Record<string, unknown> | undefined;
  /** When the next step is tried; by default when it is due. */
  tryAt?: Date | undefined;
  /** Only what is said of it changes: the step that waits is left alone. */
  isStateSame?: boolean | undefined;
}

/** Writes what became of the locked grant; audit, card, the requester's note and the next step follow from it. */
export async function change(
  room: Pick<Room, "platform" | "freezes">,
  tx: Tx,
  before: Grant | undefined,
  after: Grant,
  { actor, action, detail, tryAt, isStateSame = false }: Cause,
): Promise<Grant> {
  const next = { ...after, seq: (before?.seq ?? 0) + 1 };
  await writeGrant(tx.trx, next, tx.now);
  tx.audit({
    actor,
    action,
    subject: next.id,
    service: next.service ?? undefined,
    before: before && stateDigest(before),
    after: stateDigest(next),
    detail,
    correlation: actor.inboxId ?? next.id,
  });
  await show(room, tx, next);
  const step = isStateSame ? undefined : nextStep(next, tx.now);
  if (step) tx.ring({ job: step.job, ref: next.id, lane: "urgent", dueAt: tryAt ?? step.dueAt });
  return next;
}

async function show(room: Pick<Room, "platform" | "freezes">, tx: Tx, grant: Grant): Promise<void> {
  const scene = await sceneOf(room, tx, grant);
  // What is over waits for nobody: it stands behind approvals, pages and the ends of others.
  const urgent = !isOver(grant);
  tx.say({ key: cardKeyOf(grant.id), channel: grant.channel, urgent, ...grantCard(grant, scene) });
  const note = requesterNote(grant, scene);
  if (note) tx.say({ key: requesterKeyOf(grant.id), channel: grant.requester.person, urgent, ...note });
}

export function accessorOf({ accessors }: Pick<Room, "accessors">, grant: Grant): Accessor {
  return accessors.of(grant.terms.accessor, [grant.terms.access]);
}

export const pageKeyOf = (grant: Pick<Grant, "id">): string => `access:${grant.id}`;

/** Whether this person leads a team that approves the grant; asked afresh, it fails closed. */
export async function leadOf(
  { platform }: Pick<Room, "platform">,
  grant: Grant,
  actor: Actor,
  options: { isFresh: boolean },
): Promise<Decision<string>> {
  const catalog = platform.catalogs.current();
  const known = onlyIfKnown(catalog, actor);
  if (!known.ok) return known;
  const named = grant.terms.approverPeople ?? [];
  const allowed = named.includes(known.value.id)
    ? "yes"
    : await inAnyTeam(platform, actor, "lead", grant.terms.approvers, options);
  if (allowed === "yes") return allow(known.value.id);
  if (allowed === "unreadable") return unreadable();
  const leads = catalog.people.filter(
    ({ id }) =>
      id !== grant.personId &&
      id !== grant.askedById &&
      (named.includes(id) ||
        catalog.teams.some(({ name, leads: of }) => grant.terms.approvers.includes(name) && of.includes(id))),
  );
  return refuse({
    rule: "leads-approve",
    message: `Only ${approversText(catalog, grant.terms)} decide on ${grant.role} of ${grant.resource}.`,
    whoCould: leads.flatMap((lead) => slackIdOf(lead, actor.team) ?? []),
  });
}

/** Whether this person may ask: named, or member, lead or on call of a requesting team. */
export async function requesterIn(
  platform: Platform,
  who: Who,
  terms: Pick<Terms, "requesters" | "requesterPeople">,
  options: { isFresh: boolean },
): Promise<"yes" | "no" | "unreadable"> {
  const actor: Actor = { ...who, door: "console" };
  const known = onlyIfKnown(platform.catalogs.current(), actor);
  if (!known.ok) return "no";
  if (terms.requesterPeople?.includes(known.value.id)) return "yes";
  return inAnyTeam(platform, actor, "responder", terms.requesters, options);
}

async function inAnyTeam(
  { authz }: Platform,
  actor: Actor,
  role: "lead" | "responder",
  teams: readonly string[],
  options: { isFresh: boolean },
): Promise<"yes" | "no" | "unreadable"> {
  let isUnreadable = false;
  for (const team of teams)
    try {
      if ((await authz.authorise(actor, role, { team }, options)).ok) return "yes";
    } catch (error) {
      // Slack could not say who is in the group: nobody is let in on a guess.
      if (!(error instanceof SlackError)) throw error;
      isUnreadable = true;
    }
  return isUnreadable ? "unreadable" : "no";
}

export const unreadable = (): Refused =>
  refuse({
    rule: "membership-readable",
    message: "Slack cannot say now who is in the team. Nothing done.",
    hint: "Try again in a minute.",
  });

export const unknownGrant = (id: string): Refused =>
  refuse({ rule: "known-grant", message: `There is no grant ${id}.`, hint: "access list shows them." });
