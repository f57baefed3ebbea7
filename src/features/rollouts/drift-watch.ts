/** Looks whether the traffic is still what the rollout set, says so when it is not, and sets it again by policy. */
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { TrafficState } from "../../providers/traffic/contract.ts";
import {
  begunAnew,
  correctionPrefix,
  correctionsOf,
  type Drift,
  type DriftPolicy,
  nextDrift,
  sharesSet,
  strayedOf,
} from "./drift.ts";
import { recordEffect } from "./effects.ts";
import { isAtWeight, type Rollout } from "./model.ts";
import { jobs, type Room } from "./room.ts";
import { findRollout, lockRollout } from "./store.ts";
import { trafficDeadlineMs } from "./target.ts";

/** What the engine has now; undefined when it cannot be read, which is no drift: setting a weight will say so. */
export async function lookForDrift(room: Room, rollout: Rollout): Promise<TrafficState | undefined> {
  try {
    const { engine, target } = room.aim(rollout);
    return await engine.describe(target, { deadlineMs: trafficDeadlineMs });
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    room.platform.log.warn({ err: error, rollout: rollout.id }, "the weights could not be read");
    return undefined;
  }
}

/** Records what a look found. The rollout is locked and stands as it did when the engine was asked. */
export async function noteDrift(
  room: Room,
  tx: Tx,
  locked: Rollout,
  look: TrafficState | undefined,
): Promise<Rollout> {
  if (look === undefined || !isAtWeight(locked.state)) return locked;
  const step = nextDrift(locked.drift, strayedOf(locked, look), policyOf(room), tx.now);
  if (step?.isToCorrect) tx.ring({ job: jobs.drift, ref: locked.id, lane: "normal" });
  if (step?.news === undefined) return locked;
  const { drift, news } = step;
  return room.change(
    tx,
    locked,
    { drift, ...(news === "ended" ? { state: begunAnew(locked, tx.now) } : {}) },
    {
      actor: systemActor,
      action: `rollout.drift-${news}`,
      reason: drift.sentence,
      detail: { changedBy: look.changedBy, versions: look.versions, policy: policyOf(room) },
    },
  );
}

const policyOf = ({ platform }: Room): DriftPolicy => platform.catalogs.current().policies.rollout.drift;

/** One look between two readings of the signals; sets the weights again where that is due. */
export async function watchDrift(room: Room, id: string): Promise<Rerun> {
  const { database, clock } = room.platform;
  const rollout = await findRollout(database.db, id);
  if (!rollout || !isAtWeight(rollout.state)) return undefined;
  const look = await lookForDrift(room, rollout);
  if (look === undefined) return undefined;
  const step = nextDrift(rollout.drift, strayedOf(rollout, look), policyOf(room), clock.now());
  if (step?.isToCorrect) return correct(room, rollout, look, step.drift);
  await database.tx(async (tx) => {
    const locked = await lockRollout(tx.trx, id);
    if (locked?.seq === rollout.seq) await noteDrift(room, tx, locked, look);
  });
  return undefined;
}

/** Sets each weight again in two phases; the look after it tells whether it stayed. */
async function correct(room: Room, rollout: Rollout, look: TrafficState, drift: Drift): Promise<Rerun> {
  const { id, service, seq } = rollout;
  const { database } = room.platform;
  const aim = room.aim(rollout);
  const count = drift.corrections + 1;
  const isSame = (now: Rollout | undefined): now is Rollout => now?.seq === seq;
  for (const { version, weightPercent: percent } of correctionsOf(sharesSet(rollout) ?? [], look, rollout)) {
    const key = `${correctionPrefix(rollout)}${count}:${version}`;
    const result = await room.effects.apply(
      aim,
      { key, owner: id, service, wanted: { do: "set-weight", version, percent } },
      async (tx) => isSame(await lockRollout(tx.trx, id)),
    );
    if (result.is === "superseded") return undefined;
    // The sweep rings again; until then the drift stands and holds.
    if (result.is === "failed") break;
    await database.tx((tx) => recordEffect(tx, key, result.readBack));
  }
  const after = await lookForDrift(room, rollout);
  await database.tx(async (tx) => {
    const locked = await lockRollout(tx.trx, id);
    if (!isSame(locked)) return;
    const isStanding = after === undefined || strayedOf(locked, after) !== undefined;
    await room.change(
      tx,
      locked,
      {
        drift: { ...drift, isStanding, corrections: count },
        ...(isStanding ? {} : { state: begunAnew(locked, tx.now) }),
      },
      {
        actor: systemActor,
        action: isStanding ? "rollout.drift-not-corrected" : "rollout.drift-corrected",
        reason: drift.sentence,
        detail: { changedBy: look.changedBy, versions: look.versions, correction: count },
      },
    );
  });
  return undefined;
}
