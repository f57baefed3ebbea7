/** An alert acknowledged at the paging provider that sent it: whoever did it has the ticket, and its page stops. */
import { kindNames } from "../../catalog/paging.ts";
import type { Job } from "../../platform/rings/runner.ts";
import { pageOfKey } from "../../providers/pagers/contract.ts";
import { whoDid } from "../paging/index.ts";
import type { TicketParts } from "./room.ts";
import { newestTicket } from "./store.ts";

export const acknowledgedThereJob = "tickets.acknowledged-there";

export function acknowledgedThere({ platform, alerts, paging }: TicketParts): Job {
  const { database, catalogs, slackTeam } = platform;
  return {
    name: acknowledgedThereJob,
    about: "Stops a ticket's page when one of its alerts is acknowledged at the provider that sent it.",
    lane: "urgent",
    async run(ref) {
      const told = await alerts.eventOf(database.db, ref);
      if (told?.event.kind !== "page" || told.event.what !== "acknowledged") return undefined;
      const { key, alert, system, by } = told.event;
      // A page of ours that came back is the paging room's.
      if (pageOfKey(key) !== undefined) return undefined;
      const groupId = await alerts.groupIdOf(
        database.db,
        told.source,
        alert === undefined ? [key] : [alert, key],
      );
      const ticket = groupId && (await newestTicket(database.db, groupId, { lock: false }));
      if (!ticket || ticket.state === "closed") return undefined;
      const { actor, shownAs } = whoDid(catalogs.current(), slackTeam(), {
        system: told.source,
        title: kindNames[system] ?? system,
        by,
      });
      await database.tx((tx) => paging.acknowledge(tx, ticket.id, actor, shownAs));
      return undefined;
    },
  };
}
