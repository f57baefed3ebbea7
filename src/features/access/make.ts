/** The worker makes what was claimed, reads it back, and records it with its sealed credential. */
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import type { Accessor, Granted, GrantIntent, ReadBack } from "../../providers/accessors/contract.ts";
import { ProviderError } from "../../providers/errors.ts";
import { keepSecret } from "./claim.ts";
import { startEnding } from "./end.ts";
import { type Grant, type GrantId, refOf } from "./model.ts";
import { accessorOf, change, type Room } from "./room.ts";
import { inAMoment, inTurn, sharedKeyOf, sharersOf, takeAway, writeSharer } from "./shared.ts";
import { readGrant, writeGrant } from "./store.ts";
import { again } from "./trouble.ts";

export async function makeGrant(room: Room, id: GrantId): Promise<Rerun> {
  const { database } = room.platform;
  const grant = await readGrant(database.db, id);
  if (grant === undefined) return undefined;
  const { state } = grant;
  if (state.is !== "granting") return undefined;
  if (room.platform.clock.now() >= state.endsAt) {
    const why = state.trouble?.message ?? "no worker came to it before its end";
    await database.tx(async (tx) => {
      const locked = await readGrant(tx.trx, id, { lock: true });
      if (locked) await startEnding(room, tx, locked, { is: "not-made", why }, systemActor);
    });
    return undefined;
  }
  try {
    const accessor = accessorOf(room, grant);
    const sharedKey = sharedKeyOf(accessor, grant);
    const made = await inTurn(room, sharedKey, () =>
      makeInTurn(room, accessor, grant, state.endsAt, sharedKey),
    );
    return made === "taken" ? inAMoment(room) : undefined;
  } catch (error) {
    return again(room, id, error);
  }
}

async function makeInTurn(
  room: Room,
  accessor: Accessor,
  grant: Grant,
  endsAt: Date,
  sharedKey: string | undefined,
): Promise<void> {
  const { database } = room.platform;
  const { id } = grant;
  const planned = { ...refOf(grant), expiresAt: endsAt };
  const { endStatements } = await accessor.plan(planned);
  const before = await beforeOf(room, accessor, grant, planned, sharedKey);
  if (before === "not-wanted") return;
  const intent = { ...planned, before: before ?? undefined };
  const granted = await accessor.grant(intent, id);
  assertGranted(await accessor.verify({ ...intent, externalId: granted.externalId }), granted, intent);
  const isWanted = await database.tx(async (tx) => {
    const locked = await readGrant(tx.trx, id, { lock: true });
    // Another worker was as fast and recorded it: the login is in use.
    if (locked?.state.is === "active") return true;
    if (locked?.state.is !== "granting") return false;
    const { approvals, durationMs, endsAt } = locked.state;
    await keepSecret(room, tx, locked, endsAt, granted.credential);
    await change(
      room,
      tx,
      locked,
      {
        ...locked,
        byHand: endStatements,
        state: {
          is: "active",
          approvals,
          durationMs,
          endsAt,
          externalId: granted.externalId,
          revealedAt: null,
          ownAccount: granted.credential.length === 0,
          lastsUntil: granted.lastsUntil,
        },
      },
      {
        actor: systemActor,
        action: "access.active",
        detail: { endsAt: endsAt.toISOString(), wasAdopted: granted.wasAdopted },
      },
    );
    return true;
  });
  // Ended while it was being made: what was made just now goes again, at the latest by the reconciler.
  if (!isWanted) await takeAway(room, accessor, { ...intent, externalId: granted.externalId }, id, sharedKey);
}

/** What was there before is on record before anything is made: its end needs it. */
async function beforeOf(
  room: Room,
  accessor: Accessor,
  grant: Grant,
  planned: GrantIntent,
  sharedKey: string | undefined,
): Promise<Grant["before"] | "not-wanted"> {
  const { database } = room.platform;
  if (sharedKey === undefined && (grant.before !== null || accessor.prepare === undefined))
    return grant.before;
  const sharers = sharedKey === undefined ? [] : await sharersOf(database.db, sharedKey, grant.id);
  // What is there now was made for another grant: what was before that one is what its end goes back to.
  const before =
    grant.before ?? (sharers[0] ? sharers[0].before : ((await accessor.prepare?.(planned)) ?? null));
  return database.tx<Grant["before"] | "not-wanted">(async (tx) => {
    const locked = await readGrant(tx.trx, grant.id, { lock: true });
    if (locked?.state.is !== "granting") return "not-wanted";
    await writeGrant(tx.trx, { ...locked, before }, tx.now);
    if (sharedKey !== undefined) await writeSharer(tx.trx, grant.id, sharedKey);
    return before;
  });
}

function assertGranted(
  { exists, canLogin, validUntil }: ReadBack,
  { expiresAt }: Granted,
  { externalName }: GrantIntent,
): void {
  // A system without an end of its own has none to compare: ours is the only one.
  const isTimed = expiresAt === null || validUntil?.getTime() === expiresAt.getTime();
  if (exists && canLogin && isTimed) return;
  throw new ProviderError(
    "conflict",
    `Reading back ${externalName}: it is not there as it was made`,
    "Something else changes the same login",
  );
}
