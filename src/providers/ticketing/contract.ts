/** What is to stand in a ticket system outside. Plain text: each system escapes for itself. */
export interface TicketContent {
  title: string;
  body: string;
  /** Team that owns it, as the catalog names it. */
  owner: string;
  severity: string;
}

/** A ticket as read back. */
export interface ExternalTicket {
  /** The system's own id. */
  key: string;
  url: string | null;
  state: "open" | "closed";
  title: string;
}

/**
 * A system that keeps tickets.
 *
 * All methods throw ProviderError. After `timeout` or `unreachable` the effect may have happened: every method may
 * be called again with the same input, and does not do twice what was done.
 */
export interface Ticketing {
  /** Opens a ticket, or finds the one an earlier call with this marker opened. The marker is ours (`T-12`), one per ticket. */
  create(content: TicketContent, marker: string): Promise<ExternalTicket>;
  /** Brings an open ticket's words up to date; opens it again when it was closed. */
  update(key: string, content: TicketContent): Promise<void>;
  /** Closes it with a last note; closed already is a success. */
  close(key: string, note: string): Promise<void>;
  read(key: string): Promise<ExternalTicket | undefined>;
}
