/**
 * A ticket's side at its provider: what we know of it, and what a change there means here. Who moved first is told by
 * the state both sides last agreed on, never by an event: so our own changes, coming back, change nothing. Pure.
 */
import type { Catalog, Person } from "../../catalog/schema.ts";
import type { Ticket, TicketId } from "./model.ts";

/** What is known of a ticket at its provider, beside its key and address. */
export interface Outside {
  ticket: TicketId;
  /** The state both sides last had alike; null before it is there. */
  agreed: "open" | "closed" | null;
  /** The account it is assigned to there. */
  assignee: string | null;
  /** When opening it was last begun, while nobody knows whether it was opened. */
  triedAt: Date | null;
  /** Why it is behind, for people. */
  error: string | null;
  failingSince: Date | null;
  /** It was refused: not tried again before this. */
  retryAt: Date | null;
  /** Who closed it there, if it was closed there: `dana`; empty when nobody was named. */
  closedBy: string | null;
  /** Somebody opened it again there: it stays open although nothing fires. */
  isKeptOpen: boolean;
  /** Who was last said there to be on it, a Slack id. */
  toldTaken: string | null;
}

export const nothingOutside = (ticket: TicketId): Outside => ({
  ticket,
  agreed: null,
  assignee: null,
  triedAt: null,
  error: null,
  failingSince: null,
  retryAt: null,
  closedBy: null,
  isKeptOpen: false,
  toldTaken: null,
});

export type Adoption = "nothing" | "agree" | "close" | "reopen";

/** What it means here that the provider shows this state. */
export function adoptionOf(
  ticket: Pick<Ticket, "state">,
  agreed: Outside["agreed"],
  shown: "open" | "closed",
): Adoption {
  if (shown === agreed) return "nothing";
  if (shown === ticket.state) return "agree";
  // Before there was an agreement it is only not yet as we want it.
  if (agreed === null) return "nothing";
  return shown === "closed" ? "close" : "reopen";
}

const systems = { builtin: "Quarterdeck", github: "GitHub", gitlab: "GitLab", jira: "Jira" } as const;

/** `GitHub`, by a ticket's provider. */
export function systemOf(catalog: Catalog, provider: string): string {
  const kind = catalog.providers.ticketing.find(({ name }) => name === provider)?.kind;
  return kind === undefined ? provider : systems[kind];
}

/** Tickets of the built-in store have no side outside. */
export function isBuiltin(catalog: Catalog, provider: string): boolean {
  const instance = catalog.providers.ticketing.find(({ name }) => name === provider);
  return instance === undefined ? provider === "builtin" : instance.kind === "builtin";
}

/** Whose account it is at a ticket's provider, as far as the catalog knows. */
export function personByAccount(catalog: Catalog, provider: string, account: string): Person | undefined {
  const kind = catalog.providers.ticketing.find(({ name }) => name === provider)?.kind;
  if (kind === undefined || kind === "builtin") return undefined;
  return catalog.people.find(({ accounts }) => accounts?.[kind]?.toLowerCase() === account.toLowerCase());
}

/** `GitHub #12`, `Jira OPS-12` */
export const keyText = (system: string, key: string): string =>
  `${system} ${/^\d+$/.test(key) ? "#" : ""}${key}`;

/** Names of the instances an event may be about. */
export function instancesOf(
  catalog: Catalog,
  system: "github" | "gitlab" | "jira",
  project: string | null,
): readonly string[] {
  return catalog.providers.ticketing
    .filter((instance) => {
      if (instance.kind !== system) return false;
      if (project === null) return true;
      const own = instance.kind === "github" ? instance.repo : instance.project;
      // A project named by its number cannot be compared with a path; its key decides.
      return /^\d+$/.test(own) || own.toLowerCase() === project.toLowerCase();
    })
    .map(({ name }) => name);
}
