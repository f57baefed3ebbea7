/** Begins again what was stopped, when its time is over. Never given up: it is tried again, and a person is woken. */
import * as lookup from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError } from "../../providers/errors.ts";
import {
  type Ending,
  isSameOwner,
  markOf,
  ownerName,
  pageAfterMs,
  retryAt,
  type Stop,
  stopWithinMs,
} from "./model.ts";
import { jobs, type Room } from "./room.ts";
import { findStop, lockStop, openStops } from "./store.ts";

const endDeadlineMs = 5_000;
const openMax = 500;

export async function endStop(room: Room, thing: string): Promise<Rerun> {
  const { database, clock } = room.platform;
  const stop = await findStop(database.db, thing);
  if (!stop || stop.endedAt) return undefined;
  if (clock.now() < stop.dueAt) return { again: stop.dueAt };
  // Whether it was stopped is not known while the result is missing: what carries our mark is put back all the same.
  const result = await resume(room, stop);
  return database.tx(async (tx): Promise<Rerun> => {
    const locked = await lockStop(tx.trx, thing);
    if (!locked || locked.endedAt) return undefined;
    if (result instanceof ProviderError) return noteStuck(room, tx, locked, result);
    const ending = result === "theirs" && !locked.stoppedAt ? "not-stopped" : result;
    await room.change(
      tx,
      { ...locked, endedAt: tx.now, ending, error: ending === "not-stopped" ? locked.error : undefined },
      { actor: systemActor, action: `gitops.${ending}` },
    );
    if (locked.isPaged) await room.paging.resolve(tx, stuckKey(thing), systemActor);
    return undefined;
  });
}

async function resume(room: Room, stop: Stop): Promise<Ending | ProviderError> {
  const { database } = room.platform;
  const system = room.systemOf(stop.owner.system);
  const isSame = (other: Stop): boolean =>
    other.thing !== stop.thing &&
    other.environment === stop.environment &&
    other.stoppedAt !== undefined &&
    other.dueAt > stop.dueAt &&
    isSameOwner(other.owner, stop.owner);
  // The one that lasts longest.
  const other = (await openStops(database.db, openMax)).findLast(isSame);
  if (!system) return "theirs";
  try {
    const { is } = await room.useCluster(stop, { deadlineMs: endDeadlineMs }, (objects) =>
      system.resume(objects, stop.owner, { by: markOf(stop).by, to: other && markOf(other) }),
    );
    return is;
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
}

async function noteStuck(room: Room, tx: Tx, locked: Stop, error: ProviderError): Promise<Rerun> {
  const attempts = locked.attempts + 1;
  const isDue = tx.now.getTime() - locked.dueAt.getTime() >= pageAfterMs;
  const after = { ...locked, attempts, error: error.message, isPaged: locked.isPaged || isDue };
  await room.change(tx, after);
  if (after.isPaged) await page(room, tx, after);
  return { again: retryAt(tx.now, attempts) };
}

const stuckKey = (thing: string): string => `gitops:${thing}:stuck`;

async function page({ platform, paging }: Room, tx: Tx, stop: Stop): Promise<void> {
  const { thing, service, owner, kind, channel, parent, error = "" } = stop;
  await paging.page(tx, {
    team: lookup.owningTeam(platform.catalogs.current(), service).name,
    service,
    headline: `PAGE ${escapeText(service)}: ${escapeText(ownerName(owner, kind), 120)} was stopped for ${thing} and cannot be turned on again: ${escapeText(error, 200)}`,
    dedupKey: stuckKey(thing),
    subject: thing,
    channel,
    parent,
    verbs: [],
    actor: systemActor,
  });
}

/** What a lost ring left standing is taken up again. */
export async function sweepStops({ platform: { database } }: Room): Promise<undefined> {
  const open = await openStops(database.db, openMax);
  if (open.length === 0) return undefined;
  await database.tx(async (tx) => {
    for (const { thing, stoppedAt, wantedAt, dueAt } of open) {
      const isWanted = tx.now.getTime() - wantedAt.getTime() <= 2 * stopWithinMs;
      if (!stoppedAt && isWanted)
        tx.ring({
          job: jobs.stop,
          ref: thing,
          lane: "urgent",
          dueAt: new Date(tx.now.getTime() + 10_000),
          keepEarlier: true,
        });
      tx.ring({
        job: jobs.end,
        ref: thing,
        lane: "normal",
        dueAt: dueAt > tx.now ? dueAt : new Date(tx.now.getTime() + 10_000),
        keepEarlier: true,
      });
    }
  });
  return undefined;
}
