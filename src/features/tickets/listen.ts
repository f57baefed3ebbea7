/** What happens to tickets at their providers: told by hooks, and looked after in case a hook was lost. */
import type { Job } from "../../platform/rings/runner.ts";
import { adopt } from "./adopt.ts";
import { instancesOf, isBuiltin } from "./outside.ts";
import { behindSince, leastRead, markRead, ticketByKey } from "./outside-store.ts";
import { providerRefPrefix, publishJob, type TicketParts } from "./room.ts";
import { readTicket } from "./store.ts";

export const outsideJob = "tickets.outside";
export const reconcileJob = "tickets.reconcile";

/** Tickets looked at in one round: far below any provider's limit by the hour. */
const looksMax = 100;
/** Longest after its end that a ticket may be opened again outside and be noticed without a hook. */
const lookBackMs = 86_400_000;
/** A side outside that is behind for longer than this may have lost its ring. */
const behindMs = 2 * 60_000;
const behindMax = 500;

export function listenJobs(parts: TicketParts): readonly Job[] {
  const { database, catalogs, clock, log } = parts.platform;

  const look = async (id: Parameters<typeof markRead>[1], by: string | null): Promise<void> => {
    const ticket = await readTicket(database.db, id);
    if (ticket === undefined || ticket.externalKey === null) return;
    const shown = await parts.ticketing(ticket.provider).read(ticket.externalKey);
    if (shown === undefined) return;
    await database.tx((tx) => adopt(tx, parts, id, shown, by));
  };

  /** An intent without a result, whose ring was lost. */
  const ringBehind = async (): Promise<void> => {
    const catalog = catalogs.current();
    const before = new Date(clock.now().getTime() - behindMs);
    const behind = await behindSince(database.db, before, behindMax);
    const refs = new Set(
      behind.map(({ id, provider }) =>
        isBuiltin(catalog, provider) ? id : `${providerRefPrefix}${provider}`,
      ),
    );
    if (refs.size === 0) return;
    await database.tx(async (tx) => {
      for (const ref of refs) tx.ring({ job: publishJob, ref, lane: "normal", keepEarlier: true });
    });
  };

  return [
    {
      name: outsideJob,
      about: "Follows a ticket that was closed, opened again or assigned at its provider.",
      lane: "normal",
      async run(ref) {
        const told = await parts.alerts.eventOf(database.db, ref);
        if (told?.event.kind !== "ticket" || told.event.what === "opened") return undefined;
        const { system, project, key, by } = told.event;
        const id = await ticketByKey(database.db, instancesOf(catalogs.current(), system, project), key);
        // What it shows now decides, not what the hook says: hooks come late, twice and out of order.
        if (id !== undefined) await look(id, told.event.what === "closed" ? by : null);
        return undefined;
      },
    },
    {
      name: reconcileJob,
      about:
        "Looks at tickets at their providers, in case a hook was lost, and rings again for those that are behind.",
      lane: "bulk",
      leaseSec: 300,
      async run() {
        await ringBehind();
        const providers = catalogs
          .current()
          .providers.ticketing.flatMap(({ name, kind }) => (kind === "builtin" ? [] : [name]));
        if (providers.length === 0) return undefined;
        const closedSince = new Date(clock.now().getTime() - lookBackMs);
        for (const id of await leastRead(database.db, providers, closedSince, looksMax))
          try {
            await look(id, null);
            await markRead(database.db, id, clock.now());
          } catch (error) {
            log.warn(
              { ticket: id, err: error },
              "tickets could not be looked at outside; the next round goes on",
            );
            return undefined;
          }
        return undefined;
      },
    },
  ];
}
