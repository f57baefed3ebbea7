/** What the files of this room share. */
import type { Platform } from "../../platform/platform.ts";
import type { Alerts } from "../alerts/index.ts";
import type { Runbooks } from "../runbooks/index.ts";
import type { TicketRecord, Tickets } from "../tickets/index.ts";
import { rulesOf } from "./model.ts";

export interface QualityRoom {
  platform: Platform;
  rooms: { alerts: Pick<Alerts, "firingsOf">; tickets: Pick<Tickets, "records">; runbooks: Runbooks };
}

export const pagePath = "/console/quality";

/** Asked once for each rule, by its newest ticket. */
export async function runbookFinder(
  { rooms }: QualityRoom,
  tickets: readonly TicketRecord[],
): Promise<(ticket: TicketRecord) => boolean> {
  const newest = rulesOf(tickets).map((rule) => rule.newest);
  const found = await rooms.runbooks.namesFor(
    newest.map(({ service, name, groupId }) => ({ service, alert: name, groupId })),
  );
  const withOne = new Set(newest.filter((_, index) => found[index] !== undefined).map(({ id }) => id));
  return ({ id }) => withOne.has(id);
}
