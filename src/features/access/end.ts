/** Ends of a grant before its time: given back, or revoked by a lead. */
import { onlyIfKnown } from "../../platform/authz.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Reply } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { destroySecret } from "./claim.ts";
import { type EndCause, type Grant, type GrantId, revokingFrom, textDigest } from "./model.ts";
import { holdsSecret, secretRefusal } from "./reason.ts";
import { change, leadOf, type Room, unknownGrant, whoOf } from "./room.ts";
import { listGrants, readGrant } from "./store.ts";
import { requesterName, standing } from "./words.ts";

export interface Ending {
  actor: Actor;
  inboxId?: string | undefined;
  isDryRun: boolean;
  isPress: boolean;
  id: GrantId;
}

/** Starts the end of a locked grant; the worker does the rest. False when there is nothing left to end. */
export async function startEnding(
  room: Room,
  tx: Tx,
  grant: Grant,
  because: EndCause,
  actor: Actor,
): Promise<boolean> {
  const state = revokingFrom(grant, because, tx.now);
  if (state === undefined) return false;
  await destroySecret(tx, grant.id);
  await change(
    room,
    tx,
    grant,
    { ...grant, state },
    {
      actor,
      action: because.is === "time" ? "access.ending" : `access.${because.is}`,
      detail: because.is === "revoked" ? { reasonDigest: textDigest(because.reason) } : undefined,
    },
  );
  return true;
}

export async function returnGrant(room: Room, ending: Ending): Promise<Decision<Reply>> {
  const { platform } = room;
  const { actor, id } = ending;
  const known = onlyIfKnown(platform.catalogs.current(), actor);
  if (!known.ok) return known;
  return onLocked(room, ending, async (tx, grant) => {
    const catalog = platform.catalogs.current();
    if (known.value.id !== grant.personId && known.value.id !== grant.askedById)
      return refuse({
        rule: "own-grants-only",
        message: `${id} is ${requesterName(catalog, grant)}'s; only they can give it back.`,
        hint: `A lead can end it: access revoke ${id} <reason>`,
        whoCould: [grant.requester.person],
      });
    const { state } = grant;
    if (state.is === "requested" || state.is === "approved") {
      if (ending.isDryRun) return allow(`Dry run: ${id} would be taken back. Nothing was done.`);
      await change(
        room,
        tx,
        grant,
        { ...grant, state: { is: "withdrawn", at: tx.now, wasApproved: state.is === "approved" } },
        { actor, action: "access.withdrawn" },
      );
      return allow(`${id} is taken back.`);
    }
    if (state.is !== "granting" && state.is !== "active") return isOver(room, grant, actor);
    if (ending.isDryRun)
      return allow(`Dry run: ${id} would end now, with its open sessions. Nothing was done.`);
    await startEnding(room, tx, grant, { is: "returned" }, actor);
    return allow(`${id} is being ended; thank you. Its open sessions end with it.`);
  });
}

export async function revokeGrant(room: Room, ending: Ending, reason: string): Promise<Decision<Reply>> {
  const { platform } = room;
  const { actor, id } = ending;
  if (holdsSecret(reason)) return refuse({ rule: "no-secrets", message: `The reason: ${secretRefusal}.` });
  const peek = await readGrant(platform.database.db, id);
  if (peek === undefined) return unknownGrant(id);
  // Taking away uses what was last known of groups: it must work when Slack does not.
  const lead = await leadOf(room, peek, actor, { isFresh: false });
  if (!lead.ok) return lead;
  return onLocked(room, ending, async (tx, grant) => {
    const { state } = grant;
    if (state.is === "requested")
      return refuse({
        rule: "granted-first",
        message: `${id} is not approved; there is nothing to revoke.`,
        hint: `To refuse it: access deny ${id} <reason>`,
      });
    if (state.is !== "approved" && state.is !== "granting" && state.is !== "active")
      return isOver(room, grant, actor);
    if (ending.isDryRun)
      return allow(`Dry run: ${id} would end now, with its open sessions. Nothing was done.`);
    if (state.is === "approved") {
      await change(
        room,
        tx,
        grant,
        { ...grant, state: { is: "denied", by: whoOf(actor), at: tx.now, reason } },
        { actor, action: "access.revoked", detail: { reasonDigest: textDigest(reason) } },
      );
      const more = await revokeExtensions(room, tx, id, actor, reason);
      return allow(`${id} is revoked; it was not claimed yet.${moreText(more)}`);
    }
    await startEnding(room, tx, grant, { is: "revoked", by: whoOf(actor), reason }, actor);
    const more = await revokeExtensions(room, tx, id, actor, reason);
    return allow(`${id} is being ended, with its open sessions.${moreText(more)}`);
  });
}

const moreText = (ids: readonly GrantId[]): string =>
  ids.length === 0
    ? ""
    : ` So ${ids.length === 1 ? "is its extension" : "are its extensions"} ${ids.join(", ")}.`;

/** An extension is a grant of its own: who is to have nothing any more has none of them either. Answers what it ended. */
async function revokeExtensions(
  room: Room,
  tx: Tx,
  id: GrantId,
  actor: Actor,
  reason: string,
): Promise<GrantId[]> {
  const ended: GrantId[] = [];
  for (const found of await listGrants(tx.trx, { extends: id, limit: 20 })) {
    const grant = await readGrant(tx.trx, found.id, { lock: true });
    if (grant === undefined) continue;
    const { state } = grant;
    if (state.is === "requested" || state.is === "approved") {
      await change(
        room,
        tx,
        grant,
        { ...grant, state: { is: "denied", by: whoOf(actor), at: tx.now, reason } },
        { actor, action: "access.revoked", detail: { reasonDigest: textDigest(reason), extends: id } },
      );
      ended.push(grant.id);
    } else if (await startEnding(room, tx, grant, { is: "revoked", by: whoOf(actor), reason }, actor))
      ended.push(grant.id);
    ended.push(...(await revokeExtensions(room, tx, grant.id, actor, reason)));
  }
  return ended;
}

function isOver({ platform }: Room, grant: Grant, actor: Actor): Decision<never> {
  return refuse({
    rule: "not-over",
    message: `${grant.id}: ${standing(platform.catalogs.current(), grant, whoOf(actor))}. Nothing done.`,
  });
}

async function onLocked(
  { platform }: Room,
  { id, inboxId, isDryRun, isPress }: Ending,
  act: (tx: Tx, grant: Grant) => Promise<Decision<string>>,
): Promise<Decision<Reply>> {
  return platform.database.tx<Decision<Reply>>(
    async (tx) => {
      const grant = await readGrant(tx.trx, id, { lock: true });
      if (grant === undefined) return unknownGrant(id);
      const done = await act(tx, grant);
      return done.ok ? allow({ text: escapeText(done.value, 1_500), silent: isPress && !isDryRun }) : done;
    },
    { inboxId: isDryRun ? undefined : inboxId },
  );
}
