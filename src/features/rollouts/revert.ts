/**
 * The way back. Weight 0 first, then the rest of the recorded state, then parity. It is never given up: what cannot
 * be reached is tried again and said, and a person is paged.
 */

import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { ManagedBy, Parity, TrafficState } from "../../providers/traffic/contract.ts";
import { cardKey } from "./cards.ts";
import { byNameOf, noteOf, toldOf } from "./compare.ts";
import { type Effect, isDone, recordEffect } from "./effects.ts";
import { versionsText } from "./headline.ts";
import { isUntouchedSince, releaseTraffic } from "./holders.ts";
import type { Failing, ParityNote, Recovery, Rollout } from "./model.ts";
import { withSuspect } from "./next-suspect.ts";
import { stopHealing } from "./put-back-watch.ts";
import { beginRecovery, isWatchOver, lookForRecovery, nextLookAt, symptomOf } from "./recovery.ts";
import { jobs, type Room } from "./room.ts";
import { retryAt } from "./step.ts";
import { findRollout, lockRollout } from "./store.ts";
import { changedSince } from "./surroundings.ts";
import { type Aim, trafficDeadlineMs } from "./target.ts";

/** A way back that has not reached its engine for this long wakes a person; later where the engine is at it. */
const pageAfterMs = { failing: 60_000, waiting: 5 * 60_000 };

/** What one more failed attempt of a way back makes of those before; `since` is when it began. */
export function failingAfter(
  before: Failing | undefined,
  { code, message }: Pick<ProviderError, "code" | "message">,
  since: Date,
  now: Date,
): Failing {
  const isWaiting = code === "in_progress";
  const dueMs = isWaiting ? pageAfterMs.waiting : pageAfterMs.failing;
  return {
    sinceMs: before?.sinceMs ?? now.getTime(),
    attempts: (before?.attempts ?? 0) + 1,
    error: message,
    isPaged: (before?.isPaged ?? false) || now.getTime() - since.getTime() >= dueMs,
    ...(isWaiting ? { isWaiting } : {}),
  };
}

type Outcome =
  | { is: "back"; effect: Effect; readBack: TrafficState; parity: Parity }
  | { is: "failed"; error: ProviderError }
  | { is: "superseded" };

export async function revertRollout(room: Room, id: string): Promise<Rerun> {
  const { database } = room.platform;
  const rollout = await findRollout(database.db, id);
  if (rollout?.state.is !== "reverting") return undefined;
  const [recovery, outcome] = await Promise.all([symptomBefore(room, rollout), goBack(room, rollout)]);
  switch (outcome.is) {
    case "superseded":
      return undefined;
    case "failed":
      return noteStuck(room, id, outcome.error);
    case "back": {
      const note = await compare(room, rollout, outcome.parity);
      await database.tx(async (tx) => {
        const locked = await lockRollout(tx.trx, id);
        await recordEffect(tx, outcome.effect.key, outcome.readBack);
        if (locked?.state.is !== "reverting") return;
        await concludeRevert(room, tx, locked, note, locked.recovery ?? recovery);
      });
      return undefined;
    }
  }
}

/** Field by field: the traffic as it stands now, and what was changed beside it since the snapshot. */
async function compare(room: Room, rollout: Rollout, parity: Parity): Promise<ParityNote> {
  const { platform, deploys } = room;
  const told = await toldOf(deploys, rollout, platform.clock.now());
  const beside = rollout.surroundings ? changedSince(rollout.surroundings, told) : [];
  return noteOf(parity, beside, byNameOf(platform.catalogs.current()));
}

/** How bad it was, read while the way back is already under way; kept from the first attempt on. */
async function symptomBefore(room: Room, rollout: Rollout): Promise<Recovery | undefined> {
  const { state, plan, service, from, recovery } = rollout;
  if (recovery || state.is !== "reverting") return recovery;
  const signal = symptomOf(plan.signals, state.because.cause === "breach" ? state.because.signal : undefined);
  return signal && beginRecovery(room, { service, reference: from }, signal, state.since);
}

async function goBack(room: Room, rollout: Rollout): Promise<Outcome> {
  const { id, service, to, wayBack } = rollout;
  const isWanted = async (tx: Tx) => (await lockRollout(tx.trx, id))?.state.is === "reverting";
  try {
    const aim = room.aim(rollout);
    const zero: Effect = {
      key: `${id}:back-to-0`,
      owner: id,
      service,
      wanted: { do: "set-weight", version: to, percent: 0 },
    };
    let owner: ManagedBy | null = rollout.plan.managed?.by ?? null;
    if (!(await isDone(room.platform.database.db, zero.key))) {
      const result = await room.effects.apply(aim, zero, isWanted);
      if (result.is === "superseded") return result;
      if (result.is === "done") {
        owner ??= result.readBack.managedBy;
        await room.platform.database.tx((tx) => recordEffect(tx, zero.key, result.readBack));
      }
      // Where a weight cannot be taken away alone, the restore below still does it.
      else if (isAway(result.error)) return result;
    }
    // After the weight, so that nothing is before it; before the rest, so that what heals does not undo it.
    await stopHealing(room, rollout, owner);
    const effect: Effect = {
      key: `${id}:back`,
      owner: id,
      service,
      wanted: { do: "restore", snapshot: wayBack },
    };
    const result = await room.effects.apply(aim, effect, isWanted);
    if (result.is !== "done") return result;
    // Who manages it could not be read before.
    if (!owner) await stopHealing(room, rollout, result.readBack.managedBy);
    const parity = await aim.engine.parity(aim.target, wayBack, { deadlineMs: trafficDeadlineMs });
    return { is: "back", effect, readBack: result.readBack, parity };
  } catch (error) {
    if (error instanceof ProviderError) return { is: "failed", error };
    throw error;
  }
}

const isAway = ({ code }: ProviderError): boolean =>
  code === "unreachable" || code === "timeout" || code === "unauthorised";

async function concludeRevert(
  room: Room,
  tx: Tx,
  locked: (Rollout & { state: { is: "reverting" } }) | Rollout,
  parity: ParityNote,
  recovery: Recovery | undefined,
): Promise<void> {
  const { id, state, deployId, failing } = locked;
  if (state.is !== "reverting") return;
  const { because, since } = state;
  const { service, environment, from, to } = locked;
  await room.markers.mark(tx, {
    service,
    environment,
    kind: "reverted",
    version: from,
    from: to,
    thing: id,
    at: tx.now,
  });
  await room.change(
    tx,
    locked,
    {
      state: { is: "reverted", because, since, at: tx.now },
      parity,
      recovery,
      failing: undefined,
      endedAt: tx.now,
    },
    {
      actor: systemActor,
      action: "rollout.reverted",
      detail: { parity: parity.equal, differences: [...parity.differences] },
    },
  );
  if (deployId) await room.deploys.markOutcome(tx, deployId, "bad");
  if (failing?.isPaged) await room.paging.resolve(tx, stuckKey(id), systemActor);
  await releaseTraffic(tx, id);
  tx.emit("rollouts.reverted", id);
  tx.ring({ job: jobs.recovery, ref: id, lane: "normal" });
  tx.ring({ job: jobs.stay, ref: id, lane: "normal" });
}

const stuckKey = (id: string): string => `rollout:${id}:stuck`;

async function noteStuck(room: Room, id: string, error: ProviderError): Promise<Rerun> {
  return room.platform.database.tx(async (tx): Promise<Rerun> => {
    const locked = await lockRollout(tx.trx, id);
    if (locked?.state.is !== "reverting") return undefined;
    const failing = failingAfter(locked.failing, error, locked.state.since, tx.now);
    const changed = await room.change(tx, locked, { failing });
    if (failing.isPaged) await pageStuck(room, tx, changed);
    return { again: retryAt(tx.now, failing.attempts) };
  });
}

async function pageStuck(room: Room, tx: Tx, rollout: Rollout): Promise<void> {
  const { id, service, channel, failing } = rollout;
  const catalog = room.platform.catalogs.current();
  await room.paging.page(tx, {
    team: lookup.owningTeam(catalog, service).name,
    service,
    headline: `PAGE ${escapeText(service)}: rollout ${id} ${versionsText(rollout)} cannot be reverted: ${escapeText(failing?.error ?? "", 200)}`,
    dedupKey: stuckKey(id),
    subject: id,
    channel,
    parent: cardKey(id),
    verbs: [],
    actor: systemActor,
  });
}

/** Looks whether the symptom went away and stays away, and whether the traffic stays where it was put. */
export async function watchRecovery(room: Room, id: string): Promise<Rerun> {
  const { database, clock } = room.platform;
  const rollout = await findRollout(database.db, id);
  if (rollout?.state.is !== "reverted" || rollout.recovery?.isOver) return undefined;
  const { recovery, plan, service, state } = rollout;
  const look = { changedAt: state.at, lagMs: plan.lagMs, now: clock.now() };
  await keepBack(room, rollout);
  const signal = recovery && plan.signals.find(({ name }) => name === recovery.signal);
  const found = recovery && signal && (await lookForRecovery(room, service, signal, recovery, look));
  if (recovery && found) await noteRecovery(room, rollout, recovery, found);
  return isWatchOver(look) ? undefined : { again: nextLookAt(found ?? recovery, look.now) };
}

async function noteRecovery(
  room: Room,
  { id, service, environment, to }: Rollout,
  known: Recovery,
  found: Recovery,
): Promise<void> {
  const symptom = { service, environment, sinceMs: known.sinceMs, cleared: to };
  const recovery = await withSuspect(room, symptom, known, found);
  await room.platform.database.tx(async (tx) => {
    const locked = await lockRollout(tx.trx, id);
    // Another worker was at the same look.
    if (!locked?.recovery || locked.recovery.isOver) return;
    if (locked.recovery.result?.text !== known.result?.text) return;
    const isNews = recovery.result !== known.result;
    await room.change(
      tx,
      locked,
      { recovery },
      isNews
        ? {
            actor: systemActor,
            action: `rollout.${recovery.result?.is}`,
            reason: recovery.result?.text,
            detail: { restoredMs: recovery.restoredMs ?? null },
          }
        : undefined,
    );
  });
}

/** A call of ours that was under way when the revert came may land after it: then the way back is made again. */
async function keepBack(room: Room, rollout: Rollout): Promise<void> {
  const { id, service, environment, wayBack, endedAt } = rollout;
  const { database } = room.platform;
  const place = { service, environment };
  if (!endedAt || !(await isUntouchedSince(database.db, place, endedAt))) return;
  try {
    const aim = room.aim(rollout);
    if (!(await isOursAndAstray(aim, rollout))) return;
    const effect: Effect = {
      key: `${id}:back`,
      owner: id,
      service,
      wanted: { do: "restore", snapshot: wayBack },
    };
    const result = await room.effects.apply(aim, effect, (tx) => isUntouchedSince(tx.trx, place, endedAt));
    if (result.is === "failed") throw result.error;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    // Looked at again with the next look.
    room.platform.log.warn({ err: error, rollout: id }, "the traffic could not be read after its revert");
  }
}

async function isOursAndAstray({ engine, target }: Aim, { id, wayBack }: Rollout): Promise<boolean> {
  const within = { deadlineMs: trafficDeadlineMs };
  const { changedBy } = await engine.describe(target, within);
  if (!changedBy?.startsWith(`${id}:`)) return false;
  return !(await engine.parity(target, wayBack, within)).equal;
}
