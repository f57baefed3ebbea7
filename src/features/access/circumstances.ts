/** What is read of on-call and tickets for a decision. What cannot be read is undefined, and the rule fails closed. */
import { owningTeam } from "../../catalog/lookup.ts";
import type { Duty } from "./automatic.ts";
import type { Grant } from "./model.ts";
import { ticketsIn } from "./reason.ts";
import type { Room } from "./room.ts";
import type { Incidents } from "./rule.ts";

export async function readIncidents(
  { tickets, platform }: Pick<Room, "tickets" | "platform">,
  service: string | undefined,
  reason: string,
): Promise<Incidents> {
  const paging =
    service === undefined
      ? []
      : await read(platform.log, "tickets", async () =>
          (await tickets.openTicketsOf(service))
            .filter(({ pagedAt }) => pagedAt !== null)
            .map(({ id }) => id),
        );
  const named = await read(platform.log, "tickets", () =>
    Promise.all([...new Set(ticketsIn(reason).own)].slice(0, namedMax).map((id) => tickets.ticketOf(id))),
  );
  const namedAndOpen = (named ?? []).flatMap((ticket) => (ticket?.state === "open" ? [ticket.id] : []));
  return { paging, namedAndOpen };
}

/** Tickets of ours in a reason that are looked up. */
const namedMax = 5;

/** Null: nobody has the duty. */
export async function readDuty(
  { paging, platform }: Pick<Room, "paging" | "platform">,
  service: string | undefined,
  now: Date,
): Promise<Duty | null | undefined> {
  if (service === undefined) return null;
  const team = owningTeam(platform.catalogs.current(), service).name;
  return read(platform.log, "who is on call", async () => {
    const duty = await paging.dutyOf(team, now);
    return duty === undefined ? null : { team, personId: duty.person.id, takenOverAt: duty.takenOverAt };
  });
}

/** Whether what approved it at once holds still, before it is given. */
export async function basisNow(
  room: Pick<Room, "tickets" | "paging" | "platform">,
  { basis, service, personId, terms }: Grant,
): Promise<{ is: "read"; lost: string | undefined } | { is: "unreadable" }> {
  if (basis.is === "none-needed" && terms.incidentRequired) {
    const { paging } = await readIncidents(room, service ?? undefined, "");
    if (paging === undefined) return { is: "unreadable" };
    return { is: "read", lost: paging.length === 0 ? `nothing pages on ${service} any more` : undefined };
  }
  if (basis.is !== "automatic") return { is: "read", lost: undefined };
  const duty = await readDuty(room, service ?? undefined, room.platform.clock.now());
  const { paging } = await readIncidents(room, service ?? undefined, "");
  if (duty === undefined || paging === undefined) return { is: "unreadable" };
  if (duty?.personId !== personId)
    return { is: "read", lost: `you are not on call for ${basis.team} any more` };
  return { is: "read", lost: paging.length === 0 ? `nothing pages on ${service} any more` : undefined };
}

async function read<T>(
  log: Room["platform"]["log"],
  what: string,
  look: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    log.warn({ err: error }, `${what} cannot be read for an access decision; a person decides`);
    return undefined;
  }
}
