/** Writes a request, and approves it where nothing more is missing. */
import type { Tx } from "../../platform/db/database.ts";
import { type Door, systemActor } from "../../platform/people.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { type Refused, refuse } from "../../platform/refusal.ts";
import {
  type Approval,
  approvalsNeeded,
  durationOf,
  type Grant,
  requestsPerHourMax,
  termsDigest,
  textDigest,
} from "./model.ts";
import type { Asking, Prepared } from "./prepare.ts";
import { change, type Room, whoOf } from "./room.ts";
import { countRequests } from "./store.ts";
import { approvedState, askedState } from "./waiting.ts";

const hourMs = 3_600_000;
const askedBeforeMs = 30 * 24 * hourMs;

/** Requests are counted by who types them; nobody floods the leads, for whomever it is. */
export async function refusedAsFlood(tx: Tx, typistId: string): Promise<Refused | undefined> {
  const lately = await countRequests(tx.trx, {
    askedById: typistId,
    since: new Date(tx.now.getTime() - hourMs),
  });
  if (lately < requestsPerHourMax) return undefined;
  return refuse({
    rule: "requests-per-hour",
    message: `You asked ${lately} times in an hour; ${requestsPerHourMax} is the most.`,
    hint: "Wait, or talk to a lead.",
  });
}

/** An approval that comes with the request: of who offered it. */
export type Offered = Pick<Approval, "by" | "personId"> & { door: Door };

export async function fileRequest(
  room: Room,
  tx: Tx,
  asking: Asking,
  prepared: Prepared,
  offered?: Offered,
  detail: Readonly<Record<string, string>> = {},
): Promise<Grant> {
  const { actor, reason } = asking;
  const { rule, person, requester, typist, askedMs } = prepared;
  const { access } = room.platform.catalogs.current().policies;
  const asked: Grant = {
    id: await nextPublicId(tx.trx, "grant"),
    seq: 0,
    requester,
    personId: person.id,
    accounts: { ...person.accounts },
    before: null,
    askedBy: whoOf(actor),
    askedById: typist.id,
    resource: rule.resource.name,
    role: rule.role.name,
    service: rule.resource.service ?? null,
    channel: prepared.channel,
    terms: rule.terms,
    reason,
    askedMs,
    notAfter: asking.time.hasFixedEnd ? asking.time.until : null,
    startAt: asking.startAt ?? null,
    extends: asking.continues?.id ?? null,
    totalBeforeMs: prepared.totalBeforeMs,
    askedBefore: await countRequests(tx.trx, {
      personId: person.id,
      resource: rule.resource.name,
      since: new Date(tx.now.getTime() - askedBeforeMs),
    }),
    requestedAt: tx.now,
    decidedAt: null,
    claimedAt: null,
    overAt: null,
    basis: prepared.basis,
    byHand: [],
    state: askedState(tx.now, access),
  };
  const written = await change(room, tx, undefined, asked, {
    actor,
    action: "access.requested",
    detail: {
      requester: requester.person,
      resource: asked.resource,
      role: asked.role,
      askedMs,
      reasonDigest: textDigest(reason),
      extends: asked.extends ?? undefined,
      ...detail,
    },
  });
  return approveAtOnce(room, tx, written, offered);
}

/** Where nobody needs to approve, or who offered it was the one that was missing. */
export async function approveAtOnce(room: Room, tx: Tx, grant: Grant, offered?: Offered): Promise<Grant> {
  const { state, basis } = grant;
  if (state.is !== "requested") return grant;
  const durationMs = durationOf(grant);
  const approvals: readonly Approval[] =
    offered === undefined
      ? []
      : [{ by: offered.by, personId: offered.personId, at: tx.now, durationMs, terms: termsDigest(grant) }];
  const isDone = approvals.length >= approvalsNeeded(grant);
  if (!isDone && approvals.length === 0) return grant;
  const { claimWithin } = room.platform.catalogs.current().policies.access;
  return change(
    room,
    tx,
    grant,
    isDone
      ? {
          ...grant,
          decidedAt: tx.now,
          state: approvedState(grant, approvals, durationMs, tx.now, claimWithin),
        }
      : { ...grant, state: { ...state, approvals } },
    {
      actor: offered === undefined ? systemActor : { ...offered.by, door: offered.door },
      action: isDone ? "access.approved" : "access.approval-counted",
      detail: { basis: basis.is === "automatic" ? basis : basis.is, approvedMs: durationMs },
    },
  );
}
