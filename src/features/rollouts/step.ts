/** One short step of a rollout on its way up: set a weight, or look at the one that stands. */
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import { sharesIn } from "./drift.ts";
import { isIntended, recordEffect } from "./effects.ts";
import { afterWeight, indexOf, type Rollout, wantedPercent } from "./model.ts";
import { observe, standingOf, turnBack } from "./observe.ts";
import type { Room } from "./room.ts";
import { findRollout, lockRollout } from "./store.ts";
import { warmthOf } from "./warm-up.ts";

const retryMs = { first: 1_000, most: 10_000 };

/** Waits a little longer each time, up to ten seconds: an engine that is back is used soon. */
export const retryAt = (now: Date, attempts: number): Date =>
  new Date(now.getTime() + Math.min(retryMs.most, retryMs.first * attempts));

export async function stepRollout(room: Room, id: string): Promise<Rerun> {
  const rollout = await findRollout(room.platform.database.db, id);
  switch (rollout?.state.is) {
    case "starting":
    case "promoting":
    case "pausing":
      return raise(room, rollout);
    case "step":
    case "paused":
    case "watching":
      return observe(room, rollout);
    case "reverting":
    case "reverted":
    case "promoted":
    case undefined:
      return undefined;
  }
}

/** Sets the weight of the step it is on its way to. */
async function raise(room: Room, rollout: Rollout): Promise<Rerun> {
  const { database, clock } = room.platform;
  const { id, service, to } = rollout;
  if (clock.now() >= rollout.deadlineAt) return passDeadline(room, rollout);
  const percent = wantedPercent(rollout);
  // Pausing meanwhile does not change the weight, so it does not make another effect.
  const key = `${id}:step-${indexOf(rollout)}-at-${percent}`;
  const isSame = (now: Rollout | undefined): now is Rollout =>
    now !== undefined && isRaising(now) && wantedPercent(now) === percent;
  if (!(await isIntended(database.db, key))) {
    // Once the engine was asked for the weight it may have it, and only the judge keeps watch over that.
    const cold = await coldBefore(room, rollout);
    if (cold) return waitFor(room, rollout, cold);
  }
  const result = await room.effects.apply(
    room.aim(rollout),
    { key, owner: id, service, wanted: { do: "set-weight", version: to, percent } },
    async (tx) => isSame(await lockRollout(tx.trx, id)),
  );
  switch (result.is) {
    case "superseded":
      return undefined;
    case "failed":
      return waitFor(room, rollout, result.error);
    case "done":
      return database.tx(async (tx): Promise<Rerun> => {
        const locked = await lockRollout(tx.trx, id);
        await recordEffect(tx, key, result.readBack);
        // Somebody decided otherwise meanwhile: what follows is theirs, and rung by them.
        if (!isSame(locked)) return undefined;
        const settled = new Date(tx.now.getTime() + rollout.plan.lagMs / 2);
        const next = afterWeight(locked, settled);
        if (!next) return undefined;
        const marks = [
          ...locked.marks,
          {
            index: indexOf(locked),
            weightPercent: percent,
            atMs: tx.now.getTime(),
            versions: sharesIn(result.readBack),
            key,
          },
        ];
        await markStep(room, tx, locked, percent);
        const deployId = locked.deployId ?? (await recordDeploy(room, tx, locked));
        await room.change(
          tx,
          locked,
          { state: next, marks, deployId, failing: undefined, drift: undefined, verdict: undefined },
          {
            actor: systemActor,
            action: "rollout.weight-set",
            detail: { weightPercent: percent, revision: result.readBack.revision },
          },
        );
        return { again: new Date(tx.now.getTime() + rollout.plan.intervalMs) };
      });
  }
}

async function markStep({ markers }: Room, tx: Tx, rollout: Rollout, percent: number): Promise<void> {
  const { id, service, environment, from, to } = rollout;
  await markers.mark(tx, {
    service,
    environment,
    kind: "step",
    version: to,
    from,
    percent,
    thing: id,
    at: tx.now,
  });
}

/** Why the version must not get this step's weight yet. */
async function coldBefore(room: Room, rollout: Rollout): Promise<ProviderError | undefined> {
  const { to, plan } = rollout;
  try {
    // A preview gives it no traffic, so an engine that starts versions has not begun with it.
    const isFirst = plan.steps.slice(0, indexOf(rollout)).every(({ weightPercent }) => weightPercent === 0);
    const warmth = await warmthOf(room.aim(rollout), to, plan.warmUp, isFirst);
    return warmth.isWarm ? undefined : new ProviderError("in_progress", warmth.why, "It is asked again.");
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
}

const isRaising = ({ state }: Rollout): boolean =>
  state.is === "starting" || state.is === "promoting" || state.is === "pausing";

async function recordDeploy({ deploys }: Room, tx: Tx, rollout: Rollout): Promise<Rollout["deployId"]> {
  const { id, service, environment, from, to, startedBy } = rollout;
  const deploy = await deploys.record(tx, {
    service,
    environment,
    version: to,
    previous: from,
    by: startedBy.person,
    source: "rollout",
    reference: id,
    at: tx.now,
  });
  return deploy.id;
}

/** Until the engine does it, the weight that stands is watched as before: harm takes it back. */
async function waitFor(room: Room, rollout: Rollout, error: ProviderError): Promise<Rerun> {
  if (standingOf(rollout)) await observe(room, rollout);
  return noteFailure(room, rollout.id, rollout.seq, error);
}

/** The engine did not do it, or not yet: said on the card, tried again; the deadline ends it. */
async function noteFailure(room: Room, id: string, seq: number, error: ProviderError): Promise<Rerun> {
  return room.platform.database.tx(async (tx) => {
    const locked = await lockRollout(tx.trx, id);
    if (!locked || locked.seq !== seq) return undefined;
    const attempts = (locked.failing?.attempts ?? 0) + 1;
    const sinceMs = locked.failing?.sinceMs ?? tx.now.getTime();
    const isWaiting = error.code === "in_progress";
    await room.change(tx, locked, {
      failing: { sinceMs, attempts, error: error.message, isPaged: false, isWaiting },
    });
    return { again: retryAt(tx.now, attempts) };
  });
}

async function passDeadline(room: Room, { id }: Rollout): Promise<Rerun> {
  await room.platform.database.tx(async (tx) => {
    const locked = await lockRollout(tx.trx, id);
    if (!locked || !isRaising(locked) || tx.now < locked.deadlineAt) return;
    const { failing } = locked;
    const what = failing?.isWaiting ? "it was still waiting" : "traffic could not be moved";
    const why = failing ? `; ${what}: ${failing.error}` : "";
    const sentences = [
      `the deadline passed at step ${indexOf(locked) + 1} of ${locked.plan.steps.length}${why}`,
    ];
    await turnBack(room, tx, locked, {
      is: "reverting",
      because: { cause: "deadline", sentences },
      since: tx.now,
    });
  });
  return undefined;
}
