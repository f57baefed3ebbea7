/** Offering a narrower role or less time, and taking it: a request of its own, approved by who offered it. */
import { isNarrowerThan } from "../../catalog/lookup.ts";
import { onlyIfKnown } from "../../platform/authz.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Reply } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, type Refused, refuse } from "../../platform/refusal.ts";
import { askedReply, tailOf } from "./answer.ts";
import { type Deciding, decide, notProven, reciprocalMs } from "./decide.ts";
import { fileRequest, type Offered } from "./file.ts";
import { durationOf, type Grant, type GrantId, type Offer, offerDigest, openStates } from "./model.ts";
import { type Asking, type Prepared, prepare } from "./prepare.ts";
import { change, leadOf, type Room, unknownGrant, whoOf } from "./room.ts";
import { matchRule } from "./rule.ts";
import { approvedInReturn, listGrants, lockAsking, readGrant } from "./store.ts";
import { requesterName, standing } from "./words.ts";

const offersMax = 3;

export function offerInstead(
  room: Room,
  deciding: Deciding,
  role: string,
  durationMs: number,
): Promise<Decision<Reply>> {
  return decide(room, deciding, async (tx, grant, personId, waiting) => {
    const { actor, id } = deciding;
    const no = refusedOffer(room, grant, role, durationMs);
    if (no !== undefined) return no;
    const offer: Offer = { by: whoOf(actor), door: actor.door, personId, at: tx.now, role, durationMs };
    const others = (waiting.offers ?? []).filter((one) => one.role !== role || one.personId !== personId);
    const words = `${role} on ${grant.resource} for ${formatDuration(durationMs)}`;
    if (deciding.isDryRun) return allow(`Dry run: ${words} would be offered for ${id}. Nothing was done.`);
    await change(
      room,
      tx,
      grant,
      { ...grant, state: { ...waiting, offers: [...others, offer].slice(-offersMax) } },
      { actor, action: "access.offered", detail: { seen: deciding.seen, role, offeredMs: durationMs } },
    );
    return allow(
      `${requesterName(room.platform.catalogs.current(), grant)} is offered ${words}; ${id} waits meanwhile.`,
    );
  });
}

function refusedOffer(
  { platform }: Room,
  grant: Grant,
  role: string,
  durationMs: number,
): Refused | undefined {
  const matched = matchRule(platform.catalogs.current(), grant.resource, role);
  if (!matched.ok) return matched;
  const { resource, terms } = matched.value;
  const asked = durationOf(grant);
  const isWider = role !== grant.role && isNarrowerThan(resource, grant.role, role);
  if (isWider || durationMs > asked || (role === grant.role && durationMs === asked))
    return refuse({
      rule: "offer-less",
      message: `${role} for ${formatDuration(durationMs)} is not less than what was asked for: ${grant.role} for ${formatDuration(asked)}.`,
      hint: "Offer a narrower role or a shorter time; to give what was asked, approve it.",
    });
  if (durationMs > terms.durationMaxMs)
    return refuse({
      rule: "duration-max",
      message: `${role} on ${grant.resource} is given for ${formatDuration(terms.durationMaxMs)} at most.`,
      hint: "Offer less.",
    });
  return undefined;
}

export interface Accepting {
  actor: Actor;
  inboxId?: string | undefined;
  isDryRun: boolean;
  id: GrantId;
  /** Digest of the offer; the newest when left out. */
  offer?: string | undefined;
}

export async function acceptOffer(room: Room, accepting: Accepting): Promise<Decision<Reply>> {
  const { platform } = room;
  const { actor, id } = accepting;
  const catalog = platform.catalogs.current();
  const known = onlyIfKnown(catalog, actor);
  if (!known.ok) return known;
  const peek = await readGrant(platform.database.db, id);
  if (peek === undefined) return unknownGrant(id);
  if (known.value.id !== peek.personId)
    return refuse({
      rule: "own-grants-only",
      message: `${id} is ${requesterName(catalog, peek)}'s; only they can take what is offered for it.`,
      whoCould: [peek.requester.person],
    });
  const offer = offerOn(peek, accepting.offer);
  if (offer === undefined) return noOffer(room, peek, actor);
  const continued =
    peek.extends !== null && offer.role === peek.role
      ? await readGrant(platform.database.db, peek.extends)
      : undefined;
  const asking: Asking = {
    actor,
    inboxId: accepting.inboxId,
    isDryRun: accepting.isDryRun,
    resource: peek.resource,
    role: offer.role,
    time: {
      durationMs: offer.durationMs,
      until: new Date(platform.clock.now().getTime() + offer.durationMs),
      hasFixedEnd: false,
    },
    reason: peek.reason,
    startAt: peek.startAt !== null && peek.startAt > platform.clock.now() ? peek.startAt : undefined,
    continues: continued,
  };
  const prepared = await prepare(room, asking);
  if (!prepared.ok) return prepared;
  const may = await mayStandFor(room, peek, prepared.value, offer);
  if (accepting.isDryRun)
    return allow({
      text: `Dry run: ${id} would become a request for ${escapeText(offer.role)}. Nothing was done.`,
    });
  const tail = await tailOf(room, prepared.value);

  return platform.database.tx<Decision<Reply>>(
    async (tx) => {
      // In the order in which a request takes them: two orders would wait for each other.
      await lockAsking(tx.trx, peek.personId, peek.resource, offer.role);
      const grant = await readGrant(tx.trx, id, { lock: true });
      if (grant === undefined) return unknownGrant(id);
      if (grant.state.is !== "requested" || offerOn(grant, offerDigest(offer)) === undefined)
        return noOffer(room, grant, actor);
      const [open] = (
        await listGrants(tx.trx, {
          personId: grant.personId,
          resource: grant.resource,
          role: offer.role,
          states: openStates,
          limit: 5,
        })
      ).filter((one) => one.id !== id && one.extends === (continued?.id ?? null));
      if (open !== undefined)
        return refuse({
          rule: "one-open-request",
          message: `${offer.role} on ${grant.resource} is open already: ${open.id}, ${standing(catalog, open, whoOf(actor))}. Nothing done.`,
        });
      const since = new Date(tx.now.getTime() - reciprocalMs);
      const inReturn = await approvedInReturn(tx.trx, offer.personId, grant.personId, since);
      const isBarred = inReturn.length > 0 && prepared.value.rule.terms.reciprocal === "barred";
      const { by, personId, door, role, durationMs } = offer;
      await change(
        room,
        tx,
        grant,
        {
          ...grant,
          state: { is: "withdrawn", at: tx.now, wasApproved: true, instead: { by, role, durationMs } },
        },
        { actor, action: "access.offer-taken", detail: { role, offeredMs: durationMs } },
      );
      const offered: Offered | undefined = may && !isBarred ? { by, personId, door } : undefined;
      const filed = await fileRequest(room, tx, asking, prepared.value, offered, { insteadOf: id });
      return allow(askedReply(room, filed, prepared.value, filed.state.is === "approved" ? "" : tail));
    },
    { inboxId: accepting.inboxId },
  );
}

/** Whether the offer counts as an approval: by the offered role's own rule, read afresh. */
async function mayStandFor(room: Room, grant: Grant, { rule }: Prepared, offer: Offer): Promise<boolean> {
  const { terms, role } = rule;
  // A sign-in that was fresh for one role is none for another.
  const proof = notProven(
    room,
    { id: grant.id, role: role.name, resource: grant.resource, terms },
    { ...offer.by, door: offer.door },
    offer.at,
  );
  if (proof !== undefined || terms.quorum === 0) return false;
  const lead = await leadOf(
    room,
    { ...grant, role: role.name, terms },
    { ...offer.by, door: offer.door },
    { isFresh: true },
  );
  return lead.ok && lead.value === offer.personId;
}

function offerOn({ state }: Grant, digest: string | undefined): Offer | undefined {
  const offers = state.is === "requested" ? (state.offers ?? []) : [];
  return digest === undefined ? offers.at(-1) : offers.find((offer) => offerDigest(offer) === digest);
}

function noOffer({ platform }: Room, grant: Grant, actor: Actor): Refused {
  return refuse({
    rule: "offered-first",
    message: `Nothing like that is offered for ${grant.id}: ${standing(platform.catalogs.current(), grant, whoOf(actor))}. Nothing done.`,
  });
}
