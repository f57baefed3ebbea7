/** What a page is called outside, and where it stands there. */
export type PagerState = "triggered" | "acknowledged" | "resolved";

/** What a phone is to show. Plain text: each system escapes for itself. */
export interface PageNotice {
  /** Ours, one per page: a system that has it already does not ring again. At most 255 characters. */
  key: string;
  /** The whole in one line for a lock screen, at most 80 characters. */
  summary: string;
  /** The line as it stands on the page's card. */
  detail: string;
  /** Id of what it is about: `T-3`. */
  subject: string;
  /** Names of the catalog. */
  team: string;
  service: string | null;
  openedAt: Date;
  /** Where people look, if the console has an address. */
  url: string | null;
}

/** What a system says of a page. */
export interface SeenPage {
  state: PagerState;
  /** The system's own id. */
  externalId: string | null;
  /** Who acknowledged or resolved it, as the system names people; null when it was no person, or is not told. */
  by: string | null;
}

/**
 * A system outside that rings people.
 *
 * All methods throw ProviderError. After `timeout` or `unreachable` the effect may have happened: every method may be
 * called again with the same key, and rings nobody twice. That it took a call does not say that a phone rang: only
 * `read` and the system's own webhooks do.
 */
export interface Pager {
  /** Whether `read` can tell anything. */
  readonly canRead: boolean;
  trigger(notice: PageNotice): Promise<void>;
  /** Stops its escalation. The notice comes along, so that no word of it is overwritten by a blank. */
  acknowledge(notice: PageNotice, by: string): Promise<void>;
  resolve(notice: PageNotice, by: string): Promise<void>;
  /** Undefined when it knows no page of that key, or cannot be asked. */
  read(key: string): Promise<SeenPage | undefined>;
}

const keyMark = "quarterdeck:";

/** A page's key outside. Ours are recognised by it when the system sends them back to us. */
export const keyOfPage = (pageId: string): string => `${keyMark}${pageId}`;
export const pageOfKey = (key: string): string | undefined =>
  key.startsWith(keyMark) ? key.slice(keyMark.length) : undefined;
