/** What is to stand in a ticket system outside. Plain text: each system escapes and shortens for itself. */
export interface TicketContent {
  title: string;
  body: string;
  /** Team that owns it, as the catalog names it. */
  owner: string;
  severity: string;
}

/** A ticket as read back. */
export interface ExternalTicket {
  /** The system's own id within its project: number, iid or `OPS-12`. */
  key: string;
  url: string | null;
  state: "open" | "closed";
  title: string;
  /** The account it is assigned to, in the system's own words. */
  assignee: string | null;
}

/** Something said once on a ticket. Plain text. */
export interface Note {
  text: string;
  /** Ours, one per note (`T-12/7`): by it a note that is there already is found. */
  mark: string;
  /** It was not said before this; bounds the look. */
  since: Date;
}

/**
 * A system that keeps tickets.
 *
 * All methods throw ProviderError; `RateLimited` did nothing and says when to come back. After `timeout` or
 * `unreachable` the effect may have happened: every method may be called again with the same input, one call at a
 * time, and does not do twice what was done.
 */
export interface Ticketing {
  /** Asks for the project and our rights in it, and changes nothing. Answers what was seen, for people. */
  check(): Promise<string>;
  /** How long a ticket just opened may be missing from a look for its marker; milliseconds. */
  readonly lookLagMs: number;
  /**
   * Opens a ticket. The marker is ours (`T-12`), one per ticket, hidden from readers where the system allows.
   * With `triedSince` an earlier call may have opened it then or later: it is looked for first, and answered if there.
   */
  create(content: TicketContent, marker: string, triedSince: Date | null): Promise<ExternalTicket>;
  /** Brings an open ticket's words up to date; opens it again when it was closed. What people wrote stays where it can. */
  update(key: string, content: TicketContent, marker: string): Promise<void>;
  /** Closes it with a last note; closed already is a success, and nothing is said. */
  close(key: string, note: Note): Promise<void>;
  /** Says something on it. */
  comment(key: string, note: Note): Promise<void>;
  /** Assigns it to an account of the system. */
  assign(key: string, account: string): Promise<void>;
  /** Undefined when it is not there, or not for us to see. */
  read(key: string): Promise<ExternalTicket | undefined>;
}
