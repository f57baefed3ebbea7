/** What the requester does signed in at the console: claim what was approved, and see its secret once. */
import { hoursText, openUntil } from "../../catalog/week-windows.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Actor } from "../../platform/people.ts";
import { systemActor } from "../../platform/people.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import type { CredentialPart } from "../../providers/accessors/contract.ts";
import { basisNow } from "./circumstances.ts";
import {
  approvalsNeeded,
  countedApprovals,
  endOf,
  type Grant,
  type GrantId,
  jobs,
  sameWho,
  secretLifeMs,
} from "./model.ts";
import { change, leadOf, type Room, requesterIn, unknownGrant, unreadable, whoOf } from "./room.ts";
import { readGrant } from "./store.ts";
import { clockText, nameOf, requesterName, standing } from "./words.ts";

/** The grant, if it is this person's; anybody else is refused and the audit says so. */
export async function ownGrant(room: Room, id: string, actor: Actor): Promise<Decision<Grant>> {
  const { database, catalogs } = room.platform;
  const grant = await readGrant(database.db, id);
  if (grant === undefined) return unknownGrant(id);
  if (sameWho(grant.requester, whoOf(actor))) return allow(grant);
  await database.tx(async (tx) =>
    tx.audit({
      actor,
      action: "access.refused",
      subject: grant.id,
      service: grant.service ?? undefined,
      detail: { rule: "requester-only" },
    }),
  );
  return refuse({
    rule: "requester-only",
    message: `${grant.id} is ${requesterName(catalogs.current(), grant)}'s. Only they can open it; that you tried is on record.`,
    hint: "Ask for access of your own: access request",
  });
}

export async function claimGrant(room: Room, id: GrantId, actor: Actor): Promise<Decision<"claimed">> {
  const { platform } = room;
  const own = await ownGrant(room, id, actor);
  if (!own.ok) return own;
  const rights = await rightsNow(room, own.value);
  if (rights.is === "unreadable") return unreadable();
  return platform.database.tx<Decision<"claimed">>(async (tx) => {
    const grant = await readGrant(tx.trx, id, { lock: true });
    if (grant === undefined) return unknownGrant(id);
    const { state } = grant;
    // A second click, or the page open twice: it is claimed, and once.
    if (state.is === "granting" || state.is === "active") return allow("claimed");
    if (state.is !== "approved") return notClaimable(room, grant, actor);
    if (tx.now < state.claimFrom)
      return refuse({
        rule: "start-reached",
        message: `${id} starts at ${clockText(platform.catalogs.current(), whoOf(actor), state.claimFrom)}.`,
        hint: "Claim it then.",
      });
    if (tx.now >= state.claimBy) {
      await lapse(room, tx, grant, "it was not claimed in time");
      return refuse({
        rule: "claim-in-time",
        message: `${id} was to be claimed before ${clockText(platform.catalogs.current(), whoOf(actor), state.claimBy)}.`,
        hint: "Ask anew.",
      });
    }
    const lost = lostRights(grant, rights);
    if (lost !== undefined) {
      await lapse(room, tx, grant, lost);
      return refuse({
        rule: "rights-at-grant",
        message: `${id} cannot be claimed any more: ${lost}.`,
        hint: "Ask anew.",
      });
    }
    const { hours } = grant.terms;
    if (hours && openUntil(hours, tx.now) === undefined)
      return refuse({
        rule: "hours",
        message: `${grant.role} on ${grant.resource} is given ${hoursText(hours)} only; it is not that now.`,
        hint: "Claim it then, if it has not lapsed.",
      });
    const { approvals, durationMs } = state;
    const endsAt = endOf(grant, durationMs, tx.now);
    await change(
      room,
      tx,
      grant,
      { ...grant, claimedAt: tx.now, state: { is: "granting", approvals, durationMs, endsAt } },
      { actor, action: "access.claimed", detail: { endsAt: endsAt.toISOString() } },
    );
    return allow("claimed");
  });
}

function notClaimable({ platform }: Room, grant: Grant, actor: Actor): Decision<never> {
  return refuse({
    rule: "approved-first",
    message: `${grant.id} cannot be claimed: ${standing(platform.catalogs.current(), grant, whoOf(actor))}.`,
    hint: grant.state.is === "requested" ? "You are told once it is approved." : "Ask anew: access request",
  });
}

export async function lapse(room: Room, tx: Tx, grant: Grant, why: string): Promise<void> {
  await change(
    room,
    tx,
    grant,
    { ...grant, state: { is: "lapsed", at: tx.now, why } },
    { actor: systemActor, action: "access.lapsed" },
  );
}

type Rights =
  | {
      is: "read";
      isRequester: boolean;
      leads: ReadonlySet<string>;
      /** Why what stood in the place of approvals stands no more. */
      basisLost: string | undefined;
    }
  | { is: "unreadable" };

/** Memberships change between a decision and its use: read afresh before anything is given. */
export async function rightsNow(room: Room, grant: Grant): Promise<Rights> {
  const requester = await requesterIn(room.platform, grant.requester, grant.terms, {
    isFresh: true,
  });
  if (requester === "unreadable") return { is: "unreadable" };
  const leads = new Set<string>();
  for (const { by, personId } of countedApprovals(grant)) {
    const lead = await leadOf(room, grant, { ...by, door: "console" }, { isFresh: true });
    if (lead.ok && lead.value === personId) leads.add(personId);
    else if (!lead.ok && lead.refusal.rule === unreadable().refusal.rule) return { is: "unreadable" };
  }
  const basis = await basisNow(room, grant);
  if (basis.is === "unreadable") return basis;
  return { is: "read", isRequester: requester === "yes", leads, basisLost: basis.lost };
}

/** Why it may not be given any more; undefined when it may. */
function lostRights(grant: Grant, rights: Rights): string | undefined {
  if (rights.is === "unreadable") return undefined;
  if (!rights.isRequester) return "you are in no team that may ask for it any more";
  if (rights.basisLost !== undefined) return rights.basisLost;
  const valid = countedApprovals(grant).filter(({ personId }) => rights.leads.has(personId));
  if (valid.length >= approvalsNeeded(grant)) return undefined;
  return "whoever approved it leads no approving team any more";
}

/** A part of a credential in clear, as it is sealed and shown. */
export interface RevealedPart {
  id: string;
  label: string;
  value: string;
  fileName?: string | undefined;
}
export type Revealed = readonly RevealedPart[];

const inClear = ({ id, label, value, fileName }: CredentialPart): RevealedPart => ({
  id,
  label,
  value: typeof value === "string" ? value : value.reveal(),
  fileName,
});

export const secretIdOf = (id: GrantId): string => `access:${id}`;

/** Destroys the sealed secret and answers it; whoever comes second is told. */
export async function revealSecret(room: Room, id: GrantId, actor: Actor): Promise<Decision<Revealed>> {
  const { platform } = room;
  const own = await ownGrant(room, id, actor);
  if (!own.ok) return own;
  return platform.database.tx<Decision<Revealed>>(async (tx) => {
    const grant = await readGrant(tx.trx, id, { lock: true });
    if (grant === undefined) return unknownGrant(id);
    const { state } = grant;
    const catalog = platform.catalogs.current();
    const again = `Return it and ask again for a new one: access return ${id}.`;
    if (state.is !== "active")
      return refuse({
        rule: "active-grants-only",
        message: `${id} has nothing to show: ${standing(catalog, grant, whoOf(actor))}.`,
      });
    if (state.ownAccount)
      return refuse({
        rule: "own-account",
        message: `${id} has nothing to show: it is used with your own account.`,
      });
    if (state.revealedAt !== null)
      return refuse({
        rule: "shown-once",
        message: `The credential of ${id} was shown at ${clockText(catalog, whoOf(actor), state.revealedAt)} to ${nameOf(catalog, grant.requester)}, and is kept nowhere.`,
        hint: again,
      });
    const row = await tx.trx
      .deleteFrom("secrets")
      .where("id", "=", secretIdOf(id))
      .returning(["sealed", "expires_at"])
      .executeTakeFirst();
    if (row === undefined || row.expires_at <= tx.now)
      return refuse({
        rule: "shown-in-time",
        message: `The credential of ${id} was not looked at within ${secretLifeMs / 60_000} minutes and is destroyed.`,
        hint: again,
      });
    const revealed = JSON.parse(platform.box.open(secretIdOf(id), row.sealed)) as Revealed;
    await change(
      room,
      tx,
      grant,
      { ...grant, state: { ...state, revealedAt: tx.now } },
      { actor, action: "access.revealed" },
    );
    return allow(revealed);
  });
}

/**
 * Seals a credential for the one who will see it once. Nothing to seal: they use an account they have; the ring is set
 * all the same, as it is the one that warns before the end.
 */
export async function keepSecret(
  room: Room,
  tx: Tx,
  grant: Grant,
  endsAt: Date,
  credential: readonly CredentialPart[],
): Promise<void> {
  const forgetAt = new Date(Math.min(tx.now.getTime() + secretLifeMs, endsAt.getTime()));
  tx.ring({ job: jobs.forget, ref: grant.id, lane: "normal", dueAt: forgetAt });
  if (credential.length === 0) return;
  const id = secretIdOf(grant.id);
  const row = {
    id,
    sealed: room.platform.box.seal(id, JSON.stringify(credential.map(inClear))),
    purpose: "access",
    created_at: tx.now,
    expires_at: forgetAt,
  };
  await tx.trx
    .insertInto("secrets")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
    .execute();
}

export async function destroySecret(tx: Tx, id: GrantId): Promise<void> {
  await tx.trx.deleteFrom("secrets").where("id", "=", secretIdOf(id)).execute();
}
