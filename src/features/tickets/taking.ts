/** What comes to a ticket from elsewhere: its page was acknowledged by another door; nobody has it for long. */
import { parseIdOf } from "../../platform/ids.ts";
import { dateToken } from "../../platform/messages/blocks.ts";
import { type Actor, systemActor } from "../../platform/people.ts";
import type { Job } from "../../platform/rings/runner.ts";
import { cardKeyOf, headlineOf, spanText } from "./cards.ts";
import { published, show, type TicketParts } from "./room.ts";
import { readTicket, untakenTickets, writeTicket } from "./store.ts";

export const acknowledgedJob = "tickets.acknowledged";
export const repeatJob = "tickets.repeat";

export function takingJobs(parts: TicketParts): Job[] {
  const { platform, paging } = parts;
  const { database, clock, catalogs } = platform;

  /** The page of a ticket was acknowledged: whoever did it has the ticket. */
  const acknowledged: Job = {
    name: acknowledgedJob,
    about: "Gives a ticket to whoever acknowledged its page, by whatever door.",
    lane: "urgent",
    async run(ref) {
      const id = parseIdOf("ticket", ref);
      if (id === undefined) return undefined;
      const standing = await paging.standing(database.db, ref);
      if (standing?.acknowledgedBy === undefined || standing.acknowledgedBy === null) return undefined;
      const by = standing.acknowledgedBy;
      await database.tx(async (tx) => {
        const ticket = await readTicket(tx.trx, id, { lock: true });
        if (ticket === undefined || ticket.state === "closed" || ticket.takenBy !== null) return;
        const after = published(tx, { ...ticket, takenBy: by, takenAt: tx.now, changedAt: tx.now });
        await writeTicket(tx.trx, after);
        // Somebody outside is known by a name, and names do not go into the audit.
        const actor: Actor = /^[UW][A-Z0-9]+$/.test(by)
          ? { team: platform.slackTeam(), person: by, door: "system" }
          : systemActor;
        tx.audit({
          actor,
          action: "ticket.acknowledged",
          subject: id,
          service: ticket.service ?? undefined,
          before: ticket.state,
          after: ticket.state,
        });
        await show(tx, parts, after);
      });
      return undefined;
    },
  };

  /** Our own repeat policy, whatever the senders' is. */
  const repeat: Job = {
    name: repeatJob,
    about: "Says again, in its thread, that a ticket fires and nobody has it.",
    lane: "bulk",
    async run() {
      const { repeatEvery } = catalogs.current().policies.alerts;
      if (repeatEvery === 0) return undefined;
      const before = new Date(clock.now().getTime() - repeatEvery);
      for (const id of await untakenTickets(database.db, before))
        await database.tx(async (tx) => {
          const ticket = await readTicket(tx.trx, id, { lock: true });
          const isDue =
            ticket?.state === "open" &&
            ticket.takenBy === null &&
            (ticket.saidAt ?? ticket.openedAt) <= before;
          if (ticket === undefined || !isDue || ticket.isFlapping) return;
          await writeTicket(tx.trx, { ...ticket, saidAt: tx.now });
          tx.say({
            key: `${cardKeyOf(id)}:still:${tx.now.toISOString()}`,
            channel: ticket.channel,
            parent: cardKeyOf(id),
            text: `Fires since ${dateToken(ticket.since, "date_time")} (${spanText(tx.now.getTime() - ticket.since.getTime())}), and nobody has it: ${headlineOf(ticket, catalogs.current())}. Take it, mute it or resolve it.`,
          });
        });
      return undefined;
    },
  };
  return [acknowledged, repeat];
}
