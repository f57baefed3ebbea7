/** Stops what heals by itself, in two phases: a row that says when it ends, then the call, read back. */
import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { Suspended } from "../../providers/gitops/contract.ts";
import type { ManagedBy } from "../../providers/traffic/contract.ts";
import { markOf, retryAt, type Stop, stopWithinMs } from "./model.ts";
import { jobs, type Room } from "./room.ts";
import { findStop, insertStop, lockStop, writeStop } from "./store.ts";

export interface StopAsk {
  /** `R-12` */
  readonly thing: string;
  readonly service: string;
  readonly environment: string;
  readonly owner: ManagedBy;
  readonly channel: string;
  /** Key of the card in whose thread it is told. */
  readonly parent: string;
  /** The version is back although it was stopped: what is recorded as stopped is looked at again. */
  readonly isPutBack?: boolean;
}

/** A way back waits no longer for it; the job goes on trying. */
export const stopDeadlineMs = 3_000;

/** Once per thing; asked again it goes on where it was. Never throws because of the cluster. */
export async function stopHealing(room: Room, { isPutBack = false, ...ask }: StopAsk): Promise<void> {
  const { database, catalogs } = room.platform;
  const { gitops, suspendFor } = lookup.gitopsPolicyOf(catalogs.current());
  if (gitops === "none" || !room.systemOf(ask.owner.system)) return;
  await database.tx(async (tx) => {
    const stop: Stop = {
      ...ask,
      wantedAt: tx.now,
      dueAt: new Date(tx.now.getTime() + suspendFor),
      attempts: 0,
      isPaged: false,
      turnedOn: 0,
    };
    if (await insertStop(tx.trx, stop)) ringBoth(tx, stop);
    else if (isPutBack) await doubt(tx, ask.thing);
  });
  await tryToStop(room, ask.thing);
}

/** Something put the version back, so that what was stopped may have been turned on again. */
async function doubt(tx: Tx, thing: string): Promise<void> {
  const locked = await lockStop(tx.trx, thing);
  if (!locked?.stoppedAt || locked.endedAt || tx.now >= locked.dueAt) return;
  await writeStop(tx.trx, { ...locked, stoppedAt: undefined, wantedAt: tx.now, attempts: 0 });
  tx.ring({ job: jobs.stop, ref: thing, lane: "urgent", dueAt: retryAt(tx.now, 1) });
}

function ringBoth(tx: Tx, { thing, dueAt }: Stop): void {
  tx.ring({ job: jobs.stop, ref: thing, lane: "urgent", dueAt: retryAt(tx.now, 1) });
  tx.ring({ job: jobs.end, ref: thing, lane: "normal", dueAt });
}

/** One attempt; the job's, and the first one of whoever asked. */
export async function tryToStop(room: Room, thing: string): Promise<Rerun> {
  const { database, clock } = room.platform;
  const stop = await findStop(database.db, thing);
  const system = stop && room.systemOf(stop.owner.system);
  if (!stop || !system || stop.stoppedAt || stop.endedAt || clock.now() >= stop.dueAt) return undefined;
  let result: Suspended | ProviderError;
  try {
    result = await room.useCluster(stop, { deadlineMs: stopDeadlineMs }, (objects) =>
      system.suspend(objects, stop.owner, markOf(stop)),
    );
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    result = error;
  }
  return database.tx((tx) => note(room, tx, thing, result));
}

async function note(room: Room, tx: Tx, thing: string, result: Suspended | ProviderError): Promise<Rerun> {
  const locked = await lockStop(tx.trx, thing);
  if (!locked || locked.stoppedAt || locked.endedAt) return undefined;
  const attempts = locked.attempts + 1;
  if (result instanceof ProviderError) {
    const error = `${result.message}. ${result.hint}`.replaceAll("..", ".").replace(/\.$/, "");
    const isOver = tx.now.getTime() - locked.wantedAt.getTime() >= stopWithinMs;
    // A call without an answer may have been carried out: whether there is something to end, the end finds out.
    const isEnded = isOver && isRefused(result) && !wasStopped(locked);
    await room.change(
      tx,
      { ...locked, attempts, error, ...(isEnded ? { endedAt: tx.now, ending: "not-stopped" } : {}) },
      isOver || attempts === 1
        ? { actor: systemActor, action: "gitops.not-stopped", reason: result.message }
        : undefined,
    );
    return isOver ? undefined : { again: retryAt(tx.now, attempts) };
  }
  if (wasStopped(locked)) return noteAgain(room, tx, locked, result);
  const { is, kind, source } = result;
  const known = { ...locked, attempts, error: undefined, kind, source: source ?? undefined };
  const { gitops } = lookup.gitopsPolicyOf(room.platform.catalogs.current());
  if (gitops === "revert-commit") tx.ring({ job: jobs.propose, ref: thing, lane: "normal" });
  await room.change(
    tx,
    is === "stopped"
      ? { ...known, stoppedAt: tx.now, attempts: 0 }
      : { ...known, endedAt: tx.now, ending: "idle" },
    { actor: systemActor, action: is === "stopped" ? "gitops.stopped" : "gitops.idle" },
  );
  return undefined;
}

/** The kind is known of what was stopped before, and of nothing else that is open. */
const wasStopped = ({ kind }: Stop): boolean => kind !== undefined;

async function noteAgain(room: Room, tx: Tx, locked: Stop, { is, wasHealing }: Suspended): Promise<Rerun> {
  if (is === "idle")
    // Our mark is gone and it heals nothing: somebody took it over.
    await room.change(
      tx,
      { ...locked, error: undefined, endedAt: tx.now, ending: "theirs" },
      { actor: systemActor, action: "gitops.theirs" },
    );
  else
    await room.change(
      tx,
      {
        ...locked,
        error: undefined,
        stoppedAt: tx.now,
        attempts: 0,
        turnedOn: locked.turnedOn + (wasHealing ? 1 : 0),
      },
      wasHealing ? { actor: systemActor, action: "gitops.stopped-again" } : undefined,
    );
  return undefined;
}

/** The cluster said no, so that nothing was done. */
const isRefused = ({ code }: ProviderError): boolean =>
  code === "unauthorised" || code === "rejected" || code === "not_found";
