/** A cause changed, or users may hurt by now: what is read of the outside before a ticket is settled. */
import type { Job, Rerun } from "../../platform/rings/runner.ts";
import { followJob, type TicketParts } from "./room.ts";
import { type Asked, settle } from "./settle.ts";
import { newestTicket, unpagedTickets } from "./store.ts";

export function followJobs(parts: TicketParts): Job[] {
  const { platform, alerts, slos } = parts;
  const { database, clock, log } = platform;

  /** A budget that cannot be read is not known, which is a state of its own and never reads as healthy. */
  const ask = async (service: string | null): Promise<Asked> => {
    if (service === null) return { whyNoBudget: "the catalog knows no service for it" };
    try {
      return { budget: await slos.budgetOf(service, clock.now()) };
    } catch (error) {
      log.warn({ err: error, service }, "the budget could not be read; the sender's severity decides");
      return {
        whyNoBudget: `its budget could not be read (${error instanceof Error ? error.message : String(error)})`,
      };
    }
  };

  const follow = async (groupId: string): Promise<Rerun> => {
    const group = await alerts.readGroup(database.db, groupId);
    if (group === undefined) return undefined;
    const standing = await newestTicket(database.db, groupId, { lock: false });
    // What pages already, or is over, needs no budget read in a storm.
    const isDecided = standing?.state === "open" && standing.pagedAt !== null;
    const asked =
      isDecided || group.firingCount + group.hiddenCount === 0 ? undefined : await ask(group.service);
    return database.tx((tx) => settle(tx, parts, groupId, asked));
  };

  const redecide = async (): Promise<undefined> => {
    const waiting = new Map<string, { groupId: string; users: string }[]>();
    for (const { service, ...ticket } of await unpagedTickets(database.db))
      waiting.set(service, [...(waiting.get(service) ?? []), ticket]);
    for (const [service, tickets] of waiting) {
      const { budget } = await ask(service);
      const changed = tickets.filter(({ users }) => (budget?.users ?? "not asked") !== users);
      if (changed.length === 0) continue;
      await database.tx(async (tx) => {
        for (const { groupId } of changed) tx.ring({ job: followJob, ref: groupId, lane: "normal" });
      });
    }
  };

  return [
    {
      name: followJob,
      about: "Brings a ticket to what its alerts say and decides whether it pages.",
      lane: "normal",
      leaseSec: 60,
      run: follow,
    },
    {
      name: "tickets.redecide",
      about: "Asks again whether users hurt, for each open ticket that does not page.",
      lane: "normal",
      leaseSec: 60,
      run: redecide,
    },
  ];
}
