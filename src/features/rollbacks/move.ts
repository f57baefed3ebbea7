/** The worker's side: moves the traffic, compares, and looks whether it helped. Never given up. */
import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { Parity, TrafficState } from "../../providers/traffic/contract.ts";
import {
  beginRecovery,
  byNameOf,
  changedSince,
  type Effect,
  failingAfter,
  isWatchOver,
  lagMsOf,
  lookForRecovery,
  nextLookAt,
  noteOf,
  type ParityNote,
  type Recovery,
  recordEffect,
  releaseTraffic,
  retryAt,
  symptomOf,
  toldOf,
  trafficDeadlineMs,
  withSuspect,
} from "../rollouts/index.ts";
import { cardKey } from "./cards.ts";
import { promised, type Rollback } from "./model.ts";
import { jobs, type Room } from "./room.ts";
import { stopHealing } from "./stay.ts";
import { findRollback, lockRollback, writeRollback } from "./store.ts";

export async function moveTraffic(room: Room, id: string): Promise<Rerun> {
  const { database } = room.platform;
  const rollback = await findRollback(database.db, id);
  if (rollback?.state.is !== "moving") return undefined;
  const effect: Effect = {
    key: `${id}:back`,
    owner: id,
    service: rollback.service,
    wanted:
      rollback.way === "snapshot"
        ? { do: "restore", snapshot: rollback.recorded }
        : { do: "set-weight", version: rollback.to, percent: 100 },
  };
  const [recovery, outcome] = await Promise.all([
    symptomBefore(room, rollback),
    apply(room, rollback, effect),
  ]);
  if (outcome === "superseded") return undefined;
  if (outcome instanceof ProviderError) return noteStuck(room, id, outcome);
  const note = await compare(room, rollback, outcome.parity);
  await database.tx(async (tx) => {
    const locked = await lockRollback(tx.trx, id);
    await recordEffect(tx, effect.key, outcome.readBack);
    if (locked?.state.is === "moving") await conclude(room, tx, locked, note, locked.recovery ?? recovery);
  });
  return undefined;
}

/** The traffic as it stands now, and what was changed beside it since the version was left. */
async function compare(
  room: Room,
  { way, surroundings, ...place }: Rollback,
  parity: Parity,
): Promise<ParityNote> {
  const { platform, deploys } = room;
  const told = await toldOf(deploys, place, platform.clock.now());
  return noteOf(
    { differences: promised(way, parity) },
    surroundings ? changedSince(surroundings, told) : [],
    byNameOf(platform.catalogs.current()),
  );
}

type Applied = { readBack: TrafficState; parity: Parity };

async function apply(
  room: Room,
  rollback: Rollback,
  effect: Effect,
): Promise<Applied | ProviderError | "superseded"> {
  try {
    const aim = room.aim(rollback);
    if (!aim.ok) return new ProviderError("not_found", aim.refusal.message, aim.refusal.hint);
    const { engine, target } = aim.value;
    const result = await room.effects.apply(
      aim.value,
      effect,
      async (tx) => (await lockRollback(tx.trx, rollback.id))?.state.is === "moving",
    );
    if (result.is === "superseded") return result.is;
    if (result.is === "failed") return result.error;
    await stopHealing(room, rollback, result.readBack.managedBy);
    return {
      readBack: result.readBack,
      parity: await engine.parity(target, rollback.recorded, { deadlineMs: trafficDeadlineMs }),
    };
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
}

async function symptomBefore(
  room: Room,
  { service, startedAt, recovery }: Rollback,
): Promise<Recovery | undefined> {
  if (recovery) return recovery;
  const signal = symptomOf(lookup.signalsOf(room.platform.catalogs.current(), service), undefined);
  return signal && beginRecovery(room, { service }, signal, startedAt);
}

async function conclude(
  room: Room,
  tx: Tx,
  locked: Rollback,
  parity: ParityNote,
  recovery: Recovery | undefined,
): Promise<void> {
  const { deploys, paging } = room;
  const { id, service, environment, from, to, by, badDeployId, failing } = locked;
  const deploy = await deploys.record(tx, {
    service,
    environment,
    version: to,
    previous: from,
    by: by.person,
    source: "rollback",
    reference: id,
    at: tx.now,
  });
  await room.markers.mark(tx, {
    service,
    environment,
    kind: "rolled-back",
    version: to,
    from,
    thing: id,
    at: tx.now,
  });
  if (badDeployId) await deploys.markOutcome(tx, badDeployId, "bad");
  const back: Rollback = {
    ...locked,
    state: { is: "back", at: tx.now },
    parity,
    recovery,
    failing: undefined,
    deployId: deploy.id,
  };
  await writeRollback(tx.trx, back);
  tx.audit({
    actor: systemActor,
    action: "rollback.done",
    subject: id,
    service,
    before: "moving",
    after: "back",
    correlation: id,
    detail: { parity: parity.equal, differences: [...parity.differences], deploy: deploy.id },
  });
  if (failing?.isPaged) await paging.resolve(tx, stuckKey(id), systemActor);
  await releaseTraffic(tx, id);
  room.tell(tx, back);
  tx.emit("rollbacks.done", id);
  tx.ring({ job: jobs.recovery, ref: id, lane: "normal" });
  tx.ring({ job: jobs.stay, ref: id, lane: "normal" });
}

const stuckKey = (id: string): string => `rollback:${id}:stuck`;

async function noteStuck(room: Room, id: string, error: ProviderError): Promise<Rerun> {
  return room.platform.database.tx(async (tx): Promise<Rerun> => {
    const locked = await lockRollback(tx.trx, id);
    if (locked?.state.is !== "moving") return undefined;
    const failing = failingAfter(locked.failing, error, locked.startedAt, tx.now);
    const changed: Rollback = { ...locked, failing };
    await writeRollback(tx.trx, changed);
    room.tell(tx, changed);
    if (failing.isPaged) await pageStuck(room, tx, changed);
    return { again: retryAt(tx.now, failing.attempts) };
  });
}

async function pageStuck(
  room: Room,
  tx: Tx,
  { id, service, from, to, channel, failing }: Rollback,
): Promise<void> {
  await room.paging.page(tx, {
    team: lookup.owningTeam(room.platform.catalogs.current(), service).name,
    service,
    headline: `PAGE ${escapeText(service)}: rollback ${id} ${escapeText(from)} → ${escapeText(to)} does not come through: ${escapeText(failing?.error ?? "", 200)}`,
    dedupKey: stuckKey(id),
    subject: id,
    channel,
    parent: cardKey(id),
    verbs: [],
    actor: systemActor,
  });
}

export async function watchRecovery(room: Room, id: string): Promise<Rerun> {
  const { database, clock, catalogs } = room.platform;
  const rollback = await findRollback(database.db, id);
  if (rollback?.state.is !== "back" || !rollback.recovery || rollback.recovery.isOver) return undefined;
  const { recovery, service, environment, from, state } = rollback;
  const signal = lookup.signalsOf(catalogs.current(), service).find(({ name }) => name === recovery.signal);
  if (!signal) return undefined;
  const lagMs = lagMsOf(catalogs.current(), room.signals, service);
  const look = { changedAt: state.at, lagMs, now: clock.now() };
  const found = await lookForRecovery(room, service, signal, recovery, look);
  if (found) {
    const symptom = { service, environment, sinceMs: recovery.sinceMs, cleared: from };
    await noteRecovery(room, id, recovery, await withSuspect(room, symptom, recovery, found));
  }
  return isWatchOver(look) ? undefined : { again: nextLookAt(found ?? recovery, look.now) };
}

const noteRecovery = (room: Room, id: string, known: Recovery, recovery: Recovery): Promise<void> =>
  room.platform.database.tx(async (tx) => {
    const locked = await lockRollback(tx.trx, id);
    if (!locked?.recovery || locked.recovery.isOver) return;
    // Another worker was at the same look.
    if (locked.recovery.result?.text !== known.result?.text) return;
    const changed: Rollback = { ...locked, recovery };
    await writeRollback(tx.trx, changed);
    room.tell(tx, changed);
    const { result } = recovery;
    if (!result || result === known.result) return;
    tx.audit({
      actor: systemActor,
      action: `rollback.${result.is}`,
      subject: id,
      service: locked.service,
      reason: result.text,
      correlation: id,
      detail: { restoredMs: recovery.restoredMs ?? null },
    });
    if (result.is === "recovered" && locked.deployId)
      await room.deploys.markOutcome(tx, locked.deployId, "good");
  });
