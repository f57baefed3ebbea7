/** What the parser must know of the world; made from the catalog, so that the grammar knows no feature. */

export interface KnownService {
  name: string;
  environments: readonly string[];
  /** Meant when none is typed. */
  defaultEnvironment: string;
}

export interface KnownPerson {
  id: string;
  name: string;
  email?: string | undefined;
  /** User ids in the typist's Slack team. */
  slackUserIds: readonly string[];
}

export interface GrammarContext {
  /** When the line was typed, not when it is read: a line kept in the inbox means the same later. */
  now: Date;
  /** The typist's IANA zone. */
  zone: string;
  services: readonly KnownService[];
  /** Resources people ask access to, each with the service it belongs to. */
  resources: readonly { name: string; service?: string | undefined }[];
  teams: readonly string[];
  people: readonly KnownPerson[];
  /** Whether the door can open a modal for a bare command that has one. */
  hasModals: boolean;
}
