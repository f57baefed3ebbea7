/** What a hook tells besides alerts: deploys, pages acknowledged elsewhere, tickets moved elsewhere. Pure. */

/** A change that went out, or began to. */
export interface DeployEvent {
  kind: "deploy";
  change: "deploy" | "config" | "flag";
  /** The sender's own name of it; null when it names none. */
  service: string | null;
  /** `owner/name`. */
  repository: string | null;
  environment: string | null;
  version: string;
  outcome: "started" | "good" | "bad" | "unknown";
  by: string | null;
  url: string | null;
  at: Date | null;
  /** The same for every event of one deploy, so that it is recorded once. */
  reference: string;
}

/** Somebody acknowledged or resolved a page at its provider. */
export interface PageEvent {
  kind: "page";
  system: "pagerduty" | "opsgenie" | "oncall" | "webhook";
  what: "acknowledged" | "resolved";
  /** Our dedup key when the sender gives it, else its own id. */
  key: string;
  /** Its own id of it, by which the alert is known, where the key is another. */
  alert?: string | undefined;
  by: string | null;
  at: Date | null;
}

/** Somebody moved a ticket at its provider. */
export interface TicketEvent {
  kind: "ticket";
  system: "github" | "gitlab" | "jira";
  /** The provider's key: number, iid or `PROJ-1`. */
  key: string;
  /** `owner/repo` and the like. */
  project: string | null;
  what: "opened" | "closed" | "reopened" | "assigned";
  by: string | null;
  assignee: string | null;
  at: Date | null;
}

/** Builds, pushes, releases and the like: shown, acted on by nobody. */
export interface OtherEvent {
  kind: "other";
  /** The sender's own word: `push`, `workflow_run.completed`. */
  type: string;
  title: string;
  url: string | null;
  at: Date | null;
  /** What else a person may want of it: id, commit, branch. */
  facts?: Readonly<Record<string, string>>;
}

export type ReadEvent = DeployEvent | PageEvent | TicketEvent | OtherEvent;

/** Name of the outbox event by kind; what nobody acts on is not announced. */
export const announcedAs: Readonly<Record<ReadEvent["kind"], string | undefined>> = {
  deploy: "hooks.deploy",
  page: "hooks.page",
  ticket: "hooks.ticket",
  other: undefined,
};

/** An event as kept in JSON, with its time again a time. */
export function reviveEvent(kept: ReadEvent): ReadEvent {
  return { ...kept, at: kept.at === null ? null : new Date(kept.at) };
}
