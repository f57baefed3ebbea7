/**
 * A ticket's side outside: what is wanted is a version on the row (the intent), the provider is called with our id as
 * marker, read back, and only then is the version recorded. Any step may be done again after a crash. Tickets of one
 * provider go out one after another, the oldest first, so that a provider that was away gets them in their order.
 */
import type { Job, Rerun } from "../../platform/rings/runner.ts";
import { ProviderError, RateLimited } from "../../providers/errors.ts";
import { bringOut, isRefusal, type Refusal } from "./bring-out.ts";
import type { TicketId } from "./model.ts";
import { isBuiltin } from "./outside.ts";
import {
  awayUntil,
  nextRetryAt,
  pendingTickets,
  readOutside,
  stayAway,
  writeOutside,
} from "./outside-store.ts";
import { providerRefPrefix, publishJob, show, type TicketParts } from "./room.ts";
import { readTicket } from "./store.ts";

/** Tickets brought out by one run. */
const batchMax = 20;
/** A run ends by itself after this, so that its lease holds. */
const runMsMax = 30_000;
/** A ticket the provider refuses is tried again after this: somebody may have corrected what it named. */
const refusedMs: Readonly<Record<Refusal, number>> = {
  // What was read back is another state than was asked for: it may only be late.
  conflict: 60_000,
  rejected: 10 * 60_000,
  not_found: 10 * 60_000,
};
/** A provider that is away is asked again for ever, this often. */
const backoffMsMin = 2_000;
const backoffMsMax = 60_000;

export function publishJobOf(parts: TicketParts): Job {
  const { database, catalogs, clock, log, random } = parts.platform;

  const publishAll = async (provider: string): Promise<Rerun> => {
    const away = await awayUntil(database.db, provider);
    const startedMs = clock.now().getTime();
    if (away !== undefined && away.getTime() > startedMs) return { again: away };
    const ids = await pendingTickets(database.db, provider, clock.now(), batchMax);
    for (const id of ids) {
      if (clock.now().getTime() - startedMs > runMsMax) return { again: clock.now() };
      try {
        const waitUntil = await bringOut(parts, id);
        if (waitUntil !== undefined) return { again: waitUntil };
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        const failingSince = await noteFailure(parts, id, error);
        if (error instanceof RateLimited) {
          const until = new Date(clock.now().getTime() + error.retryAfterMs);
          await stayAway(database.db, provider, until);
          return { again: until };
        }
        log.warn({ ticket: id, provider, err: error }, "a ticket could not be brought to its provider yet");
        if (isRefusal(error)) continue;
        return { again: new Date(clock.now().getTime() + backoffMs(failingSince, clock.now(), random())) };
      }
    }
    if (ids.length === batchMax) return { again: clock.now() };
    const next = await nextRetryAt(database.db, provider);
    return next && { again: next };
  };

  return {
    name: publishJob,
    about: "Brings tickets at their provider to what they should be, the oldest first.",
    lane: "normal",
    leaseSec: 120,
    async run(ref) {
      if (ref.startsWith(providerRefPrefix)) return publishAll(ref.slice(providerRefPrefix.length));
      const ticket = await readTicket(database.db, ref);
      if (ticket === undefined || ticket.publishedVersion >= ticket.wantedVersion) return undefined;
      if (isBuiltin(catalogs.current(), ticket.provider)) await bringOut(parts, ticket.id);
      else
        await database.tx(async (tx) =>
          tx.ring({
            job: publishJob,
            ref: `${providerRefPrefix}${ticket.provider}`,
            lane: "normal",
          }),
        );
      return undefined;
    },
  };
}

/** As long again as it has failed so far, within limits; milliseconds. `random` in [0, 1) spreads it by a quarter. */
export function backoffMs(failingSince: Date, now: Date, random: number): number {
  const failedMs = now.getTime() - failingSince.getTime();
  return Math.min(backoffMsMax, Math.max(backoffMsMin, failedMs)) * (0.875 + random / 4);
}

/** Kept for the card; said anew only when it is another trouble than before. Answers since when it fails. */
async function noteFailure(parts: TicketParts, id: TicketId, error: ProviderError): Promise<Date> {
  return parts.platform.database.tx(async (tx) => {
    const ticket = await readTicket(tx.trx, id);
    if (ticket === undefined) return tx.now;
    const before = await readOutside(tx.trx, id);
    const failingSince = before.failingSince ?? tx.now;
    await writeOutside(
      tx.trx,
      {
        ...before,
        error: error.message,
        failingSince,
        retryAt: isRefusal(error) ? new Date(tx.now.getTime() + refusedMs[error.code]) : null,
      },
      tx.now,
    );
    if (before.error !== error.message) await show(tx, parts, ticket);
    return failingSince;
  });
}
