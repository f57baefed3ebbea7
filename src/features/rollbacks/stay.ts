/** Keeps what heals by itself from undoing a rollback, and looks for ten minutes whether the rollback holds. */
import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { ManagedBy } from "../../providers/traffic/contract.ts";
import {
  type Aim,
  type Effect,
  isDone,
  isUntouchedSince,
  lookEveryMs,
  putBackIn,
  recordEffect,
  restoredMax,
  stayForMs,
  trafficDeadlineMs,
} from "../rollouts/index.ts";
import { cardKey } from "./cards.ts";
import type { Rollback } from "./model.ts";
import type { Room } from "./room.ts";
import { findRollback } from "./store.ts";

/** Where somebody else manages the objects: by policy their self-heal is stopped for a while. */
export async function stopHealing(
  { gitops }: Room,
  rollback: Rollback,
  owner: ManagedBy | null,
  isPutBack = false,
): Promise<void> {
  const { id, service, environment, channel } = rollback;
  if (owner)
    await gitops.stop({ thing: id, service, environment, owner, channel, parent: cardKey(id), isPutBack });
}

export async function watchStay(room: Room, id: string): Promise<Rerun> {
  const { database, clock, log } = room.platform;
  const rollback = await findRollback(database.db, id);
  if (rollback?.state.is !== "back") return undefined;
  const now = clock.now();
  // Whoever moves it now knows what is there, and what they give traffic is theirs.
  if (!(await isUntouchedSince(database.db, rollback, rollback.state.at))) {
    await note(room, rollback, undefined);
    return undefined;
  }
  const isOver = now.getTime() - rollback.state.at.getTime() >= stayForMs;
  if (isOver && !(await isPaged(room, id))) return undefined;
  const again = { again: new Date(now.getTime() + lookEveryMs) };
  const aim = room.aim(rollback);
  if (!aim.ok) return undefined;
  try {
    const look = await aim.value.engine.describe(aim.value.target, { deadlineMs: trafficDeadlineMs });
    const found = putBackIn({ id, version: rollback.from }, look);
    await note(room, rollback, found);
    if (found !== undefined && look.managedBy) await restoreAgain(room, rollback, aim.value, look.managedBy);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    // Looked at again with the next look.
    log.warn({ err: error, rollback: id }, "the weights could not be read");
  }
  return again;
}

/** Whether its page is open: that is what is remembered of a rollback that did not hold. */
async function isPaged({ platform, paging }: Room, id: string): Promise<boolean> {
  const standing = await paging.standing(platform.database.db, putBackKey(id));
  return standing !== undefined && standing.state !== "resolved";
}

async function note(room: Room, rollback: Rollback, found: string | undefined): Promise<void> {
  const { database } = room.platform;
  const key = putBackKey(rollback.id);
  if ((await isPaged(room, rollback.id)) === (found !== undefined)) return;
  await database.tx(async (tx) => {
    tx.audit({
      actor: systemActor,
      action: found === undefined ? "rollback.put-back-ended" : "rollback.put-back",
      subject: rollback.id,
      service: rollback.service,
      reason: found,
      correlation: rollback.id,
    });
    if (found === undefined) await room.paging.resolve(tx, key, systemActor);
    else await page(room, tx, rollback, found);
  });
}

/** What heals by itself is stopped once more, and what it gave back is taken away again; three times. */
async function restoreAgain(room: Room, rollback: Rollback, aim: Aim, owner: ManagedBy): Promise<void> {
  const { id, service, recorded, state } = rollback;
  const { database } = room.platform;
  if (state.is !== "back") return;
  for (let time = 1; time <= restoredMax; time += 1) {
    const effect: Effect = {
      key: `${id}:back-again-${time}`,
      owner: id,
      service,
      wanted:
        rollback.way === "snapshot"
          ? { do: "restore", snapshot: recorded }
          : { do: "set-weight", version: rollback.to, percent: 100 },
    };
    if (await isDone(database.db, effect.key)) continue;
    await stopHealing(room, rollback, owner, true);
    const result = await room.effects.apply(aim, effect, (tx) =>
      isUntouchedSince(tx.trx, rollback, state.at),
    );
    if (result.is === "done") await database.tx((tx) => recordEffect(tx, effect.key, result.readBack));
    return;
  }
}

const putBackKey = (id: string): string => `rollback:${id}:put-back`;

async function page({ platform, paging }: Room, tx: Tx, rollback: Rollback, found: string): Promise<void> {
  const { id, service, environment, from, to, channel } = rollback;
  await paging.page(tx, {
    team: lookup.owningTeam(platform.catalogs.current(), service).name,
    service,
    headline: `PAGE ${escapeText(service)}: the rollback ${id} ${escapeText(from)} → ${escapeText(to)} did not hold: ${escapeText(found, 200)}`,
    dedupKey: putBackKey(id),
    subject: id,
    channel,
    parent: cardKey(id),
    verbs: [{ label: "Roll back again", line: `rollback ${service}@${environment} ${to}` }],
    actor: systemActor,
  });
}
