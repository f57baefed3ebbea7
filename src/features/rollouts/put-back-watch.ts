/** Keeps what heals by itself from undoing a revert, and looks for ten minutes whether the revert holds. */
import * as lookup from "../../catalog/lookup.ts";
import type { Db, Trx, Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import type { ManagedBy } from "../../providers/traffic/contract.ts";
import { cardKey } from "./cards.ts";
import { lookForDrift } from "./drift-watch.ts";
import { recordEffect } from "./effects.ts";
import { versionsText } from "./headline.ts";
import { isUntouchedSince } from "./holders.ts";
import type { Rollout } from "./model.ts";
import { lookEveryMs, nextPutBack, type PutBack, putBackIn, stayForMs } from "./put-back.ts";
import type { Room } from "./room.ts";
import { findRollout, lockRollout } from "./store.ts";

/** Where somebody else manages the objects: by policy their self-heal is stopped for a while. */
export async function stopHealing(
  { gitops }: Room,
  rollout: Rollout,
  found: ManagedBy | null,
  isPutBack = false,
): Promise<void> {
  const { id, service, environment, channel, plan } = rollout;
  const owner = plan.managed?.by ?? found;
  if (!owner) return;
  await gitops.stop({ thing: id, service, environment, owner, channel, parent: cardKey(id), isPutBack });
}

export async function watchStay(room: Room, id: string): Promise<Rerun> {
  const { database, clock } = room.platform;
  const rollout = await findRollout(database.db, id);
  if (rollout?.state.is !== "reverted") return undefined;
  const now = clock.now();
  const isStanding = rollout.putBack?.isStanding ?? false;
  if (!isStanding && now.getTime() - rollout.state.at.getTime() >= stayForMs) return undefined;
  // Whoever moves it now knows what is there, and what they give traffic is theirs.
  if (!(await isUntouched(database.db, rollout))) {
    if (rollout.putBack && isStanding)
      await note(room, id, {
        putBack: { ...rollout.putBack, isStanding: false },
        news: "ended",
        reason: "moved by somebody since",
      });
    return undefined;
  }
  const look = await lookForDrift(room, rollout);
  const again = { again: new Date(now.getTime() + lookEveryMs) };
  if (look === undefined) return again;
  const isManaged = rollout.plan.managed !== undefined || look.managedBy !== null;
  const foundAgain = putBackIn({ id, version: rollout.to, owner: rollout.plan.managed?.by }, look);
  const step = nextPutBack(rollout.putBack, foundAgain, isManaged, now);
  if (step === undefined) return again;
  const { putBack, news, isToRestore } = step;
  if (news !== undefined)
    await note(room, id, {
      putBack,
      news,
      reason: putBack.sentence,
      detail: { changedBy: look.changedBy, versions: look.versions },
    });
  if (isToRestore) await restoreAgain(room, rollout, putBack, look.managedBy);
  return again;
}

interface News {
  readonly putBack: PutBack;
  readonly news: "began" | "ended";
  readonly reason: string;
  readonly detail?: Record<string, unknown>;
}

/** Kept, audited, and paged or said to be over; once, whoever else looks at the same moment. */
async function note(room: Room, id: string, { putBack, news, reason, detail }: News): Promise<void> {
  await room.platform.database.tx(async (tx) => {
    const locked = await lockRollout(tx.trx, id);
    if (locked?.state.is !== "reverted" || locked.putBack?.isStanding === putBack.isStanding) return;
    const action = news === "began" ? "rollout.put-back" : "rollout.put-back-ended";
    const changed = await room.change(
      tx,
      locked,
      { putBack },
      { actor: systemActor, action, reason, detail },
    );
    if (news === "began") await page(room, tx, changed);
    else await room.paging.resolve(tx, putBackKey(id), systemActor);
  });
}

const isUntouched = async (db: Db | Trx, { service, environment, endedAt }: Rollout): Promise<boolean> =>
  endedAt !== undefined && (await isUntouchedSince(db, { service, environment }, endedAt));

/** What heals by itself is stopped once more, and what it gave back is taken away again. */
async function restoreAgain(
  room: Room,
  rollout: Rollout,
  putBack: PutBack,
  owner: ManagedBy | null,
): Promise<void> {
  const { id, service, wayBack } = rollout;
  const { database } = room.platform;
  await stopHealing(room, rollout, owner, true);
  const restored = putBack.restored + 1;
  const key = `${id}:back-again-${restored}`;
  const result = await room.effects.apply(
    room.aim(rollout),
    { key, owner: id, service, wanted: { do: "restore", snapshot: wayBack } },
    (tx) => isUntouched(tx.trx, rollout),
  );
  await database.tx(async (tx) => {
    const locked = await lockRollout(tx.trx, id);
    if (!locked?.putBack) return;
    if (result.is === "done") await recordEffect(tx, key, result.readBack);
    await room.change(
      tx,
      locked,
      { putBack: { ...locked.putBack, restored } },
      {
        actor: systemActor,
        action: "rollout.taken-back-again",
        detail: { times: restored, result: result.is },
      },
    );
  });
}

const putBackKey = (id: string): string => `rollout:${id}:put-back`;

async function page({ platform, paging }: Room, tx: Tx, rollout: Rollout): Promise<void> {
  const { id, service, environment, from, channel, putBack } = rollout;
  await paging.page(tx, {
    team: lookup.owningTeam(platform.catalogs.current(), service).name,
    service,
    headline: `PAGE ${escapeText(service)}: the revert of ${id} ${versionsText(rollout)} did not hold: ${escapeText(putBack?.sentence ?? "", 200)}`,
    dedupKey: putBackKey(id),
    subject: id,
    channel,
    parent: cardKey(id),
    verbs: [{ label: "Roll back again", line: `rollback ${service}@${environment} ${from}` }],
    actor: systemActor,
  });
}
