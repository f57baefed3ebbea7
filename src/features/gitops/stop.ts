/** Stops what heals by itself, in two phases: a row that says when it ends, then the call, read back. */
import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { Suspended } from "../../providers/gitops/contract.ts";
import type { ManagedBy } from "../../providers/traffic/contract.ts";
import { retryAt, type Stop, stopWithinMs } from "./model.ts";
import { jobs, type Room } from "./room.ts";
import { findStop, insertStop, lockStop } from "./store.ts";

export interface StopAsk {
  /** `R-12` */
  readonly thing: string;
  readonly service: string;
  readonly environment: string;
  readonly owner: ManagedBy;
  readonly channel: string;
  /** Key of the card in whose thread it is told. */
  readonly parent: string;
}

/** A way back waits no longer for it; the job goes on trying. */
export const stopDeadlineMs = 3_000;

/** Once per thing; asked again it goes on where it was. Never throws because of the cluster. */
export async function stopHealing(room: Room, ask: StopAsk): Promise<void> {
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
    };
    if (await insertStop(tx.trx, stop)) ringBoth(tx, stop);
  });
  await tryToStop(room, ask.thing);
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
    const mark = { by: `quarterdeck ${thing}`, until: stop.dueAt };
    result = await room.useCluster(stop, { deadlineMs: stopDeadlineMs }, (objects) =>
      system.suspend(objects, stop.owner, mark),
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
    const isEnded = isOver && isRefused(result);
    await room.change(
      tx,
      { ...locked, attempts, error, ...(isEnded ? { endedAt: tx.now, ending: "not-stopped" } : {}) },
      isOver || attempts === 1
        ? { actor: systemActor, action: "gitops.not-stopped", reason: result.message }
        : undefined,
    );
    return isOver ? undefined : { again: retryAt(tx.now, attempts) };
  }
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

/** The cluster said no, so that nothing was done. */
const isRefused = ({ code }: ProviderError): boolean =>
  code === "unauthorised" || code === "rejected" || code === "not_found";
