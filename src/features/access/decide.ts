/** Approving and denying: bound to what was shown, never one's own, counted under the row's lock. */
import { onlyIfKnown } from "../../platform/authz.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Reply } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, type Refused, refuse } from "../../platform/refusal.ts";
import { confirmUrl } from "../../platform/sessions.ts";
import {
  type Approval,
  approvalsNeeded,
  countedApprovals,
  durationOf,
  type Grant,
  type GrantId,
  shownDigest,
  termsDigest,
  textDigest,
} from "./model.ts";
import { holdsSecret, secretRefusal } from "./reason.ts";
import { change, leadOf, type Room, unknownGrant, whoOf } from "./room.ts";
import { approvedInReturn, readGrant } from "./store.ts";
import { approvedState } from "./waiting.ts";
import { countText, requesterName, standing } from "./words.ts";

export interface Deciding {
  actor: Actor;
  inboxId?: string | undefined;
  isDryRun: boolean;
  /** A button of the card was pressed: the card shows what came of it. */
  isPress: boolean;
  id: GrantId;
  /** Digest of what the card showed. */
  seen?: string | undefined;
}

export const reciprocalMs = 30 * 86_400_000;
/** How long a fresh sign-in is fresh. */
export const stepUpMs = 10 * 60_000;

export function approveGrant(
  room: Room,
  deciding: Deciding,
  durationMs: number | undefined,
): Promise<Decision<Reply>> {
  return decide(room, deciding, async (tx, grant, personId, waiting) => {
    const { actor, id } = deciding;
    const catalog = room.platform.catalogs.current();
    const asked = durationOf(grant);
    const isCapped = durationMs !== undefined && durationMs > asked;
    const approval: Approval = {
      by: whoOf(actor),
      personId,
      at: tx.now,
      durationMs: Math.min(durationMs ?? asked, asked),
      terms: termsDigest(grant),
    };
    const counted = countedApprovals(grant);
    if (counted.some((one) => one.personId === personId))
      return refuse({
        rule: "one-approval-each",
        message: `You approved ${id} already; ${countText(grant.terms.quorum - counted.length, "approval")} by somebody else is missing. Nothing done.`,
      });
    // Whoever types has seen some card; of a request that changed it may be the old one.
    if (deciding.seen === undefined && waiting.edits !== undefined)
      return refuse({
        rule: "bound-to-what-was-shown",
        message: `${id} was changed since it was asked for. Now it is ${grant.role} on ${grant.resource} for ${formatDuration(asked)}: "${grant.reason}". Nothing done.`,
        hint: `To approve that: ${approveLine(id, { seen: shownDigest(grant), durationMs })}`,
      });
    const unproven = notProven(room, grant, actor, tx.now, { seen: shownDigest(grant), durationMs });
    if (unproven !== undefined) return unproven;
    const inReturn = await approvedInReturn(
      tx.trx,
      personId,
      grant.personId,
      new Date(tx.now.getTime() - reciprocalMs),
    );
    if (inReturn.length > 0 && grant.terms.reciprocal === "barred") {
      tx.audit({
        actor,
        action: "access.refused",
        subject: id,
        service: grant.service ?? undefined,
        detail: { rule: "no-approval-in-return", approvedInReturn: inReturn },
      });
      return refuse({
        rule: "no-approval-in-return",
        message: `In the last 30 days ${requesterName(catalog, grant)} approved yours: ${inReturn.join(", ")}. ${grant.role} on ${grant.resource} is not approved in return.`,
        hint: "Somebody else decides; its card shows who can.",
      });
    }
    const approvals = [...counted, approval];
    const isDone = approvals.length >= approvalsNeeded(grant);
    const { claimWithin } = catalog.policies.access;
    const words = `${id} ${isDone ? "is approved" : `has ${approvals.length} of ${grant.terms.quorum} approvals`} for ${formatDuration(approval.durationMs)}${isCapped ? `, the most that can be: ${formatDuration(asked)} were asked` : ""}${deciding.isPress ? "" : `: ${grant.role} on ${grant.resource} for ${requesterName(catalog, grant)}, "${grant.reason}"`}.`;
    if (deciding.isDryRun) return allow(`Dry run: ${words} Nothing was done.`);
    await change(
      room,
      tx,
      grant,
      {
        ...grant,
        decidedAt: isDone ? tx.now : null,
        state: isDone
          ? approvedState(grant, approvals, approval.durationMs, tx.now, claimWithin)
          : { ...waiting, approvals },
      },
      {
        actor,
        action: isDone ? "access.approved" : "access.approval-counted",
        detail: {
          seen: deciding.seen,
          askedMs: grant.askedMs,
          confirmedAt: grant.terms.stepUp ? actor.confirmedAt?.toISOString() : undefined,
          approvedMs: approval.durationMs,
          approvedInReturn: inReturn.length > 0 ? inReturn : undefined,
        },
      },
    );
    const mutual =
      inReturn.length > 0
        ? ` In the last 30 days ${requesterName(catalog, grant)} approved yours: ${inReturn.join(", ")}; the audit says so.`
        : "";
    return allow(`${words}${mutual}`);
  });
}

/** What an approval says besides the request. */
interface Asked {
  seen?: string | undefined;
  durationMs?: number | undefined;
}

/** The same approval, to be typed or pressed again: never of more time than was said. */
function approveLine(id: GrantId, { seen, durationMs }: Asked): string {
  const time = durationMs === undefined ? "" : ` ${formatDuration(durationMs)}`;
  return `access approve ${id}${time}${seen === undefined ? "" : ` --seen ${seen}`}`;
}

/** A fresh sign-in counts for who approves, in that session, for ten minutes; no other door can show one. */
export function notProven(
  { platform }: Pick<Room, "platform">,
  { id, role, resource, terms }: Pick<Grant, "id" | "role" | "resource" | "terms">,
  { door, confirmedAt }: Actor,
  now: Date,
  asked: Asked = {},
): Refused | undefined {
  if (!terms.stepUp) return undefined;
  const ageMs = confirmedAt === undefined ? undefined : now.getTime() - confirmedAt.getTime();
  if (door === "console" && ageMs !== undefined && ageMs >= 0 && ageMs <= stepUpMs) return undefined;
  // Signed in, one press of the same button is left.
  const form = `/form?line=${encodeURIComponent(approveLine(id, asked))}`;
  const url = `${platform.publicUrl}${confirmUrl(form)}`;
  return refuse({
    rule: "step-up",
    message: `${role} on ${resource} is approved by who has signed in at the console within ${formatDuration(stepUpMs)}. Nothing done.`,
    hint: `Sign in there and approve ${id}: ${url}`,
  });
}

export function denyGrant(room: Room, deciding: Deciding, reason: string): Promise<Decision<Reply>> {
  if (holdsSecret(reason))
    return Promise.resolve(refuse({ rule: "no-secrets", message: `The reason: ${secretRefusal}.` }));
  return decide(room, deciding, async (tx, grant) => {
    const { actor, id } = deciding;
    if (deciding.isDryRun) return allow(`Dry run: ${id} would be denied. Nothing was done.`);
    await change(
      room,
      tx,
      grant,
      { ...grant, decidedAt: tx.now, state: { is: "denied", by: whoOf(actor), at: tx.now, reason } },
      {
        actor,
        action: "access.denied",
        detail: { seen: deciding.seen, reasonDigest: textDigest(reason) },
      },
    );
    return allow(`${id} is denied.`);
  });
}

export async function decide(
  room: Room,
  deciding: Deciding,
  act: (tx: Tx, grant: Grant, personId: string, waiting: Waiting) => Promise<Decision<string>>,
): Promise<Decision<Reply>> {
  const { platform } = room;
  const { actor, id } = deciding;
  const peek = await readGrant(platform.database.db, id);
  if (peek === undefined) return unknownGrant(id);
  const own = notOwn(room, peek, actor);
  if (own !== undefined) return own;
  // People are read afresh before the lock is taken, and what was read is asked again under it.
  const fresh = await leadOf(room, peek, actor, { isFresh: true });
  if (!fresh.ok) return fresh;
  return platform.database.tx<Decision<Reply>>(
    async (tx) => {
      const grant = await readGrant(tx.trx, id, { lock: true });
      if (grant === undefined) return unknownGrant(id);
      const lead = await leadOf(room, grant, actor, { isFresh: false });
      if (!lead.ok) return lead;
      const waiting = stillWaiting(room, grant, deciding, tx.now);
      if (!waiting.ok) return waiting;
      const done = await act(tx, grant, lead.value, waiting.value);
      return done.ok
        ? allow({ text: escapeText(done.value, 1_500), silent: deciding.isPress && !deciding.isDryRun })
        : done;
    },
    { inboxId: deciding.isDryRun ? undefined : deciding.inboxId },
  );
}

/** By person of the catalog: another account of the same person is the same person. */
function notOwn({ platform }: Room, grant: Grant, actor: Actor): Refused | undefined {
  const known = onlyIfKnown(platform.catalogs.current(), actor);
  if (!known.ok) return known;
  if (known.value.id !== grant.personId && known.value.id !== grant.askedById) return undefined;
  return refuse({
    rule: "not-your-own-request",
    message: `${grant.id} is your own request; nobody approves or denies their own.`,
    hint: `To take it back: access return ${grant.id}.`,
  });
}

type Waiting = Extract<Grant["state"], { is: "requested" }>;

/** Its state, if it still waits and is what the person saw. */
function stillWaiting(
  { platform }: Room,
  grant: Grant,
  { actor, seen }: Deciding,
  now: Date,
): Decision<Waiting> {
  const catalog = platform.catalogs.current();
  const isOpen = grant.state.is === "requested" && now < grant.state.decideBy;
  if (grant.state.is === "requested" && isOpen && (seen === undefined || seen === shownDigest(grant)))
    return allow(grant.state);
  const stands =
    grant.state.is === "requested" && !isOpen
      ? "nobody decided in time"
      : standing(catalog, grant, whoOf(actor));
  return refuse({
    rule: "bound-to-what-was-shown",
    message: `Changed since you looked: ${grant.id}: ${stands}. Nothing done.`,
    hint: isOpen
      ? "Its card shows how it stands now; decide on that."
      : grant.state.is === "approved" || grant.state.is === "active"
        ? `To end it: access revoke ${grant.id} <reason>.`
        : "",
  });
}
