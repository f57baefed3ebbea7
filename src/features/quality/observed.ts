/** What Quarterdeck would have paged for a service it only observes, beside what was paged. Pure. */
import type { Catalog } from "../../catalog/schema.ts";
import type { TicketRecord } from "../tickets/index.ts";

export interface Observed {
  service: string;
  /** Tickets of the week. */
  tickets: number;
  /** Ids of those that… */
  both: readonly string[];
  onlyWould: readonly string[];
  onlyWas: readonly string[];
}

/** Senders that are paging providers: what comes from them has woken somebody. */
const pagingKinds: readonly string[] = ["pagerduty", "opsgenie"];

export const pagingSources = (catalog: Catalog): ReadonlySet<string> =>
  new Set(catalog.hookSources.filter(({ kind }) => pagingKinds.includes(kind)).map(({ name }) => name));

/**
 * By service, those that are observed now.
 *
 * @param paging names of the hook sources that are paging providers
 */
export function observedOf(
  tickets: readonly TicketRecord[],
  services: readonly string[],
  paging: ReadonlySet<string>,
): readonly Observed[] {
  return services.map((service) => {
    const own = tickets.filter((ticket) => ticket.service === service);
    const wasPaged = (ticket: TicketRecord) =>
      ticket.wasPaged || ticket.sources.some((source) => paging.has(source));
    const ids = (would: boolean, was: boolean) =>
      own.filter((ticket) => ticket.wouldPage === would && wasPaged(ticket) === was).map(({ id }) => id);
    return {
      service,
      tickets: own.length,
      both: ids(true, true),
      onlyWould: ids(true, false),
      onlyWas: ids(false, true),
    };
  });
}
