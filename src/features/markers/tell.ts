/**
 * Telling systems outside of a marker: tried again until it is taken or its time is over, and then said aloud. Each system
 * has one call at a time and is left alone for a while after a silence, so that it never holds up other work.
 */
import * as lookup from "../../catalog/lookup.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError, RateLimited } from "../../providers/errors.ts";
import { NotWanted, noticeText } from "../../providers/markers/contract.ts";
import type { MarkerSinks } from "../../providers/markers/instances.ts";
import { giveUpAfterMs, noticeOf, retryAt } from "./model.ts";
import { claimSink, sinkAnswered, sinkSilent } from "./sink-store.ts";
import {
  countAttempt,
  countLost,
  type Delivery,
  readDelivery,
  strandedDeliveries,
  writeOutcome,
} from "./store.ts";

export const tellJob = "markers.tell";
export const sweepJob = "markers.sweep";

export interface TellParts {
  platform: Platform;
  sinks: MarkerSinks;
}

const sweepMax = 500;

/** Longest one telling may take: a system that is asked first and then told, each under its own deadline. */
const callMaxMs = 30_000;

export async function tellMarker({ platform, sinks }: TellParts, id: string): Promise<Rerun> {
  const { database, catalogs, clock, random, publicUrl } = platform;
  const delivery = await readDelivery(database.db, id);
  if (!delivery || delivery.isOver) return undefined;
  const instance = lookup.markerSinks(catalogs.current()).find(({ name }) => name === delivery.sink);
  if (instance === undefined) {
    await database.tx((tx) =>
      writeOutcome(tx.trx, id, { error: "the catalog names it no more", givenUpAt: tx.now }),
    );
    return undefined;
  }
  const { sink } = delivery;
  const turn = await database.tx(async (tx) => {
    const again = await claimSink(tx.trx, sink, tx.now, new Date(tx.now.getTime() + callMaxMs));
    return again ? { again } : { attempts: await countAttempt(tx.trx, id, tx.now) };
  });
  const isTooLate = (now: Date) => now.getTime() - delivery.createdAt.getTime() >= giveUpAfterMs;
  if (turn.again !== undefined) {
    if (!isTooLate(clock.now())) return { again: turn.again };
    await database.tx((tx) => giveUp(platform, tx, delivery, silent(sink)));
    return undefined;
  }
  const { attempts } = turn;
  try {
    const externalId = await sinks.of(instance).put(noticeOf(delivery.marker, publicUrl));
    await database.tx(async (tx) => {
      await writeOutcome(tx.trx, id, { doneAt: tx.now, externalId });
      await sinkAnswered(tx.trx, sink, tx.now);
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const isSilent = error.code === "timeout" || error.code === "unreachable";
    return database.tx(async (tx): Promise<Rerun> => {
      const notBeforeMs = error instanceof RateLimited ? error.retryAfterMs : 0;
      if (isSilent)
        await sinkSilent(tx.trx, sink, tx.now, (times) => retryAt(tx.now, times, random(), notBeforeMs));
      else await sinkAnswered(tx.trx, sink, tx.now);
      if (error instanceof NotWanted || isTooLate(tx.now)) {
        await giveUp(platform, tx, delivery, error);
        return undefined;
      }
      await writeOutcome(tx.trx, id, { error: error.message, givenUpAt: null });
      return { again: retryAt(tx.now, attempts, random(), notBeforeMs) };
    });
  }
}

const silent = (sink: string): ProviderError =>
  new ProviderError("timeout", `${sink} does not answer`, "See that it runs and can be reached from here.");

async function giveUp(platform: Platform, tx: Tx, delivery: Delivery, error: ProviderError): Promise<void> {
  await writeOutcome(tx.trx, delivery.id, { error: error.message, givenUpAt: tx.now });
  await sayLost(platform, tx, delivery, error);
}

/** One message per system and day, with the count so far; each lost one is audited. */
async function sayLost(
  { catalogs, slackTeam, log }: Platform,
  tx: Tx,
  { marker, sink, createdAt }: Delivery,
  error: ProviderError,
): Promise<void> {
  const catalog = catalogs.current();
  const day = tx.now.toISOString().slice(0, 10);
  const count = await countLost(tx.trx, sink, new Date(`${day}T00:00:00.000Z`));
  log.error(
    { err: error, sink, marker: marker.id, thing: marker.thing },
    "a deploy marker was not taken; given up",
  );
  tx.audit({
    actor: systemActor,
    action: "marker.given-up",
    subject: marker.thing,
    service: marker.service,
    reason: error.message,
    detail: { sink, marker: marker.id, kind: marker.kind },
  });
  const organisations = lookup.channel(catalog, catalog.organisation.defaultChannel);
  const channel = organisations && lookup.slackIdOf(organisations, slackTeam());
  if (channel === undefined) return;
  const triedMs = tx.now.getTime() - createdAt.getTime();
  const what = noticeText(noticeOf(marker, ""));
  tx.say({
    key: `marker-sink:${sink}:${day}`,
    channel,
    text: `🟠 ${escapeText(sink)} · ${count === 1 ? "a deploy marker was" : `${count} deploy markers were`} not taken today. The last, tried for ${formatDuration(triedMs)}: ${escapeText(what)}. ${escapeText(error.message, 300)}. ${escapeText(error.hint, 300)} It stays on our own charts; nothing more is tried.`,
  });
}

/** Rings those again that wait and that nobody rings. */
export async function sweepDeliveries({ platform: { database } }: TellParts): Promise<void> {
  const ids = await strandedDeliveries(database.db, tellJob, sweepMax);
  if (ids.length === 0) return;
  await database.tx(async (tx) => {
    for (const ref of ids) tx.ring({ job: tellJob, ref, lane: "bulk" });
  });
}
